// The data model of the repository (spec of the facility, section 2): services and instances own property
// groups, a group has typed properties, a property has ordered values of one type.
//
// Every commit of a group makes a new generation.  A snapshot refers to generations, so it never changes and
// costs nothing while nothing changes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fmri/fmri.h"

namespace vmkeep::repository {

enum class ValueType {
  boolean,
  count,
  integer,
  time,
  astring,
  ustring,
  opaque,
  uri,
  fmri,
  host,
  hostname,
  net_address,
  net_address_v4,
  net_address_v6
};

std::string_view to_string(ValueType type);  // "astring", ...
std::optional<ValueType> value_type(std::string_view name);
// Whether `value` is a legal value of that type (section 2.3), and its normal form: "010" of a count is "10".
// Errors: ErrorKind::invalid.
Result<std::string> check_value(ValueType type, std::string_view value);

struct Property {
  ValueType type = ValueType::astring;
  std::vector<std::string> values;
  bool operator==(const Property&) const = default;
};

struct PropertyGroup {
  std::string name;
  std::string type;         // "framework", "application", "method", "dependency", ...
  bool persistent = true;   // false: in the volatile store, gone with the boot, in no snapshot
  uint64_t generation = 0;  // given by the store
  std::map<std::string, Property, std::less<>> properties;

  const Property* find(std::string_view property) const;
  // The single value; nothing if there is none or more than one.
  std::optional<std::string_view> value(std::string_view property) const;
};

using GroupPtr = std::shared_ptr<const PropertyGroup>;
using Groups = std::map<std::string, GroupPtr, std::less<>>;  // by name

// The groups of one entity: its own, and for an instance those of its service.
struct Levels {
  Groups own;
  Groups service;  // empty for a service

  // Composed per property, the instance over the service (section 2.9): for each group name the union of
  // the properties.  The type of a group is the instance's where both have it.
  Groups composed() const;
  // One property, composed.  Null if there is none.
  const Property* find(std::string_view group, std::string_view property) const;
  std::optional<std::string_view> value(std::string_view group, std::string_view property) const;
};

}  // namespace vmkeep::repository
