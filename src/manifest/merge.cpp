#include "manifest/merge.h"

#include <fmt/format.h>

#include <algorithm>

namespace vmkeep::manifest {
namespace {

using repository::Property;
using repository::PropertyGroup;

const PropertyGroup* find(const Content* content, const std::string& group) {
  if (content == nullptr) return nullptr;
  const auto found = content->find(group);
  return found == content->end() ? nullptr : &found->second;
}

const Property* find(const PropertyGroup* group, const std::string& property) {
  return group == nullptr ? nullptr : group->find(property);
}

bool equal(const Property* a, const Property* b) {
  return (a == nullptr) == (b == nullptr) && (a == nullptr || *a == *b);
}

class Merge {
 public:
  Merge(const MergeInput& input, std::vector<std::string>& warnings, std::vector<std::string>* notes)
      : in_(input), warnings_(warnings), notes_(notes) {}

  Content run() {
    std::set<std::string> names;
    for (const auto& [name, group] : in_.next) names.insert(name);
    for (const auto& [name, group] : in_.current) names.insert(name);
    for (const std::string& name : names) {
      const PropertyGroup* next = find(&in_.next, name);
      const PropertyGroup* current = find(&in_.current, name);
      if (in_.removed.contains(name)) {
        if (current != nullptr) note("Deleting", "property group", name);
        continue;
      }
      if (next != nullptr && current != nullptr) {
        merge_group(find(in_.old, name), *next, *current);
      } else if (next != nullptr) {
        missing_group(find(in_.old, name), *next);
      } else {
        extra_group(find(in_.old, name), *current);
      }
    }
    return std::move(result_);
  }

 private:
  void conflict(const std::string& reason) {
    warnings_.push_back(fmt::format("Conflict upgrading {} ({}).", in_.entity, reason));
  }

  void note(const char* doing, const char* what, const std::string& name) {
    if (notes_ != nullptr) notes_->push_back(fmt::format("{}: {} {} \"{}\".", in_.entity, doing, what, name));
  }

  // Each property of the group `dependents` is a dependent.
  static constexpr std::string_view kDependents = "dependents/";

  void note_property(const char* doing, const std::string& name) {
    const bool dependent = name.starts_with(kDependents);
    note(doing, dependent ? "dependent" : "property", dependent ? name.substr(kDependents.size()) : name);
  }

  void missing_group(const PropertyGroup* old, const PropertyGroup& next) {
    if (old == nullptr || overrides(next.name)) {
      if (next.name == "dependents") {
        for (const auto& [name, target] : next.properties) note("Adding", "dependent", name);
      } else {
        note("Adding", "property group", next.name);
      }
      result_.emplace(next.name, next);
    } else if (!same(*old, next)) {
      conflict(fmt::format("property group \"{}\" is missing", next.name));
    }
  }

  void extra_group(const PropertyGroup* old, const PropertyGroup& current) {
    if (old != nullptr && same(*old, current)) {  // gone from the manifest, and nobody changed it
      note("Deleting", "property group", current.name);
      return;
    }
    if (old != nullptr) conflict(fmt::format("property group \"{}\" has been customized", current.name));
    result_.emplace(current.name, current);
  }

  void merge_group(const PropertyGroup* old, const PropertyGroup& next, const PropertyGroup& current) {
    PropertyGroup merged = current;
    if (old != nullptr && old->type == current.type) {
      merged.type = next.type;
    } else if (next.type != current.type && (old == nullptr || next.type != old->type)) {
      conflict(fmt::format("property group \"{}\" has type \"{}\", not \"{}\"", next.name, current.type,
                           next.type));
    }
    std::set<std::string> names;
    for (const auto& [name, property] : next.properties) names.insert(name);
    if (old != nullptr) {
      for (const auto& [name, property] : old->properties) names.insert(name);
    }
    for (const std::string& name : names) {
      const std::string full = next.name + "/" + name;
      const Property* was = find(&current, name);
      const Property* taken = choose(full, find(old, name), find(&next, name), was);
      if (!equal(taken, was)) {
        note_property(taken == nullptr ? "Deleting" : was == nullptr ? "Adding" : "Upgrading", full);
      }
      if (taken == nullptr) {
        merged.properties.erase(name);
      } else {
        merged.properties[name] = Property(*taken);
      }
    }
    result_.emplace(merged.name, std::move(merged));
  }

  // Null: the property is not there.
  const Property* choose(const std::string& name, const Property* old, const Property* next,
                         const Property* current) {
    if (equal(current, next)) return current;
    if (old != nullptr && equal(old, next)) return current;
    if (equal(old, current)) return next;  // also: the manifest's new property, which nobody has yet
    if (next != nullptr && in_.overrides.contains(name)) return next;
    if (old == nullptr && name.starts_with(kDependents)) {
      conflict(fmt::format("not importing new dependent \"{}\"", name.substr(kDependents.size())));
    } else if (current == nullptr) {
      conflict(fmt::format("property \"{}\" is missing", name));
    } else {
      conflict(fmt::format("property \"{}\" has been customized", name));
    }
    return current;
  }

  bool overrides(const std::string& group) const {
    return std::any_of(in_.overrides.begin(), in_.overrides.end(),
                       [&](const std::string& name) { return name.starts_with(group + "/"); });
  }

  const MergeInput& in_;
  std::vector<std::string>& warnings_;
  std::vector<std::string>* notes_;
  Content result_;
};

}  // namespace

bool same(const PropertyGroup& a, const PropertyGroup& b) {
  return a.name == b.name && a.type == b.type && a.properties == b.properties;
}

bool same(const Content& a, const Content& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& left, const auto& right) { return same(left.second, right.second); });
}

Content merge(const MergeInput& input, std::vector<std::string>& warnings, std::vector<std::string>* notes) {
  return Merge(input, warnings, notes).run();
}

}  // namespace vmkeep::manifest
