// The values of properties: setprop, addpropvalue, delpropvalue.
#include <fmt/format.h>

#include <optional>

#include "tools/svccfg/bundles.h"
#include "tools/svccfg/commands.h"
#include "tools/svccfg/values.h"

namespace vmkeep::svccfg {
namespace {

using repository::ChangeSet;
using repository::Levels;
using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

bool is_value(const Token& token) {
  return token.kind == TokenKind::word || token.kind == TokenKind::string;
}

// "pg/name [type:] value" or "pg/name = [type:] ( value ... )", taken apart.
struct Assignment {
  std::string group;
  std::string property;
  std::string type;  // as it was written, without its colon; empty: none
  std::vector<Token> values;
  bool list = false;
};

Outcome parse_name(Session& session, const std::string& name, Assignment& result) {
  const size_t slash = name.find('/');
  if (slash == std::string::npos) return session.fail("Property names must contain a `/'.");
  result.group = name.substr(0, slash);
  result.property = name.substr(slash + 1);
  return Outcome::ok;
}

Outcome parse_type(Session& session, const Token& token, Assignment& result) {
  if (token.kind != TokenKind::word || !token.text.ends_with(':') || token.text.size() < 2) {
    return session.fail(
        fmt::format("Type \"{}\" must end with a colon; a value with blanks must be quoted with "
                    "'\"'.",
                    token.text));
  }
  result.type = token.text.substr(0, token.text.size() - 1);
  return Outcome::ok;
}

// What stands behind the "=" of setprop.
Outcome parse_values(Session& session, const Arguments& arguments, size_t at, Assignment& result) {
  const size_t left = arguments.size() - at;
  const bool typed_list = left >= 2 && arguments[at + 1].kind == TokenKind::open;
  if (typed_list || (left == 2 && is_value(arguments[at]) && is_value(arguments[at + 1]))) {
    if (const Outcome outcome = parse_type(session, arguments[at], result); outcome != Outcome::ok)
      return outcome;
    ++at;
  }
  if (at == arguments.size()) return Outcome::usage;
  if (arguments[at].kind == TokenKind::open) {
    result.list = true;
    for (++at; at < arguments.size() && is_value(arguments[at]); ++at) result.values.push_back(arguments[at]);
    if (at + 1 != arguments.size() || arguments[at].kind != TokenKind::close)
      return session.fail("Syntax error.");
    return Outcome::ok;
  }
  if (at + 1 != arguments.size() || !is_value(arguments[at])) return session.fail("Syntax error.");
  result.values.push_back(arguments[at]);
  return Outcome::ok;
}

// What the templates say about the type of a property; nothing: nothing.
std::optional<ValueType> templated_type(Session& session, const Assignment& assignment,
                                        const Levels& levels) {
  const repository::Groups groups = levels.composed();
  const auto group = groups.find(assignment.group);
  if (group == groups.end()) return std::nullopt;
  for (const auto& each : manifest::templates_for(session.selection(), levels, lookup_in(session))) {
    if (!manifest::covers(each.pg, assignment.group, group->second->type)) continue;
    for (const auto& pattern : each.properties) {
      if (pattern.name == assignment.property && !pattern.type.empty()) {
        return repository::value_type(pattern.type);
      }
    }
  }
  return std::nullopt;
}

// The type that is written, else that of the property, else that of the service's property, else what a
// template says.
Outcome find_type(Session& session, const Assignment& assignment, const Levels& levels, ValueType& type) {
  if (!assignment.type.empty()) {
    const auto named = repository::value_type(assignment.type);
    if (!named) return session.fail(fmt::format("Unknown type \"{}\".", assignment.type));
    type = *named;
    return Outcome::ok;
  }
  if (const Property* known = levels.find(assignment.group, assignment.property)) {
    type = known->type;
    return Outcome::ok;
  }
  const auto templated = templated_type(session, assignment, levels);
  if (!templated) return session.fail("Type required for new properties.");
  type = *templated;
  return Outcome::ok;
}

Outcome check(Session& session, const Assignment& assignment, ValueType type,
              std::vector<std::string>& values) {
  for (const Token& token : assignment.values) {
    const bool bare_text = type == ValueType::astring || type == ValueType::ustring;
    if (assignment.list && bare_text && token.kind != TokenKind::string) {
      return session.fail("Multiple string values or string values with spaces must be quoted with '\"'.");
    }
    auto value = repository::check_value(type, token.text);
    if (!value) {
      return session.fail(
          fmt::format("Invalid \"{}\" value \"{}\".", repository::to_string(type), token.text));
    }
    values.push_back(std::move(*value));
  }
  return Outcome::ok;
}

// The entity's own group to edit.  Where only the service has one of that name, the instance gets its own:
// the composed view then takes from it what it has.
std::optional<PropertyGroup> own_group(const Levels& levels, const std::string& name,
                                       std::optional<uint64_t>& generation) {
  if (const auto own = levels.own.find(name); own != levels.own.end()) {
    generation = own->second->generation;
    return *own->second;
  }
  const auto inherited = levels.service.find(name);
  if (inherited == levels.service.end()) return std::nullopt;
  PropertyGroup group;
  group.name = name;
  group.type = inherited->second->type;
  group.persistent = inherited->second->persistent;
  generation = 0;
  return group;
}

// `edit` changes the property, which has the type it must have.
template <class Edit>
Outcome edit_property(Session& session, const Assignment& assignment, const Edit& edit) {
  return session.commit([&](const Levels& levels, ChangeSet& changes) {
    std::optional<uint64_t> generation;
    auto group = own_group(levels, assignment.group, generation);
    if (!group) return session.fail("No such property group.");
    if (!fmri::valid_name(assignment.property)) {
      return session.fail(fmt::format("Invalid property name \"{}\".", assignment.property));
    }
    if (const Outcome outcome = edit(levels, *group); outcome != Outcome::ok) return outcome;
    changes.push_back(repository::PutGroup{session.selection(), *group, generation});
    return Outcome::ok;
  });
}

}  // namespace

Outcome run_setprop(Session& session, const Arguments& arguments) {
  if (arguments.size() < 3 || !is_value(arguments[0]) || arguments[1].kind != TokenKind::equals) {
    return Outcome::usage;
  }
  Assignment assignment;
  if (const Outcome outcome = parse_name(session, arguments[0].text, assignment); outcome != Outcome::ok) {
    return outcome;
  }
  if (const Outcome outcome = parse_values(session, arguments, 2, assignment); outcome != Outcome::ok) {
    return outcome;
  }
  const Outcome outcome = edit_property(session, assignment, [&](const Levels& levels, PropertyGroup& group) {
    Property property;
    if (const Outcome found = find_type(session, assignment, levels, property.type); found != Outcome::ok) {
      return found;
    }
    const Outcome checked = check(session, assignment, property.type, property.values);
    if (checked == Outcome::ok) group.properties[assignment.property] = std::move(property);
    return checked;
  });
  if (outcome == Outcome::ok && session.interactive()) {
    session.out() << "(" << assignment.group << "/" << assignment.property
                  << " is in effect after refresh)\n";
  }
  return outcome;
}

Outcome run_addpropvalue(Session& session, const Arguments& arguments) {
  if (arguments.size() < 2 || arguments.size() > 3) return Outcome::usage;
  for (const Token& token : arguments) {
    if (!is_value(token)) return Outcome::usage;
  }
  Assignment assignment;
  Outcome outcome = parse_name(session, arguments[0].text, assignment);
  if (outcome == Outcome::ok && arguments.size() == 3)
    outcome = parse_type(session, arguments[1], assignment);
  if (outcome != Outcome::ok) return outcome;
  assignment.values.push_back(arguments.back());
  return edit_property(session, assignment, [&](const Levels& levels, PropertyGroup& group) {
    ValueType type = ValueType::astring;
    std::vector<std::string> values;
    if (const Outcome found = find_type(session, assignment, levels, type); found != Outcome::ok)
      return found;
    if (const Outcome checked = check(session, assignment, type, values); checked != Outcome::ok)
      return checked;
    const auto [there, fresh] = group.properties.try_emplace(assignment.property, Property{type, {}});
    if (there->second.type != type) {
      return session.fail(fmt::format("Property {} is of type \"{}\", not \"{}\".", arguments[0].text,
                                      repository::to_string(there->second.type),
                                      repository::to_string(type)));
    }
    there->second.values.push_back(values.front());
    return Outcome::ok;
  });
}

Outcome run_delpropvalue(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  if (!words(arguments, 2, 2, operands)) return Outcome::usage;
  Assignment assignment;
  if (const Outcome outcome = parse_name(session, operands[0], assignment); outcome != Outcome::ok)
    return outcome;
  return edit_property(session, assignment, [&](const Levels&, PropertyGroup& group) {
    const auto property = group.properties.find(assignment.property);
    if (property == group.properties.end()) {
      return session.fail(fmt::format("No such property {}.", operands[0]));
    }
    std::erase_if(property->second.values, [&](const std::string& value) {
      return operands[1].empty() ? value.empty() : glob_matches(operands[1], value);
    });
    return Outcome::ok;
  });
}

}  // namespace vmkeep::svccfg
