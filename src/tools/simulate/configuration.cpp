#include "tools/simulate/configuration.h"

#include <algorithm>
#include <set>

#include "manifest/manifest.h"
#include "restarter/config.h"

namespace vmkeep::simulate {
namespace {

using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

const char* group_type(const std::string& name) {
  if (name == "start" || name == "stop" || name == "refresh") return "method";
  return name == "startd" || name == "general" || name == "method_context" ? "framework" : "application";
}

// The restarter's own reader insists on these; that of vm/* takes any.
ValueType value_type(const std::string& property) {
  if (property == "timeout_seconds") return ValueType::count;
  if (property.starts_with("critical_failure_")) return ValueType::integer;
  return ValueType::astring;
}

PropertyGroup make_group(const std::string& name) {
  PropertyGroup group;
  group.name = name;
  group.type = group_type(name);
  return group;
}

void add_method(Groups& groups, const std::string& name, const std::string& exec, const char* seconds) {
  if (groups.count(name) != 0) return;
  PropertyGroup group = make_group(name);
  group.properties["type"] = {ValueType::astring, {"method"}};
  group.properties["exec"] = {ValueType::astring, {exec}};
  group.properties["timeout_seconds"] = {ValueType::count, {seconds}};
  groups.emplace(name, std::move(group));
}

repository::Groups shared(const Groups& groups) {
  repository::Groups result;
  for (const auto& [name, group] : groups) {
    result.emplace(name, std::make_shared<const PropertyGroup>(group));
  }
  return result;
}

Groups copied(const repository::Groups& groups) {
  Groups result;
  for (const auto& [name, group] : groups) {
    if (group->persistent) result.emplace(name, *group);
  }
  return result;
}

void take_over(Groups& into, const Groups& from) {
  for (const auto& [name, group] : from) into.insert_or_assign(name, group);
}

}  // namespace

repository::Levels Configuration::levels(const fmri::Fmri& instance) const {
  repository::Levels result;
  if (const auto own = instances.find(instance); own != instances.end()) {
    result.own = shared(own->second.groups);
  }
  if (const auto service = services.find(instance.service); service != services.end()) {
    result.service = shared(service->second);
  }
  return result;
}

std::vector<fmri::Entry> Configuration::entries() const {
  std::map<std::string, fmri::Entry> all;
  for (const auto& [service, groups] : services) all[service].service = service;
  for (const auto& [instance, setup] : instances) {
    all[instance.service].service = instance.service;
    all[instance.service].instances.push_back(instance.instance);
  }
  std::vector<fmri::Entry> result;
  result.reserve(all.size());
  for (auto& [name, entry] : all) result.push_back(std::move(entry));
  return result;
}

Result<fmri::Fmri> Configuration::find(const std::string& word) const {
  // The whole name of one instance means that one, whatever else it is a part of.
  std::vector<fmri::Fmri> named;
  for (const auto& [instance, setup] : instances) {
    if (instance.instance == word) named.push_back(instance);
  }
  if (named.size() == 1) return named[0];
  const auto match = fmri::resolve(word, entries(), fmri::Want::instances);
  if (match.found.size() == 1) return match.found[0];
  return fail(match.found.empty() ? ErrorKind::not_found : ErrorKind::invalid,
              (match.found.empty() ? "no instance is called " : "more than one instance is called ") +
                  fmri::quote(word));
}

Groups& Configuration::groups(const fmri::Fmri& entity) {
  return entity.is_instance() ? instances[entity].groups : services[entity.service];
}

Result<> Configuration::set(const fmri::Fmri& entity, const std::string& property,
                            std::vector<std::string> values) {
  const auto slash = property.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == property.size()) {
    return fail(ErrorKind::invalid, fmri::quote(property) + " is no GROUP/PROPERTY");
  }
  const std::string group = property.substr(0, slash);
  const std::string name = property.substr(slash + 1);
  auto& all = groups(entity);
  auto& where = all.try_emplace(group, make_group(group)).first->second;
  where.properties[name] = Property{value_type(name), std::move(values)};
  return {};
}

void Configuration::complete(const fmri::Fmri& instance) {
  const bool vm = is_vm(levels(instance)) || instance.service == "site/xvm/vbox";
  auto& own = instances[instance].groups;
  const auto inherited = services.find(instance.service);
  const auto missing = [&](const char* name) {
    return inherited == services.end() || inherited->second.count(name) == 0;
  };
  if (missing("start")) add_method(own, "start", vm ? "/usr/bin/vmkeep method start" : "start", "60");
  if (missing("stop")) add_method(own, "stop", vm ? "/usr/bin/vmkeep method stop" : "stop", "120");
}

std::vector<std::string> Configuration::assume_missing(const std::vector<std::string>& absent) {
  std::set<fmri::Fmri> wanted;
  for (const auto& [instance, setup] : instances) {
    for (const auto& dependency : restarter::read_config(levels(instance), instance.str()).dependencies) {
      using enum graph::Grouping;
      if (dependency.grouping != require_all && dependency.grouping != require_any) continue;
      for (const auto& entity : dependency.entities) {
        const auto name = fmri::Fmri::parse(entity.name);
        if (!name || std::count(absent.begin(), absent.end(), entity.name) > 0) continue;
        const bool any = std::any_of(instances.begin(), instances.end(),
                                     [&](const auto& i) { return i.first.service == name->service; });
        if (entity.kind == graph::EntityKind::instance) wanted.insert(*name);
        if (entity.kind == graph::EntityKind::service && !any) {
          wanted.insert({name->service, "default", {}, {}});
        }
      }
    }
  }
  std::vector<std::string> assumed;
  for (const auto& name : wanted) {
    if (instances.count(name) != 0) continue;
    auto& setup = instances[name];
    add_method(setup.groups, "start", ":true", "3");
    add_method(setup.groups, "stop", ":true", "3");
    assumed.push_back(name.str());
  }
  return assumed;
}

Result<> Configuration::add_manifest(const std::string& file) {
  manifest::Bundle bundle;
  const auto problems = manifest::parse_file(file, bundle);
  if (!problems.empty()) return fail(ErrorKind::invalid, problems[0].str());
  const auto dependents = [this](const manifest::EntityDescription& entity) {
    for (const auto& dependent : entity.dependents) {
      if (!dependent.remove) groups(dependent.target).insert_or_assign(dependent.group.name, dependent.group);
    }
  };
  for (const auto& service : bundle.services) {
    take_over(services[service.name], service.groups);
    for (const auto& instance : service.instances) {
      auto& setup = instances[{service.name, instance.name, {}, {}}];
      take_over(setup.groups, instance.groups);
      setup.enabled = instance.enabled;
    }
  }
  for (const auto& service : bundle.services) {
    dependents(service);
    for (const auto& instance : service.instances) dependents(instance);
  }
  return {};
}

Result<> Configuration::add_running(repository::Repository& repository,
                                    const std::vector<std::string>& patterns) {
  auto all = repository.entries();
  if (!all) return all.error();
  Configuration everything;
  for (const auto& entry : *all) {
    for (const auto& name : entry.instances) {
      const fmri::Fmri instance{entry.service, name, {}, {}};
      auto current = repository.read(instance);
      if (!current) return current.error();
      const auto enabled = restarter::read_enabled(*current);
      if (!enabled) continue;  // not configured: no restarter is told of it
      auto running = repository.read_running(instance);
      if (!running) return running.error();
      everything.instances[instance] = {copied(running->own), *enabled};
      everything.services.try_emplace(entry.service, copied(running->service));
    }
  }
  std::vector<fmri::Fmri> wanted;
  for (const auto& found : everything.instances) {
    const fmri::Fmri& instance = found.first;
    const bool matches = std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
      return fmri::pattern_matches(pattern, instance.str());
    });
    if (patterns.empty() || matches) wanted.push_back(instance);
  }
  if (wanted.empty()) return fail(ErrorKind::not_found, "vmkeepd has no such instance");
  if (auto restarter = repository.read(fmri::Fmri{kRestarterService, {}, {}, {}})) {
    if (const auto pace = restarter->own.find("pace"); pace != restarter->own.end()) {
      services[kRestarterService].insert_or_assign("pace", *pace->second);
    }
  }
  while (!wanted.empty()) {
    const fmri::Fmri instance = wanted.back();
    wanted.pop_back();
    const auto found = everything.instances.find(instance);
    if (found == everything.instances.end() || instances.count(instance) != 0) continue;
    instances[instance] = found->second;
    services.insert_or_assign(instance.service, everything.services[instance.service]);
    const auto config = restarter::read_config(everything.levels(instance), instance.str());
    for (const auto& dependency : config.dependencies) {
      for (const auto& entity : dependency.entities) {
        const auto name = fmri::Fmri::parse(entity.name);
        for (const auto& [other, setup] : everything.instances) {
          if (name && (other == *name || (!name->is_instance() && other.service == name->service))) {
            wanted.push_back(other);
          }
        }
      }
    }
  }
  return {};
}

bool is_vm(const repository::Levels& levels) {
  if (levels.own.count("vm") != 0 || levels.service.count("vm") != 0) return true;
  const auto exec = levels.value("start", "exec").value_or("");
  return exec.find("vmkeep method") != std::string_view::npos ||
         exec.find("vbox.sh") != std::string_view::npos;
}

}  // namespace vmkeep::simulate
