// How single groups are written by export: properties, methods with their contexts, notification parameters.
//
// An element is used only for a group of which it can say everything; what it cannot say is written as a
// plain property group, so that nothing is lost.
#pragma once

#include <initializer_list>
#include <string>

#include "manifest/writer.h"
#include "repository/types.h"

namespace vmkeep::manifest {

// Takes properties out of a group as they are written, so that what is left is what still has to be.
class Rest {
 public:
  explicit Rest(const repository::PropertyGroup& group) : group_(group) {}

  const repository::PropertyGroup& group() const { return group_; }
  // Whether all of these are there, with one value each.
  bool has(std::initializer_list<const char*> names,
           repository::ValueType type = repository::ValueType::astring) const;
  std::string take(const char* name);
  void drop(const char* name) { group_.properties.erase(name); }

 private:
  repository::PropertyGroup group_;
};

// propval for one value, property for none or several.
void write_properties(Writer& writer, const repository::PropertyGroup& group);
void write_group(Writer& writer, const repository::PropertyGroup& group);

bool is_context(const repository::PropertyGroup& group);
void write_context(Writer& writer, Rest& rest);

bool is_method(const repository::PropertyGroup& group);
void write_method(Writer& writer, const repository::PropertyGroup& group);

bool is_notification(const repository::PropertyGroup& group);
void write_notification(Writer& writer, const repository::PropertyGroup& group);

}  // namespace vmkeep::manifest
