// Notification parameters, who is told about what: setnotify, listnotify, delnotify.  They are kept as import
// keeps them: a group of type notify_params for each event, properties TYPE,PARAMETER.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "manifest/elements.h"
#include "tools/svccfg/commands.h"

namespace vmkeep::svccfg {
namespace {

using repository::PropertyGroup;
using repository::ValueType;

constexpr char kType[] = "notify_params";

const fmri::Fmri& global() {
  static const fmri::Fmri entity{"system/svc/global", "default", {}, {}};
  return entity;
}

struct Request {
  bool global = false;
  std::vector<std::string> events;
  std::vector<std::string> parameters;
};

bool parse(const Arguments& arguments, Request& request) {
  std::vector<std::string> operands;
  std::string options;
  if (!take_operands(arguments, "g", 0, 64, options, operands)) return false;
  request.global = !options.empty();
  if (operands.empty()) return true;
  std::istringstream events(operands.front());
  for (std::string event; std::getline(events, event, ',');) {
    if (event.empty()) return false;
    request.events.push_back(manifest::mangle(event));
  }
  request.parameters.assign(operands.begin() + 1, operands.end());
  return true;
}

// "mailto:ADDRESS" is type smtp with parameter to; "TYPE:active" and "TYPE:inactive" switch.
bool apply(const std::string& parameter, PropertyGroup& group) {
  const size_t colon = parameter.find(':');
  if (colon == std::string::npos || colon + 1 == parameter.size()) return false;
  const std::string value = parameter.substr(colon + 1);
  std::string type = parameter.substr(0, colon);
  const bool mail = type == "mailto";
  if (mail) type = "smtp";
  const bool switched = value == "active" || value == "inactive";
  if (!fmri::valid_name(type) || type.find(',') != std::string::npos || (!mail && !switched)) return false;
  manifest::set(group, type + ",active", ValueType::boolean, value == "inactive" ? "false" : "true");
  if (!switched) manifest::set(group, type + ",to", value);
  return true;
}

// False: nothing is selected, and it was said.
bool choose(Session& session, const Request& request, fmri::Fmri& entity) {
  if (!request.global && (session.levels() == nullptr || !session.writable())) return false;
  entity = request.global ? global() : session.selection();
  return session.repository() != nullptr;
}

std::string describe(const PropertyGroup& group, const fmri::Fmri& source) {
  std::map<std::string, std::string> types;
  for (const auto& [name, property] : group.properties) {
    const size_t comma = name.find(',');
    if (comma == std::string::npos) continue;
    const std::string parameter = name.substr(comma + 1);
    std::string& text = types[name.substr(0, comma)];
    for (const std::string& value : property.values) {
      text += fmt::format("            {}: {}\n", parameter == "active" ? "Active" : parameter, value);
    }
  }
  std::string text = fmt::format("    Event: {} (source: {})\n", group.name, source.str());
  for (const auto& [type, lines] : types)
    text += fmt::format("        Notification Type: {}\n{}", type, lines);
  return text;
}

}  // namespace

Outcome run_listnotify(Session& session, const Arguments& arguments) {
  Request request;
  fmri::Fmri entity;
  if (!parse(arguments, request) || !request.parameters.empty()) return Outcome::usage;
  if (!choose(session, request, entity)) return Outcome::failed;
  const auto levels = session.repository()->read(entity);
  if (!levels && levels.error().kind == ErrorKind::not_found) return Outcome::ok;
  if (!levels) return session.fail(levels.error());
  for (const auto& [name, group] : levels->own) {
    if (group->type != kType) continue;
    const auto& events = request.events;
    if (!events.empty() && std::find(events.begin(), events.end(), name) == events.end()) continue;
    session.out() << describe(*group, entity);
  }
  return Outcome::ok;
}

Outcome run_setnotify(Session& session, const Arguments& arguments) {
  Request request;
  fmri::Fmri entity;
  if (!parse(arguments, request) || request.parameters.empty()) return Outcome::usage;
  PropertyGroup group;
  group.type = kType;
  for (const std::string& parameter : request.parameters) {
    if (!apply(parameter, group)) {
      return session.fail(fmt::format("Invalid notification parameter \"{}\".", parameter));
    }
  }
  if (!choose(session, request, entity)) return Outcome::failed;
  return session.commit_plan([&]() -> Result<repository::ChangeSet> {
    repository::ChangeSet changes;
    if (request.global) {
      if (!session.repository()->read(entity.service_fmri())) {
        changes.push_back(repository::AddService{entity.service});
      }
      if (!session.repository()->read(entity)) {
        changes.push_back(repository::AddInstance{entity.service, entity.instance});
      }
    }
    for (const std::string& event : request.events) {
      group.name = event;
      changes.push_back(repository::PutGroup{entity, group, std::nullopt});
    }
    return changes;
  });
}

Outcome run_delnotify(Session& session, const Arguments& arguments) {
  Request request;
  fmri::Fmri entity;
  if (!parse(arguments, request) || request.events.empty() || !request.parameters.empty()) {
    return Outcome::usage;
  }
  if (!choose(session, request, entity)) return Outcome::failed;
  const auto levels = session.repository()->read(entity);
  repository::ChangeSet changes;
  for (const std::string& event : request.events) {
    const bool there = levels && levels->own.contains(event) && levels->own.at(event)->type == kType;
    if (!there) return session.fail(fmt::format("No notification parameters for \"{}\".", event));
    changes.push_back(repository::DeleteGroup{entity, event, levels->own.at(event)->generation});
  }
  return session.commit(changes);
}

}  // namespace vmkeep::svccfg
