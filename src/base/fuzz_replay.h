// What libFuzzer does, as far as a plain test can: every file of a corpus, and then mutations of them, go
// through the same function that the fuzzer calls.  The number of rounds is fixed and so is the seed, so that
// a run says the same everywhere; `scripts/fuzz` searches for as long as one likes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace vmkeep {

inline std::vector<std::string> read_corpus(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}

  std::string mutate(std::string text, const std::vector<std::string>& corpus) {
    for (size_t times = 1 + below(4); times > 0; --times) change(text, corpus);
    return text;
  }

  size_t below(size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(random_); }

 private:
  void change(std::string& text, const std::vector<std::string>& corpus) {
    const size_t at = below(text.size() + 1);
    const size_t length = std::min(text.size() - at, 1 + below(16));
    switch (below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      case 3:
        text.insert(below(text.size() + 1), text.substr(at, length));
        break;
      default: {
        const std::string& other = corpus[below(corpus.size())];
        const size_t from = below(other.size() + 1);
        text.insert(at, other.substr(from, 1 + below(64)));
      }
    }
  }

  std::mt19937 random_;
};

// Gives how many inputs there were.
template <class Function>
size_t replay_corpus(const std::string& folder, size_t rounds, const Function& function) {
  const auto corpus = read_corpus(folder);
  for (const std::string& each : corpus) function(each);
  if (corpus.empty()) return 0;
  Mutator mutator(1);
  for (size_t i = 0; i < rounds; ++i) function(mutator.mutate(corpus[mutator.below(corpus.size())], corpus));
  return corpus.size() + rounds;
}

}  // namespace vmkeep
