#include "graph/milestone.h"

#include <array>

namespace vmkeep::graph {
namespace {

constexpr std::array<std::string_view, 3> kMajor{"single-user", "multi-user", "multi-user-server"};

// Whether `name` is the whole FMRI, or what follows a separator in it, with or without the instance.
bool names(std::string_view name, const std::string& fmri) {
  constexpr std::string_view kDefault = ":default";
  const std::string_view whole = fmri;
  for (const auto text : {whole, whole.substr(0, whole.size() - kDefault.size())}) {
    if (!text.ends_with(name)) continue;
    const size_t before = text.size() - name.size();
    if (before == 0 || text[before - 1] == '/' || text[before - 1] == ':') return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> major_milestone(std::string_view name) {
  if (name == "all" || name == "none") return std::string(name);
  if (name.empty() || name == "default") return std::nullopt;
  for (const auto major : kMajor) {
    std::string fmri = "svc:/milestone/" + std::string(major) + ":default";
    if (names(name, fmri)) return fmri;
  }
  return std::nullopt;
}

std::set<std::string> closure(const Graph& graph, const std::string& milestone,
                              const std::map<std::string, Flags>& flags) {
  return closure(graph, milestone, [&flags](const std::string& instance) {
    const auto entry = flags.find(instance);
    return entry != flags.end() && entry->second.enabled;
  });
}

std::set<std::string> closure(const Graph& graph, const std::string& milestone,
                              const std::function<bool(const std::string&)>& enabled) {
  std::set<std::string> found{milestone};
  std::vector<std::string> open{milestone};
  while (!open.empty()) {
    const std::string instance = std::move(open.back());
    open.pop_back();
    for (const auto& dependency : graph.dependencies(instance)) {
      if (dependency.grouping == Grouping::exclude_all) continue;
      const bool optional = dependency.grouping == Grouping::optional_all;
      for (const auto& entity : dependency.entities) {
        std::vector<std::string> members;
        if (entity.kind == EntityKind::instance) members = {entity.name};
        if (entity.kind == EntityKind::service) members = graph.instances_of(entity.name);
        for (auto& member : members) {
          if (optional && !enabled(member)) continue;
          if (found.insert(member).second) open.push_back(std::move(member));
        }
      }
    }
  }
  return found;
}

MilestoneChange reach(const Graph& graph, const std::string& milestone,
                      const std::map<std::string, Flags>& flags) {
  MilestoneChange change;
  std::set<std::string> kept;
  if (milestone == "none") {
    kept = {};
  } else if (milestone != "all") {
    kept = closure(graph, milestone, flags);
  }
  for (const auto& [instance, flag] : flags) {
    if (milestone == "all" || kept.contains(instance)) {
      if (flag.temporary) change.lift.push_back(instance);
    } else if (flag.effective() && instance != kMasterRestarter) {
      change.disable.push_back(instance);
    }
  }
  return change;
}

}  // namespace vmkeep::graph
