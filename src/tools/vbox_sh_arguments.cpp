#include "tools/vbox_sh_arguments.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <sstream>

#include "fmri/fmri.h"
#include "tools/vm_arguments.h"

namespace vmkeep::tools {
namespace {

constexpr char kHelp[] =
    "Usage: vbox.sh [-s FMRI] [-vm NAME] [-t SECONDS] [help] VERB [argument...]\n\n"
    "  start, stop                        as the methods of an instance, or by hand\n"
    "  start-force                        start whatever the start_* properties say\n"
    "  save, savestate, save-state        save the VM\n"
    "  poweroff, poweroff-graceful [-k]   by the power button, else by force; -k: kill what is left\n"
    "  reboot [-k] [ifruns]               power off and start again; ifruns: only if it runs\n"
    "  reset                              press the reset button\n"
    "  getstate, state, status            what it does; the exit code tells\n"
    "  vmsvccheck, hook                   run the hook once; its exit code\n"
    "  startgui, start-gui [-bg|-fg] [-stop_method METHOD] [-t SECONDS] [--WORD...]\n"
    "  zfssnap [WORD...]                  a snapshot, called so\n"
    "  dirlist                            the VM's files\n"
    "  sercon, sercon-loop, sercon-once [-f FILE] [-u N] [SECONDS]   its serial port\n"
    "  sercon-break, sercon-abort, sercon-stop                       end such a client\n"
    "  help, --help, -help, -h, -?, /?    this text, and the instances\n\n"
    "The instance is $SMF_FMRI, else the first of -s and -vm.  `vmkeep help` tells the newer spellings.\n";

struct VerbName {
  const char* name;
  ScriptVerb verb;
};

constexpr VerbName kVerbs[] = {
    {"help", ScriptVerb::help},
    {"--help", ScriptVerb::help},
    {"-help", ScriptVerb::help},
    {"-h", ScriptVerb::help},
    {"-?", ScriptVerb::help},
    {"/?", ScriptVerb::help},
    {"start", ScriptVerb::start},
    {"start-force", ScriptVerb::start_force},
    {"stop", ScriptVerb::stop},
    {"save", ScriptVerb::save},
    {"savestate", ScriptVerb::save},
    {"save-state", ScriptVerb::save},
    {"poweroff", ScriptVerb::poweroff},
    {"poweroff-graceful", ScriptVerb::poweroff},
    {"reboot", ScriptVerb::reboot},
    {"reset", ScriptVerb::reset},
    {"getstate", ScriptVerb::status},
    {"state", ScriptVerb::status},
    {"status", ScriptVerb::status},
    {"vmsvccheck", ScriptVerb::check},
    {"hook", ScriptVerb::check},
    {"startgui", ScriptVerb::gui},
    {"start-gui", ScriptVerb::gui},
    {"zfssnap", ScriptVerb::snapshot},
    {"dirlist", ScriptVerb::dirs},
    {"sercon", ScriptVerb::console_loop},
    {"sercon-loop", ScriptVerb::console_loop},
    {"sercon-once", ScriptVerb::console_once},
    {"sercon-break", ScriptVerb::console_break},
    {"sercon-abort", ScriptVerb::console_break},
    {"sercon-stop", ScriptVerb::console_break},
};

std::optional<ScriptVerb> verb_of(const std::string& word) {
  const auto* const found = std::find_if(std::begin(kVerbs), std::end(kVerbs),
                                         [&word](const VerbName& one) { return word == one.name; });
  if (found == std::end(kVerbs)) return std::nullopt;
  return found->verb;
}

std::optional<int> number_above_0(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number <= 0) return std::nullopt;
  return number;
}

class ScriptParser {
 public:
  ScriptParser(const Arguments& arguments, const ScriptEnvironment& environment)
      : arguments_(arguments), environment_(environment) {}

  Result<ScriptLine> parse() {
    if (auto done = take_environment(); !done) return done.error();
    std::string verb;
    while (!at_end() && verb.empty()) {
      const std::string word = take();
      auto global = take_global(word);
      if (!global) return global.error();
      if (*global) continue;
      if (verb_of(word) == ScriptVerb::help && !at_end()) {
        line_.help_first = true;
      } else {
        verb = word;
      }
    }
    if (verb.empty()) return wrong("no verb; `vbox.sh help` lists them");
    const auto known = verb_of(verb);
    if (!known) return wrong("unrecognised verb or option \"" + verb + "\"");
    line_.verb = *known;
    while (!at_end()) {
      if (auto taken = take_argument(verb, take()); !taken) return taken.error();
    }
    if (line_.verb != ScriptVerb::help && line_.vm.empty()) {
      return wrong("no VM selected: set SMF_FMRI, or use -s FMRI or -vm NAME");
    }
    return line_;
  }

 private:
  static Error wrong(const std::string& message) { return fail(ErrorKind::invalid, message); }
  bool at_end() const { return at_ >= arguments_.size(); }
  std::string take() { return arguments_[at_++]; }

  Result<> take_environment() {
    line_.vm = environment_.smf_fmri;
    line_.path = environment_.console_path;
    if (!environment_.timeout.empty()) {
      if (auto taken = take_timeout("VBOXSVC_TIMEOUT_OVERRIDE", environment_.timeout); !taken) return taken;
    }
    if (!environment_.console_port.empty()) {
      line_.port = number_above_0(environment_.console_port);
      if (!line_.port) return wrong("SERCON_UART is no port's number: \"" + environment_.console_port + "\"");
    }
    std::istringstream words(environment_.front_end);
    for (std::string word; words >> word;) line_.front_end.push_back(word);
    return {};
  }

  Result<> take_timeout(const std::string& what, const std::string& value) {
    line_.timeout = number_above_0(value);
    if (!line_.timeout) return wrong(what + " wants seconds, a whole number above 0, not \"" + value + "\"");
    return {};
  }

  // The value behind an option.
  Result<std::string> value_of(const std::string& option) {
    if (at_end()) return wrong(option + " wants a value behind it");
    return take();
  }

  // Whether it was one of the options that stand before the verb.
  Result<bool> take_global(const std::string& word) {
    const bool by_fmri = word == "-s" || word == "-svc";
    if (!by_fmri && word != "-vm" && word != "-t") return false;
    auto value = value_of(word);
    if (!value) return value.error();
    if (word == "-t") {
      if (auto taken = take_timeout(word, *value); !taken) return taken.error();
      return true;
    }
    if (value->empty()) return wrong(word + " wants the name of a VM");
    select(by_fmri ? *value : "svc:/site/xvm/vbox:" + *value, word);
    return true;
  }

  // The environment wins over the options, and the first option over the second (T08).
  void select(const std::string& name, const std::string& option) {
    if (line_.vm.empty()) {
      line_.vm = name;
    } else if (name != line_.vm && !fmri::pattern_matches(name, line_.vm)) {
      line_.warnings.push_back(
          option + " names \"" + name + "\", but " +
          (environment_.smf_fmri.empty() ? "an option before it" : "SMF_FMRI in the environment") +
          " names \"" + line_.vm + "\", which counts");
    }
  }

  Result<> take_argument(const std::string& verb, const std::string& word) {
    switch (line_.verb) {
      case ScriptVerb::poweroff:
      case ScriptVerb::reboot:
        if (word == "-k") {
          line_.kill = true;
          return {};
        }
        if (word != "ifruns" || line_.verb != ScriptVerb::reboot) break;
        line_.if_running = true;
        return {};
      case ScriptVerb::gui:
        return take_window_option(word);
      case ScriptVerb::console_loop:
      case ScriptVerb::console_once:
      case ScriptVerb::console_break:
        return take_console_option(verb, word);
      case ScriptVerb::snapshot:
        line_.name += (line_.name.empty() ? "" : " ") + word;
        return {};
      default:
        break;
    }
    return unknown(verb, word);
  }

  static Error unknown(const std::string& verb, const std::string& word) {
    const bool global = word == "-s" || word == "-svc" || word == "-vm" || word == "-t";
    return wrong("\"" + word + "\" behind " + verb +
                 (global ? ": it belongs before the verb" : " is not understood"));
  }

  Result<> take_window_option(const std::string& word) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (word == "-bg" || word == "-fg") {
      line_.foreground = word == "-fg";
      return {};
    }
    if (name == "-stop_method") {
      auto value =
          equals == std::string::npos ? value_of(name) : Result<std::string>(word.substr(equals + 1));
      if (!value) return value.error();
      if (!is_stop_method(*value)) return wrong("\"" + *value + "\" is no stop method");
      line_.stop_method = *value;
      return {};
    }
    if (word == "-t") {
      auto value = value_of(word);
      if (!value) return value.error();
      return take_timeout(word, *value);
    }
    if (!word.starts_with("--")) return unknown("startgui", word);
    line_.front_end.push_back(word);
    return {};
  }

  Result<> take_console_option(const std::string& verb, const std::string& word) {
    if (word == "-f" || word == "-u") {
      auto value = value_of(word);
      if (!value) return value.error();
      if (word == "-f") {
        line_.path = *value;
        return {};
      }
      line_.port = number_above_0(*value);
      if (!line_.port) return wrong("-u wants a port's number from 1, not \"" + *value + "\"");
      return {};
    }
    const auto seconds = number_above_0(word);
    if (!seconds || line_.verb == ScriptVerb::console_break) return unknown(verb, word);
    line_.interval = *seconds;
    return {};
  }

  const Arguments& arguments_;
  const ScriptEnvironment& environment_;
  ScriptLine line_;
  size_t at_ = 0;
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

ScriptEnvironment script_environment() {
  return {variable("SMF_FMRI"), variable("VBOXSVC_TIMEOUT_OVERRIDE"), variable("SERCON_PIPE"),
          variable("SERCON_UART"), variable("STARTGUI_VBOX_PARAMS")};
}

Result<ScriptLine> parse_script(const Arguments& arguments, const ScriptEnvironment& environment) {
  return ScriptParser(arguments, environment).parse();
}

bool has_own_code(ScriptVerb verb) {
  return verb == ScriptVerb::status || verb == ScriptVerb::check || verb == ScriptVerb::poweroff ||
         verb == ScriptVerb::reboot || verb == ScriptVerb::reset;
}

std::optional<Result<WindowLink>> window_link(const std::string& program) {
  std::string rest;
  for (const std::string prefix : {"vbox-startgui:", "vbox-startgui-fg:"}) {
    if (program.starts_with(prefix)) rest = program.substr(prefix.size()) + ":";
  }
  if (!program.starts_with("vbox-startgui:") && !program.starts_with("vbox-startgui-fg:"))
    return std::nullopt;
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < rest.size();) {
    const size_t end = rest.find(':', begin);
    parts.push_back(rest.substr(begin, end - begin));
    begin = end + 1;
  }
  if (parts[0].empty()) {
    return Result<WindowLink>(
        fail(ErrorKind::invalid, "the name of this program, " + program +
                                     ", names no VM: vbox-startgui:NAME[:STOP_METHOD[:SECONDS]]"));
  }
  WindowLink link{parts[0], {"-s", parts[0], "startgui"}};
  if (parts.size() > 1 && !parts[1].empty())
    link.arguments.insert(link.arguments.end(), {"-stop_method", parts[1]});
  if (parts.size() > 2 && !parts[2].empty()) link.arguments.insert(link.arguments.end(), {"-t", parts[2]});
  link.arguments.emplace_back("-fg");
  return Result<WindowLink>(std::move(link));
}

const char* script_help() {
  return kHelp;
}

}  // namespace vmkeep::tools
