// The smallest pieces of messages.h: values, single members of an object, names of errors.
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "control/messages.h"
#include "control/text.h"

namespace vmkeep::control {
namespace {

namespace json = boost::json;

Error mistyped(const std::string& type, const std::string& member, const std::string& wanted) {
  return fail(ErrorKind::invalid, type + ": the member \"" + member + "\" must be " + wanted);
}

}  // namespace

json::value value_to_json(const std::string& value) {
  if (is_utf8(value)) return json::value(value);
  return json::object{{"base64", base64(value)}};
}

Result<std::string> value_from(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  const json::object* object = value.if_object();
  const json::value* text = object == nullptr ? nullptr : object->if_contains("base64");
  if (text != nullptr && text->is_string()) {
    if (auto bytes = from_base64(std::string_view(text->get_string()))) return std::move(*bytes);
  }
  return fail(ErrorKind::invalid, "a value must be a string or {\"base64\": ...}");
}

Result<std::string> string_member(const json::object& object, const char* name) {
  const json::value* found = object.if_contains(name);
  if (found == nullptr || !found->is_string()) return mistyped("the parameters", name, "a string");
  return std::string(found->get_string());
}

bool bool_member(const json::object& object, const char* name, bool otherwise) {
  const json::value* found = object.if_contains(name);
  return found != nullptr && found->is_bool() ? found->get_bool() : otherwise;
}

int64_t int_member(const json::object& object, const char* name, int64_t otherwise) {
  const json::value* found = object.if_contains(name);
  if (found == nullptr || !found->is_number()) return otherwise;
  boost::system::error_code error;
  const auto number = found->to_number<int64_t>(error);
  return error ? otherwise : number;
}

Result<std::vector<std::string>> strings_member(const json::object& object, const char* name) {
  const json::value* found = object.if_contains(name);
  std::vector<std::string> all;
  if (found == nullptr || found->is_null()) return all;
  if (!found->is_array()) return mistyped("the parameters", name, "an array of strings");
  for (const json::value& element : found->get_array()) {
    if (!element.is_string()) return mistyped("the parameters", name, "an array of strings");
    all.emplace_back(element.get_string());
  }
  return all;
}

namespace {

constexpr std::array<std::pair<ErrorKind, const char*>, 8> kErrorNames{{
    {ErrorKind::not_found, "org.vmkeep.NotFound"},
    {ErrorKind::exists, "org.vmkeep.Exists"},
    {ErrorKind::invalid, "org.vmkeep.Invalid"},
    {ErrorKind::stale, "org.vmkeep.Stale"},
    {ErrorKind::permission, "org.vmkeep.PermissionDenied"},
    {ErrorKind::busy, "org.vmkeep.Busy"},
    {ErrorKind::timeout, "org.vmkeep.Timeout"},
    {ErrorKind::io, "org.vmkeep.Failed"},
}};

}  // namespace

std::string error_name(ErrorKind kind) {
  for (const auto& [known, name] : kErrorNames) {
    if (known == kind) return name;
  }
  return "org.vmkeep.Failed";
}

ErrorKind error_kind(const std::string& name) {
  for (const auto& [kind, known] : kErrorNames) {
    if (known == name) return kind;
  }
  if (name == "org.varlink.service.InvalidParameter") return ErrorKind::invalid;
  if (name.starts_with("org.varlink.service.")) return ErrorKind::unsupported;
  return ErrorKind::io;
}

}  // namespace vmkeep::control
