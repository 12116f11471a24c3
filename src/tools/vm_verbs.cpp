// `vmkeep VERB VM...`: from the parsed line to the piece that does it.
#include <algorithm>
#include <boost/json/object.hpp>
#include <cstdio>
#include <sstream>
#include <utility>

#include "tools/commands.h"
#include "tools/console.h"
#include "tools/vm_gui.h"
#include "tools/vm_session.h"

namespace vmkeep::tools {
namespace {

// status and check answer with their exit code; what kept them from an answer has codes of its own there (man
// page).
constexpr int kNoQuestion = 96;
constexpr int kNoAnswer = 125;

bool answers_by_code(const VmArguments& arguments) {
  const std::string_view name = arguments.verb->name;
  return name == "status" || name == "check";
}

// The VMs that there are: whatever runs our method, and of the shipped service what is in use (not the
// disabled instance that is there to be copied).
Arguments all_vms(const World& world) {
  Arguments all;
  for (const auto& instance : world.instances) {
    const bool used = instance.enabled || instance.state != "disabled";
    if (instance.vm || (used && instance.fmri.starts_with("svc:/site/xvm/vbox:")))
      all.push_back(instance.fmri);
  }
  return all;
}

int console(const VmArguments& arguments, const VmSession& session, Output& output) {
  const auto vm = look_closely(session.fmris.front());
  if (!vm) {
    output.warn(vm.error().message);
    return output.finish();
  }
  const auto port = choose_port(*vm, arguments.number(Flag::port));
  if (!port) {
    output.warn(session.fmris.front() + ": " + port.error().message);
    return output.finish();
  }
  const ConsolePlan plan{port->path, "serial port " + std::to_string(port->number) + " of " + vm->fmri,
                         arguments.has(Flag::wait), Instant(1000)};
  return arguments.has(Flag::break_client) ? break_console(plan, output) : run_console(plan, output);
}

int gui(const VmArguments& arguments, const VmSession& session, Output& output) {
  WindowPlan plan;
  plan.fmri = session.fmris.front();
  plan.foreground = arguments.has(Flag::foreground);
  plan.stop_method = arguments.text(Flag::stop_method).value_or("");
  plan.timeout = arguments.number(Flag::timeout);
  plan.words = arguments.front_end;
  return open_window(plan, output);
}

int run(const VmArguments& arguments, const VmSession& session, Output& output) {
  const std::string verb = arguments.verb->name;
  const bool as_json = arguments.has(Flag::json);
  if (verb == "status") {
    const bool table = arguments.operands.empty();
    const bool hook = !table && !arguments.has(Flag::no_hook);
    output.raise(print_status(session, hook, as_json, table, output));
    return output.finish();
  }
  if (verb == "explain") return print_explanation(session, as_json, output);
  if (verb == "dirs") return print_folders(session, as_json, output);
  if (verb == "log") {
    constexpr int kLines = 20;
    const int lines = arguments.number(Flag::lines).value_or(kLines);
    if (arguments.has(Flag::dossiers)) return print_dossiers(session, as_json, output);
    if (arguments.has(Flag::dossier)) return print_last_dossier(session, lines, output);
    return print_log(session, arguments.has(Flag::vm_log), lines, arguments.has(Flag::follow), output);
  }
  if (verb == "console") return console(arguments, session, output);
  if (verb == "gui") return gui(arguments, session, output);
  const int worst = do_verb(session, verb, verb_parameters(arguments), as_json, output);
  output.raise(answers_by_code(arguments) ? worst : std::min(worst, kFailed));
  return output.finish();
}

// Several names may each be wrong: what follows in the lines that begin with a blank is of the one before.
void warn_of_each(const std::string& message, int code, Output& output) {
  std::string one;
  std::istringstream lines(message);
  for (std::string line; std::getline(lines, line);) {
    if (!one.empty() && !line.starts_with(' ')) output.warn(std::exchange(one, {}), code);
    one += (one.empty() ? "" : "\n") + line;
  }
  output.warn(one, code);
}

int wrong(const VerbSpec& verb, const Error& error, Output& output, int code) {
  output.warn(error.message, code);
  std::fprintf(stderr, "Usage: %s\n", usage_of(verb).c_str());
  return output.finish();
}

}  // namespace

int vm_command(const std::string& name, const Arguments& words) {
  Output output("vmkeep");
  const VerbSpec* verb = verb_named(name);
  if (verb == nullptr) {
    output.warn("no command \"" + name + "\"", kUsage);
    return output.finish();
  }
  const auto arguments = parse_vm_arguments(*verb, words);
  if (!arguments) {
    const bool by_code = std::string_view(verb->name) == "status" || std::string_view(verb->name) == "check";
    return wrong(*verb, arguments.error(), output, by_code ? kNoQuestion : kUsage);
  }
  if (arguments->has(Flag::help)) {
    output.print(help_of(*verb));
    return output.finish();
  }
  if (std::string_view(verb->name) == "gui" && !has_display(output)) return output.finish();
  auto session = open_session(arguments->operands);
  if (session && arguments->operands.empty()) session->fmris = all_vms(session->world);
  if (!session) {
    const bool unasked = session.error().kind == ErrorKind::not_found;
    const int code = !answers_by_code(*arguments) ? kFailed : (unasked ? kNoQuestion : kNoAnswer);
    warn_of_each(session.error().message, code, output);
    return output.finish();
  }
  if (verb->vms == VerbSpec::Vms::one && session->fmris.size() > 1) {
    return wrong(*verb, fail(ErrorKind::invalid, "one VM at a time; \"" + words.back() + "\" means several"),
                 output, kUsage);
  }
  return run(*arguments, *session, output);
}

}  // namespace vmkeep::tools
