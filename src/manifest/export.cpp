#include "manifest/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <set>

#include "manifest/document.h"
#include "manifest/elements.h"
#include "manifest/merge.h"
#include "manifest/writer.h"

namespace vmkeep::manifest {
namespace {

using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

using Names = std::initializer_list<const char*>;

// Takes properties out of a group as they are written, so that what is left is what still has to be.
class Rest {
 public:
  explicit Rest(const PropertyGroup& group) : group_(group) {}

  const PropertyGroup& group() const { return group_; }
  bool has(Names names, ValueType type = ValueType::astring) const {
    return std::all_of(names.begin(), names.end(), [&](const char* name) {
      const Property* property = group_.find(name);
      return property != nullptr && property->type == type && property->values.size() == 1;
    });
  }
  std::string take(const char* name) {
    std::string value(group_.value(name).value_or(""));
    group_.properties.erase(name);
    return value;
  }
  void drop(const char* name) { group_.properties.erase(name); }

 private:
  PropertyGroup group_;
};

class Exporter {
 public:
  explicit Exporter(repository::Repository& repository) : repository_(repository) {}

  Result<std::string> run(const fmri::Fmri& service) {
    auto entries = repository_.entries();
    if (!entries) return entries.error();
    writer_.line("<?xml version='1.0'?>");
    writer_.line(fmt::format("<!DOCTYPE service_bundle SYSTEM '{}'>", kSystemId));
    writer_.open("service_bundle", {{"type", "manifest"}, {"name", "export"}});
    writer_.open("service", {{"name", service.service}, {"type", "service"}, {"version", "0"}});
    std::vector<std::string> instances;
    for (const fmri::Entry& entry : *entries) {
      if (entry.service == service.service) instances = entry.instances;
    }
    if (auto done = write_service(service, instances); !done) return done.error();
    writer_.close("service");
    writer_.close("service_bundle");
    return writer_.take();
  }

 private:
  Result<Content> read(const fmri::Fmri& entity) {
    auto levels = repository_.read(entity);
    if (!levels) return levels.error();
    Content content;
    for (const auto& [name, group] : levels->own) {
      const bool external = group->type == "dependency" && group->value("external").value_or("") == "true";
      if (!group->persistent || external || name == "manifestfiles") continue;
      for (const auto& [property_name, property] : group->properties) {
        if (std::all_of(property.values.begin(), property.values.end(), writable)) continue;
        return fail(ErrorKind::invalid,
                    fmt::format("{}/:properties/{}/{} has a value that no manifest can hold: it is "
                                "no UTF-8, or has control characters",
                                entity.str(), name, property_name));
      }
      content.emplace(name, *group);
    }
    return content;
  }

  Result<> write_service(const fmri::Fmri& service, const std::vector<std::string>& instances) {
    auto content = read(service);
    if (!content) return content.error();
    std::vector<std::pair<std::string, Content>> described;
    for (const std::string& name : instances) {
      auto instance = read({service.service, name, {}, {}});
      if (!instance) return instance.error();
      if (name == "default" && is_plain(*instance)) {
        writer_.empty("create_default_instance", {{"enabled", enabled(*instance)}});
      } else {
        described.emplace_back(name, std::move(*instance));
      }
    }
    Content& general = *content;
    std::optional<std::string> stability;
    if (const auto found = general.find("general"); found != general.end()) {
      Rest rest(found->second);
      if (rest.has({"single_instance"}, ValueType::boolean) &&
          found->second.value("single_instance") == "true") {
        writer_.empty("single_instance");
        rest.drop("single_instance");
      }
      if (rest.has({"entity_stability"}) && is_stability(*found->second.value("entity_stability"))) {
        stability = rest.take("entity_stability");
      }
      found->second = rest.group();
    }
    const Content texts = write_entity(*content);
    for (auto& [name, instance] : described) {
      writer_.open("instance", {{"name", name}, {"enabled", enabled(instance)}});
      if (const auto found = instance.find("general"); found != instance.end()) {
        found->second.properties.erase("enabled");
      }
      write_template(write_entity(instance));
      writer_.close("instance");
    }
    if (stability) writer_.empty("stability", {{"value", *stability}});
    write_template(texts);
    return {};
  }

  static bool is_stability(std::string_view word) {
    static const std::set<std::string_view> known = {"Standard", "Stable",   "Evolving",
                                                     "Unstable", "External", "Obsolete"};
    return known.contains(word);
  }

  static bool is_plain(const Content& content) {
    return content.size() == 1 && content.begin()->first == "general" &&
           content.begin()->second.properties.size() == 1 && content.begin()->second.value("enabled");
  }

  static std::string enabled(const Content& content) {
    const auto general = content.find("general");
    const bool on = general != content.end() && general->second.value("enabled") == "true";
    return on ? "true" : "false";
  }

  // Everything up to the property groups, in the DTD's order; gives what belongs into the template.
  Content write_entity(const Content& content) {
    std::vector<PropertyGroup> plain;
    std::vector<PropertyGroup> methods;
    Content texts;
    for (const auto& [name, group] : content) {
      if (name == "general") write_general(group, plain);
    }
    for (const auto& [name, group] : content) {
      if (is_dependency(group)) write_dependency(group);
    }
    for (const auto& [name, group] : content) {
      if (name == "dependents") write_dependents(group);
    }
    for (const auto& [name, group] : content) {
      if (name == "general" || name == "dependents" || is_dependency(group)) continue;
      if (name == "method_context" && group.type == "framework" && is_context(group)) {
        Rest rest(group);
        write_context(rest);
      } else if (is_method(group)) {
        methods.push_back(group);
      } else if (content.contains("tm_common_name") && is_text(group)) {
        texts.emplace(name, group);
      } else {
        plain.push_back(group);
      }
    }
    for (const PropertyGroup& group : methods) write_method(group);
    for (const PropertyGroup& group : plain) {
      writer_.open("property_group", {{"name", group.name}, {"type", group.type}});
      write_properties(group);
      writer_.close("property_group");
    }
    return texts;
  }

  void write_general(const PropertyGroup& group, std::vector<PropertyGroup>& plain) {
    Rest rest(group);
    if (group.type == "framework" && rest.has({"restarter"}, ValueType::fmri)) {
      writer_.open("restarter");
      writer_.empty("service_fmri", {{"value", rest.take("restarter")}});
      writer_.close("restarter");
    }
    if (!rest.group().properties.empty()) plain.push_back(rest.group());
  }

  static bool is_dependency(const PropertyGroup& group) {
    const Property* entities = group.find("entities");
    return group.type == "dependency" && Rest(group).has({"grouping", "restart_on", "type"}) &&
           entities != nullptr && entities->type == ValueType::fmri;
  }

  void write_dependency(const PropertyGroup& group) {
    Rest rest(group);
    const std::string grouping = rest.take("grouping");
    const std::string restart_on = rest.take("restart_on");
    writer_.open("dependency", {{"name", group.name},
                                {"grouping", grouping},
                                {"restart_on", restart_on},
                                {"type", rest.take("type")}});
    for (const std::string& each : group.find("entities")->values) {
      writer_.empty("service_fmri", {{"value", each}});
    }
    rest.drop("entities");
    write_properties(rest.group());
    writer_.close("dependency");
  }

  // The group is at the target.  Without it there is no dependency, and nothing to write.
  void write_dependents(const PropertyGroup& group) {
    for (const auto& [name, property] : group.properties) {
      const auto target = fmri::Fmri::parse(property.values.empty() ? "" : property.values.front());
      if (!target) continue;
      const auto levels = repository_.read(*target);
      if (!levels || !levels->own.contains(name)) continue;
      Rest rest(*levels->own.find(name)->second);
      if (!rest.has({"grouping", "restart_on", "type"})) continue;
      const std::string restart_on = rest.take("restart_on");
      writer_.open("dependent",
                   {{"name", name}, {"restart_on", restart_on}, {"grouping", rest.take("grouping")}});
      writer_.empty("service_fmri", {{"value", target->str()}});
      for (const char* written : {"type", "entities", "external"}) rest.drop(written);
      write_properties(rest.group());
      writer_.close("dependent");
    }
  }

  static constexpr Names kContext = {"working_directory", "project", "resource_pool", "security_flags"};
  static constexpr Names kCredential = {"user", "group", "supp_groups", "privileges", "limit_privileges"};

  static bool is_context(const PropertyGroup& group) {
    Rest rest(group);
    drop_context(rest);
    return rest.group().properties.empty() && context_fits(group);
  }

  static void drop_context(Rest& rest) {
    for (const char* name : kContext) rest.drop(name);
    for (const char* name : kCredential) rest.drop(name);
    for (const char* name : {"use_profile", "profile", "environment"}) rest.drop(name);
  }

  // Whether the context properties of a group have the form that the elements can say.
  static bool context_fits(const PropertyGroup& group) {
    const Rest rest(group);
    const auto fits = [&](const char* name) { return group.find(name) == nullptr || rest.has({name}); };
    if (!std::all_of(kContext.begin(), kContext.end(), fits)) return false;
    if (!std::all_of(kCredential.begin(), kCredential.end(), fits)) return false;
    const bool credential = std::any_of(kCredential.begin(), kCredential.end(),
                                        [&](const char* name) { return group.find(name) != nullptr; });
    const std::string_view profile = group.value("use_profile").value_or("");
    if (profile == "true" ? credential || !rest.has({"profile"}) : group.find("profile") != nullptr)
      return false;
    if (credential && (profile != "false" || !rest.has({"user"}))) return false;
    if (profile == "false" && !credential) return false;
    const Property* environment = group.find("environment");
    return environment == nullptr ||
           (environment->type == ValueType::astring && !environment->values.empty() &&
            std::all_of(environment->values.begin(), environment->values.end(), [](const std::string& entry) {
              return entry.find('=') != std::string::npos && entry.front() != '=' &&
                     !entry.starts_with("SMF_");
            }));
  }

  void write_context(Rest& rest) {
    const PropertyGroup group = rest.group();
    Attributes attributes;
    for (const char* name : kContext) {
      if (group.find(name) != nullptr) attributes.emplace_back(name, *group.value(name));
    }
    Attributes credential;
    for (const char* name : kCredential) {
      if (group.find(name) != nullptr) credential.emplace_back(name, *group.value(name));
    }
    const Property* environment = group.find("environment");
    const bool profile = group.find("profile") != nullptr;
    drop_context(rest);
    if (credential.empty() && environment == nullptr && !profile) {
      writer_.empty("method_context", attributes);
      return;
    }
    writer_.open("method_context", attributes);
    if (profile) writer_.empty("method_profile", {{"name", std::string(*group.value("profile"))}});
    if (!credential.empty()) writer_.empty("method_credential", credential);
    if (environment != nullptr) {
      writer_.open("method_environment");
      for (const std::string& entry : environment->values) {
        const size_t equals = entry.find('=');
        writer_.empty("envvar", {{"name", entry.substr(0, equals)}, {"value", entry.substr(equals + 1)}});
      }
      writer_.close("method_environment");
    }
    writer_.close("method_context");
  }

  static bool is_method(const PropertyGroup& group) {
    const Rest rest(group);
    const auto type = group.value("type");
    return group.type == "method" && rest.has({"exec", "type"}) && (type == "method" || type == "monitor") &&
           rest.has({"timeout_seconds"}, ValueType::count) && context_fits(group);
  }

  void write_method(const PropertyGroup& group) {
    Rest rest(group);
    const std::string type = rest.take("type");
    const std::string exec = rest.take("exec");
    writer_.open("exec_method", {{"name", group.name},
                                 {"type", type},
                                 {"exec", exec},
                                 {"timeout_seconds", rest.take("timeout_seconds")}});
    Rest without(rest.group());
    drop_context(without);
    if (without.group().properties.size() != rest.group().properties.size()) write_context(rest);
    write_properties(rest.group());
    writer_.close("exec_method");
  }

  void write_properties(const PropertyGroup& group) {
    for (const auto& [name, property] : group.properties) {
      const std::string type(repository::to_string(property.type));
      if (property.values.size() == 1) {
        writer_.empty("propval", {{"name", name}, {"type", type}, {"value", property.values.front()}});
        continue;
      }
      writer_.open("property", {{"name", name}, {"type", type}});
      if (!property.values.empty()) {
        writer_.open(type + "_list");
        for (const std::string& value : property.values) writer_.empty("value_node", {{"value", value}});
        writer_.close(type + "_list");
      }
      writer_.close("property");
    }
  }

  // Whether a group comes out of a template's elements as it is.
  static bool is_text(const PropertyGroup& group) {
    if (group.type != "template") return false;
    const Rest rest(group);
    if (group.name == "tm_common_name" || group.name == "tm_description") {
      return !group.properties.empty() &&
             std::all_of(group.properties.begin(), group.properties.end(), [&](const auto& each) {
               return rest.has({each.first.c_str()}, ValueType::ustring);
             });
    }
    if (rest.has({"title", "section", "manpath"}) && group.properties.size() == 3) {
      return group.name == mangle(fmt::format("tm_man_{}{}", *group.value("title"), *group.value("section")));
    }
    return rest.has({"name", "uri"}) && group.properties.size() == 2 &&
           group.name == mangle(fmt::format("tm_doc_{}", *group.value("name")));
  }

  void write_template(const Content& texts) {
    if (texts.empty()) return;
    writer_.open("template");
    for (const char* name : {"common_name", "description"}) {
      const auto group = texts.find(std::string("tm_") + name);
      if (group == texts.end()) continue;
      writer_.open(name);
      for (const auto& [locale, property] : group->second.properties) {
        writer_.text("loctext", {{"xml:lang", locale}}, property.values.front());
      }
      writer_.close(name);
    }
    const bool documents = std::any_of(texts.begin(), texts.end(), [](const auto& each) {
      return each.second.find("title") != nullptr || each.second.find("uri") != nullptr;
    });
    if (documents) {
      writer_.open("documentation");
      for (const auto& [name, group] : texts) write_document(group);
      writer_.close("documentation");
    }
    writer_.close("template");
  }

  void write_document(const PropertyGroup& group) {
    Rest rest(group);
    if (group.find("uri") != nullptr) {
      const std::string name = rest.take("name");
      writer_.empty("doc_link", {{"name", name}, {"uri", rest.take("uri")}});
    } else if (group.find("title") != nullptr) {
      const std::string title = rest.take("title");
      const std::string section = rest.take("section");
      writer_.empty("manpage", {{"title", title}, {"section", section}, {"manpath", rest.take("manpath")}});
    }
  }

  repository::Repository& repository_;
  Writer writer_;
};

}  // namespace

Result<std::string> export_service(repository::Repository& repository, const fmri::Fmri& service) {
  return Exporter(repository).run(service.service_fmri());
}

}  // namespace vmkeep::manifest
