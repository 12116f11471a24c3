#include "control/messages.h"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "control/json_text.h"
#include "control/text.h"

namespace vmkeep::control {
namespace {

namespace json = boost::json;

Error mistyped(const std::string& type, const std::string& member, const std::string& wanted) {
  return fail(ErrorKind::invalid, type + ": the member \"" + member + "\" must be " + wanted);
}

// Takes the members of one object, one by one, and remembers what was wrong first.
class Members {
 public:
  Members(const json::value& value, const char* type) : type_(type), object_(value.if_object()) {
    if (object_ == nullptr) error_ = fail(ErrorKind::invalid, type_ + ": a JSON object is expected");
  }

  std::string text(const char* name) {
    const json::value* found = find(name);
    if (found == nullptr || !found->is_string()) {
      wrong(name, "a string");
      return {};
    }
    return std::string(found->get_string());
  }
  std::optional<std::string> maybe_text(const char* name) {
    if (find(name) == nullptr) return std::nullopt;
    return text(name);
  }
  bool flag(const char* name) {
    const json::value* found = find(name);
    if (found == nullptr || !found->is_bool()) {
      wrong(name, "true or false");
      return false;
    }
    return found->get_bool();
  }
  std::optional<bool> maybe_flag(const char* name) {
    if (find(name) == nullptr) return std::nullopt;
    return flag(name);
  }
  template <class Number>
  Number number(const char* name) {
    const json::value* found = find(name);
    boost::system::error_code error;
    Number number = 0;
    if (found != nullptr && found->is_number()) {
      number = found->to_number<Number>(error);
      if (!error) return number;
    }
    wrong(name, "a number in its range");
    return 0;
  }
  template <class Number>
  std::optional<Number> maybe_number(const char* name) {
    if (find(name) == nullptr) return std::nullopt;
    return number<Number>(name);
  }
  // The elements of an array; empty if it is none.
  const json::array& list(const char* name) {
    static const json::array kNothing;
    const json::value* found = find(name);
    if (found != nullptr && found->is_array()) return found->get_array();
    wrong(name, "an array");
    return kNothing;
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> all;
    for (const json::value& element : list(name)) {
      if (!element.is_string()) {
        wrong(name, "an array of strings");
        return {};
      }
      all.emplace_back(element.get_string());
    }
    return all;
  }
  // Null counts as absent, as in varlink.
  const json::value* find(const char* name) const {
    const json::value* found = object_ == nullptr ? nullptr : object_->if_contains(name);
    return found == nullptr || found->is_null() ? nullptr : found;
  }
  template <class T>
  T keep(Result<T> result) {
    if (result) return std::move(*result);
    if (!error_) error_ = in(type_, result.error());
    return T{};
  }
  void wrong(const char* name, const char* wanted) {
    if (!error_) error_ = mistyped(type_, name, wanted);
  }
  template <class T>
  Result<T> result(T value) {
    if (error_) return *error_;
    return value;
  }

 private:
  std::string type_;
  const json::object* object_;
  std::optional<Error> error_;
};

json::array to_array(const std::vector<std::string>& texts) {
  json::array all;
  for (const std::string& text : texts) all.emplace_back(as_utf8(text));
  return all;
}

Result<DependencyMessage> dependency_from(const json::value& value) {
  Members members(value, "Dependency");
  DependencyMessage dependency;
  dependency.name = members.text("name");
  dependency.grouping = members.text("grouping");
  dependency.restart_on = members.text("restart_on");
  dependency.entities = members.texts("entities");
  return members.result(std::move(dependency));
}

json::object property_to_json(const std::string& name, const repository::Property& property) {
  json::array values;
  for (const std::string& value : property.values) values.push_back(value_to_json(value));
  return {{"name", name},
          {"type", std::string(repository::to_string(property.type))},
          {"values", std::move(values)}};
}

// An empty type says that the property goes away (in a change only).
struct NamedProperty {
  std::string name;
  std::optional<repository::Property> property;
};

Result<NamedProperty> property_from(const json::value& value) {
  Members members(value, "Property");
  NamedProperty named;
  named.name = members.text("name");
  const std::string type = members.text("type");
  repository::Property property;
  for (const json::value& element : members.list("values")) {
    property.values.push_back(members.keep(value_from(element)));
  }
  if (!type.empty()) {
    if (const auto known = repository::value_type(type)) {
      property.type = *known;
    } else {
      members.wrong("type", "the name of a property type");
    }
    named.property = std::move(property);
  }
  return members.result(std::move(named));
}

json::array to_array(const repository::Groups& groups) {
  json::array all;
  for (const auto& [name, group] : groups) all.push_back(control::to_json(*group));
  return all;
}

}  // namespace

json::value to_json(const InstanceMessage& instance) {
  std::string text;
  append_json(text, instance);
  return json::parse(text);
}

Result<InstanceMessage> instance_from(const json::value& value) {
  Members members(value, "Instance");
  InstanceMessage instance;
  instance.fmri = members.text("fmri");
  instance.state = members.text("state");
  instance.next_state = members.text("next_state");
  instance.reason = members.maybe_text("reason").value_or("");
  instance.why = members.maybe_text("why").value_or("");
  instance.state_time = members.number<double>("state_time");
  instance.configured = members.flag("configured");
  instance.enabled = members.flag("enabled");
  instance.enabled_permanent = members.maybe_flag("enabled_permanent");
  instance.enabled_temporary = members.maybe_flag("enabled_temporary");
  instance.contract = members.number<uint64_t>("contract");
  instance.log = members.maybe_text("log").value_or("");
  instance.name = members.maybe_text("name");
  instance.restarter = members.maybe_text("restarter").value_or("");
  instance.vm = members.flag("vm");
  instance.dossier = members.maybe_text("dossier");
  instance.start_status = members.maybe_number<int>("start_status");
  instance.comment = members.maybe_text("comment");
  instance.requested_by = members.maybe_text("requested_by");
  instance.satisfied = members.maybe_flag("satisfied");
  if (members.find("dependencies") != nullptr) {
    instance.dependencies.emplace();
    for (const json::value& element : members.list("dependencies")) {
      instance.dependencies->push_back(members.keep(dependency_from(element)));
    }
  }
  return members.result(std::move(instance));
}

json::value to_json(const ProcessMessage& process) {
  return json::object{{"pid", process.pid},
                      {"start_time", process.start_time},
                      {"command", as_utf8(process.command)},
                      {"arguments", as_utf8(process.arguments)}};
}

Result<ProcessMessage> process_from(const json::value& value) {
  Members members(value, "Process");
  ProcessMessage process;
  process.pid = members.number<int64_t>("pid");
  process.start_time = members.number<int64_t>("start_time");
  process.command = members.text("command");
  process.arguments = members.text("arguments");
  return members.result(std::move(process));
}

json::value to_json(const repository::PropertyGroup& group) {
  json::array properties;
  for (const auto& [name, property] : group.properties)
    properties.push_back(property_to_json(name, property));
  return json::object{{"name", group.name},
                      {"type", group.type},
                      {"persistent", group.persistent},
                      {"generation", group.generation},
                      {"properties", std::move(properties)}};
}

Result<repository::PropertyGroup> group_from(const json::value& value) {
  Members members(value, "Group");
  repository::PropertyGroup group;
  group.name = members.text("name");
  group.type = members.text("type");
  group.persistent = members.flag("persistent");
  group.generation = members.number<uint64_t>("generation");
  for (const json::value& element : members.list("properties")) {
    NamedProperty named = members.keep(property_from(element));
    if (!named.property || !group.properties.emplace(named.name, std::move(*named.property)).second) {
      members.wrong("properties", "properties with a type, each name once");
    }
  }
  return members.result(std::move(group));
}

json::value to_json(const std::vector<fmri::Entry>& entries) {
  json::array all;
  for (const fmri::Entry& entry : entries) {
    all.push_back(json::object{{"service", entry.service}, {"instances", to_array(entry.instances)}});
  }
  return all;
}

Result<std::vector<fmri::Entry>> entries_from(const json::value& value) {
  if (!value.is_array()) return fail(ErrorKind::invalid, "Entries: a JSON array is expected");
  std::vector<fmri::Entry> entries;
  for (const json::value& element : value.get_array()) {
    Members members(element, "Entry");
    fmri::Entry entry{members.text("service"), members.texts("instances")};
    auto checked = members.result(std::move(entry));
    if (!checked) return checked.error();
    entries.push_back(std::move(*checked));
  }
  return entries;
}

json::object to_json(const repository::Levels& levels) {
  return {{"own", to_array(levels.own)}, {"service", to_array(levels.service)}};
}

Result<repository::Levels> levels_from(const json::object& object) {
  const json::value whole(object);
  Members members(whole, "Levels");
  repository::Levels levels;
  for (auto [name, groups] : {std::pair("own", &levels.own), std::pair("service", &levels.service)}) {
    for (const json::value& element : members.list(name)) {
      auto group = std::make_shared<repository::PropertyGroup>(members.keep(group_from(element)));
      std::string group_name = group->name;
      if (!groups->emplace(std::move(group_name), std::move(group)).second) {
        members.wrong(name, "groups, each name once");
      }
    }
  }
  return members.result(std::move(levels));
}

namespace {

json::object change(const char* kind, const fmri::Fmri& entity) {
  return {{"kind", kind}, {"entity", entity.entity()}};
}

void add_expected(json::object& object, const std::optional<uint64_t>& expected) {
  if (expected) object["expected"] = *expected;
}

struct ToJson {
  json::object operator()(const repository::AddService& add) const {
    return change("add_service", {add.service, {}, {}, {}});
  }
  json::object operator()(const repository::AddInstance& add) const {
    return change("add_instance", {add.service, add.instance, {}, {}});
  }
  json::object operator()(const repository::DeleteEntity& gone) const {
    return change("delete_entity", gone.entity);
  }
  json::object operator()(const repository::PutGroup& put) const {
    json::object object = change("put_group", put.entity);
    object["group"] = to_json(put.group);
    add_expected(object, put.expected);
    return object;
  }
  json::object operator()(const repository::DeleteGroup& gone) const {
    json::object object = change("delete_group", gone.entity);
    object["name"] = gone.group;
    add_expected(object, gone.expected);
    return object;
  }
  json::object operator()(const repository::SetProperty& set) const {
    json::object object = change("set_property", set.entity);
    object["name"] = set.group;
    object["group_type"] = set.group_type;
    object["persistent"] = set.persistent;
    object["property"] = set.value
                             ? property_to_json(set.property, *set.value)
                             : json::object{{"name", set.property}, {"type", ""}, {"values", json::array()}};
    return object;
  }
  json::object operator()(const repository::TakeSnapshot& take) const {
    json::object object = change("take_snapshot", take.instance);
    object["name"] = take.name;
    return object;
  }
};

// A service travels as its FMRI; its name must be one, else the change means something else than it says.
Result<repository::Change> change_from(const json::value& value) {
  Members members(value, "Change");
  const std::string kind = members.text("kind");
  const fmri::Fmri entity = members.keep(fmri::Fmri::parse(members.text("entity")));
  const auto expected = members.maybe_number<uint64_t>("expected");
  repository::Change change = repository::AddService{entity.service};
  if (!entity.property_group.empty()) members.wrong("entity", "the FMRI of a service or an instance");
  const bool instance_wanted = kind == "add_instance" || kind == "take_snapshot";
  if (instance_wanted && !entity.is_instance()) members.wrong("entity", "the FMRI of an instance");
  if (kind == "add_service") {
    if (entity.is_instance()) members.wrong("entity", "the FMRI of a service");
  } else if (kind == "add_instance") {
    change = repository::AddInstance{entity.service, entity.instance};
  } else if (kind == "delete_entity") {
    change = repository::DeleteEntity{entity};
  } else if (kind == "put_group") {
    const json::value* group = members.find("group");
    if (group == nullptr) members.wrong("group", "a property group");
    change = repository::PutGroup{entity, members.keep(group_from(group == nullptr ? json::value() : *group)),
                                  expected};
  } else if (kind == "delete_group") {
    change = repository::DeleteGroup{entity, members.text("name"), expected};
  } else if (kind == "set_property") {
    const json::value* property = members.find("property");
    if (property == nullptr) members.wrong("property", "a property");
    NamedProperty named = members.keep(property_from(property == nullptr ? json::value() : *property));
    change = repository::SetProperty{
        entity,     members.text("name"),     members.text("group_type"), members.flag("persistent"),
        named.name, std::move(named.property)};
  } else if (kind == "take_snapshot") {
    change = repository::TakeSnapshot{entity, members.text("name")};
  } else {
    members.wrong("kind", "a kind of change");
  }
  return members.result(std::move(change));
}

}  // namespace

json::value to_json(const repository::ChangeSet& changes) {
  json::array all;
  for (const repository::Change& change : changes) all.push_back(std::visit(ToJson(), change));
  return all;
}

Result<repository::ChangeSet> changes_from(const json::value& value) {
  if (!value.is_array()) return fail(ErrorKind::invalid, "Changes: a JSON array is expected");
  repository::ChangeSet changes;
  for (const json::value& element : value.get_array()) {
    auto change = change_from(element);
    if (!change) return change.error();
    changes.push_back(std::move(*change));
  }
  return changes;
}

}  // namespace vmkeep::control
