// What a plan is made from: the instances as they are, their dependencies, and what they took before.
#include <algorithm>

#include "restarter/instance.h"

namespace vmkeep::restarter {

using graph::State;

namespace {

using namespace std::chrono_literals;

// Where nothing was measured on this host: orders of magnitude, so that a budget is not spent on the first.
constexpr Instant kVmStart = 3s;
constexpr Instant kVmSave = 20s;
constexpr Instant kVmStop = 15s;
constexpr Instant kOther = 1s;

bool runs_nothing(const MethodConfig& method) {
  return !method.present || !method.exec || method.exec->find_first_not_of(' ') == std::string::npos ||
         method.exec->starts_with(":true");
}

// Of those of one kind that were measured, the middle one stands for those that were not.
void improve_guesses(std::vector<PlanItem>& items) {
  std::map<std::string, std::vector<Instant>> known;
  for (const auto& item : items) {
    if (item.takes && item.paced) known[item.what].push_back(*item.takes);
  }
  for (auto& [what, times] : known) std::sort(times.begin(), times.end());
  for (auto& item : items) {
    const auto found = known.find(item.what);
    if (item.paced && found != known.end()) item.guess = found->second[found->second.size() / 2];
  }
}

}  // namespace

std::vector<PlanItem> Restarter::Data::start_items(const Measurements& measured) const {
  std::vector<PlanItem> items;
  for (const auto& [fmri, i] : instances) {
    if (!i.configured || i.removed || !i.view.enabled || i.view.state == State::maintenance) continue;
    if (i.delegated()) continue;
    if (graph.satisfaction(fmri, true) == graph::Satisfaction::unsatisfiable) continue;
    const bool vm = i.view.vm_instance || i.config->starts_vm;
    PlanItem item;
    item.fmri = fmri;
    item.what = "nothing";
    if (!runs_nothing(i.config->start)) {
      item.what = "start";
      item.guess = vm ? kVmStart : kOther;
      item.paced = vm;
      if (const auto found = measured.find(fmri); found != measured.end()) item.takes = found->second.start;
    }
    for (const auto& dependency : i.config->dependencies) {
      if (dependency.grouping == graph::Grouping::exclude_all) continue;
      PlanItem::Wait either{true, {}};
      for (const auto& entity : dependency.entities) {
        std::vector<std::string> members;
        if (entity.kind == graph::EntityKind::instance) members = {entity.name};
        if (entity.kind == graph::EntityKind::service) members = graph.instances_of(entity.name);
        if (dependency.grouping == graph::Grouping::require_any) {
          either.whom.insert(either.whom.end(), members.begin(), members.end());
        } else {
          item.waits.push_back({true, std::move(members)});  // of a service one instance is enough
        }
      }
      if (!either.whom.empty()) item.waits.push_back(std::move(either));
    }
    items.push_back(std::move(item));
  }
  improve_guesses(items);
  return items;
}

std::vector<PlanItem> Restarter::Data::stop_items(const Measurements& measured) const {
  std::vector<PlanItem> items;
  for (const auto& [fmri, i] : instances) {
    if (!i.up() && !i.busy()) continue;
    const bool vm = i.view.vm_instance || i.config->starts_vm;
    PlanItem item;
    item.fmri = fmri;
    item.what = "nothing";
    if (!runs_nothing(i.config->stop)) {
      const bool saves = vm && i.config->saves;
      item.what = saves ? "save" : "stop";
      item.paced = saves;
      item.guess = kOther;
      if (vm) item.guess = saves ? kVmSave : kVmStop;
      if (const auto found = measured.find(fmri); found != measured.end()) item.takes = found->second.stop;
    }
    PlanItem::Wait above;
    for (const auto& dependent : graph.dependents(fmri)) {
      if (dependent.dependency->grouping == graph::Grouping::exclude_all || dependent.instance == fmri)
        continue;
      above.whom.emplace_back(dependent.instance);
    }
    if (!above.whom.empty()) item.waits.push_back(std::move(above));
    items.push_back(std::move(item));
  }
  improve_guesses(items);
  return items;
}

}  // namespace vmkeep::restarter
