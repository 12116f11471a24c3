// Property groups and properties: listpg, addpg, delpg, listprop, delprop.
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "tools/json_text.h"
#include "tools/svccfg/commands.h"
#include "tools/svccfg/values.h"

namespace vmkeep::svccfg {
namespace {

using repository::ChangeSet;
using repository::GroupPtr;
using repository::Levels;

NamedText group_row(const GroupPtr& group) {
  return {group->name, group->type + (group->persistent ? "" : "\tNONPERSISTENT")};
}

Outcome delete_group(Session& session, const std::string& name) {
  return session.commit([&](const Levels& levels, ChangeSet& changes) {
    const auto group = levels.own.find(name);
    if (group == levels.own.end()) return session.fail("No such property group.");
    changes.push_back(repository::DeleteGroup{session.selection(), name, group->second->generation});
    return Outcome::ok;
  });
}

std::string document_of(const Session& session, boost::json::array groups) {
  boost::json::object document = tools::json_document("properties");
  document["entities"] = boost::json::array{
      boost::json::object{{"fmri", session.selection().str()}, {"groups", std::move(groups)}}};
  return tools::json_line(document);
}

}  // namespace

Outcome run_listpg(Session& session, const Arguments& arguments) {
  std::vector<std::string> globs;
  if (!words(arguments, 0, 2, globs)) return Outcome::usage;
  const bool as_json = take_json(globs);
  if (globs.size() > 1) return Outcome::usage;
  const Levels* levels = session.levels();
  if (levels == nullptr) return Outcome::failed;
  std::vector<NamedText> rows;
  boost::json::array groups;
  for (const auto& [name, group] : levels->own) {
    if (!glob_matches(globs.empty() ? "" : globs.front(), name)) continue;
    rows.push_back(group_row(group));
    groups.push_back(tools::group_json(*group));
    groups.back().as_object().erase("properties");
  }
  session.out() << (as_json ? document_of(session, std::move(groups)) : aligned(rows));
  return Outcome::ok;
}

Outcome run_addpg(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  if (!words(arguments, 2, 3, operands)) return Outcome::usage;
  repository::PropertyGroup group;
  group.name = operands[0];
  group.type = operands[1];
  for (const char flag : operands.size() > 2 ? operands[2] : "") {
    if (flag != 'p' && flag != 'P') return session.fail(fmt::format("Invalid property group flag {}.", flag));
    group.persistent = false;
  }
  if (!fmri::valid_name(group.name) || group.type.empty() || group.type.size() > fmri::kMaxName) {
    return session.fail("Name, type, or flags are invalid.");
  }
  return session.commit([&](const Levels& levels, ChangeSet& changes) {
    if (levels.own.find(group.name) != levels.own.end())
      return session.fail("Property group already exists.");
    changes.push_back(repository::PutGroup{session.selection(), group, 0});
    return Outcome::ok;
  });
}

Outcome run_delpg(Session& session, const Arguments& arguments) {
  std::vector<std::string> names;
  if (!words(arguments, 1, 1, names)) return Outcome::usage;
  return delete_group(session, names.front());
}

Outcome run_listprop(Session& session, const Arguments& arguments) {
  std::vector<std::string> globs;
  if (!words(arguments, 0, 2, globs)) return Outcome::usage;
  const bool as_json = take_json(globs);
  if (globs.size() > 1) return Outcome::usage;
  const std::string glob = globs.empty() ? "" : globs.front();
  const Levels* levels = session.levels();
  if (levels == nullptr) return Outcome::failed;
  std::vector<NamedText> rows;
  boost::json::array groups;
  for (const auto& [name, group] : levels->own) {
    if (glob_matches(glob, name)) rows.push_back(group_row(group));
    repository::PropertyGroup shown = *group;
    shown.properties.clear();
    for (const auto& [property_name, property] : group->properties) {
      const std::string full = name + "/" + property_name;
      if (!glob_matches(glob, full)) continue;
      rows.push_back({full, print_property(property)});
      shown.properties.emplace(property_name, property);
    }
    if (glob_matches(glob, name) || !shown.properties.empty()) groups.push_back(tools::group_json(shown));
  }
  session.out() << (as_json ? document_of(session, std::move(groups)) : aligned(rows));
  return Outcome::ok;
}

Outcome run_delprop(Session& session, const Arguments& arguments) {
  std::vector<std::string> names;
  if (!words(arguments, 1, 1, names)) return Outcome::usage;
  const std::string& whole = names.front();
  const size_t slash = whole.find('/');
  if (slash == std::string::npos) return delete_group(session, whole);
  return session.commit([&](const Levels& levels, ChangeSet& changes) {
    const auto group = levels.own.find(whole.substr(0, slash));
    if (group == levels.own.end()) return session.fail("No such property group.");
    repository::PropertyGroup edited = *group->second;
    if (edited.properties.erase(whole.substr(slash + 1)) == 0) {
      return session.fail(fmt::format("No such property {}.", whole));
    }
    changes.push_back(repository::PutGroup{session.selection(), edited, edited.generation});
    return Outcome::ok;
  });
}

}  // namespace vmkeep::svccfg
