#include "manifest/apply.h"

#include <fmt/format.h>

#include <algorithm>

#include "manifest/elements.h"
#include "manifest/plan_parts.h"

namespace vmkeep::manifest {
namespace {

using fmri::Fmri;
using repository::Levels;
using repository::Property;
using repository::PropertyGroup;

const repository::GroupPtr* find(const repository::Groups& groups, const std::string& name) {
  const auto found = groups.find(name);
  return found == groups.end() ? nullptr : &found->second;
}

// What another entity gets counts as touching that one.
Result<> put_dependent(DependentPlanner& planner, const Dependent& dependent, Application& result) {
  const size_t before = result.changes.size();
  if (auto done = planner.put(dependent); !done) return done.error();
  if (result.changes.size() != before) result.touched.insert(dependent.target);
  return {};
}

class Apply {
 public:
  Apply(repository::Repository& repository, const Bundle& bundle)
      : repository_(repository), bundle_(bundle) {}

  Result<Application> run() {
    auto entries = repository_.entries();
    if (!entries) return in("reading the repository", entries.error());
    known_ = Known(std::move(*entries));
    for (const ServiceDescription& service : bundle_.services) {
      const Fmri fmri{service.name, {}, {}, {}};
      if (!known_.contains(fmri)) {
        ignore("Ignoring nonexistent service", service.name);
        continue;
      }
      if (auto done = entity(fmri, service); !done) return done.error();
      for (const InstanceDescription& each : service.instances) {
        if (auto done = instance(service, each); !done) return done.error();
      }
    }
    return std::move(result_);
  }

 private:
  void ignore(const char* what, const std::string& name) {
    result_.notes.push_back(fmt::format("{} {}.", what, name));
  }

  Result<> instance(const ServiceDescription& service, const InstanceDescription& description) {
    const Fmri fmri{service.name, description.name, {}, {}};
    if (!known_.contains(fmri)) {
      // The words are the facility's.
      const std::string name = service.name + ":" + description.name;
      const bool more = description.groups.size() > 1 || !description.dependents.empty();
      if (!more || !description.groups.contains("general")) {
        ignore("Ignoring nonexistant instance", name);
        return {};
      }
      if (is_partial(description)) {
        ignore("Ignoreing partial instance", name);
        return {};
      }
      result_.changes.push_back(repository::AddInstance{fmri.service, fmri.instance});
    }
    return entity(fmri, description);
  }

  static bool is_partial(const EntityDescription& description) {
    return !description.untyped.empty() ||
           std::any_of(description.groups.begin(), description.groups.end(),
                       [](const auto& each) { return each.second.type.empty(); });
  }

  Result<> entity(const Fmri& fmri, const EntityDescription& description) {
    Levels levels;
    if (known_.contains(fmri)) {
      auto read = repository_.read(fmri);
      if (!read) return in("reading " + fmri.str(), read.error());
      levels = std::move(*read);
    }
    Content content(description.groups.begin(), description.groups.end());
    add_dependents_group(description, content);
    // general comes last: it tells the restarter that the instance is there.
    for (const bool general : {false, true}) {
      for (const auto& [name, group] : content) {
        if ((name == "general") != general) continue;
        if (auto done = put(fmri, description, levels, group); !done) return done.error();
      }
    }
    for (const std::string& name : description.removed) {
      const auto* own = find(levels.own, name);
      if (own == nullptr) continue;
      result_.changes.push_back(repository::DeleteGroup{fmri, name, (*own)->generation});
      result_.touched.insert(fmri);
    }
    return dependents(fmri, description, levels);
  }

  Result<> put(const Fmri& fmri, const EntityDescription& description, const Levels& levels,
               const PropertyGroup& wanted) {
    const std::string where = fmt::format("{}: property group \"{}\"", fmri.str(), wanted.name);
    const auto* own = find(levels.own, wanted.name);
    const auto* inherited = find(levels.service, wanted.name);
    if (own != nullptr && !is_ours(**own)) return already_there(wanted.name, fmri);
    PropertyGroup group = own == nullptr ? make_group(wanted.name, wanted.type) : **own;
    if (group.type.empty() && inherited != nullptr) group.type = (*inherited)->type;
    if (group.type.empty()) return fail(ErrorKind::invalid, where + " is new and needs a type");
    if (!wanted.type.empty() && wanted.type != group.type) {
      return fail(ErrorKind::invalid,
                  fmt::format("{} is of type \"{}\", not \"{}\"", where, group.type, wanted.type));
    }
    for (const auto& [name, property] : wanted.properties) {
      auto typed = with_type(fmri, description, levels, wanted.name + "/" + name, property);
      if (!typed) return typed.error();
      group.properties[name] = std::move(*typed);
    }
    if (own != nullptr && same(group, **own)) return {};
    result_.changes.push_back(repository::PutGroup{fmri, group, own == nullptr ? 0 : (*own)->generation});
    result_.touched.insert(fmri);
    return {};
  }

  static Result<Property> with_type(const Fmri& fmri, const EntityDescription& description,
                                    const Levels& levels, const std::string& name, const Property& property) {
    if (!description.untyped.contains(name)) return property;
    const size_t slash = name.find('/');
    const Property* known = levels.find(name.substr(0, slash), name.substr(slash + 1));
    if (known == nullptr) {
      return fail(ErrorKind::invalid,
                  fmt::format("{}: property \"{}\" is new and needs a type", fmri.str(), name));
    }
    Property typed{known->type, {}};
    for (const std::string& value : property.values) {
      auto checked = repository::check_value(typed.type, value);
      if (!checked) {
        return fail(ErrorKind::invalid, fmt::format("illegal value \"{}\" for {} ({})", value, name,
                                                    repository::to_string(typed.type)));
      }
      typed.values.push_back(std::move(*checked));
    }
    return typed;
  }

  Result<> dependents(const Fmri& fmri, const EntityDescription& description, const Levels& levels) {
    const auto nothing_planned = [](const Fmri&) -> const Content* { return nullptr; };
    DependentPlanner planner(repository_, known_, nothing_planned, result_.changes);
    const auto* group = find(levels.own, "dependents");
    for (const Dependent& each : description.dependents) {
      const std::string was(group == nullptr ? "" : (*group)->value(each.name).value_or(""));
      if (!was.empty() && (each.remove || was != each.target.str())) {
        if (auto done = planner.remove(fmri, each.name, was); !done) return done.error();
      }
      if (each.remove && !was.empty()) {
        result_.changes.push_back(
            repository::SetProperty{fmri, "dependents", "framework", true, each.name, std::nullopt});
      }
      if (each.remove) {
        result_.touched.insert(each.target);
      } else if (auto done = put_dependent(planner, each, result_); !done) {
        return done.error();
      }
    }
    return {};
  }

  repository::Repository& repository_;
  const Bundle& bundle_;
  Known known_;
  Application result_;
};

class Restore {
 public:
  Restore(repository::Repository& repository, const Bundle& bundle)
      : repository_(repository), bundle_(bundle) {}

  Result<Application> run() {
    auto entries = repository_.entries();
    if (!entries) return in("reading the repository", entries.error());
    known_ = Known(std::move(*entries));
    // Everything has its place before anything refers to it.
    for (const ServiceDescription& service : bundle_.services) make(service);
    for (const ServiceDescription& service : bundle_.services) {
      if (auto done = entity({service.name, {}, {}, {}}, service); !done) return done.error();
      for (const InstanceDescription& each : service.instances) {
        if (auto done = entity({service.name, each.name, {}, {}}, each); !done) return done.error();
      }
    }
    return std::move(result_);
  }

 private:
  void make(const ServiceDescription& service) {
    const Fmri fmri{service.name, {}, {}, {}};
    if (!known_.contains(fmri)) result_.changes.push_back(repository::AddService{service.name});
    planned_[fmri] = Content(service.groups.begin(), service.groups.end());
    for (const InstanceDescription& each : service.instances) {
      const Fmri instance{service.name, each.name, {}, {}};
      if (!known_.contains(instance)) {
        result_.changes.push_back(repository::AddInstance{service.name, each.name});
      }
      planned_[instance] = Content(each.groups.begin(), each.groups.end());
    }
  }

  Result<> entity(const Fmri& fmri, const EntityDescription& description) {
    repository::Groups now;
    if (known_.contains(fmri)) {
      auto levels = repository_.read(fmri);
      if (!levels) return in("reading " + fmri.str(), levels.error());
      now = std::move(levels->own);
    }
    Content content = planned_.at(fmri);
    add_dependents_group(description, content);
    for (const bool general : {false, true}) {
      for (const auto& [name, group] : content) {
        if ((name == "general") != general) continue;
        const auto* own = find(now, name);
        if (own != nullptr && !is_ours(**own)) return already_there(name, fmri);
        if (own != nullptr && same(**own, group)) continue;
        result_.changes.push_back(repository::PutGroup{fmri, group, own == nullptr ? 0 : (*own)->generation});
        result_.touched.insert(fmri);
      }
    }
    const auto planned = [this](const Fmri& each) -> const Content* {
      const auto found = planned_.find(each);
      return found == planned_.end() ? nullptr : &found->second;
    };
    DependentPlanner planner(repository_, known_, planned, result_.changes);
    for (const Dependent& each : description.dependents) {
      if (auto done = put_dependent(planner, each, result_); !done) return done.error();
    }
    return {};
  }

  repository::Repository& repository_;
  const Bundle& bundle_;
  Known known_;
  std::map<Fmri, Content> planned_;
  Application result_;
};

}  // namespace

Result<Application> plan_apply(repository::Repository& repository, const Bundle& bundle) {
  if (bundle.type != "profile") return fail(ErrorKind::invalid, "document is not a profile.");
  return Apply(repository, bundle).run();
}

Result<Application> plan_restore(repository::Repository& repository, const Bundle& bundle) {
  if (bundle.type != "archive") return fail(ErrorKind::invalid, "document is not an archive.");
  return Restore(repository, bundle).run();
}

}  // namespace vmkeep::manifest
