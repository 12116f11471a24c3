#include "manifest/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "manifest/document.h"
#include "manifest/export_parts.h"
#include "manifest/export_template.h"
#include "manifest/plan_parts.h"
#include "manifest/writer.h"

namespace vmkeep::manifest {
namespace {

using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

bool is_stability(std::string_view word) {
  static const std::set<std::string_view> known = {"Standard", "Stable",   "Evolving",
                                                   "Unstable", "External", "Obsolete"};
  return known.contains(word);
}

bool is_plain(const Content& content) {
  return content.size() == 1 && content.begin()->first == "general" &&
         content.begin()->second.properties.size() == 1 && content.begin()->second.value("enabled");
}

std::string enabled(const Content& content) {
  const auto general = content.find("general");
  const bool on = general != content.end() && general->second.value("enabled") == "true";
  return on ? "true" : "false";
}

// Whether the words of a dependency are those that the elements take.
bool has_words(const PropertyGroup& group) {
  static const std::set<std::string_view> groupings = {"require_all", "require_any", "exclude_all",
                                                       "optional_all"};
  static const std::set<std::string_view> restarts = {"error", "restart", "refresh", "none"};
  return Rest(group).has({"grouping", "restart_on", "type"}) &&
         groupings.contains(*group.value("grouping")) && restarts.contains(*group.value("restart_on"));
}

bool is_dependency(const PropertyGroup& group) {
  const Property* entities = group.find("entities");
  return group.type == "dependency" && has_words(group) && entities != nullptr &&
         entities->type == ValueType::fmri;
}

// Without the values that not everybody may read; who may stays to be seen.
PropertyGroup hide_values(PropertyGroup group) {
  const Property* readers = group.find("read_authorization");
  if (readers == nullptr || readers->values.empty()) return group;
  for (auto& [name, property] : group.properties) {
    if (!name.ends_with("_authorization")) property.values.clear();
  }
  return group;
}

void open_bundle(Writer& writer, const char* type, const char* name) {
  writer.line("<?xml version='1.0'?>");
  writer.line(fmt::format("<!DOCTYPE service_bundle SYSTEM '{}'>", kSystemId));
  writer.open("service_bundle", {{"type", type}, {"name", name}});
}

void open_service(Writer& writer, const std::string& name) {
  writer.open("service", {{"name", name}, {"type", "service"}, {"version", "0"}});
}

class Exporter {
 public:
  Exporter(repository::Repository& repository, const ExportOptions& options, Writer& writer)
      : repository_(repository), options_(options), writer_(writer) {}

  Result<> write_service(const fmri::Entry& entry) {
    open_service(writer_, entry.service);
    auto content = read({entry.service, {}, {}, {}});
    if (!content) return content.error();
    std::vector<std::pair<std::string, Content>> described;
    for (const std::string& name : entry.instances) {
      auto instance = read({entry.service, name, {}, {}});
      if (!instance) return instance.error();
      if (name == "default" && is_plain(*instance)) {
        writer_.empty("create_default_instance", {{"enabled", enabled(*instance)}});
      } else {
        described.emplace_back(name, std::move(*instance));
      }
    }
    const auto stability = write_single_instance(*content);
    const Content texts = write_entity(*content);
    for (auto& [name, instance] : described) {
      writer_.open("instance", {{"name", name}, {"enabled", enabled(instance)}});
      if (const auto found = instance.find("general"); found != instance.end()) {
        found->second.properties.erase("enabled");
        if (found->second.properties.empty()) instance.erase(found);
      }
      write_template(writer_, write_entity(instance));
      writer_.close("instance");
    }
    if (stability) writer_.empty("stability", {{"value", *stability}});
    write_template(writer_, texts);
    writer_.close("service");
    return {};
  }

 private:
  Result<Content> read(const fmri::Fmri& entity) {
    auto levels = repository_.read(entity);
    if (!levels) return levels.error();
    Content content = ours(levels->own);
    for (auto& [name, group] : content) {
      if (!options_.protected_values) group = hide_values(std::move(group));
      for (const auto& [property_name, property] : group.properties) {
        if (std::all_of(property.values.begin(), property.values.end(), writable)) continue;
        return fail(ErrorKind::invalid,
                    fmt::format("{}/:properties/{}/{} has a value that no manifest can hold: it is "
                                "no UTF-8, or has control characters",
                                entity.str(), name, property_name));
      }
    }
    return content;
  }

  // What a service has elements for and an instance has none; gives the stability, which comes last.
  std::optional<std::string> write_single_instance(Content& content) {
    const auto general = content.find("general");
    if (general == content.end() || general->second.type != "framework") return std::nullopt;
    std::optional<std::string> stability;
    Rest rest(general->second);
    if (rest.has({"single_instance"}, ValueType::boolean) &&
        general->second.value("single_instance") == "true") {
      writer_.empty("single_instance");
      rest.drop("single_instance");
    }
    if (rest.has({"entity_stability"}) && is_stability(*general->second.value("entity_stability"))) {
      stability = rest.take("entity_stability");
    }
    const bool said = rest.group().properties.empty() && !general->second.properties.empty();
    general->second = rest.group();
    if (said) content.erase(general);
    return stability;
  }

  // Everything up to the property groups, in the DTD's order; gives what belongs into the template.
  Content write_entity(const Content& content) {
    std::vector<PropertyGroup> plain;
    std::vector<const PropertyGroup*> methods;
    std::vector<const PropertyGroup*> notifications;
    Content texts = template_of(content);
    if (const auto general = content.find("general"); general != content.end()) {
      write_general(general->second, plain);
    }
    for (const auto& [name, group] : content) {
      if (is_dependency(group)) write_dependency(group);
    }
    if (const auto dependents = content.find("dependents"); dependents != content.end()) {
      write_dependents(dependents->second);
    }
    for (const auto& [name, group] : content) {
      if (name == "general" || name == "dependents" || is_dependency(group) || texts.contains(name)) continue;
      if (is_context(group)) {
        Rest rest(group);
        write_context(writer_, rest);
      } else if (is_method(group)) {
        methods.push_back(&group);
      } else if (is_notification(group)) {
        notifications.push_back(&group);
      } else {
        plain.push_back(group);
      }
    }
    for (const PropertyGroup* group : methods) write_method(writer_, *group);
    for (const PropertyGroup* group : notifications) write_notification(writer_, *group);
    for (const PropertyGroup& group : plain) write_group(writer_, group);
    return texts;
  }

  void write_general(const PropertyGroup& group, std::vector<PropertyGroup>& plain) {
    Rest rest(group);
    if (group.type == "framework" && rest.has({"restarter"}, ValueType::fmri)) {
      writer_.open("restarter");
      writer_.empty("service_fmri", {{"value", rest.take("restarter")}});
      writer_.close("restarter");
    }
    if (!rest.group().properties.empty() || group.properties.empty()) plain.push_back(rest.group());
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
    write_properties(writer_, rest.group());
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
      if (!has_words(rest.group())) continue;
      const std::string restart_on = rest.take("restart_on");
      writer_.open("dependent",
                   {{"name", name}, {"restart_on", restart_on}, {"grouping", rest.take("grouping")}});
      writer_.empty("service_fmri", {{"value", target->str()}});
      for (const char* written : {"type", "entities", "external"}) rest.drop(written);
      write_properties(writer_, rest.group());
      writer_.close("dependent");
    }
  }

  repository::Repository& repository_;
  const ExportOptions& options_;
  Writer& writer_;
};

}  // namespace

Result<std::string> export_service(repository::Repository& repository, const fmri::Fmri& service,
                                   const ExportOptions& options) {
  auto entries = repository.entries();
  if (!entries) return entries.error();
  Writer writer;
  open_bundle(writer, "manifest", "export");
  for (const fmri::Entry& entry : *entries) {
    if (entry.service != service.service) continue;
    if (auto done = Exporter(repository, options, writer).write_service(entry); !done) return done.error();
  }
  writer.close("service_bundle");
  return writer.take();
}

Result<std::string> export_archive(repository::Repository& repository, const ExportOptions& options) {
  auto entries = repository.entries();
  if (!entries) return entries.error();
  Writer writer;
  open_bundle(writer, "archive", "none");
  for (const fmri::Entry& entry : *entries) {
    if (auto done = Exporter(repository, options, writer).write_service(entry); !done) return done.error();
  }
  writer.close("service_bundle");
  return writer.take();
}

Result<std::string> export_profile(repository::Repository& repository) {
  auto entries = repository.entries();
  if (!entries) return entries.error();
  Writer writer;
  open_bundle(writer, "profile", "extract");
  for (const fmri::Entry& entry : *entries) {
    std::vector<Attributes> instances;
    for (const std::string& name : entry.instances) {
      auto levels = repository.read({entry.service, name, {}, {}});
      if (!levels) return levels.error();
      const auto general = levels->own.find("general");
      const auto on = general == levels->own.end() ? std::nullopt : general->second->value("enabled");
      if (on) instances.push_back({{"name", name}, {"enabled", std::string(*on)}});
    }
    if (instances.empty()) continue;
    open_service(writer, entry.service);
    for (const Attributes& each : instances) writer.empty("instance", each);
    writer.close("service");
  }
  writer.close("service_bundle");
  return writer.take();
}

}  // namespace vmkeep::manifest
