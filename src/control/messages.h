// The JSON of the types of org.vmkeep.varlink, both ways.  What comes from a peer is checked: every missing
// or mistyped member is an Error that names it, never an exception.
#pragma once

#include <boost/json/fwd.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fmri/fmri.h"
#include "repository/change_set.h"
#include "repository/types.h"

namespace vmkeep::control {

struct DependencyMessage {
  std::string name, grouping, restart_on;
  std::vector<std::string> entities;
};

struct InstanceMessage {
  std::string fmri, state, next_state, reason, why;
  double state_time = 0;
  bool configured = false, enabled = false;
  std::optional<bool> enabled_permanent, enabled_temporary;
  uint64_t contract = 0;
  std::string log;
  std::optional<std::string> name;  // common name
  std::string restarter;
  bool vm = false;
  std::optional<std::string> dossier;       // folder of the last crash dossier
  std::optional<int> start_status;          // raw wait status of the last start method
  std::optional<std::string> comment;       // of whoever enabled or disabled it last
  std::optional<std::string> requested_by;  // FMRI of the instance whose method asked for maintenance
  std::optional<std::vector<DependencyMessage>> dependencies;
  std::optional<bool> satisfied;
};

struct ProcessMessage {
  int64_t pid = 0;
  int64_t start_time = 0;
  std::string command, arguments;
};

boost::json::value to_json(const InstanceMessage& instance);
Result<InstanceMessage> instance_from(const boost::json::value& json);
boost::json::value to_json(const ProcessMessage& process);
Result<ProcessMessage> process_from(const boost::json::value& json);
boost::json::value to_json(const repository::PropertyGroup& group);
Result<repository::PropertyGroup> group_from(const boost::json::value& json);
boost::json::value to_json(const repository::ChangeSet& changes);
Result<repository::ChangeSet> changes_from(const boost::json::value& json);
boost::json::value to_json(const std::vector<fmri::Entry>& entries);
Result<std::vector<fmri::Entry>> entries_from(const boost::json::value& json);
boost::json::object to_json(const repository::Levels& levels);
Result<repository::Levels> levels_from(const boost::json::object& json);

// A value as a JSON string, or {"base64": ...} if it is no UTF-8.
boost::json::value value_to_json(const std::string& value);
Result<std::string> value_from(const boost::json::value& json);

// Members of an object, checked.
Result<std::string> string_member(const boost::json::object& object, const char* name);
bool bool_member(const boost::json::object& object, const char* name, bool otherwise);
int64_t int_member(const boost::json::object& object, const char* name, int64_t otherwise);
// Absent or null: no strings.
Result<std::vector<std::string>> strings_member(const boost::json::object& object, const char* name);

// "org.vmkeep.NotFound" and the like, for an error of this kind; and back.
std::string error_name(ErrorKind kind);
ErrorKind error_kind(const std::string& name);

}  // namespace vmkeep::control
