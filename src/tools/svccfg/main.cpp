// svccfg: edits the configuration of services.
#include <editline/readline.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>

#include "base/clock.h"
#include "repository/store.h"
#include "tools/svccfg/complete.h"
#include "tools/svccfg/engine.h"
#include "tools/svcprop.h"

namespace {

// libedit's callbacks have no argument of ours.
vmkeep::svccfg::Session* g_session = nullptr;
std::vector<std::string> g_words;

char* next_word(const char*, int state) {
  const auto at = static_cast<size_t>(state);
  return at < g_words.size() ? strdup(g_words[at].c_str()) : nullptr;
}

char** complete_word(const char* word, int start, int) {
  const auto found =
      vmkeep::svccfg::complete(*g_session, std::string(rl_line_buffer, static_cast<size_t>(start)), word);
  g_words = found.words;
  rl_completion_append_character = ' ';
  if (g_words.empty()) {
    rl_attempted_completion_over = found.files ? 0 : 1;  // 0: the editor looks for files itself
    return nullptr;
  }
  rl_attempted_completion_over = 1;
  return rl_completion_matches(word, next_word);
}

void prepare_completion(vmkeep::svccfg::Session& session) {
  g_session = &session;
  rl_initialize();
  rl_attempted_completion_function = complete_word;
  // libedit asks the one or the other, by its version.
  rl_basic_word_break_characters = const_cast<char*>(vmkeep::svccfg::kWordBreaks);
  rl_completer_word_break_characters = const_cast<char*>(vmkeep::svccfg::kWordBreaks);
}

// libedit's readline: a prompt, editing and history.
std::optional<std::string> read_line(const std::string& prompt) {
  char* const line = readline(prompt.c_str());
  if (line == nullptr) {
    std::cout << '\n';
    return std::nullopt;
  }
  if (*line != '\0') add_history(line);
  std::string text = std::string(line) + "\n";
  std::free(line);
  return text;
}

vmkeep::Result<std::unique_ptr<vmkeep::svccfg::Backend>> open_backend() {
  const char* const file = std::getenv("SVCCFG_REPOSITORY");
  if (file != nullptr && *file != '\0') return vmkeep::svccfg::open_file_repository(file);
  return vmkeep::svccfg::open_daemon();
}

// What the caller's environment says about the check of manifests.
vmkeep::manifest::ParseOptions parse_options() {
  vmkeep::manifest::ParseOptions options;
  const char* const other = std::getenv("SVCCFG_DTD");
  options.validate = std::getenv("SVCCFG_NOVALIDATE") == nullptr;
  if (other != nullptr) options.dtd = other;
  return options;
}

// A file as svcprop reads it: nobody changes it meanwhile.
vmkeep::Result<vmkeep::tools::Properties> open_file_properties() {
  const char* const file = std::getenv("SVCCFG_REPOSITORY");
  vmkeep::repository::StoreOptions options;
  options.persistent_path = file == nullptr ? "" : file;
  options.boot_id = vmkeep::boot_id();
  options.create = false;
  auto store = vmkeep::repository::open_store(options);
  if (!store) return store.error();
  return vmkeep::tools::Properties{
      std::move(*store), {}, [](const auto&, const auto&, auto) -> vmkeep::Result<> {
        return vmkeep::fail(vmkeep::ErrorKind::unsupported,
                            "nobody changes a repository file while it is read; -w needs vmkeepd");
      }};
}

}  // namespace

int main(int argc, char** argv) {
  // What svcprop becomes for a file (tools/svcprop.h).
  const std::string_view name = argc > 0 ? argv[0] : "";
  if (name.substr(name.rfind('/') + 1) == "svcprop") {
    return vmkeep::tools::svcprop_of({argv + 1, argv + argc}, open_file_properties);
  }
  const bool terminal = isatty(STDIN_FILENO) == 1;
  const vmkeep::svccfg::Program program{
      std::cout,      std::cerr,
      std::cin,       terminal ? vmkeep::svccfg::ReadLine(read_line) : vmkeep::svccfg::ReadLine(),
      open_backend,   prepare_completion,
      parse_options()};
  const int code = vmkeep::svccfg::run_program(program, {argv + 1, argv + argc});
  std::cout.flush();
  return code == 0 && !std::cout ? vmkeep::svccfg::kExitFailed : code;
}
