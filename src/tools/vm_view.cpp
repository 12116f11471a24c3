#include "tools/vm_view.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <csignal>
#include <cstring>
#include <sstream>

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  auto text = value == nullptr ? Result<std::string>(std::string()) : control::value_from(*value);
  return text ? *text : std::string();
}

std::optional<double> number_of(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

const json::object* object_of(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

template <class Take>
void each_object(const json::object& object, const char* name, Take take) {
  const json::value* list = object.if_contains(name);
  if (list == nullptr || !list->is_array()) return;
  for (const json::value& element : list->get_array()) {
    if (const json::object* entry = element.if_object()) take(*entry);
  }
}

void take_conditions(const json::object& from, VmView& vm) {
  if (const json::object* outage = object_of(from, "outage")) {
    vm.outage = VmOutage{text_of(*outage, "kind"), text_of(*outage, "by"),
                         number_of(*outage, "since").value_or(0), number_of(*outage, "until")};
  }
  if (const json::object* one = object_of(from, "suppression")) {
    vm.suppression =
        VmSuppression{text_of(*one, "by"), text_of(*one, "why"), number_of(*one, "since").value_or(0),
                      number_of(*one, "until").value_or(0)};
  }
  if (const json::object* hook = object_of(from, "hook")) {
    vm.hook =
        VmHook{control::int_member(*hook, "code", 0), text_of(*hook, "meaning"), text_of(*hook, "output")};
  }
}

std::vector<std::string> words_in(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::optional<int> signal_named(std::string name) {
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int number = 1; number < NSIG; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  return std::nullopt;
}

}  // namespace

const VmSetting* VmView::setting(std::string_view wanted) const {
  const auto found = std::find_if(settings.begin(), settings.end(), [wanted](const VmSetting& setting) {
    return setting.name == wanted || setting.name == "vm/" + std::string(wanted);
  });
  return found == settings.end() ? nullptr : &*found;
}

Result<VmView> vm_from(const json::object& from) {
  VmView vm;
  for (const auto& [name, member] : {std::pair{"fmri", &vm.fmri}, {"name", &vm.name}, {"word", &vm.word}}) {
    if (from.if_contains(name) == nullptr) {
      return fail(ErrorKind::invalid, "vmkeepd told a VM without \"" + std::string(name) +
                                          "\": it is another version than this program");
    }
    *member = text_of(from, name);
  }
  vm.uuid = text_of(from, "uuid");
  vm.owner = text_of(from, "owner");
  vm.driver = text_of(from, "driver");
  vm.detail = text_of(from, "detail");
  vm.code = static_cast<int>(control::int_member(from, "code", 126));
  vm.pid = control::int_member(from, "pid", 0);
  vm.monitor = text_of(from, "monitor");
  vm.next = text_of(from, "next");
  vm.start = text_of(from, "start");
  vm.stop = text_of(from, "stop");
  vm.aborts = control::int_member(from, "aborts", 0);
  vm.heartbeat = text_of(from, "heartbeat");
  vm.settings_file = text_of(from, "settings_file");
  vm.log_folder = text_of(from, "log_folder");
  vm.snapshot_folder = text_of(from, "snapshot_folder");
  vm.state_file = text_of(from, "state_file");
  take_conditions(from, vm);
  each_object(from, "settings", [&vm](const json::object& one) {
    vm.settings.push_back({text_of(one, "name"), text_of(one, "type"), text_of(one, "value"),
                           text_of(one, "origin"), text_of(one, "note")});
  });
  each_object(from, "serial_ports", [&vm](const json::object& one) {
    vm.ports.push_back({control::int_member(one, "number", 0), text_of(one, "mode"), text_of(one, "path")});
  });
  for (const auto& [name, member] : {std::pair{"disks", &vm.disks}, {"transitions", &vm.transitions}}) {
    auto list = control::strings_member(from, name);
    if (!list) return list.error();
    *member = std::move(*list);
  }
  return vm;
}

Result<VmPort> choose_port(const VmView& vm, std::optional<int> number) {
  std::vector<VmPort> servers;
  std::string all;
  for (const VmPort& port : vm.ports) {
    all += "\n  port " + std::to_string(port.number) + ": " + port.mode +
           (port.path.empty() ? "" : ", " + port.path);
    if (port.mode == "server" && (!number || port.number == *number)) servers.push_back(port);
  }
  if (servers.size() == 1) return servers.front();
  if (servers.size() > 1) {
    return fail(ErrorKind::invalid, "several serial ports; choose one with --port:" + all);
  }
  const std::string what = number
                               ? "serial port " + std::to_string(*number) + " is none that one can connect to"
                               : "no serial port that one can connect to";
  const std::string how = "; in VirtualBox: VBoxManage modifyvm \"" + vm.name +
                          "\" --uart1 0x3F8 4 --uartmode1 server /folder/of/its/owner/socket";
  return fail(ErrorKind::not_found, what + (all.empty() ? how : ":" + all));
}

std::vector<int> window_signals(const VmView& vm) {
  const VmSetting* list = vm.setting("startgui_fg_trap_signals");
  std::vector<int> signals;
  for (const std::string& word : words_in(
           list != nullptr && !list->value.empty() ? list->value : "SIGHUP SIGINT SIGQUIT SIGTERM SIGABRT")) {
    if (const auto number = signal_named(word)) signals.push_back(*number);
  }
  return signals;
}

}  // namespace vmkeep::tools
