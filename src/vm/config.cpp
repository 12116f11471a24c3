#include "vm/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

namespace vmkeep::vm {
namespace {

constexpr std::array<std::pair<StopMethod, std::string_view>, 6> kStopMethods{{
    {StopMethod::savestate, "savestate"},
    {StopMethod::acpipowerbutton, "acpipowerbutton"},
    {StopMethod::acpisleepbutton, "acpisleepbutton"},
    {StopMethod::poweroff, "poweroff"},
    {StopMethod::reset, "reset"},
    {StopMethod::poweroff_graceful, "poweroff-graceful"},
}};

// Longer than any sensible limit, and far from overflowing milliseconds.
constexpr int64_t kMaxSeconds = 1'000'000'000;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// Which levels answer for a property.
enum class Scope { inherited, instance_only, service_only };

// Reads the group vm; remembers the first thing that is wrong and goes on with defaults, so that the list of
// fields below reads as a list.
class Reader {
 public:
  explicit Reader(const repository::Levels& levels)
      : own_(group(levels.own)), service_(group(levels.service)) {}

  const std::optional<Error>& error() const { return error_; }

  void refuse(std::string_view property, std::string_view value, std::string_view allowed) {
    if (error_) return;
    error_ = fail(ErrorKind::invalid, "vm/" + std::string(property) + " is \"" + std::string(value) +
                                          "\"; it must be " + std::string(allowed));
  }

  // Whether there is a value, empty or not.
  bool has(std::string_view property, Scope scope) const { return find(property, scope) != nullptr; }

  // The value; empty if there is none, or if it is reset.
  std::string_view text(std::string_view property, Scope scope, std::string_view allowed = "a single value") {
    const repository::Property* found = find(property, scope);
    if (found == nullptr || found->values.empty()) return {};
    if (found->values.size() > 1) {
      refuse(property, found->values[0] + "\" \"" + found->values[1],
             std::string(allowed) + ", and one only");
      return {};
    }
    return found->values[0];
  }

  bool boolean(std::string_view property, Scope scope, bool standard) {
    constexpr std::string_view kAllowed = "true or false";
    const auto value = text(property, scope, kAllowed);
    if (value.empty()) return standard;
    if (value != "true" && value != "false") refuse(property, value, kAllowed);
    return value == "true";
  }

  int64_t integer(std::string_view property, int64_t standard, int64_t low, int64_t high) {
    const auto allowed = "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
    const auto value = text(property, Scope::inherited, allowed);
    if (value.empty()) return standard;
    int64_t number = 0;
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (problem != std::errc() || end != value.data() + value.size() || number < low || number > high) {
      refuse(property, value, allowed);
      return standard;
    }
    return number;
  }

 private:
  static const repository::PropertyGroup* group(const repository::Groups& groups) {
    const auto found = groups.find("vm");
    return found == groups.end() ? nullptr : found->second.get();
  }

  static const repository::Property* find(const repository::PropertyGroup* where, std::string_view property) {
    if (where == nullptr) return nullptr;
    const auto found = where->properties.find(property);
    return found == where->properties.end() ? nullptr : &found->second;
  }

  const repository::Property* find(std::string_view property, Scope scope) const {
    if (scope != Scope::service_only) {
      if (const auto* found = find(own_, property)) return found;
    }
    return scope == Scope::instance_only ? nullptr : find(service_, property);
  }

  const repository::PropertyGroup* own_;
  const repository::PropertyGroup* service_;
  std::optional<Error> error_;
};

StopMethod read_stop_method(Reader& reader, bool dualboot) {
  constexpr std::string_view kAllowed =
      "savestate, acpipowerbutton, acpisleepbutton, poweroff, reset or poweroff-graceful";
  // The user of a dual-boot VM shares its disk with the real machine: a saved state would go stale there.
  const StopMethod standard = dualboot ? StopMethod::poweroff_graceful : StopMethod::savestate;
  const Scope scope = dualboot ? Scope::instance_only : Scope::inherited;
  const auto value = reader.text("stop_method", scope, kAllowed);
  if (value.empty()) return standard;
  const auto method = stop_method(value);
  if (!method) reader.refuse("stop_method", value, kAllowed);
  return method.value_or(standard);
}

KickerRestart read_kicker_restart(Reader& reader) {
  constexpr std::string_view kAllowed = "none, no, off or false; all, on or true; or empty";
  const auto value = reader.text("kicker_restart", Scope::inherited, kAllowed);
  const std::string word = lower(value);
  if (word.empty()) return KickerRestart::by_state;
  if (word == "none" || word == "no" || word == "off" || word == "false") return KickerRestart::none;
  if (word == "all" || word == "on" || word == "true") return KickerRestart::all;
  reader.refuse("kicker_restart", value, kAllowed);
  return KickerRestart::by_state;
}

// start_aborted_vm stands in for restart_aborted_vm, level by level: the instance's start_aborted_vm outranks
// the service's restart_aborted_vm.
bool read_restart_aborted(Reader& reader, bool interactive) {
  for (const Scope scope : {Scope::instance_only, Scope::service_only}) {
    if (interactive && scope == Scope::service_only) break;
    for (const auto* property : {"restart_aborted_vm", "start_aborted_vm"}) {
      if (reader.has(property, scope)) return reader.boolean(property, scope, false);
    }
  }
  return false;
}

std::string read_uuid(Reader& reader) {
  constexpr std::string_view kAllowed = "a UUID such as bd419973-420b-435b-a7ba-2a590a615572";
  const auto value = reader.text("uuid", Scope::instance_only, kAllowed);
  if (value.empty()) return {};
  std::string uuid = lower(value);
  if (uuid.size() == 38 && uuid.front() == '{' && uuid.back() == '}') uuid = uuid.substr(1, 36);
  bool good = uuid.size() == 36;
  for (size_t i = 0; good && i < uuid.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = uuid[i];
    good = dash ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  }
  if (!good) reader.refuse("uuid", value, kAllowed);
  return uuid;
}

void read_flags(Reader& reader, VmConfig& config) {
  config.is_dualboot = reader.boolean("is_dualboot", Scope::instance_only, false);
  config.is_interactive = reader.boolean("is_interactive", Scope::instance_only, false) || config.is_dualboot;
  const bool interactive = config.is_interactive;
  const Scope scope = interactive ? Scope::instance_only : Scope::inherited;
  config.start_aborted_vm = reader.boolean("start_aborted_vm", scope, false);
  config.start_paused_vm = reader.boolean("start_paused_vm", scope, false);
  config.start_halted_vm = reader.boolean("start_halted_vm", scope, !interactive);
  config.start_saved_vm = reader.boolean("start_saved_vm", scope, !interactive);
  config.start_stuck_vm = reader.boolean("start_stuck_vm", scope, false);
  config.restart_stuck_vm = reader.boolean("restart_stuck_vm", scope, false);
  config.restart_aborted_vm = read_restart_aborted(reader, interactive);
  config.restart_paused_vm = reader.boolean("restart_paused_vm", scope, config.start_paused_vm);
  config.restart_halted_vm = reader.boolean("restart_halted_vm", scope, false);
  config.restart_saved_vm = reader.boolean("restart_saved_vm", scope, false);
  config.ignore_paused_vm = reader.boolean("ignore_paused_vm", scope, true);
  config.offline_is_maint = reader.boolean("offline_is_maint", Scope::inherited, false);
}

void read_numbers(Reader& reader, VmConfig& config) {
  using std::chrono::seconds;
  const int64_t stop_timeout = reader.integer("stop_timeout", -1, -kMaxSeconds, kMaxSeconds);
  if (stop_timeout > 0) config.stop_timeout = seconds(stop_timeout);
  config.offline_unknown_state_maxcount =
      static_cast<int>(reader.integer("offline_unknown_state_maxcount", 0, -1'000'000, 1'000'000));
  config.restart_aborted_vm_failures_maxcount =
      static_cast<int>(reader.integer("restart_aborted_vm_failures_maxcount", 0, -1'000'000, 1'000'000));
  config.restart_aborted_vm_failures_timeframe =
      seconds(reader.integer("restart_aborted_vm_failures_timeframe", 0, -kMaxSeconds, kMaxSeconds));
  // Zero and less meant "as fast as possible", which is once a second.
  config.kicker_freq =
      seconds(std::max<int64_t>(1, reader.integer("kicker_freq", 50, -kMaxSeconds, kMaxSeconds)));
  const int64_t nice = reader.integer("nice", 0, -20, 19);
  if (nice != 0) config.nice = static_cast<int>(nice);
}

}  // namespace

std::string_view to_string(StopMethod method) {
  for (const auto& [value, word] : kStopMethods) {
    if (value == method) return word;
  }
  return "savestate";
}

std::optional<StopMethod> stop_method(std::string_view word) {
  for (const auto& [value, known] : kStopMethods) {
    if (known == word) return value;
  }
  return std::nullopt;
}

Result<VmConfig> VmConfig::read(const repository::Levels& running, const std::string& instance_name) {
  Reader reader(running);
  VmConfig config;
  // Which VM it is belongs to the instance: two instances must not come to mean one VM by inheritance.
  config.name = std::string(reader.text("name", Scope::instance_only));
  if (config.name.empty()) config.name = instance_name;
  config.uuid = read_uuid(reader);
  read_flags(reader, config);
  read_numbers(reader, config);
  config.stop_method = read_stop_method(reader, config.is_dualboot);
  config.kicker_restart = read_kicker_restart(reader);
  config.timezone = std::string(reader.text("timezone", Scope::inherited));
  if (reader.error()) return *reader.error();
  return config;
}

}  // namespace vmkeep::vm
