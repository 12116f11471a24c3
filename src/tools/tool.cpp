#include "tools/tool.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace vmkeep::tools {

bool Output::flush() {
  const bool written =
      std::fwrite(text_.data(), 1, text_.size(), stdout) == text_.size() && std::fflush(stdout) == 0;
  const int why = errno;
  text_.clear();
  if (!written) warn(std::string("cannot write to the standard output: ") + std::strerror(why));
  return written;
}

void Output::warn(const std::string& message, int status) {
  const std::string line = program_ + ": " + message + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  raise(status);
}

void Output::raise(int status) {
  status_ = std::max(status_, status);
}

int Output::finish() {
  flush();
  return status_;
}

bool CommandLine::has(char letter) const {
  return last(letter).has_value();
}

std::optional<std::string> CommandLine::last(char letter) const {
  const auto found = std::find_if(options.rbegin(), options.rend(),
                                  [letter](const Option& option) { return option.letter == letter; });
  if (found == options.rend()) return std::nullopt;
  return found->value;
}

std::vector<std::string> CommandLine::all(char letter) const {
  std::vector<std::string> values;
  for (const Option& option : options) {
    if (option.letter == letter) values.push_back(option.value);
  }
  return values;
}

Result<CommandLine> parse_options(const Arguments& arguments, const std::string& spec) {
  CommandLine line;
  size_t at = 0;
  for (; at < arguments.size(); ++at) {
    const std::string& argument = arguments[at];
    if (argument.size() < 2 || argument[0] != '-') break;
    if (argument == "--") {
      ++at;
      break;
    }
    for (size_t i = 1; i < argument.size(); ++i) {
      const char letter = argument[i];
      const size_t known = letter == ':' ? std::string::npos : spec.find(letter);
      if (known == std::string::npos) {
        return fail(ErrorKind::invalid, std::string("illegal option -- ") + letter);
      }
      if (known + 1 >= spec.size() || spec[known + 1] != ':') {
        line.options.push_back({letter, {}});
        continue;
      }
      std::string value = argument.substr(i + 1);
      if (value.empty()) {
        if (++at >= arguments.size()) {
          return fail(ErrorKind::invalid, std::string("option requires an argument -- ") + letter);
        }
        value = arguments[at];
      }
      line.options.push_back({letter, std::move(value)});
      break;
    }
  }
  line.operands.assign(arguments.begin() + static_cast<std::ptrdiff_t>(std::min(at, arguments.size())),
                       arguments.end());
  return line;
}

bool take_long_option(Arguments& arguments, const std::string& word) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  const auto kept = std::remove(arguments.begin(), end, word);
  const bool there = kept != end;
  arguments.erase(kept, end);
  return there;
}

bool is_our_zone(const CommandLine& line, Output& output) {
  const auto zone = line.last('z');
  if (!zone || *zone == "global") return true;
  output.warn("zone '" + *zone + "' does not exist: this system has the zone global only");
  return false;
}

int refuse_usage(const char* usage, Output& output) {
  std::fputs(usage, stderr);
  output.raise(kUsage);
  return output.finish();
}

std::optional<CommandLine> command_line_of(const Arguments& arguments, const std::string& spec,
                                           const char* usage, Output& output) {
  auto line = parse_options(arguments, spec);
  if (!line) {
    output.warn(line.error().message, kUsage);
    refuse_usage(usage, output);
    return std::nullopt;
  }
  if (line->has('?')) {
    output.print(usage);
    return std::nullopt;
  }
  return std::move(*line);
}

}  // namespace vmkeep::tools
