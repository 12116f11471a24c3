// Services and instances: list, select, unselect, add, delete, refresh.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "tools/svccfg/commands.h"

namespace vmkeep::svccfg {
namespace {

constexpr char kProperties[] = ":properties";

// The entry of a service; nothing: it is not there, or it was said why it cannot be read.
std::optional<fmri::Entry> find_service(Session& session, const std::string& service, bool& failed) {
  failed = true;
  repository::Repository* const repository = session.repository();
  if (repository == nullptr) return std::nullopt;
  auto entries = repository->entries();
  if (!entries) {
    session.fail(entries.error());
    return std::nullopt;
  }
  failed = false;
  for (fmri::Entry& entry : *entries) {
    if (entry.service == service) return std::move(entry);
  }
  return std::nullopt;
}

// The dependency groups that the dependents of an entity put on others go with it.
Outcome delete_dependents(Session& session, const fmri::Fmri& entity, repository::ChangeSet& changes) {
  auto levels = session.repository()->read(entity);
  if (!levels) return session.fail(levels.error());
  const auto dependents = levels->own.find("dependents");
  if (dependents == levels->own.end()) return Outcome::ok;
  for (const auto& [name, property] : dependents->second->properties) {
    if (property.values.empty()) continue;
    const auto target = fmri::Fmri::parse(property.values.front());
    if (!target) continue;
    auto there = session.repository()->read(*target);
    if (!there) continue;  // it is gone already
    const auto group = there->own.find(name);
    if (group == there->own.end() || group->second->value("entities") != entity.str()) continue;
    changes.push_back(repository::DeleteGroup{*target, name, group->second->generation});
  }
  return Outcome::ok;
}

Outcome refuse_running(Session& session, const fmri::Fmri& instance) {
  const auto running = session.backend()->may_be_running(instance);
  if (!running) return session.fail(running.error());
  if (!*running) return Outcome::ok;
  return session.fail(
      fmt::format("Instance {} may be running.  Use delete -f if it is not.", instance.str()));
}

}  // namespace

Outcome run_list(Session& session, const Arguments& arguments) {
  std::vector<std::string> globs;
  if (!words(arguments, 0, 1, globs)) return Outcome::usage;
  const std::string glob = globs.empty() ? "" : globs.front();
  repository::Repository* const repository = session.repository();
  if (repository == nullptr) return Outcome::failed;
  if (session.entity_selected() && session.levels() == nullptr) return Outcome::failed;
  auto entries = repository->entries();
  if (!entries) return session.fail(entries.error());
  if (session.entity_selected() && glob_matches(glob, kProperties)) session.out() << kProperties << '\n';
  for (const fmri::Entry& entry : *entries) {
    if (!session.entity_selected()) {
      if (glob_matches(glob, entry.service)) session.out() << entry.service << '\n';
    } else if (!session.selection().is_instance() && entry.service == session.selection().service) {
      for (const std::string& name : entry.instances) {
        if (glob_matches(glob, name)) session.out() << name << '\n';
      }
    }
  }
  return Outcome::ok;
}

Outcome run_select(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  if (!words(arguments, 1, 1, operands)) return Outcome::usage;
  fmri::Fmri entity;
  if (!session.resolve(operands.front(), entity)) return Outcome::failed;
  session.select(std::move(entity));
  return Outcome::ok;
}

Outcome run_unselect(Session& session, const Arguments& arguments) {
  if (!arguments.empty()) return Outcome::usage;
  if (!session.entity_selected()) return session.fail("Cannot unselect at scope level.");
  session.select(session.selection().is_instance() ? session.selection().service_fmri() : fmri::Fmri{});
  return Outcome::ok;
}

Outcome run_add(Session& session, const Arguments& arguments) {
  std::vector<std::string> names;
  if (!words(arguments, 1, 1, names)) return Outcome::usage;
  const std::string& name = names.front();
  const fmri::Fmri& parent = session.selection();
  if (parent.is_instance()) return session.fail("Cannot add entities to an instance.");
  if (session.entity_selected()) {
    if (!fmri::valid_name(name)) return session.fail(fmt::format("Invalid instance name \"{}\".", name));
    if (session.levels() == nullptr) return Outcome::failed;
    return session.commit({repository::AddInstance{parent.service, name}});
  }
  const auto parsed = fmri::Fmri::parse("svc:/" + name);
  if (!parsed || parsed->service != name)
    return session.fail(fmt::format("Invalid service name \"{}\".", name));
  return session.commit({repository::AddService{name}});
}

Outcome run_delete(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  std::string options;
  if (!words(arguments, 1, 2, operands) || !take_options(operands, "f", options) || operands.size() != 1) {
    return Outcome::usage;
  }
  fmri::Fmri entity;
  if (!session.resolve(operands.front(), entity)) return Outcome::failed;
  std::vector<fmri::Fmri> doomed;
  if (!entity.is_instance()) {
    bool failed = false;
    const auto entry = find_service(session, entity.service, failed);
    if (failed) return Outcome::failed;
    if (entry) {
      for (const std::string& name : entry->instances) doomed.push_back({entity.service, name, {}, {}});
    }
  }
  doomed.push_back(entity);
  repository::ChangeSet changes;
  for (const fmri::Fmri& each : doomed) {
    if (each.is_instance() && options.empty()) {
      if (const Outcome outcome = refuse_running(session, each); outcome != Outcome::ok) return outcome;
    }
    if (const Outcome outcome = delete_dependents(session, each, changes); outcome != Outcome::ok)
      return outcome;
  }
  // A dependency on something that goes too needs no deletion of its own.
  std::erase_if(changes, [&](const repository::Change& change) {
    const auto& group = std::get<repository::DeleteGroup>(change);
    return std::find(doomed.begin(), doomed.end(), group.entity) != doomed.end();
  });
  for (const fmri::Fmri& each : doomed) changes.push_back(repository::DeleteEntity{each});
  return session.commit(changes);
}

Outcome run_refresh(Session& session, const Arguments& arguments) {
  if (!arguments.empty()) return Outcome::usage;
  if (session.levels() == nullptr) return Outcome::failed;
  std::vector<fmri::Fmri> instances;
  if (session.selection().is_instance()) {
    instances.push_back(session.selection());
  } else {
    bool failed = false;
    const auto entry = find_service(session, session.selection().service, failed);
    if (failed) return Outcome::failed;
    if (entry) {
      for (const std::string& name : entry->instances) instances.push_back({entry->service, name, {}, {}});
    }
  }
  for (const fmri::Fmri& each : instances) {
    if (auto done = session.backend()->refresh(each); !done) return session.fail(done.error());
  }
  return Outcome::ok;
}

}  // namespace vmkeep::svccfg
