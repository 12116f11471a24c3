#include "tools/vm_arguments.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace vmkeep::tools {
namespace {

std::optional<int> positive(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number <= 0) return std::nullopt;
  return number;
}

// The value as it is kept; errors say what it should have been.
Result<std::string> checked(const FlagSpec& spec, const std::string& shown, const std::string& value) {
  const auto refuse = [&](const char* wanted) {
    return fail(ErrorKind::invalid, shown + " wants " + wanted + ", not \"" + value + "\"");
  };
  switch (spec.value) {
    case FlagValue::seconds:
      if (!positive(value)) return refuse("seconds, a whole number above 0");
      break;
    case FlagValue::count:
      if (!positive(value)) return refuse("a whole number above 0");
      break;
    case FlagValue::duration: {
      const auto seconds = duration_from(value);
      if (!seconds) return refuse("a time like 90, 90s, 15m, 2h or 1d");
      return std::to_string(*seconds);
    }
    case FlagValue::stop_method:
      if (!is_stop_method(value)) {
        return refuse(
            "one of savestate, acpipowerbutton, acpisleepbutton, poweroff, reset, poweroff-graceful");
      }
      break;
    case FlagValue::word:
      if (value.empty()) return refuse("a value");
      break;
    case FlagValue::none:
      break;
  }
  return value;
}

class Parser {
 public:
  Parser(const VerbSpec& verb, const Arguments& arguments) : arguments_(arguments) { parsed_.verb = &verb; }

  Result<VmArguments> parse() {
    // Somebody who asks for help gets it, whatever else is on the line.
    for (const std::string& argument : arguments_) {
      if (argument == "--") break;
      if (argument == "--help" || argument == "-h" || argument == "-?" || argument == "-help") {
        parsed_.flags[Flag::help] = "";
        return parsed_;
      }
    }
    for (at_ = 0; at_ < arguments_.size(); ++at_) {
      const std::string& argument = arguments_[at_];
      if (argument == "--") {
        rest();
        break;
      }
      Result<> taken = take(argument);
      if (!taken) return taken.error();
    }
    if (auto counted = count(); !counted) return counted.error();
    return parsed_;
  }

 private:
  bool has(Flag flag) const {
    return std::find(parsed_.verb->flags.begin(), parsed_.verb->flags.end(), flag) !=
           parsed_.verb->flags.end();
  }

  // Behind "--": words for the front end of `gui`, operands of the others.
  void rest() {
    auto& where = has(Flag::front_end) && !parsed_.operands.empty() ? parsed_.front_end : parsed_.operands;
    where.insert(where.end(), arguments_.begin() + static_cast<std::ptrdiff_t>(at_) + 1, arguments_.end());
  }

  Result<> take(const std::string& argument) {
    if (argument.size() < 2 || argument[0] != '-') {
      if (argument == "ifruns" && has(Flag::if_running)) {
        parsed_.flags[Flag::if_running] = "";
      } else {
        parsed_.operands.push_back(argument);
      }
      return {};
    }
    if (argument[1] == '-') return take_word(argument, argument.substr(2));
    // -fg, -bg, -stop_method: the ancestor's one dash before a word.
    const std::string word = argument.substr(1, argument.find('=') - 1);
    if (has(Flag::foreground) &&
        (word == "fg" || word == "bg" || word == "stop_method" || word == "stop-method")) {
      return take_word(argument, argument.substr(1));
    }
    return take_letters(argument);
  }

  Result<> take_word(const std::string& argument, const std::string& text) {
    const size_t equals = text.find('=');
    std::string word = text.substr(0, equals);
    std::replace(word.begin(), word.end(), '_', '-');
    for (const Flag flag : parsed_.verb->flags) {
      const FlagSpec& spec = spec_of(flag);
      if (word != spec.word || flag == Flag::front_end) continue;
      const std::string shown = argument.substr(0, argument.find('='));
      if (spec.value == FlagValue::none && equals != std::string::npos) {
        return fail(ErrorKind::invalid, shown + " takes no value");
      }
      if (spec.value == FlagValue::none) return keep(spec, shown, "");
      if (equals != std::string::npos) return keep(spec, shown, text.substr(equals + 1));
      return keep_next(spec, shown);
    }
    if (has(Flag::front_end) && argument.starts_with("--")) {
      parsed_.front_end.push_back(argument);
      return {};
    }
    return unknown(argument);
  }

  Result<> take_letters(const std::string& argument) {
    for (size_t i = 1; i < argument.size(); ++i) {
      const auto found = std::find_if(parsed_.verb->flags.begin(), parsed_.verb->flags.end(),
                                      [&](Flag flag) { return spec_of(flag).letter == argument[i]; });
      if (found == parsed_.verb->flags.end()) return unknown(argument);
      const FlagSpec& spec = spec_of(*found);
      const std::string shown{'-', argument[i]};
      if (spec.value != FlagValue::none) {
        if (i + 1 < argument.size()) return keep(spec, shown, argument.substr(i + 1));
        return keep_next(spec, shown);
      }
      if (auto kept = keep(spec, shown, ""); !kept) return kept;
    }
    return {};
  }

  Result<> keep_next(const FlagSpec& spec, const std::string& shown) {
    if (at_ + 1 >= arguments_.size()) return fail(ErrorKind::invalid, shown + " wants a value behind it");
    return keep(spec, shown, arguments_[++at_]);
  }

  Result<> keep(const FlagSpec& spec, const std::string& shown, const std::string& value) {
    auto good = checked(spec, shown, value);
    if (!good) return good.error();
    parsed_.flags[spec.flag] = *good;
    return {};
  }

  Result<> unknown(const std::string& argument) const {
    return fail(ErrorKind::invalid, "`vmkeep " + std::string(parsed_.verb->name) + "` knows no " + argument);
  }

  Result<> count() const {
    if (parsed_.operands.empty() && parsed_.verb->vms != VerbSpec::Vms::all_by_default)
      return fail(ErrorKind::invalid, "which VM?");
    if (parsed_.verb->vms == VerbSpec::Vms::one && parsed_.operands.size() > 1) {
      return fail(ErrorKind::invalid, "one VM at a time, not also \"" + parsed_.operands[1] + "\"");
    }
    if (parsed_.has(Flag::foreground) && parsed_.has(Flag::background)) {
      return fail(ErrorKind::invalid, "--fg and --bg contradict each other; give one of them");
    }
    const bool dossier = parsed_.has(Flag::dossier) || parsed_.has(Flag::dossiers);
    if (dossier && (parsed_.has(Flag::vm_log) || parsed_.has(Flag::follow))) {
      return fail(ErrorKind::invalid, "a dossier is no log: --vm and -f do not go with it");
    }
    const bool of_log = parsed_.verb->name == std::string_view("log");
    if (of_log && parsed_.has(Flag::json) && !parsed_.has(Flag::dossiers)) {
      return fail(ErrorKind::invalid, "a log is text: --json goes with --dossiers only");
    }
    if (parsed_.has(Flag::output) && parsed_.operands.size() > 1) {
      return fail(ErrorKind::invalid, "one file (-o) cannot hold the screens of several VMs");
    }
    return {};
  }

  const Arguments& arguments_;
  VmArguments parsed_;
  size_t at_ = 0;
};

}  // namespace

std::optional<int> VmArguments::number(Flag flag) const {
  const auto found = flags.find(flag);
  return found == flags.end() ? std::nullopt : positive(found->second);
}

std::optional<std::string> VmArguments::text(Flag flag) const {
  const auto found = flags.find(flag);
  if (found == flags.end()) return std::nullopt;
  return found->second;
}

std::optional<int> duration_from(std::string_view text) {
  constexpr int64_t kMost = int64_t{10} * 365 * 86400;
  int64_t unit = 1;
  if (!text.empty()) {
    switch (text.back()) {
      case 's':
        break;
      case 'm':
        unit = 60;
        break;
      case 'h':
        unit = 3600;
        break;
      case 'd':
        unit = 86400;
        break;
      default:
        unit = 0;
    }
  }
  if (unit != 0 && !text.empty()) text.remove_suffix(1);
  const auto number = positive(text);
  if (!number) return std::nullopt;
  const int64_t seconds = *number * std::max<int64_t>(unit, 1);
  if (seconds > kMost) return std::nullopt;
  return static_cast<int>(seconds);
}

Result<VmArguments> parse_vm_arguments(const VerbSpec& verb, const Arguments& arguments) {
  return Parser(verb, arguments).parse();
}

}  // namespace vmkeep::tools
