// Services and instances: list, select, unselect, add, delete, refresh.
#include <fmt/format.h>

#include <boost/json/value.hpp>

#include "tools/json_text.h"
#include "tools/svccfg/commands.h"
#include "tools/svccfg/deletion.h"

namespace vmkeep::svccfg {
namespace {

constexpr char kProperties[] = ":properties";

Outcome refuse_running(Session& session, const fmri::Fmri& instance) {
  const auto running = session.backend()->may_be_running(instance);
  if (!running) return session.fail(running.error());
  if (!*running) return Outcome::ok;
  return session.fail(
      fmt::format("Instance {} may be running.  Use delete -f if it is not.", instance.str()));
}

// What an operand of delete names.  A plain name that nothing has is told as that of a child.
bool find_doomed(Session& session, const std::string& operand, fmri::Fmri& entity) {
  if (session.entity_selected() && fmri::valid_name(operand) && session.repository() != nullptr) {
    const auto entries = session.repository()->entries();
    if (entries && session.matches(operand, *entries).empty()) {
      session.fail(session.selection().is_instance() ? "No children." : "No such child.");
      return false;
    }
  }
  return session.resolve(operand, entity);
}

}  // namespace

Outcome run_list(Session& session, const Arguments& arguments) {
  std::vector<std::string> globs;
  if (!words(arguments, 0, 2, globs)) return Outcome::usage;
  const bool as_json = take_json(globs);
  if (globs.size() > 1) return Outcome::usage;
  const std::string glob = globs.empty() ? "" : globs.front();
  repository::Repository* const repository = session.repository();
  if (repository == nullptr) return Outcome::failed;
  if (session.entity_selected() && session.levels() == nullptr) return Outcome::failed;
  auto entries = repository->entries();
  if (!entries) return session.fail(entries.error());
  std::vector<std::string> names;
  if (session.entity_selected()) names.emplace_back(kProperties);
  for (const fmri::Entry& entry : *entries) {
    if (!session.entity_selected()) {
      names.push_back(entry.service);
    } else if (!session.selection().is_instance() && entry.service == session.selection().service) {
      names.insert(names.end(), entry.instances.begin(), entry.instances.end());
    }
  }
  std::erase_if(names, [&glob](const std::string& name) { return !glob_matches(glob, name); });
  if (as_json) {
    boost::json::object document = tools::json_document("children");
    document["fmri"] = session.entity_selected() ? boost::json::value(session.selection().str()) : nullptr;
    document["names"] = tools::texts_json(names);
    session.out() << tools::json_line(document);
    return Outcome::ok;
  }
  for (const std::string& name : names) session.out() << name << '\n';
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
  if (!take_operands(arguments, "f", 1, 1, options, operands)) return Outcome::usage;
  if (!session.writable()) return Outcome::failed;
  fmri::Fmri entity;
  if (!find_doomed(session, operands.front(), entity)) return Outcome::failed;
  const auto doomed = with_instances(*session.repository(), entity);
  if (!doomed) return session.fail(doomed.error());
  for (const fmri::Fmri& each : *doomed) {
    if (!each.is_instance() || !options.empty()) continue;
    if (const Outcome outcome = refuse_running(session, each); outcome != Outcome::ok) return outcome;
  }
  return session.commit_plan([&] { return plan_deletion(*session.repository(), *doomed); });
}

Outcome run_refresh(Session& session, const Arguments& arguments) {
  if (!arguments.empty()) return Outcome::usage;
  if (!session.snapshot().empty()) return session.fail("Invalid operation on a snapshot.");
  if (session.levels() == nullptr) return Outcome::failed;
  auto instances = with_instances(*session.repository(), session.selection());
  if (!instances) return session.fail(instances.error());
  for (const fmri::Fmri& each : *instances) {
    if (!each.is_instance()) continue;
    if (auto done = session.backend()->refresh(each); !done)
      return session.fail(in(each.str(), done.error()));
  }
  return Outcome::ok;
}

}  // namespace vmkeep::svccfg
