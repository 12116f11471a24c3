#include "repository/types.h"

#include <algorithm>
#include <utility>

namespace vmkeep::repository {
namespace {

constexpr std::pair<ValueType, std::string_view> kTypes[] = {
    {ValueType::boolean, "boolean"},
    {ValueType::count, "count"},
    {ValueType::integer, "integer"},
    {ValueType::time, "time"},
    {ValueType::astring, "astring"},
    {ValueType::ustring, "ustring"},
    {ValueType::opaque, "opaque"},
    {ValueType::uri, "uri"},
    {ValueType::fmri, "fmri"},
    {ValueType::host, "host"},
    {ValueType::hostname, "hostname"},
    {ValueType::net_address, "net_address"},
    {ValueType::net_address_v4, "net_address_v4"},
    {ValueType::net_address_v6, "net_address_v6"},
};

const PropertyGroup* find_group(const Groups& groups, std::string_view name) {
  const auto it = groups.find(name);
  return it == groups.end() ? nullptr : it->second.get();
}

std::optional<std::string_view> single_value(const Property* property) {
  if (property == nullptr || property->values.size() != 1) return std::nullopt;
  return property->values.front();
}

}  // namespace

std::string_view to_string(ValueType type) {
  for (const auto& [one, name] : kTypes)
    if (one == type) return name;
  return "unknown";
}

std::optional<ValueType> value_type(std::string_view name) {
  for (const auto& [type, one] : kTypes)
    if (one == name) return type;
  return std::nullopt;
}

const Property* PropertyGroup::find(std::string_view property) const {
  const auto it = properties.find(property);
  return it == properties.end() ? nullptr : &it->second;
}

std::optional<std::string_view> PropertyGroup::value(std::string_view property) const {
  return single_value(find(property));
}

Groups Levels::composed() const {
  Groups result = own;
  for (const auto& [name, inherited] : service) {
    const auto [place, only_the_service_has_it] = result.try_emplace(name, inherited);
    if (only_the_service_has_it) continue;
    const PropertyGroup& mine = *place->second;
    const bool hidden = std::all_of(inherited->properties.begin(), inherited->properties.end(),
                                    [&](const auto& one) { return mine.find(one.first) != nullptr; });
    if (hidden) continue;
    auto merged = std::make_shared<PropertyGroup>(mine);
    merged->properties.insert(inherited->properties.begin(), inherited->properties.end());
    place->second = std::move(merged);
  }
  return result;
}

const Property* Levels::find(std::string_view group, std::string_view property) const {
  for (const Groups* level : {&own, &service}) {
    const PropertyGroup* found = find_group(*level, group);
    const Property* one = found == nullptr ? nullptr : found->find(property);
    if (one != nullptr) return one;
  }
  return nullptr;
}

std::optional<std::string_view> Levels::value(std::string_view group, std::string_view property) const {
  return single_value(find(group, property));
}

}  // namespace vmkeep::repository
