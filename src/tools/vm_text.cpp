// How people read a VM: the text of status and explain.
#include <algorithm>
#include <sstream>

#include "tools/time_text.h"
#include "tools/vm_view.h"

namespace vmkeep::tools {
namespace {

using control::InstanceMessage;

std::string time_words(double seconds) {
  return long_time(static_cast<std::time_t>(seconds));
}

// "Next        it is ..."; further lines of the text are indented below the first.
std::string row(const char* label, const std::string& text) {
  constexpr size_t kColumn = 14;
  std::string left = "  " + std::string(label);
  left.resize(std::max(kColumn, left.size() + 1), ' ');
  std::istringstream lines(text);
  std::string all;
  for (std::string line; std::getline(lines, line);) {
    all += (all.empty() ? left : std::string(kColumn, ' ')) + line + "\n";
  }
  return all;
}

std::string service_words(const InstanceMessage* service) {
  if (service == nullptr) return "unknown to vmkeepd";
  std::string text = service->state;
  if (!service->next_state.empty() && service->next_state != "none") text += ", going " + service->next_state;
  if (!service->reason.empty() && service->reason != "none" && service->state != "online") {
    text += " (" + service->reason + ")";
  }
  text += " since " + time_words(service->state_time);
  if (!service->enabled) text += ", not enabled";
  if (!service->why.empty() && service->state != "online") text += "\n" + service->why;
  return text;
}

std::string outage_words(const VmOutage& outage) {
  if (outage.kind == "gui") {
    return "to a window of " + outage.by + " since " + time_words(outage.since) +
           (outage.until ? "; until " + time_words(*outage.until) + ", unless it renews that" : "");
  }
  return outage.kind + " by " + outage.by + ", " + time_words(outage.since) +
         (outage.until ? ", until " + time_words(*outage.until) : "");
}

std::string monitor_words(const VmView& vm) {
  if (vm.monitor == "watching") return "yes: what happens to it is seen at once";
  if (vm.monitor == "suppressed") return "yes, but nothing is done by itself";
  if (vm.monitor == "idle") return "no: its service is not online";
  // It answered: there is nothing to watch, and nobody is silent.
  if (vm.monitor == "silent" && vm.word == "missing")
    return "no: the hypervisor of its owner answers, and knows no such VM";
  if (vm.monitor == "silent" && vm.word == "inaccessible")
    return "no: the hypervisor of its owner answers, and cannot read the VM's settings";
  if (vm.monitor == "silent")
    return "no answer from its guard or from the hypervisor; vmkeepd goes on asking";
  return vm.monitor;
}

// "1795309897 Enabled.": vmkeepd tells seconds since the epoch; the people here have a clock on the wall.
std::string transition_words(const std::string& line) {
  const size_t blank = line.find(' ');
  const bool timed =
      blank != std::string::npos && blank > 0 && blank < 12 && line.find_first_not_of("0123456789") == blank;
  return timed ? time_words(std::stod(line.substr(0, blank))) + line.substr(blank) : line;
}

std::string hook_words(const VmHook& hook) {
  return "exit code " + std::to_string(hook.code) + (hook.meaning.empty() ? "" : ": " + hook.meaning) +
         (hook.output.empty() ? "" : "\n" + hook.output);
}

}  // namespace

std::string state_words(const VmView& vm) {
  static constexpr std::pair<const char*, const char*> kWords[] = {
      {"poweroff", "off"},
      {"gurumeditation", "stuck (guru meditation)"},
      {"missing", "not registered with the hypervisor"},
      {"aborted-saved", "aborted, with a saved state"},
  };
  std::string text = vm.word.empty() ? "no answer from the hypervisor" : vm.word;
  for (const auto& [word, words] : kWords) {
    if (vm.word == word) text = words;
  }
  return text;
}

std::string status_text(const VmView& vm, const InstanceMessage* service) {
  std::string text = vm.fmri + "\n";
  std::string state = state_words(vm);
  if (vm.pid > 0) state += ", process " + std::to_string(vm.pid);
  if (!vm.detail.empty()) state += "\n" + vm.detail;
  text += row("State", state);
  text += row("Service", service_words(service));
  text += row("VM", "\"" + vm.name + "\"" + (vm.uuid.empty() ? "" : " {" + vm.uuid + "}") +
                        (vm.owner.empty() ? "" : " of " + vm.owner) +
                        (vm.driver.empty() ? "" : ", " + vm.driver));
  text += row("Watched", monitor_words(vm));
  if (vm.suppression) {
    text += row("Suppressed", "by " + vm.suppression->by + " until " + time_words(vm.suppression->until) +
                                  (vm.suppression->why.empty() ? "" : ": " + vm.suppression->why));
  }
  if (vm.outage) text += row(vm.outage->kind == "gui" ? "Handed over" : "Planned", outage_words(*vm.outage));
  if (vm.aborts > 0) text += row("Aborts", std::to_string(vm.aborts) + " in the window that counts");
  if (!vm.heartbeat.empty()) text += row("Heartbeat", vm.heartbeat);
  if (vm.hook) text += row("Hook", hook_words(*vm.hook));
  if (!vm.hook_not_run.empty()) text += row("Hook", "not run: " + vm.hook_not_run);
  if (!vm.next.empty()) text += row("Next", vm.next);
  std::string last;
  for (const std::string& transition : vm.transitions) last += transition_words(transition) + "\n";
  if (!last.empty()) text += row("Last", last);
  return text;
}

namespace {

std::string padded(std::string text, size_t width) {
  text.resize(std::max(width, text.size() + 1), ' ');
  return text;
}

std::string line_of(const std::string& state, const std::string& service, const std::string& pid,
                    const std::string& fmri, const std::string& note) {
  std::string line = padded(state, 16) + padded(service, 14) + padded(pid, 9) + fmri;
  return line + (note.empty() ? "" : "  " + note) + "\n";
}

}  // namespace

std::string status_header() {
  return line_of("VM", "SERVICE", "PID", "FMRI", "");
}

std::string status_line(const VmView& vm, const InstanceMessage* service) {
  std::string note;
  if (vm.outage) note = vm.outage->kind + " by " + vm.outage->by;
  if (vm.suppression) note += (note.empty() ? "" : ", ") + ("suppressed by " + vm.suppression->by);
  const bool answered = vm.word == "missing" || vm.word == "inaccessible";
  if (vm.monitor == "silent" && !answered) note += (note.empty() ? "" : ", ") + std::string("silent");
  return line_of(vm.word.empty() ? "-" : vm.word, service == nullptr ? "-" : service->state,
                 vm.pid > 0 ? std::to_string(vm.pid) : "-", vm.fmri, note.empty() ? "" : "(" + note + ")");
}

std::string explain_text(const VmView& vm) {
  std::string text = vm.fmri + " (VM \"" + vm.name + "\")\n";
  text += row("start", vm.start) + row("stop", vm.stop) + row("next", vm.next);
  if (vm.settings.empty()) return text;
  size_t name = 8;
  size_t value = 5;
  for (const VmSetting& setting : vm.settings) {
    name = std::max(name, setting.name.size());
    value = std::max(value, std::min<size_t>(setting.value.size() + (setting.value.empty() ? 2 : 0), 40));
  }
  text += "\n" + padded("PROPERTY", name + 2) + padded("VALUE", value + 2) + "FROM\n";
  for (const VmSetting& setting : vm.settings) {
    text += padded(setting.name, name + 2) +
            padded(setting.value.empty() ? "\"\"" : setting.value, value + 2) + setting.origin +
            (setting.note.empty() ? "" : "  (" + setting.note + ")") + "\n";
  }
  return text;
}

}  // namespace vmkeep::tools
