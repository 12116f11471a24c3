// Snapshots of the selected instance: listsnap, selectsnap, revert.
#include <fmt/format.h>

#include <algorithm>

#include "manifest/revert.h"
#include "tools/json_text.h"
#include "tools/svccfg/commands.h"

namespace vmkeep::svccfg {
namespace {

// Whether the selected instance has such a snapshot; if not, it was said.
bool has_snapshot(Session& session, const std::string& name) {
  const auto names = session.repository()->snapshots(session.selection());
  if (!names) {
    session.fail(names.error());
  } else if (std::find(names->begin(), names->end(), name) == names->end()) {
    session.fail(fmt::format("No such snapshot \"{}\".", name));
  } else {
    return true;
  }
  return false;
}

}  // namespace

Outcome run_listsnap(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  if (!words(arguments, 0, 1, operands)) return Outcome::usage;
  const bool as_json = take_json(operands);
  if (!operands.empty()) return Outcome::usage;
  if (!session.instance_selected() || session.repository() == nullptr) return Outcome::failed;
  const auto names = session.repository()->snapshots(session.selection());
  if (!names) return session.fail(names.error());
  if (as_json) {
    boost::json::object document = tools::json_document("snapshots");
    document["fmri"] = session.selection().str();
    document["names"] = tools::texts_json(*names);
    session.out() << tools::json_line(document);
    return Outcome::ok;
  }
  for (const std::string& name : *names) session.out() << name << '\n';
  return Outcome::ok;
}

Outcome run_selectsnap(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  if (!words(arguments, 0, 1, operands)) return Outcome::usage;
  if (!session.instance_selected() || session.repository() == nullptr) return Outcome::failed;
  if (!operands.empty() && !has_snapshot(session, operands.front())) return Outcome::failed;
  session.select_snapshot(operands.empty() ? "" : operands.front());
  return Outcome::ok;
}

Outcome run_revert(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  if (!words(arguments, 0, 1, operands)) return Outcome::usage;
  if (!session.instance_selected() || session.repository() == nullptr) return Outcome::failed;
  const std::string name = operands.empty() ? session.snapshot() : operands.front();
  if (name.empty()) return session.fail("No snapshot selected.");
  if (!has_snapshot(session, name)) return Outcome::failed;
  const Outcome outcome = session.commit_plan(
      [&] { return manifest::plan_revert(*session.repository(), session.selection(), name); });
  if (outcome != Outcome::ok) return outcome;
  session.note(fmt::format("Taking \"previous\" snapshot for {}.", session.selection().str()));
  // What one looks at from now on is what there is now.
  session.select_snapshot("");
  return Outcome::ok;
}

}  // namespace vmkeep::svccfg
