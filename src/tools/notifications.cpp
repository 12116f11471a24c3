#include "tools/notifications.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <utility>
#include <vector>

#include "control/messages.h"

namespace vmkeep::tools {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

// Parameters with their values, by the type of notification.
std::map<std::string, Parameters> types_of(const repository::PropertyGroup& event) {
  std::map<std::string, Parameters> types;
  for (const auto& [name, property] : event.properties) {
    const size_t comma = name.find(',');
    if (comma == std::string::npos) continue;
    auto& parameters = types[name.substr(0, comma)];
    for (const std::string& value : property.values) parameters.emplace_back(name.substr(comma + 1), value);
  }
  return types;
}

}  // namespace

std::string notification_text(const repository::PropertyGroup& event, const fmri::Fmri& source) {
  std::string text = "    Event: " + event.name + " (source: " + source.str() + ")\n";
  for (const auto& [type, parameters] : types_of(event)) {
    text.append("        Notification Type: ").append(type).append("\n");
    for (const auto& [name, value] : parameters) {
      text.append(12, ' ').append(name == "active" ? "Active" : name).append(": ").append(value).append("\n");
    }
  }
  return text;
}

boost::json::object notification_json(const repository::PropertyGroup& event, const fmri::Fmri& source) {
  boost::json::array types;
  for (const auto& [type, parameters] : types_of(event)) {
    boost::json::object each{{"type", type}};
    for (const auto& [name, value] : parameters) each[name] = control::value_to_json(value);
    if (each.contains("active")) each["active"] = each["active"] == "true";
    types.push_back(std::move(each));
  }
  return {{"event", event.name}, {"source", source.str()}, {"types", std::move(types)}};
}

}  // namespace vmkeep::tools
