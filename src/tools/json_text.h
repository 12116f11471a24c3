// The documents of --json (man/vmkeep-json.7): each begins with the name and version of its schema.  Members
// are never taken away and never change their meaning within a version; new ones may come.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "control/messages.h"

namespace vmkeep::tools {

// {"schema": "vmkeep/NAME/1"}, for more to come behind it.
boost::json::object json_document(const std::string& name);
// One line.
std::string json_line(const boost::json::object& document);

boost::json::object instance_json(const control::InstanceMessage& instance);
boost::json::object process_json(const control::ProcessMessage& process);
boost::json::object property_json(const std::string& name, const repository::Property& property);
boost::json::object group_json(const repository::PropertyGroup& group);
boost::json::array texts_json(const std::vector<std::string>& texts);

}  // namespace vmkeep::tools
