#include "daemon/milestone.h"

#include <fmt/format.h>

#include "graph/milestone.h"
#include "restarter/config.h"

namespace vmkeep::daemon {
namespace {

using repository::ChangeSet;
using repository::Property;
using repository::SetProperty;
using repository::ValueType;
using FlagsOf = std::map<std::string, graph::Flags>;

constexpr const char* kService = "system/svc/restarter";
constexpr const char* kBootGroup = "options";
constexpr const char* kOverrideGroup = "options_ovr";
constexpr const char* kMarkGroup = "vmkeep-milestone";

fmri::Fmri service() {
  return {kService, {}, {}, {}};
}

// Of all instances that are configured; with `graph`, what each depends on is entered there.
Result<FlagsOf> read_flags(Core& core, graph::Graph* graph) {
  auto entries = core.store->entries();
  if (!entries) return entries.error();
  FlagsOf flags;
  for (const auto& entry : *entries) {
    for (const auto& instance : entry.instances) {
      const fmri::Fmri name{entry.service, instance, {}, {}};
      const auto current = core.store->read(name);
      if (!current || !restarter::read_enabled(*current)) continue;
      const repository::Levels own{current->own, {}};
      graph::Flags& flag = flags[name.str()];
      flag.enabled = own.value("general", "enabled") == "true";
      if (const auto value = own.value("general_ovr", "enabled")) flag.temporary = *value == "true";
      const auto running = graph != nullptr ? core.store->read_running(name) : current;
      if (graph == nullptr || !running) continue;
      graph->set_node(name.str(), {true, flag.effective(), graph::State::uninitialized, false, false});
      graph->set_dependencies(name.str(), restarter::read_config(*running, name.str()).dependencies);
    }
  }
  return flags;
}

void add_changes(const graph::MilestoneChange& change, ChangeSet& changes) {
  const auto set = [&changes](const std::string& name, std::optional<Property> value) {
    if (const auto instance = fmri::Fmri::parse(name)) {
      changes.emplace_back(
          SetProperty{*instance, "general_ovr", "framework", false, "enabled", std::move(value)});
    }
  };
  for (const auto& name : change.disable) set(name, Property{ValueType::boolean, {"false"}});
  for (const auto& name : change.lift) set(name, std::nullopt);
}

}  // namespace

ChangeSet milestone_setting(const std::string& milestone, bool boot) {
  const Property value{ValueType::astring, {milestone}};
  if (!boot) return {SetProperty{service(), kOverrideGroup, "framework", false, "milestone", value}};
  return {SetProperty{service(), kBootGroup, "framework", true, "milestone", value},
          SetProperty{service(), kOverrideGroup, "framework", false, "milestone", std::nullopt}};
}

void answer_milestone(Core& core, Instances& instances, const control::Call& call) {
  const auto name = control::string_member(call.parameters, "name");
  if (!name) return call.fail(name.error());
  const auto milestone = graph::major_milestone(*name);
  if (!milestone) {
    return call.fail(
        fail(ErrorKind::invalid, fmt::format("{} is not a valid major milestone.", fmri::quote(*name))));
  }
  const auto flags = read_flags(core, nullptr);
  if (!flags) return call.fail(flags.error());
  const auto change = graph::reach(core.restarter.graph(), *milestone, *flags);
  auto changes = milestone_setting(*milestone, control::bool_member(call.parameters, "boot", false));
  add_changes(change, changes);
  if (auto done = core.store->commit(changes); !done) return call.fail(done.error());
  core.logs.notice(fmt::format("milestone {}: {} instances are temporarily disabled, {} are as they were set",
                               *milestone, change.disable.size(), change.lift.size()));
  core.events.push(restarter::MilestoneSet{*milestone});
  instances.follow(changes);
  call.reply({});
}

std::string milestone_in_force(Core& core) {
  const auto options = core.store->read(service());
  if (!options) return "all";
  auto wanted = options->value(kOverrideGroup, "milestone");
  if (!wanted) wanted = options->value(kBootGroup, "milestone");
  return graph::major_milestone(wanted.value_or("all")).value_or("all");
}

Result<> begin_at_milestone(Core& core) {
  const auto options = core.store->read(service());
  if (!options) return options.error();
  if (options->value(kMarkGroup, "begun") == "true") return {};  // an earlier daemon of this boot did
  ChangeSet changes{SetProperty{service(), kMarkGroup, "framework", false, "begun",
                                Property{ValueType::boolean, {"true"}}}};
  if (const auto wanted = options->value(kBootGroup, "milestone")) {
    const auto milestone = graph::major_milestone(*wanted);
    if (!milestone) {
      core.logs.notice(fmt::format("options/milestone of svc:/{} is no major milestone: {}", kService,
                                   fmri::quote(*wanted)));
    } else if (*milestone != "all") {
      graph::Graph graph;
      const auto flags = read_flags(core, &graph);
      if (!flags) return flags.error();
      add_changes(graph::reach(graph, *milestone, *flags), changes);
      core.logs.notice("the host comes up to the milestone " + *milestone);
    }
  }
  return core.store->commit(changes);
}

}  // namespace vmkeep::daemon
