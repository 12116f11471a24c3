#include "manifest/validate.h"

#include <fmt/format.h>

#include <algorithm>

#include "manifest/check_pattern.h"
#include "manifest/check_value.h"

namespace vmkeep::manifest {
namespace {

using fmri::Fmri;
using repository::Groups;
using repository::Levels;
using repository::Property;
using repository::PropertyGroup;

constexpr char kDefaultRestarter[] = "svc:/system/svc/restarter:default";

// The groups of one entity against the templates that speak about it.
class Check {
 public:
  Check(std::string entity, const Groups& groups, bool whole, TemplateProblems& problems)
      : entity_(std::move(entity)), groups_(groups), whole_(whole), problems_(problems) {}

  void run(const Template& pattern) {
    if (whole_ && pattern.pg.required && !pattern.pg.name.empty() && !pattern.pg.type.empty() &&
        groups_.find(pattern.pg.name) == groups_.end()) {
      auto items = head(pattern);
      items.emplace_back("Name of missing property group", pattern.pg.name);
      items.emplace_back("Type of missing property group", pattern.pg.type);
      problems_.push_back({"Required property group missing", std::move(items)});
    }
    for (const auto& [name, group] : groups_) {
      if (name != pattern.pg.name && !pattern.pg.name.empty()) continue;
      if (covers(pattern.pg, name, group->type)) {
        for (const PropPattern& each : pattern.properties) check_property(pattern, *group, each);
      } else if (!pattern.pg.name.empty()) {
        auto items = head(pattern, name);
        items.emplace_back("Specified type", pattern.pg.type);
        items.emplace_back("Actual type", group->type);
        problems_.push_back({"Property group has bad type", std::move(items)});
      }
    }
  }

 private:
  using Items = std::vector<std::pair<std::string, std::string>>;

  // The items that every problem begins with; what is empty is left out.
  Items head(const Template& pattern, const std::string& group = {}, const std::string& property = {},
             const PropPattern* said = nullptr) const {
    Items items{{"FMRI", entity_}};
    const auto add = [&](const char* item, const std::string& value) {
      if (!value.empty()) items.emplace_back(item, value);
    };
    add("Property group", group);
    add("Property name", property);
    add("Template source", pattern.source);
    add("pg_pattern name", pattern.pg.name);
    add("pg_pattern type", pattern.pg.type);
    if (said != nullptr) add("prop_pattern name", said->name);
    if (said != nullptr) add("prop_pattern type", said->type);
    return items;
  }

  void check_property(const Template& pattern, const PropertyGroup& group, const PropPattern& said) {
    if (said.name.empty()) {
      for (const auto& [name, property] : group.properties)
        check_values(pattern, group, said, name, property);
    } else if (const Property* property = group.find(said.name)) {
      check_values(pattern, group, said, said.name, *property);
    } else if (whole_ && said.required) {
      auto items = head(pattern, group.name, {}, &said);
      items.emplace_back("Name of missing property", said.name);
      problems_.push_back({"Required property missing", std::move(items)});
    }
  }

  void check_values(const Template& pattern, const PropertyGroup& group, const PropPattern& said,
                    const std::string& name, const Property& property) {
    const auto add = [&](const char* message, const Items& more) {
      auto items = head(pattern, group.name, name, &said);
      items.insert(items.end(), more.begin(), more.end());
      problems_.push_back({message, std::move(items)});
    };
    const std::string type(repository::to_string(property.type));
    if (!said.type.empty() && said.type != type) {
      add("Property has bad type", {{"Specified property type", said.type}, {"Actual property type", type}});
      return;
    }
    if (!count_fits(said, property.values.size())) {
      add("Number of property values violates cardinality restriction",
          {{"Cardinality minimum", said.min.value_or("0")},
           {"Cardinality maximum", said.max.value_or("unlimited")},
           {"Actual number of values", std::to_string(property.values.size())}});
    }
    for (const std::string& value : property.values) {
      switch (judge_value(said, property.type, value)) {
        case Judged::fits:
          break;
        case Judged::out_of_range:
          add("Property value is out of range", {{"Actual value", value}});
          break;
        case Judged::illegal:
          add("Property has illegal value", {{"Illegal value", value}});
          break;
      }
    }
  }

  std::string entity_;
  const Groups& groups_;
  bool whole_;  // what is required must be there
  TemplateProblems& problems_;
};

Groups as_groups(const EntityDescription& entity) {
  Groups groups;
  for (const auto& [name, group] : entity.groups) {
    groups[name] = std::make_shared<const PropertyGroup>(group);
  }
  return groups;
}

// The same but for the first item, the FMRI.
bool same_but_for(const TemplateProblem& a, const TemplateProblem& b) {
  return a.message == b.message && a.items.size() == b.items.size() &&
         std::equal(a.items.begin() + 1, a.items.end(), b.items.begin() + 1);
}

// Reads the templates of a service once, however many instances it has: a bundle may have ten thousand.
class Validator {
 public:
  explicit Validator(const Lookup& lookup) : lookup_(lookup) {}

  // The templates of a service, whose instances need not bring them any more.
  void learn(const Fmri& service, const Groups& groups) {
    cache_.emplace(service, templates_of(groups, service.str()));
  }

  std::vector<const Template*> speaking(const Fmri& entity, const Levels& levels) {
    own_ = templates_of(levels.own, entity.str());
    std::vector<const Template*> result;
    take(own_, {"this", "instance", "all"}, result);
    if (entity.is_instance()) {
      take(cached(entity.service_fmri(), [&](const Fmri&) { return levels.service; }),
           {"this", "instance", "all"}, result);
    }
    const std::string named(levels.value("general", "restarter").value_or(""));
    const auto restarter = Fmri::parse(named.empty() ? kDefaultRestarter : named);
    if (restarter && restarter->service != entity.service) {
      take(cached(*restarter, lookup_), {"delegate", "all"}, result);
    }
    const Fmri global{"system/svc/global", "default", {}, {}};
    if (entity.service != global.service) take(cached(global, lookup_), {"all"}, result);
    return result;
  }

  // `everything`: also how the templates that the entity only inherits contradict each other.
  TemplateProblems entity(const Fmri& entity, const Levels& levels, bool everything) {
    const auto all = speaking(entity, levels);
    TemplateProblems problems;
    if (all.empty() && own_.empty()) return problems;
    const bool instance = entity.is_instance();
    static const std::vector<Template> none;
    check_patterns(own_, instance ? cached(entity.service_fmri(), lookup_) : none, problems);
    check_conflicts(entity.str(), all, everything ? all.size() : own_.size(), problems);
    const Groups composed = levels.composed();
    Check check(entity.str(), composed, instance, problems);
    for (const Template* each : all) check.run(*each);
    return problems;
  }

 private:
  static void take(const std::vector<Template>& templates, std::initializer_list<std::string_view> targets,
                   std::vector<const Template*>& result) {
    for (const Template& each : templates) {
      if (std::find(targets.begin(), targets.end(), each.pg.target) != targets.end()) result.push_back(&each);
    }
  }

  const std::vector<Template>& cached(const Fmri& entity, const Lookup& groups) {
    const auto known = cache_.find(entity);
    if (known != cache_.end()) return known->second;
    return cache_.emplace(entity, templates_of(groups(entity), entity.str())).first->second;
  }

  const Lookup& lookup_;
  std::vector<Template> own_;
  std::map<Fmri, std::vector<Template>> cache_;
};

}  // namespace

std::string TemplateProblem::str(bool interactive) const {
  std::string text = message + ":";
  const char* between = interactive ? "\n\t" : " ";
  for (const auto& [item, value] : items) {
    text += between + fmt::format("{}={}", item, fmri::quote(value));
    if (!interactive) between = "; ";
  }
  return text;
}

bool covers(const PgPattern& pattern, const std::string& name, const std::string& type) {
  return (pattern.name.empty() || pattern.name == name) && (pattern.type.empty() || pattern.type == type);
}

std::vector<Template> templates_for(const Fmri& entity, const Levels& levels, const Lookup& lookup) {
  Validator validator(lookup);
  std::vector<Template> result;
  for (const Template* each : validator.speaking(entity, levels)) result.push_back(*each);
  return result;
}

TemplateProblems validate_entity(const Fmri& entity, const Levels& levels, const Lookup& lookup) {
  return Validator(lookup).entity(entity, levels, true);
}

TemplateProblems validate_bundle(const Bundle& bundle, const Lookup& lookup) {
  // What the bundle itself brings goes before what the repository has.
  const Lookup both = [&](const Fmri& entity) {
    for (const ServiceDescription& service : bundle.services) {
      if (service.name != entity.service) continue;
      Levels levels{{}, as_groups(service)};
      for (const InstanceDescription& instance : service.instances) {
        if (instance.name == entity.instance) levels.own = as_groups(instance);
      }
      return levels.composed();
    }
    return lookup(entity);
  };
  Validator validator(both);
  TemplateProblems problems;
  for (const ServiceDescription& service : bundle.services) {
    const Groups groups = as_groups(service);
    const Fmri fmri{service.name, {}, {}, {}};
    const auto told = validator.entity(fmri, Levels{groups, {}}, true);
    validator.learn(fmri, groups);
    Groups plain = groups;
    std::erase_if(plain, [](const auto& each) { return each.second->type.starts_with("template"); });
    problems.insert(problems.end(), told.begin(), told.end());
    for (const InstanceDescription& instance : service.instances) {
      for (TemplateProblem& each : validator.entity({service.name, instance.name, {}, {}},
                                                    Levels{as_groups(instance), plain}, false)) {
        // What the service has wrong by itself was told with the service.
        if (std::none_of(told.begin(), told.end(),
                         [&](const auto& one) { return same_but_for(one, each); })) {
          problems.push_back(std::move(each));
        }
      }
    }
  }
  return problems;
}

std::vector<std::string> without_meaning(const Bundle& bundle) {
  static constexpr const char* kNothingHere[] = {"project",    "resource_pool",    "security_flags",
                                                 "privileges", "limit_privileges", "profile"};
  std::vector<std::string> notes;
  const auto look = [&](const EntityDescription& entity, const Fmri& fmri) {
    for (const auto& [name, group] : entity.groups) {
      if (group.type != "method" && name != "method_context") continue;
      for (const char* property : kNothingHere) {
        const auto value = group.value(property);
        if (!value || *value == ":default") continue;
        notes.push_back(fmt::format("{}: {}: {} {} means nothing on Linux; it is kept and ignored.",
                                    fmri.str(), name, property, fmri::quote(*value)));
      }
    }
  };
  for (const ServiceDescription& service : bundle.services) {
    look(service, {service.name, {}, {}, {}});
    for (const InstanceDescription& instance : service.instances) {
      look(instance, {service.name, instance.name, {}, {}});
    }
  }
  return notes;
}

}  // namespace vmkeep::manifest
