#include "restarter/config.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "fmri/fmri.h"
#include "vm/config.h"

namespace vmkeep::restarter {
namespace {

using repository::Groups;
using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

// Beyond this a timeout in nanoseconds does not fit any more; the original calls it too large.
constexpr uint64_t kLongest = 9'000'000'000;
// Fewer than two starts have no interval; more than a hundred is no limit any more.
constexpr int64_t kFewestStarts = 2;
constexpr int64_t kMostStarts = 100;

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

const PropertyGroup* group(const Groups& groups, std::string_view name) {
  const auto found = groups.find(name);
  return found == groups.end() ? nullptr : found->second.get();
}

void read_timeout(const Property& property, const std::string& name, MethodConfig& method) {
  const auto value = property.values.size() == 1 && property.type == ValueType::count
                         ? number<uint64_t>(property.values.front())
                         : std::nullopt;
  if (!value) {
    method.notes.push_back(name +
                           "/timeout_seconds is multi-valued or not of type count.  Using infinite timeout.");
  } else if (*value != 0 && *value != std::numeric_limits<uint64_t>::max()) {
    if (*value > kLongest) {
      method.notes.push_back("timeout_seconds too large, treating as infinite.");
    } else {
      method.timeout = std::chrono::seconds(*value);
    }
  }
}

MethodConfig read_method(const Groups& groups, const std::string& name) {
  MethodConfig method;
  const auto* pg = group(groups, name);
  if (pg == nullptr) return method;
  method.present = true;
  if (const auto exec = pg->value("exec")) method.exec = std::string(*exec);
  if (const auto* timeout = pg->find("timeout_seconds")) read_timeout(*timeout, name, method);
  return method;
}

Duration duration(std::string_view word) {
  if (word == "transient") return Duration::transient;
  if (word == "child" || word == "wait") return Duration::child;
  return Duration::contract;
}

void read_startd(const PropertyGroup& startd, InstanceConfig& config) {
  config.duration = duration(startd.value("duration").value_or("contract"));
  const auto ignore = startd.value("ignore_error").value_or("");
  const bool both = ignore == "core,signal" || ignore == "signal,core";
  config.ignore_core = both || ignore == "core";
  config.ignore_signal = both || ignore == "signal";
  config.timeout_retry = startd.value("timeout_retry").value_or("true") != "false";
  const auto integer = [&](std::string_view name) -> std::optional<int64_t> {
    const auto* property = startd.find(name);
    if (property == nullptr || property->type != ValueType::integer || property->values.size() != 1)
      return {};
    return number<int64_t>(property->values.front());
  };
  const auto count = integer("critical_failure_count");
  const auto period = integer("critical_failure_period");
  if (!count || !period || *count < kFewestStarts || *count > kMostStarts || *period < 0) return;
  config.critical_failure_count = static_cast<size_t>(*count);
  config.critical_failure_period = std::chrono::seconds(*period);
}

Result<graph::Entity> read_entity(std::string_view type, const std::string& value) {
  constexpr std::string_view kHost = "host:";
  if (type == "host") {
    if (!value.starts_with(kHost) || value.size() == kHost.size()) {
      return fail(ErrorKind::invalid, "it has to look like host:network");
    }
    return graph::Entity{graph::EntityKind::host, value.substr(kHost.size())};
  }
  if (type == "path") {
    auto path = fmri::parse_file_fmri(value);
    if (!path) return path.error();
    return graph::Entity{graph::EntityKind::file, *path};
  }
  const auto parsed = fmri::Fmri::parse(value);
  if (!parsed) return parsed.error();
  if (!parsed->property_group.empty()) return fail(ErrorKind::invalid, "it names a property");
  const auto kind = parsed->is_instance() ? graph::EntityKind::instance : graph::EntityKind::service;
  return graph::Entity{kind, parsed->entity()};
}

Result<graph::Dependency> read_dependency(const PropertyGroup& pg) {
  const auto word = [&](const char* name) -> Result<std::string> {
    if (const auto value = pg.value(name)) return std::string(*value);
    return fail(ErrorKind::invalid, fmt::format("it needs one value of {}", name));
  };
  const auto grouping = word("grouping");
  if (!grouping) return grouping.error();
  const auto restart_on = word("restart_on");
  if (!restart_on) return restart_on.error();
  const auto type = word("type");
  if (!type) return type.error();
  const auto* entities = pg.find("entities");
  if (entities == nullptr) return fail(ErrorKind::invalid, "it needs entities");

  graph::Dependency dependency;
  dependency.name = pg.name;
  const auto known_grouping = graph::grouping(*grouping);
  if (!known_grouping) return fail(ErrorKind::invalid, "unknown grouping " + *grouping);
  const auto known_restart_on = graph::restart_on(*restart_on);
  if (!known_restart_on) return fail(ErrorKind::invalid, "unknown restart_on " + *restart_on);
  if (*type != "service" && *type != "path" && *type != "host") {
    return fail(ErrorKind::invalid, "unknown type " + *type);
  }
  dependency.grouping = *known_grouping;
  dependency.restart_on = *known_restart_on;
  for (const auto& value : entities->values) {
    auto entity = read_entity(*type, value);
    if (!entity) return in("entity " + value, entity.error());
    dependency.entities.push_back(std::move(*entity));
  }
  return dependency;
}

// What is known of a VM before its method has claimed the instance: at boot nobody has claimed anything yet.
void read_vm(const repository::Levels& running, const Groups& groups, const std::string& fmri,
             InstanceConfig& config) {
  const std::string exec = config.start.exec.value_or("");
  config.starts_vm = group(groups, "vm") != nullptr ||
                     exec.find("vmkeep method start") != std::string::npos ||
                     exec.find("vbox.sh") != std::string::npos;
  if (!config.starts_vm) return;
  const auto vm = vm::VmConfig::read(running, fmri.substr(fmri.rfind(':') + 1));
  config.saves = vm && vm->stop_method == vm::StopMethod::savestate;
}

std::optional<bool> flag(const Groups& own, std::string_view name) {
  const auto* pg = group(own, name);
  if (pg == nullptr) return std::nullopt;
  const auto value = pg->value("enabled");
  if (!value) return std::nullopt;
  return *value == "true";
}

}  // namespace

InstanceConfig read_config(const repository::Levels& running, const std::string& fmri) {
  InstanceConfig config;
  const Groups groups = running.composed();
  if (const auto* startd = group(groups, "startd")) read_startd(*startd, config);
  config.start = read_method(groups, "start");
  config.stop = read_method(groups, "stop");
  config.refresh = read_method(groups, "refresh");
  read_vm(running, groups, fmri, config);
  if (const auto* start = group(groups, "start")) {
    const auto on = start->value("restart_on").value_or("all");
    config.ignore_empty = on == "external_fault" || on == "any_fault";
    config.ignore_core = config.ignore_core || on == "external_fault";
  }
  for (const auto& [name, pg] : groups) {
    if (pg->type != "dependency") continue;
    auto dependency = read_dependency(*pg);
    if (dependency) {
      config.dependencies.push_back(std::move(*dependency));
    } else if (config.invalid_dependency.empty()) {
      config.invalid_dependency =
          fmt::format("{}: has invalid dependency \"{}\": {}", fmri, name, dependency.error().message);
    }
  }
  return config;
}

void read_restarter(const repository::Levels& current, InstanceConfig& config) {
  config.delegated_to.clear();
  config.invalid_restarter.clear();
  const std::string name(current.value("general", "restarter").value_or(""));
  if (name.empty()) return;
  const auto parsed = fmri::Fmri::parse(name);
  if (!parsed || !parsed->is_instance() || !parsed->property_group.empty()) {
    config.invalid_restarter = name;
  } else if (parsed->entity() != kMasterRestarter) {
    config.delegated_to = parsed->entity();
  }
}

// Of the instance only: a service is not enabled.
std::optional<bool> read_enabled(const repository::Levels& current) {
  if (const auto temporary = flag(current.own, "general_ovr")) return temporary;
  return flag(current.own, "general");
}

namespace {

// Of what tells most of them apart; operator== has the last word.
size_t rough_hash(const InstanceConfig& config) {
  size_t hash = 0;
  const auto mix = [&hash](const std::string& text) { hash = hash * 31 + std::hash<std::string>()(text); };
  for (const auto* method : {&config.start, &config.stop}) mix(method->exec.value_or(""));
  for (const auto& dependency : config.dependencies) {
    for (const auto& entity : dependency.entities) mix(entity.name);
  }
  return hash;
}

}  // namespace

const ConfigPtr& ConfigPool::none() {
  static const ConfigPtr kNone = std::make_shared<const InstanceConfig>();
  return kNone;
}

ConfigPtr ConfigPool::share(const InstanceConfig& config) {
  const size_t hash = rough_hash(config);
  const auto [begin, end] = known_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (auto same = at->second.lock(); same != nullptr && *same == config) return same;
  }
  if (known_.size() >= sweep_at_) {
    std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = 2 * known_.size() + 64;
  }
  auto made = std::make_shared<const InstanceConfig>(config);
  known_.emplace(hash, made);
  return made;
}

}  // namespace vmkeep::restarter
