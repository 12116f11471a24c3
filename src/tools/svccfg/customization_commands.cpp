// What an administrator made different from what the manifest last said: listcust, delcust.
#include <fmt/format.h>

#include "manifest/revert.h"
#include "tools/svccfg/commands.h"
#include "tools/svccfg/values.h"

namespace vmkeep::svccfg {
namespace {

using manifest::Customization;

std::string name_of(const Customization& each) {
  return each.property.empty() ? each.group : each.group + "/" + each.property;
}

bool wanted(const std::string& glob, const Customization& each) {
  return glob_matches(glob, each.group) || glob_matches(glob, name_of(each));
}

const char* word(Customization::Kind kind) {
  if (kind == Customization::added) return "added";
  return kind == Customization::deleted ? "deleted" : "changed";
}

// Whether an entity is selected, as it is now.
bool ready(Session& session) {
  return session.levels() != nullptr && session.writable();
}

}  // namespace

Outcome run_listcust(Session& session, const Arguments& arguments) {
  std::vector<std::string> globs;
  if (!words(arguments, 0, 1, globs)) return Outcome::usage;
  if (!ready(session)) return Outcome::failed;
  const auto found = manifest::customizations(*session.repository(), session.selection());
  if (!found) return session.fail(found.error());
  std::vector<NamedText> rows;
  for (const Customization& each : found->list) {
    if (!wanted(globs.empty() ? "" : globs.front(), each)) continue;
    const auto& content = each.kind == Customization::deleted ? found->imported : found->current;
    const auto& group = content.at(each.group);
    const auto* property = each.property.empty() ? nullptr : group.find(each.property);
    rows.push_back(
        {name_of(each), fmt::format("{:<7}  {}", word(each.kind),
                                    property == nullptr ? group.type : print_property(*property))});
  }
  session.out() << aligned(rows);
  return Outcome::ok;
}

Outcome run_delcust(Session& session, const Arguments& arguments) {
  std::vector<std::string> globs;
  if (!words(arguments, 0, 1, globs)) return Outcome::usage;
  if (!ready(session)) return Outcome::failed;
  const std::string glob = globs.empty() ? "" : globs.front();
  return session.commit_plan([&] {
    return manifest::plan_uncustomize(*session.repository(), session.selection(),
                                      [&](const Customization& each) { return wanted(glob, each); });
  });
}

}  // namespace vmkeep::svccfg
