// What there is to know of a VM (the part of VmStatus that its guard knows).
#include <boost/json/array.hpp>

#include "control/messages.h"
#include "guard/keeper.h"
#include "guard/messages.h"
#include "vm/explain.h"

namespace vmkeep::guard {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr Instant kLook = 15s;

json::array ports(const std::vector<hypervisor::SerialPort>& list) {
  json::array array;
  for (const auto& port : list) {
    array.push_back({{"number", port.number},
                     {"mode", control::value_to_json(port.mode)},
                     {"path", control::value_to_json(port.path)}});
  }
  return array;
}

json::array settings(const vm::ConfigReading& reading) {
  json::array array;
  for (const auto& setting : reading.settings) {
    if (setting.property == nullptr) continue;
    json::object one{{"name", setting.property->name},
                     {"type", repository::to_string(vm::value_type(setting.property->form))},
                     {"value", control::value_to_json(setting.text())},
                     {"origin", vm::to_string(setting.origin)}};
    if (!setting.note.empty()) one["note"] = control::value_to_json(setting.note);
    array.push_back(std::move(one));
  }
  return array;
}

void add_details(json::object& vm, const hypervisor::VmDetails& details) {
  vm["settings_file"] = control::value_to_json(details.settings_file);
  vm["log_folder"] = control::value_to_json(details.log_folder);
  vm["snapshot_folder"] = control::value_to_json(details.snapshot_folder);
  vm["state_file"] = control::value_to_json(details.state_file);
  vm["disks"] = to_json(details.disks);
  vm["serial_ports"] = ports(details.serial_ports);
}

vm::History history_of(const json::object& call) {
  const auto* past = call.if_contains("history");
  return past != nullptr && past->is_object() ? history_from(past->get_object()) : vm::History{};
}

}  // namespace

Task<> Keeper::inspect(const json::object& call) {
  const auto known = co_await identify(now() + kLook);
  std::optional<hypervisor::VmDetails> details;
  if (known && window_comes()) {
    seen_ = co_await look_aside(now() + kLook);
  } else if (known) {
    auto looked = co_await driver_.look(uuid_, now() + kLook);
    note(looked);
    if (looked && control::bool_member(call, "details", false)) {
      auto described = co_await driver_.describe(uuid_, now() + kLook);
      if (described) details = std::move(*described);
    }
  } else if (known.error().kind == ErrorKind::not_found) {
    seen_ = {vm::VmState::missing, vm::Witness::absent, known.error().message};
  } else {
    seen_ = vm::no_answer(known.error().message);
  }
  send_vm(call, seen_, details);
}

// Another call would meet the one that is under way (facts 1): what was seen last has to do, and what the VM
// is passing through by our own doing.
void Keeper::inspect_busy(const json::object& call) {
  vm::Observation observed = seen_;
  // A start that waits changes nothing yet.
  if (towards_ != vm::VmState::unknown && !uuid_.empty() && waits_for_.empty()) {
    observed.state = towards_;
    observed.process = driver_.process(uuid_) ? vm::Witness::present : vm::Witness::unsure;
    observed.answered = true;
  }
  send_vm(call, observed, std::nullopt);
}

void Keeper::send_vm(const json::object& call, const vm::Observation& observed,
                     const std::optional<hypervisor::VmDetails>& details) {
  const auto word = vm::status_word(observed);
  std::string detail = observed.detail;
  if (!doing_.empty()) detail = "under way: " + doing_ + (detail.empty() ? "" : "; " + detail);
  if (!config_error_.empty()) detail = "the configuration is refused: " + config_error_;
  if (observed.disagree()) {
    detail += std::string(detail.empty() ? "" : "; ") + "its process is " +
              std::string(vm::to_string(observed.process));
  }
  if (observed.fallen()) {
    detail += (detail.empty() ? "" : "; ") + observed.fell + "; the hypervisor only says that it is off";
  }
  const auto process = uuid_.empty() ? std::nullopt : driver_.process(uuid_);
  // Read anew for whoever asks: where each property comes from would fill the memory of a guard of many VMs.
  const auto reading = config_ ? read(levels_) : vm::ConfigReading{};
  json::object vm{{"name", control::value_to_json(name_.empty() && config_ ? config_->name : name_)},
                  {"uuid", uuid_.empty() && config_ ? config_->uuid : uuid_},
                  {"driver", driver_.name()},
                  {"word", control::value_to_json(word.word)},
                  {"code", word.code},
                  {"detail", control::value_to_json(detail)},
                  {"pid", process ? process->pid : 0},
                  {"watched", watching_},
                  {"settings", settings(reading)}};
  add_details(vm, details.value_or(hypervisor::VmDetails{}));
  vm::Explanation why{"", "", ""};
  if (config_) {
    const auto instance = graph::state(text_of(call, "instance")).value_or(graph::State::none);
    why = vm::explain(reading, observed, history_of(call), instance, now());
  }
  vm["next"] = control::value_to_json(why.next);
  vm["start"] = control::value_to_json(why.start);
  vm["stop"] = control::value_to_json(why.stop);
  if (!uuid_.empty()) {
    if (const auto heartbeat = driver_.heartbeat(uuid_)) {
      vm["heartbeat"] = std::string(heartbeat->lost ? "lost" : "heard") + " since " +
                        std::to_string((now() - heartbeat->since).count() / 1000) + " s";
    }
  }
  if (auto hook = hook_of(call)) vm["hook"] = std::move(*hook);
  auto answer = message("outcome", fmri_);
  answer["call"] = control::int_member(call, "call", 0);
  answer["code"] = 0;
  answer["vm"] = std::move(vm);
  channel_.send(answer);
}

}  // namespace vmkeep::guard
