// Bundles that overrule: apply, restore.
#include <fmt/format.h>

#include "manifest/apply.h"
#include "tools/svccfg/bundles.h"

namespace vmkeep::svccfg {
namespace {

using Plan = Result<manifest::Application> (*)(repository::Repository&, const manifest::Bundle&);

// Commits what the plan says, and refreshes what it changed.
Outcome overrule(Session& session, const std::string& file, Plan plan, bool refresh) {
  manifest::Bundle bundle;
  if (!parse_bundle(session, file, bundle)) return Outcome::failed;
  manifest::Application result;
  const Outcome outcome = session.commit_plan([&]() -> Result<repository::ChangeSet> {
    auto planned = plan(*session.repository(), bundle);
    if (!planned) return planned.error();
    result = std::move(*planned);
    return result.changes;
  });
  if (outcome != Outcome::ok) return outcome;
  for (const std::string& note : result.notes) session.note(note);
  if (!refresh) return Outcome::ok;
  const auto instances = instances_of(*session.repository(), result.touched);
  if (!instances) return session.fail(instances.error());
  for (const fmri::Fmri& each : *instances) {
    const auto done = session.backend()->refresh(each);
    if (!done) return session.fail(in(fmt::format("{} could not be refreshed", each.str()), done.error()));
  }
  return Outcome::ok;
}

Outcome apply_file(Session& session, const std::string& file, bool refresh) {
  const auto checked = check_hash(session, file, true);
  if (!checked) return Outcome::failed;
  if (!checked->wanted) {
    session.note("No changes were necessary");
    return Outcome::ok;
  }
  if (overrule(session, file, manifest::plan_apply, refresh) != Outcome::ok) {
    return session.fail(fmt::format("WARNING: Failed to apply {}", file));
  }
  if (checked->hash) {
    const auto stored = store_hash(*session.repository(), *checked->hash, true);
    if (!stored) return session.fail(stored.error());
  }
  session.note(fmt::format("Successfully applied: {}", file));
  return Outcome::ok;
}

}  // namespace

Outcome run_apply(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  std::string options;
  if (!take_operands(arguments, "n", 1, 1, options, operands)) return Outcome::usage;
  Files files;
  if (!find_files(session, operands.front(), files)) return Outcome::failed;
  Outcome outcome = Outcome::ok;
  for (const std::string& file : files.names) {
    if (apply_file(session, file, options.empty()) != Outcome::ok) outcome = Outcome::failed;
  }
  return outcome;
}

Outcome run_restore(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  if (!words(arguments, 1, 1, operands)) return Outcome::usage;
  return overrule(session, operands.front(), manifest::plan_restore, true);
}

}  // namespace vmkeep::svccfg
