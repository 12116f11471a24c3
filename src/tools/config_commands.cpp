// vmkeep properties, check-config, dump-config: what the properties of the group vm mean, whether they are
// good, and what counts.
#include <fnmatch.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <cstdio>
#include <memory>

#include "control/remote_repository.h"
#include "control/text.h"
#include "fmri/fmri.h"
#include "tools/commands.h"
#include "tools/config_flags.h"
#include "tools/config_manual.h"
#include "tools/config_plan.h"
#include "tools/json_text.h"
#include "tools/operands.h"
#include "vm/config.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

// As the method exits with a configuration that it refuses.
constexpr int kBadConfiguration = 96;

constexpr char kPropertiesUsage[] =
    "Usage: vmkeep properties [--json] [NAME...]\n\n"
    "What each property of the group vm means; NAME may be a pattern.\n"
    "\t--mdoc, --manifest  the parts of the manual page and of the shipped manifest that are made from it\n";
constexpr char kCheckUsage[] =
    "Usage: vmkeep check-config [--running] [--json] [VM...]\n\n"
    "Tells everything that is wrong with the property group vm of these instances, or of all. Exits 96 "
    "then.\n"
    "\t--running  what counts now, instead of what will count after svcadm refresh\n";
constexpr char kDumpUsage[] =
    "Usage: vmkeep dump-config [--current] [--json] VM...\n\n"
    "Every property as it counts, and where its value comes from.\n"
    "\t--current  as it will count after svcadm refresh\n";

int wrong(const std::string& message, const char* usage, Output& output) {
  if (!message.empty()) output.warn(message, kUsage);
  std::fputs(usage, stderr);
  output.raise(kUsage);
  return output.finish();
}

std::unique_ptr<repository::Repository> open_repository(Output& output) {
  auto client = control::Client::connect();
  if (!client) {
    output.warn(client.error().message);
    return nullptr;
  }
  return control::remote_repository(std::make_shared<control::Client>(std::move(*client)));
}

// An instance of the service of VMs, or one that has a group vm of its own: what needs not be a VM instance
// yet, since it may never have been started.
bool is_vm(const fmri::Fmri& instance, const repository::Levels& levels) {
  return instance.service == kVmService || levels.own.contains("vm") || levels.service.contains("vm");
}

struct Reading {
  fmri::Fmri instance;
  vm::ConfigReading config;
};

// The configurations of the instances that the operands name; of all VMs, where there are none.
std::vector<Reading> read_all(repository::Repository& repository, const Arguments& operands, bool running,
                              Output& output) {
  std::vector<Reading> result;
  auto entries = repository.entries();
  if (!entries) {
    output.warn(entries.error().message);
    return result;
  }
  std::vector<std::string> names;
  if (!operands.empty()) {
    names = select_instances(operands, *entries, output);
  } else {
    for (const auto& entry : *entries) {
      for (const auto& instance : entry.instances) {
        names.push_back(fmri::Fmri{entry.service, instance, {}, {}}.str());
      }
    }
  }
  for (const auto& name : names) {
    const auto instance = fmri::Fmri::parse(name);
    if (!instance) continue;
    auto levels = running ? repository.read_running(*instance) : repository.read(*instance);
    if (!levels) {
      output.warn(name + ": " + levels.error().message);
    } else if (is_vm(*instance, *levels)) {
      result.push_back({*instance, vm::read_config(*levels, instance->instance)});
    } else if (!operands.empty()) {
      output.warn(name + " is no VM: it has no property group vm.");
    }
  }
  return result;
}

// Two instances that mean one VM would start and stop it against each other.
void find_doubles(std::vector<Reading>& readings) {
  for (auto& one : readings) {
    const std::string& uuid = one.config.config.uuid;
    if (uuid.empty()) continue;
    for (const auto& other : readings) {
      if (&one == &other || other.config.config.uuid != uuid) continue;
      one.config.problems.push_back({"uuid", "vm/uuid is also that of " + other.instance.str()});
    }
  }
}

std::string typing_error(const std::string& name) {
  const auto near = nearest_property(name);
  std::string text = "vm/" + name + " is no property of vmkeep's";
  return near.empty() ? text : text + "; did you mean vm/" + std::string(near) + "?";
}

void print_document(const char* schema, const char* member, json::array all, Output& output) {
  auto document = json_document(schema);
  document[member] = std::move(all);
  output.print(json_line(document));
}

json::array problems_json(const std::vector<Reading>& readings) {
  json::array all;
  for (const auto& reading : readings) {
    json::array problems;
    for (const auto& each : reading.config.problems) {
      problems.push_back(
          json::object{{"property", "vm/" + each.property}, {"message", control::as_utf8(each.message)}});
    }
    json::array unknown;
    for (const auto& each : reading.config.unknown) unknown.emplace_back(control::as_utf8("vm/" + each));
    all.push_back(json::object{{"fmri", reading.instance.str()},
                               {"good", reading.config.problems.empty()},
                               {"problems", std::move(problems)},
                               {"unknown", std::move(unknown)}});
  }
  return all;
}

json::object settings_json(const Reading& reading) {
  json::array settings;
  for (const auto& each : reading.config.settings) {
    auto setting = property_json("vm/" + std::string(each.property->name),
                                 {value_type(each.property->form), each.values});
    setting["origin"] = to_string(each.origin);
    setting["note"] = each.note.empty() ? json::value(nullptr) : json::value(control::as_utf8(each.note));
    settings.push_back(std::move(setting));
  }
  return {{"fmri", reading.instance.str()}, {"settings", std::move(settings)}};
}

std::string settings_text(const Reading& reading) {
  size_t name_width = 0;
  size_t value_width = 0;
  for (const auto& each : reading.config.settings) {
    name_width = std::max(name_width, each.property->name.size());
    value_width = std::max(value_width, std::min<size_t>(24, each.text().size()));
  }
  std::string text = reading.instance.str() + "\n";
  for (const auto& each : reading.config.settings) {
    std::string line = "  vm/" + std::string(each.property->name);
    line.resize(std::max(line.size(), name_width + 6), ' ');
    line += each.values.empty() ? "-" : each.text();
    line.resize(std::max(line.size() + 1, name_width + 6 + value_width + 1), ' ');
    line += to_string(each.origin);
    std::string note = each.note;
    if (note.empty() && each.values.empty()) note = each.property->without;
    if (!note.empty()) line += " (" + note + ")";
    text += line + "\n";
  }
  return text;
}

void tell_problems(const std::vector<Reading>& readings, Output& output) {
  for (const auto& reading : readings) {
    for (const auto& each : reading.config.problems) {
      output.warn(reading.instance.str() + ": " + each.message, kBadConfiguration);
    }
    for (const auto& each : reading.config.unknown) {
      output.warn(reading.instance.str() + ": " + typing_error(each), kOk);
    }
  }
}

}  // namespace

int properties_command(const std::string&, const Arguments& arguments) {
  Output output("vmkeep");
  auto parsed = parse_config_arguments(arguments, {{"--json"}, {"--mdoc"}, {"--manifest"}, {"--help"}});
  if (!parsed) return wrong(parsed.error().message, kPropertiesUsage, output);
  if (parsed->has("--help")) {
    output.print(kPropertiesUsage);
    return output.finish();
  }
  if (parsed->has("--mdoc") || parsed->has("--manifest")) {
    output.print(parsed->has("--mdoc") ? manual_mdoc() : manifest_group() + manifest_template());
    return output.finish();
  }
  PropertyList chosen;
  if (parsed->operands.empty()) chosen = all_properties();
  for (const auto& operand : parsed->operands) {
    const std::string name = operand.starts_with("vm/") ? operand.substr(3) : operand;
    const size_t before = chosen.size();
    for (const auto* property : all_properties()) {
      if (property->name == name ||
          (fmri::is_glob(name) && ::fnmatch(name.c_str(), std::string(property->name).c_str(), 0) == 0)) {
        chosen.push_back(property);
      }
    }
    if (chosen.size() == before) output.warn(typing_error(name));
  }
  if (parsed->has("--json")) {
    print_document("vm-properties", "properties", manual_json(chosen), output);
  } else {
    output.print(manual_text(chosen));
  }
  return output.finish();
}

int check_config_command(const std::string&, const Arguments& arguments) {
  Output output("vmkeep");
  auto parsed = parse_config_arguments(arguments, {{"--running"}, {"--json"}, {"--help"}});
  if (!parsed) return wrong(parsed.error().message, kCheckUsage, output);
  if (parsed->has("--help")) {
    output.print(kCheckUsage);
    return output.finish();
  }
  auto repository = open_repository(output);
  if (!repository) return output.finish();
  auto readings = read_all(*repository, parsed->operands, parsed->has("--running"), output);
  find_doubles(readings);
  if (parsed->has("--json")) {
    print_document("config-check", "instances", problems_json(readings), output);
    for (const auto& each : readings) output.raise(each.config.problems.empty() ? kOk : kBadConfiguration);
    return output.finish();
  }
  tell_problems(readings, output);
  const auto good = std::count_if(readings.begin(), readings.end(),
                                  [](const auto& each) { return each.config.problems.empty(); });
  output.line(std::to_string(readings.size()) + (readings.size() == 1 ? " VM" : " VMs") + " looked at, " +
              std::to_string(readings.size() - static_cast<size_t>(good)) + " with errors.");
  return output.finish();
}

int dump_config_command(const std::string&, const Arguments& arguments) {
  Output output("vmkeep");
  auto parsed = parse_config_arguments(arguments, {{"--current"}, {"--json"}, {"--help"}});
  if (parsed && parsed->has("--help")) {
    output.print(kDumpUsage);
    return output.finish();
  }
  if (!parsed || parsed->operands.empty()) {
    return wrong(parsed ? "which VM?" : parsed.error().message, kDumpUsage, output);
  }
  auto repository = open_repository(output);
  if (!repository) return output.finish();
  const bool running = !parsed->has("--current");
  const auto readings = read_all(*repository, parsed->operands, running, output);
  if (parsed->has("--json")) {
    json::array all;
    for (const auto& reading : readings) all.push_back(settings_json(reading));
    print_document("config", "instances", std::move(all), output);
  } else {
    for (const auto& reading : readings) output.print(settings_text(reading));
  }
  output.flush();
  tell_problems(readings, output);
  return output.finish();
}

}  // namespace vmkeep::tools
