#include "tools/json_text.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "control/text.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

json::value text_or_null(const std::string& text) {
  if (text.empty() || text == "none") return nullptr;
  return json::value(control::as_utf8(text));
}

json::value text_or_null(const std::optional<std::string>& text) {
  return text ? json::value(control::as_utf8(*text)) : json::value(nullptr);
}

json::value flag_or_null(const std::optional<bool>& flag) {
  return flag ? json::value(*flag) : json::value(nullptr);
}

}  // namespace

json::object json_document(const std::string& name) {
  return {{"schema", "vmkeep/" + name + "/1"}};
}

std::string json_line(const json::object& document) {
  return json::serialize(document) + "\n";
}

json::object instance_json(const control::InstanceMessage& instance) {
  json::object all{{"fmri", instance.fmri},
                   {"state", instance.state},
                   {"next_state", text_or_null(instance.next_state)},
                   {"since", instance.state_time},
                   {"reason", text_or_null(instance.reason)},
                   {"why", text_or_null(instance.why)},
                   {"enabled", instance.enabled},
                   {"enabled_permanent", flag_or_null(instance.enabled_permanent)},
                   {"enabled_temporary", flag_or_null(instance.enabled_temporary)},
                   {"configured", instance.configured},
                   {"comment", text_or_null(instance.comment)},
                   {"name", text_or_null(instance.name)},
                   {"restarter", instance.restarter},
                   {"contract", nullptr},
                   {"log", text_or_null(instance.log)},
                   {"vm", instance.vm}};
  if (instance.contract != 0) all["contract"] = instance.contract;
  if (instance.state_time == 0) all["since"] = nullptr;
  return all;
}

json::object process_json(const control::ProcessMessage& process) {
  return {{"pid", process.pid},
          {"since", process.start_time},
          {"command", control::as_utf8(process.command)},
          {"arguments", control::as_utf8(process.arguments)}};
}

json::object property_json(const std::string& name, const repository::Property& property) {
  json::array values;
  for (const std::string& value : property.values) values.push_back(control::value_to_json(value));
  return {{"name", name}, {"type", repository::to_string(property.type)}, {"values", std::move(values)}};
}

json::object group_json(const repository::PropertyGroup& group) {
  json::array properties;
  for (const auto& [name, property] : group.properties) properties.push_back(property_json(name, property));
  return {{"name", group.name},
          {"type", group.type},
          {"persistent", group.persistent},
          {"properties", std::move(properties)}};
}

json::array texts_json(const std::vector<std::string>& texts) {
  json::array all;
  for (const std::string& text : texts) all.emplace_back(control::as_utf8(text));
  return all;
}

}  // namespace vmkeep::tools
