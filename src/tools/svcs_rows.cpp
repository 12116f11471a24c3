// Which instances a list of svcs is about.
#include <algorithm>
#include <map>
#include <set>

#include "tools/operands.h"
#include "tools/svcs.h"

namespace vmkeep::tools {

using control::InstanceMessage;

Rows rows_of(const std::vector<std::string>& names, const World& world) {
  std::map<std::string, const InstanceMessage*> by_name;
  for (const InstanceMessage& instance : world.instances) by_name[instance.fmri] = &instance;
  Rows rows;
  for (const std::string& name : names) {
    if (const auto found = by_name.find(name); found != by_name.end()) rows.push_back(found->second);
  }
  return rows;
}

namespace {

Rows everything(const World& world) {
  Rows rows;
  for (const InstanceMessage& instance : world.instances) rows.push_back(&instance);
  return rows;
}

bool is_restarter(const std::string& text) {
  const auto restarter = fmri::Fmri::parse(text);
  return restarter && restarter->is_instance();
}

bool has_wanted_restarter(const SvcsRequest& request, const InstanceMessage& instance) {
  const auto& wanted = request.restarters;
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&instance](const std::string& text) {
           const auto restarter = fmri::Fmri::parse(text);
           return restarter && restarter->is_instance() && restarter->entity() == instance.restarter;
         });
}

// Without operands and -a only what somebody wants to run, for good or until the next boot.
bool is_enabled_enough(const SvcsRequest& request, const InstanceMessage& instance) {
  return !request.operands.empty() || request.all || !request.restarters.empty() ||
         instance.enabled_permanent.value_or(false) || instance.enabled_temporary.value_or(false);
}

}  // namespace

bool is_listed(const SvcsRequest& request, const InstanceMessage& instance) {
  if (!has_wanted_restarter(request, instance) || !is_enabled_enough(request, instance)) return false;
  const auto name = fmri::Fmri::parse(instance.fmri);
  if (request.operands.empty() || !name) return request.operands.empty();
  const std::vector<fmri::Entry> alone{{name->service, {name->instance}}};
  return std::any_of(request.operands.begin(), request.operands.end(), [&alone](const std::string& operand) {
    return !fmri::resolve(operand, alone, fmri::Want::instances).found.empty();
  });
}

Rows plain_rows(const SvcsRequest& request, const World& world, Output& output) {
  Rows rows = request.operands.empty()
                  ? everything(world)
                  : rows_of(select_instances(request.operands, world.entries(), output, true), world);
  for (const std::string& text : request.restarters) {
    if (!is_restarter(text)) output.warn("Restarter FMRI \"" + text + "\" is invalid.");
  }
  std::erase_if(rows, [&request](const InstanceMessage* instance) {
    return !has_wanted_restarter(request, *instance) || !is_enabled_enough(request, *instance);
  });
  return rows;
}

Rows dependency_rows(const SvcsRequest& request, const World& world, Output& output) {
  std::set<std::string> names;
  const Rows from = request.operands.empty()
                        ? everything(world)
                        : rows_of(select_instances(request.operands, world.entries(), output, true), world);
  for (const InstanceMessage* instance : from) {
    for (const graph::Dependency& dependency : dependencies_of(*instance)) {
      if (dependency.grouping == graph::Grouping::exclude_all) continue;
      for (const graph::Entity& entity : dependency.entities) {
        if (entity.kind == graph::EntityKind::instance) names.insert(entity.name);
        if (entity.kind != graph::EntityKind::service) continue;
        for (const InstanceMessage* member : world.instances_of(entity.name)) names.insert(member->fmri);
      }
    }
  }
  return rows_of({names.begin(), names.end()}, world);
}

Rows dependent_rows(const SvcsRequest& request, const World& world, Output& output) {
  std::set<std::string> providers;
  for (const std::string& operand : request.operands) {
    if (is_refused(operand, output)) continue;
    const fmri::Match match = fmri::resolve(operand, world.entries(), fmri::Want::services_or_instances);
    if (match.found.empty()) output.warn("Pattern '" + operand + "' doesn't match any instances or services");
    for (const fmri::Fmri& found : match.found) {
      providers.insert(found.entity());
      // Who depends on a service depends on each of its instances, and a service is asked for with its
      // instances.
      if (found.is_instance()) {
        providers.insert(found.service_fmri().entity());
      } else {
        for (const InstanceMessage* member : world.instances_of(found.entity()))
          providers.insert(member->fmri);
      }
    }
  }
  Rows rows;
  for (const InstanceMessage& instance : world.instances) {
    const auto dependencies = dependencies_of(instance);
    const bool depends =
        std::any_of(dependencies.begin(), dependencies.end(), [&](const graph::Dependency& one) {
          return one.grouping != graph::Grouping::exclude_all &&
                 std::any_of(one.entities.begin(), one.entities.end(), [&](const graph::Entity& entity) {
                   return request.operands.empty() ? entity.name.starts_with("svc:")
                                                   : providers.contains(entity.name);
                 });
        });
    if (depends) rows.push_back(&instance);
  }
  return rows;
}

}  // namespace vmkeep::tools
