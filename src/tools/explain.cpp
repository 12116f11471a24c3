#include "tools/explain.h"

#include <algorithm>

#include "tools/time_text.h"

namespace vmkeep::tools {
namespace {

using control::InstanceMessage;
using graph::EntityKind;
using graph::Grouping;
using graph::Satisfaction;
using graph::State;

std::string entity_text(const graph::Entity& entity) {
  if (entity.kind == EntityKind::file) return "file:" + entity.name;
  if (entity.kind == EntityKind::host) return "host:" + entity.name;
  return entity.name;
}

void add_once(std::vector<size_t>& all, size_t one) {
  if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

constexpr size_t kLine = 80;

std::string reasons_text(const Explanation& explanation, const Documentation& documentation, bool verbose) {
  std::string text;
  const auto see = [&](const std::string& what) { text.append("   See: ").append(what).append("\n"); };
  const auto see_code = [&](const std::string& code) {
    if (!documentation.message_base.empty() && !code.empty())
      see(documentation.message_base + "SMF-8000-" + code);
  };
  for (const Explanation::Reason& reason : explanation.reasons) {
    text += "Reason: " + reason.text + "\n";
    see_code(reason.code);
    if (!reason.log.empty()) see(reason.log);
  }
  for (const Explanation::Blocker& blocker : explanation.blockers) {
    const std::string service = "Reason: Service " + blocker.fmri;
    const bool fits = service.size() + 1 + blocker.summary.size() <= kLine;
    text.append(service).append(fits ? " " : "\n        ").append(blocker.summary).append("\n");
    see_code("GE");
    if (!verbose) continue;
    text += "  Path: " + blocker.path.front() + "\n";
    for (size_t hop = 1; hop < blocker.path.size(); ++hop) {
      text.append(6 + 2 + 2 * hop, ' ').append(blocker.path[hop]).append("\n");
    }
  }
  return text;
}

std::string left_running_text(const std::vector<int64_t>& processes) {
  if (processes.empty()) return "";
  std::string all;
  for (const int64_t pid : processes) all += (all.empty() ? "" : ", ") + std::to_string(pid);
  return "    VM: It runs on (process" + std::string(processes.size() > 1 ? "es " : " ") + all +
         "), and nobody watches it.\n";
}

std::string impact_text(const InstanceMessage& instance, const std::vector<std::string>& victims,
                        bool verbose) {
  if (victims.empty()) return is_up(instance) ? "Impact: None.\n" : "Impact: This service is not running.\n";
  std::string text = victims.size() == 1 ? "Impact: 1 dependent service is not running"
                                         : "Impact: " + std::to_string(victims.size()) +
                                               " dependent services are not running";
  if (!verbose) return text + ".  (Use -v for list.)\n";
  text += ":\n";
  for (const std::string& victim : victims) text += "        " + victim + "\n";
  return text;
}

}  // namespace

bool may_be_left_running(const InstanceMessage& instance) {
  const State state = state_of(instance);
  return instance.vm && (state == State::maintenance || state == State::disabled) &&
         next_state_of(instance) == State::none;
}

Documentation documentation_from(const repository::Levels& running) {
  Documentation all;
  const auto text = [](const repository::PropertyGroup& group, const char* name) {
    return std::string(group.value(name).value_or(""));
  };
  for (const auto& [name, group] : running.composed()) {
    if (name.starts_with("tm_man_")) {
      std::string manpath = text(*group, "manpath");
      if (manpath.empty() || manpath == ":default") manpath = "/usr/share/man";
      all.pages.push_back({text(*group, "title"), text(*group, "section"), manpath});
    } else if (name.starts_with("tm_doc_")) {
      all.links.push_back(text(*group, "uri"));
    }
  }
  return all;
}

Explainer::Explainer(const World& world) : world_(world), graph_(world.graph()) {
  troubles_.reserve(world.instances.size());
  for (const InstanceMessage& instance : world.instances) troubles_.push_back(look(instance));
  for (size_t i = 0; i < troubles_.size(); ++i) {
    for (const size_t blocker : troubles_[i].blocked_by) troubles_[blocker].blocks.push_back(i);
  }
  seen_.resize(troubles_.size());
  find_cycles();
}

Explainer::Trouble Explainer::look(const InstanceMessage& instance) {
  Trouble trouble;
  trouble.reasons = state_reasons(instance);
  if (state_of(instance) == State::offline && next_state_of(instance) == State::none &&
      trouble.reasons.empty()) {
    look_at_dependencies(instance, trouble);
    if (trouble.reasons.empty() && trouble.blocked_by.empty())
      trouble.reasons.push_back({"Unknown.", "AR", ""});
  }
  return trouble;
}

void Explainer::look_at_dependencies(const InstanceMessage& instance, Trouble& trouble) {
  if (!instance.dependencies) return;
  for (const control::DependencyMessage& dependency : *instance.dependencies) {
    for (const std::string& text : dependency.entities) {
      if (!entity_from(text))
        complaints_.push_back(instance.fmri + ": has invalid dependency \"" + text + "\".");
    }
  }
  for (const graph::Dependency& dependency : dependencies_of(instance)) {
    if (graph_->satisfaction(dependency) == Satisfaction::satisfied) continue;
    for (const graph::Entity& entity : dependency.entities) {
      if (dependency.grouping == Grouping::exclude_all) {
        look_at_exclusion(entity, trouble);
      } else {
        look_at_entity(entity, dependency.grouping, trouble);
      }
    }
  }
}

std::vector<const InstanceMessage*> Explainer::members_of(const graph::Entity& entity) const {
  if (entity.kind == EntityKind::service) return world_.instances_of(entity.name);
  const InstanceMessage* one = world_.find(entity.name);
  if (one == nullptr) return {};
  return {one};
}

void Explainer::look_at_entity(const graph::Entity& entity, Grouping grouping, Trouble& trouble) const {
  const auto absent = [&] {
    std::string text = "Dependency " + entity_text(entity) + " is absent.";
    const auto fact = entity.kind == EntityKind::host ? world_.facts.find(entity.name) : world_.facts.end();
    if (fact != world_.facts.end() && !fact->second.why.empty()) text += " (" + fact->second.why + ")";
    trouble.reasons.push_back({std::move(text), "E2", ""});
  };
  if (entity.kind == EntityKind::file || entity.kind == EntityKind::host) {
    if (graph_->satisfaction(entity) != Satisfaction::satisfied) absent();
    return;
  }
  auto members = members_of(entity);
  std::erase_if(members, [](const InstanceMessage* member) { return !member->configured; });
  if (grouping == Grouping::optional_all) {
    // It only waits for those that may still come.
    std::erase_if(members, [](const InstanceMessage* member) {
      return state_of(*member) != State::offline && state_of(*member) != State::uninitialized;
    });
  } else if (members.empty()) {
    return absent();
  } else if (std::any_of(members.begin(), members.end(), [](const auto* member) { return is_up(*member); })) {
    return;
  }
  for (const InstanceMessage* member : members) {
    if (!is_up(*member)) add_once(trouble.blocked_by, world_.place(*member));
  }
}

void Explainer::look_at_exclusion(const graph::Entity& entity, Trouble& trouble) const {
  if (entity.kind == EntityKind::file || entity.kind == EntityKind::host) {
    const bool there = entity.kind == EntityKind::host
                           ? world_.facts.contains(entity.name) && world_.facts.at(entity.name).holds
                           : world_.files.contains(entity.name) && world_.files.at(entity.name);
    if (there) trouble.reasons.push_back({"Dependency " + entity_text(entity) + " is present.", "FJ", ""});
    return;
  }
  for (const InstanceMessage* other : members_of(entity)) {
    const State state = state_of(*other);
    if (!other->configured || state == State::disabled || state == State::maintenance) continue;
    if (is_up(*other)) {
      trouble.reasons.push_back({"Service " + other->fmri + " is running.", "FJ", ""});
    } else {
      add_once(trouble.blocked_by, world_.place(*other));
    }
  }
}

std::string Explainer::explain(const std::string& fmri, const Documentation& documentation, bool verbose,
                               bool zone, const std::vector<int64_t>& left_running) const {
  const InstanceMessage* instance = world_.find(fmri);
  if (instance == nullptr) return fmri + "\n";
  std::string text = fmri + " (" + instance->name.value_or("?") + ")\n";
  if (zone) text += "  Zone: global\n";
  text += " State: " + instance->state;
  if (instance->state_time != 0)
    text += " since " + long_time(static_cast<std::time_t>(instance->state_time));
  const Explanation explanation = facts(fmri);
  text += "\n" + reasons_text(explanation, documentation, verbose);
  if (instance->comment) text += "Comment: " + *instance->comment + "\n";
  for (const Documentation::Page& page : documentation.pages) {
    text += verbose ? "   See: man -M " + page.manpath + " -s " + page.section + " " + page.title + "\n"
                    : "   See: " + page.title + "(" + page.section + ")\n";
  }
  for (const std::string& link : documentation.links) text += "   See: " + link + "\n";
  if (!instance->log.empty()) text += "   See: " + instance->log + "\n";
  if (instance->dossier) text += "   See: " + *instance->dossier + "/summary.txt\n";
  return text + left_running_text(left_running) + impact_text(*instance, explanation.victims, verbose);
}

}  // namespace vmkeep::tools
