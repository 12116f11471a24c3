// Environment variables of methods: setenv, unsetenv.
//
// They edit the property `environment`, a list of NAME=value, of one method's group or of method_context,
// which is for all methods.  Of an instance whose service has the group, the instance gets its own, which
// begins with what the service's says.
#include <fmt/format.h>

#include <optional>

#include "tools/svccfg/commands.h"

namespace vmkeep::svccfg {
namespace {

using repository::Levels;
using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

constexpr char kContext[] = "method_context";

struct Request {
  bool instance = false;  // -i
  bool service = false;   // -s
  std::string method;     // -m
  std::string name;
  std::optional<std::string> value;  // nothing: it goes
};

bool parse(const Arguments& arguments, bool with_value, Request& request) {
  std::vector<std::string> words_;
  if (!words(arguments, 1, 6, words_)) return false;
  size_t at = 0;
  for (; at < words_.size() && words_[at].starts_with('-'); ++at) {
    if (words_[at] == "-i") {
      request.instance = true;
    } else if (words_[at] == "-s") {
      request.service = true;
    } else if (words_[at] == "-m" && at + 1 < words_.size()) {
      request.method = words_[++at];
    } else {
      return false;
    }
  }
  const size_t wanted = with_value ? 2 : 1;
  if (words_.size() - at != wanted || (request.instance && request.service)) return false;
  request.name = words_[at];
  if (with_value) request.value = words_[at + 1];
  return true;
}

// Which group of an entity is meant.  Failed: it was said why.
Outcome choose_group(Session& session, const Request& request, const Levels& levels, std::string& group,
                     std::string& type) {
  const repository::Groups composed = levels.composed();
  const auto has = [&](const std::string& name) { return composed.find(name) != composed.end(); };
  const auto is_method = [&](const std::string& name) {
    return has(name) && composed.at(name)->type == "method";
  };
  type = "method";
  if (!request.method.empty()) {
    group = request.method;
    if (is_method(group)) return Outcome::ok;
    return session.fail(fmt::format("Couldn't find method \"{}\".", group));
  }
  if (!request.instance && !request.service) {
    group = "start";
    if (is_method(group)) return Outcome::ok;
    if (!has(kContext)) {
      return session.fail("Couldn't find start method; please specify a method with '-m'.");
    }
  }
  group = kContext;
  type = "framework";
  return Outcome::ok;
}

bool is_of(const std::string& entry, const std::string& name) {
  return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
}

Outcome edit(Session& session, const Request& request) {
  if (request.name.empty() || request.name.find('=') != std::string::npos) {
    return session.fail(fmt::format("Invalid environment variable \"{}\".", request.name));
  }
  if (request.name.starts_with("SMF_")) {
    return session.fail(
        fmt::format("Invalid environment variable \"{}\"; \"SMF_\" prefix is reserved.", request.name));
  }
  if (session.levels() == nullptr || !session.writable()) return Outcome::failed;
  if (request.instance && !session.instance_selected()) return Outcome::failed;
  const fmri::Fmri entity = request.service ? session.selection().service_fmri() : session.selection();
  Outcome outcome = Outcome::ok;
  const Outcome done = session.commit_plan([&]() -> Result<repository::ChangeSet> {
    auto levels = session.repository()->read(entity);
    if (!levels) return levels.error();
    PropertyGroup group;
    outcome = choose_group(session, request, *levels, group.name, group.type);
    if (outcome != Outcome::ok) return repository::ChangeSet();
    uint64_t generation = 0;
    if (const auto own = levels->own.find(group.name); own != levels->own.end()) {
      group = *own->second;
      generation = group.generation;
    }
    Property environment{ValueType::astring, {}};
    if (const Property* now = levels->find(group.name, "environment")) environment = *now;
    const size_t erased = std::erase_if(environment.values,
                                        [&](const std::string& entry) { return is_of(entry, request.name); });
    if (!request.value && erased == 0) return repository::ChangeSet();
    if (request.value) environment.values.push_back(request.name + "=" + *request.value);
    // Of an instance, a list without values hides the one of its service; else it says nothing, and goes.
    const bool hides = entity.is_instance() && levels->service.contains(group.name) &&
                       levels->service.at(group.name)->find("environment") != nullptr;
    if (!environment.values.empty() || hides) {
      group.properties["environment"] = std::move(environment);
    } else {
      group.properties.erase("environment");
    }
    // A group that was made for it.
    if (group.properties.empty()) {
      return repository::ChangeSet{repository::DeleteGroup{entity, group.name, generation}};
    }
    return repository::ChangeSet{repository::PutGroup{entity, group, generation}};
  });
  return outcome == Outcome::ok ? done : outcome;
}

}  // namespace

Outcome run_setenv(Session& session, const Arguments& arguments) {
  Request request;
  return parse(arguments, true, request) ? edit(session, request) : Outcome::usage;
}

Outcome run_unsetenv(Session& session, const Arguments& arguments) {
  Request request;
  return parse(arguments, false, request) ? edit(session, request) : Outcome::usage;
}

}  // namespace vmkeep::svccfg
