// Notification parameters, who is told about what: setnotify, listnotify, delnotify.  They are kept as import
// keeps them: a group of type notify_params for each event, properties TYPE,PARAMETER.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <sstream>

#include "manifest/elements.h"
#include "tools/json_text.h"
#include "tools/notifications.h"
#include "tools/svccfg/commands.h"

namespace vmkeep::svccfg {
namespace {

using repository::PropertyGroup;
using repository::ValueType;

constexpr const char* kType = tools::kNotifyType;

const fmri::Fmri& global() {
  static const fmri::Fmri entity{"system/svc/global", "default", {}, {}};
  return entity;
}

struct Request {
  bool global = false, json = false;
  std::vector<std::string> events;
  std::vector<std::string> parameters;
};

bool parse(const Arguments& arguments, Request& request) {
  std::vector<std::string> operands;
  std::string options;
  if (!words(arguments, 0, 64, operands)) return false;
  request.json = take_json(operands);
  if (!take_options(operands, "g", options)) return false;
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

}  // namespace

Outcome run_listnotify(Session& session, const Arguments& arguments) {
  Request request;
  fmri::Fmri entity;
  if (!parse(arguments, request) || !request.parameters.empty()) return Outcome::usage;
  if (!choose(session, request, entity)) return Outcome::failed;
  const auto levels = session.repository()->read(entity);
  if (!levels && levels.error().kind == ErrorKind::not_found) return Outcome::ok;
  if (!levels) return session.fail(levels.error());
  boost::json::array all;
  for (const auto& [name, group] : levels->own) {
    if (group->type != kType) continue;
    const auto& events = request.events;
    if (!events.empty() && std::find(events.begin(), events.end(), name) == events.end()) continue;
    all.push_back(tools::notification_json(*group, entity));
    if (!request.json) session.out() << tools::notification_text(*group, entity);
  }
  if (!request.json) return Outcome::ok;
  boost::json::object document = tools::json_document("notifications");
  document["instances"] =
      boost::json::array{boost::json::object{{"fmri", entity.str()}, {"events", std::move(all)}}};
  session.out() << tools::json_line(document);
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
