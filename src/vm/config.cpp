#include "vm/config.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

namespace vmkeep::vm {
namespace {

using std::chrono::seconds;
using Values = std::vector<std::string>;

constexpr std::array<std::pair<StopMethod, std::string_view>, 6> kStopMethods{{
    {StopMethod::savestate, "savestate"},
    {StopMethod::acpipowerbutton, "acpipowerbutton"},
    {StopMethod::acpisleepbutton, "acpisleepbutton"},
    {StopMethod::poweroff, "poweroff"},
    {StopMethod::reset, "reset"},
    {StopMethod::poweroff_graceful, "poweroff-graceful"},
}};

constexpr std::array<std::pair<StartWait, std::string_view>, 6> kStartWaits{{
    {StartWait::nodelay, "nodelay"},
    {StartWait::timeout, "timeout"},
    {StartWait::hook_lax, "hook"},
    {StartWait::hook_strict, "hook_strict"},
    {StartWait::guest_lax, "guest"},
    {StartWait::guest_strict, "guest_strict"},
}};

std::string joined(const Values& values, std::string_view separator = " ") {
  std::string result;
  for (const auto& value : values) {
    if (!result.empty()) result += separator;
    result += value;
  }
  return result;
}

// Which levels answer for a property.
enum class Scope { inherited, instance_only };

// Finds each property, checks it, and remembers where its value came from.
class Reader {
 public:
  Reader(const repository::Levels& levels, ConfigReading& reading)
      : own_(group(levels.own)), service_(group(levels.service)), reading_(reading) {
    for (const auto& property : properties()) {
      settings_[property.name] = Setting{&property, {}, Origin::standard, {}};
    }
  }

  // The value as it counts; `standard` (entries with blanks between) in place of the table's.
  const Setting& read(std::string_view name, const char* standard = nullptr) {
    const PropertyInfo& property = *find_property(name);
    Setting& setting = settings_[name];
    const auto [values, origin] = find(name, scope(property.inheritance));
    if (values == nullptr) {
      setting.values = standard_of(property, standard);
      note_ignored(property, setting);
      return setting;
    }
    auto normal = normalise(property, *values);
    if (!normal) {
      problem(name, normal.error().message);
      setting.values = standard_of(property, standard);
      return setting;
    }
    setting.origin = origin;
    setting.values = std::move(*normal);
    if (setting.values.empty()) reset(property, setting, standard);
    return setting;
  }

  bool boolean(std::string_view name, const char* standard = nullptr) {
    const Setting& setting = read(name, standard);
    return !setting.values.empty() && setting.values[0] == "true";
  }
  int64_t integer(std::string_view name, int64_t none = 0) {
    const Setting& setting = read(name);
    return setting.values.empty() ? none : to_integer(setting.values[0]);
  }
  seconds time(std::string_view name) { return seconds(integer(name)); }
  template <class T>
  std::optional<T> number(std::string_view name) {
    const Setting& setting = read(name);
    if (setting.values.empty()) return std::nullopt;
    return static_cast<T>(to_integer(setting.values[0]));
  }
  std::string text(std::string_view name, const char* standard = nullptr) {
    const Setting& setting = read(name, standard);
    return setting.values.empty() ? std::string() : setting.values[0];
  }
  Values list(std::string_view name) { return read(name).values; }
  std::vector<int> codes(std::string_view name) {
    std::vector<int> result;
    for (const auto& value : list(name)) result.push_back(static_cast<int>(to_integer(value)));
    return result;
  }

  // Whether one level has the property, empty or not.
  bool at(Origin level, std::string_view name) const {
    return find(level == Origin::instance ? own_ : service_, name) != nullptr;
  }

  void settle_user(bool interactive, bool dualboot) {
    interactive_ = interactive;
    dualboot_ = dualboot;
  }

  Setting& setting(std::string_view name) { return settings_[name]; }

  void problem(std::string_view name, const std::string& message) {
    for (const auto& each : reading_.problems) {
      if (each.property == name) return;
    }
    reading_.problems.push_back({std::string(name), "vm/" + std::string(name) + " " + message});
  }

  void finish() {
    for (const auto& property : properties()) reading_.settings.push_back(settings_[property.name]);
    for (const auto* where : {own_, service_}) {
      if (where == nullptr) continue;
      for (const auto& entry : where->properties) {
        if (find_property(entry.first) != nullptr) continue;
        if (std::find(reading_.unknown.begin(), reading_.unknown.end(), entry.first) ==
            reading_.unknown.end()) {
          reading_.unknown.push_back(entry.first);
        }
      }
    }
  }

 private:
  static const repository::PropertyGroup* group(const repository::Groups& groups) {
    const auto found = groups.find("vm");
    return found == groups.end() ? nullptr : found->second.get();
  }

  static const Values* find(const repository::PropertyGroup* where, std::string_view property) {
    if (where == nullptr) return nullptr;
    const auto found = where->properties.find(property);
    return found == where->properties.end() ? nullptr : &found->second.values;
  }

  std::pair<const Values*, Origin> find(std::string_view property, Scope scope) const {
    if (const auto* values = find(own_, property)) return {values, Origin::instance};
    if (scope == Scope::inherited) {
      if (const auto* values = find(service_, property)) return {values, Origin::service};
    }
    return {nullptr, Origin::standard};
  }

  Scope scope(Inheritance inheritance) const {
    const bool own = inheritance == Inheritance::instance ||
                     (inheritance == Inheritance::unless_user && interactive_) ||
                     (inheritance == Inheritance::unless_dual && dualboot_);
    return own ? Scope::instance_only : Scope::inherited;
  }

  static Values standard_of(const PropertyInfo& property, const char* standard) {
    const std::string text = standard != nullptr ? std::string(standard) : std::string(property.standard);
    auto values = normalise(property, {text});
    return values ? *values : Values{};
  }

  // What is empty inherits nothing: a boolean is not true then (as in the original), and anything else has
  // its default.
  static void reset(const PropertyInfo& property, Setting& setting, const char* standard) {
    setting.values = property.form == Form::boolean ? Values{"false"} : standard_of(property, standard);
    // The manifest sets many that way, and there they reset nothing.
    if (setting.origin != Origin::instance) return;
    setting.note = property.form == Form::boolean ? "reset by an empty value, which is not true"
                                                  : "reset to the default by an empty value";
  }

  // Somebody set it at the service, and may wonder.
  void note_ignored(const PropertyInfo& property, Setting& setting) const {
    const Values* values = find(service_, property.name);
    if (values == nullptr || scope(property.inheritance) == Scope::inherited) return;
    const auto normal = normalise(property, *values);
    if (normal && (normal->empty() || *normal == setting.values)) return;
    setting.note =
        "the service's \"" + joined(*values) + "\" does not count: " +
        std::string(property.inheritance == Inheritance::instance ? "it is read from the instance only"
                    : dualboot_                                   ? "the VM is dual-boot"
                                                                  : "the VM is interactive");
  }

  const repository::PropertyGroup* own_;
  const repository::PropertyGroup* service_;
  ConfigReading& reading_;
  bool interactive_ = false;
  bool dualboot_ = false;
  std::map<std::string_view, Setting> settings_;
};

// start_aborted_vm stands in for restart_aborted_vm, level by level: the instance's start_aborted_vm outranks
// the service's restart_aborted_vm.
bool read_restart_aborted(Reader& reader, bool interactive) {
  const bool restart = reader.boolean("restart_aborted_vm");
  const bool start = reader.boolean("start_aborted_vm");
  for (const Origin level : {Origin::instance, Origin::service}) {
    if (interactive && level == Origin::service) break;
    if (reader.at(level, "restart_aborted_vm")) return restart;
    if (!reader.at(level, "start_aborted_vm")) continue;
    Setting& setting = reader.setting("restart_aborted_vm");
    setting.values = {start ? "true" : "false"};
    setting.origin = level;
    setting.note = "from vm/start_aborted_vm";
    return start;
  }
  return restart;
}

void read_start(Reader& reader, VmConfig& config) {
  config.is_dualboot = reader.boolean("is_dualboot");
  config.is_interactive = reader.boolean("is_interactive") || config.is_dualboot;
  if (Setting& setting = reader.setting("is_interactive");
      config.is_dualboot && setting.values != Values{"true"}) {
    setting.values = {"true"};
    setting.note = "because vm/is_dualboot is true";
  }
  reader.settle_user(config.is_interactive, config.is_dualboot);
  config.takeover = reader.text("takeover") == "savestate" ? Takeover::savestate : Takeover::adopt;
  const char* unless_interactive = config.is_interactive ? "false" : "true";
  config.start_aborted_vm = reader.boolean("start_aborted_vm");
  config.start_paused_vm = reader.boolean("start_paused_vm");
  config.start_halted_vm = reader.boolean("start_halted_vm", unless_interactive);
  config.start_saved_vm = reader.boolean("start_saved_vm", unless_interactive);
  config.start_stuck_vm = reader.boolean("start_stuck_vm");
  const std::string wait = reader.text("start_wait_policy");
  for (const auto& [policy, word] : kStartWaits) {
    if (word == wait) config.start_wait_policy = policy;
  }
  config.ready_guest_property = reader.text("ready_guest_property");
  config.ready_guest_value = reader.text("ready_guest_value");
  // The user of a dual-boot VM shares its disk with the real machine: a saved state would go stale there.
  const std::string method = reader.text("stop_method", config.is_dualboot ? "poweroff-graceful" : nullptr);
  config.stop_method = stop_method(method).value_or(StopMethod::savestate);
  if (const int64_t limit = reader.integer("stop_timeout"); limit > 0) config.stop_timeout = seconds(limit);
}

void read_monitor(Reader& reader, VmConfig& config) {
  config.restart_stuck_vm = reader.boolean("restart_stuck_vm");
  config.restart_aborted_vm = read_restart_aborted(reader, config.is_interactive);
  config.restart_paused_vm = reader.boolean("restart_paused_vm", config.start_paused_vm ? "true" : "false");
  config.restart_halted_vm = reader.boolean("restart_halted_vm");
  config.restart_saved_vm = reader.boolean("restart_saved_vm");
  config.ignore_paused_vm = reader.boolean("ignore_paused_vm");
  config.offline_is_maint = reader.boolean("offline_is_maint");
  config.offline_unknown_state_maxcount = static_cast<int>(reader.integer("offline_unknown_state_maxcount"));
  config.restart_aborted_vm_failures_maxcount =
      static_cast<int>(reader.integer("restart_aborted_vm_failures_maxcount"));
  config.restart_aborted_vm_failures_timeframe = reader.time("restart_aborted_vm_failures_timeframe");
  // Zero and less meant "as fast as possible", which is once a second.
  config.kicker_freq = std::max(seconds(1), reader.time("kicker_freq"));
  const std::string restart = reader.text("kicker_restart");
  if (restart == "none") config.kicker_restart = KickerRestart::none;
  if (restart == "all") config.kicker_restart = KickerRestart::all;
  config.restart_saved_vm_once = reader.text("kicker_restart_saved_vm_once_file_name") != "false";
  config.heartbeat_restart_after = reader.time("heartbeat_restart_after");
}

void read_check(Reader& reader, VmConfig& config) {
  config.kicker_vmsvccheck_enabled = reader.boolean("kicker_vmsvccheck_enabled");
  config.kicker_vmsvccheck_method = reader.text("kicker_vmsvccheck_method");
  config.kicker_vmsvccheck_method_params = reader.list("kicker_vmsvccheck_method_params");
  config.kicker_vmsvccheck_startdelay = std::max(seconds(0), reader.time("kicker_vmsvccheck_startdelay"));
  config.kicker_vmsvccheck_failures_maxcount =
      static_cast<int>(reader.integer("kicker_vmsvccheck_failures_maxcount"));
  config.kicker_vmsvccheck_failures_timeframe = reader.time("kicker_vmsvccheck_failures_timeframe");
  config.kicker_vmsvccheck_exitcode_okay = reader.codes("kicker_vmsvccheck_exitcode_okay");
  config.kicker_vmsvccheck_exitcode_failonce = reader.codes("kicker_vmsvccheck_exitcode_failonce");
  config.kicker_vmsvccheck_exitcode_doreboot = reader.codes("kicker_vmsvccheck_exitcode_doreboot");
  config.kicker_vmsvccheck_exitcode_maintenance = reader.codes("kicker_vmsvccheck_exitcode_maintenance");
  config.kicker_vmsvccheck_timeout = reader.time("kicker_vmsvccheck_timeout");
  config.kicker_vmsvccheck_reboots_maxcount =
      static_cast<int>(reader.integer("kicker_vmsvccheck_reboots_maxcount"));
}

void read_host(Reader& reader, VmConfig& config) {
  config.nice = reader.number<int>("nice");
  if (config.nice == 0) config.nice.reset();
  config.timezone = reader.text("timezone");
  config.cpu_set = to_cpus(reader.list("cpu_set"));
  config.cpu_weight = reader.number<int>("cpu_weight");
  config.io_weight = reader.number<int>("io_weight");
  config.memory_low = reader.number<int64_t>("memory_low");
  config.memory_high = reader.number<int64_t>("memory_high");
  config.zfssnap_flag = reader.boolean("zfssnap_flag");
  config.zfssnap_dslist = reader.list("zfssnap_dslist");
  config.zfssnap_dslist_append = reader.list("zfssnap_dslist_append");
  config.zfssnap_prefix = reader.text("zfssnap_prefix");
  config.startgui_fg_trap_signals.clear();
  for (const auto& name : reader.list("startgui_fg_trap_signals")) {
    config.startgui_fg_trap_signals.push_back(signal_number(name));
  }
  config.debug_smf = reader.boolean("debug_smf");
  config.kicker_debug = reader.boolean("kicker_debug");
  for (const auto& property : properties()) {
    if (property.section == Section::old) reader.read(property.name);
  }
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

std::string_view to_string(StartWait policy) {
  for (const auto& [value, word] : kStartWaits) {
    if (value == policy) return word;
  }
  return "nodelay";
}

std::string_view to_string(Origin origin) {
  switch (origin) {
    case Origin::instance:
      return "instance";
    case Origin::service:
      return "service";
    case Origin::standard:
      break;
  }
  return "default";
}

std::string Setting::text() const {
  return joined(values);
}

ConfigReading read_config(const repository::Levels& running, const std::string& instance_name) {
  ConfigReading reading;
  Reader reader(running, reading);
  VmConfig& config = reading.config;
  // Which VM it is belongs to the instance: two instances must not come to mean one VM by inheritance.
  config.name = reader.text("name");
  if (config.name.empty()) config.name = instance_name;
  config.uuid = reader.text("uuid");
  read_start(reader, config);
  read_monitor(reader, config);
  read_check(reader, config);
  read_host(reader, config);
  reader.finish();
  return reading;
}

Result<VmConfig> VmConfig::read(const repository::Levels& running, const std::string& instance_name) {
  ConfigReading reading = read_config(running, instance_name);
  if (reading.problems.empty()) return std::move(reading.config);
  std::string message;
  for (const auto& problem : reading.problems) message += (message.empty() ? "" : "; ") + problem.message;
  return fail(ErrorKind::invalid, message);
}

}  // namespace vmkeep::vm
