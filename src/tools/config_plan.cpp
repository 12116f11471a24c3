#include "tools/config_plan.h"

#include <algorithm>

#include "fmri/fmri.h"

namespace vmkeep::tools {
namespace {

using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

// Leaves room for the piece of a UUID, and for names that people can still read.
constexpr size_t kLongest = 60;

bool letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// U+00C0 to U+00FF, which UTF-8 writes as C3 80 to C3 BF.
constexpr std::string_view kLatin = "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo-ouuuuyty";
static_assert(kLatin.size() == 64);

std::string legal(std::string_view name) {
  std::string result;
  for (size_t i = 0; i < name.size() && result.size() < kLongest; ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    char c = name[i];
    if (byte == 0xc3 && i + 1 < name.size()) {
      c = kLatin[static_cast<unsigned char>(name[++i]) & 0x3fU];
    }
    const bool good = letter(c) || (c >= '0' && c <= '9') || c == '_';
    if (good) {
      result += c;
    } else if (!result.empty() && result.back() != '-') {
      result += '-';
    }
  }
  while (!result.empty() && result.back() == '-') result.pop_back();
  if (!result.empty() && !letter(result.front())) result = "vm-" + result;
  return result;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string plain_uuid(const std::string& text) {
  std::string uuid = lower(text);
  if (uuid.size() > 2 && uuid.front() == '{' && uuid.back() == '}') uuid = uuid.substr(1, uuid.size() - 2);
  return uuid;
}

Property one(ValueType type, std::string value) {
  return {type, {std::move(value)}};
}

class Plan {
 public:
  explicit Plan(const Registration& registration) : entity_{kVmService, registration.instance, {}, {}} {}

  PropertyGroup& group(const char* name, const char* type) {
    groups_.push_back({});
    groups_.back().name = name;
    groups_.back().type = type;
    return groups_.back();
  }

  void set(PropertyGroup& group, const char* property, ValueType type, const std::string& value) {
    group.properties[property] = one(type, value);
    result_.set.emplace_back(group.name + "/" + property, value);
  }

  void set(PropertyGroup& group, const char* property, const std::vector<std::string>& values) {
    group.properties[property] = {ValueType::astring, values};
    for (const auto& value : values) result_.set.emplace_back(group.name + "/" + property, value);
  }

  RegistrationPlan finish() {
    result_.changes.emplace_back(repository::AddInstance{entity_.service, entity_.instance});
    for (auto& group : groups_) {
      result_.changes.emplace_back(repository::PutGroup{entity_, std::move(group), 0});
    }
    return std::move(result_);
  }

 private:
  fmri::Fmri entity_;
  std::vector<PropertyGroup> groups_;
  RegistrationPlan result_;
};

}  // namespace

Result<Profile> profile_from(const std::string& word) {
  if (word == "headless") return Profile::headless;
  if (word == "interactive") return Profile::interactive;
  if (word == "dualboot") return Profile::dualboot;
  return fail(ErrorKind::invalid, "--profile is headless, interactive or dualboot, not \"" + word + "\"");
}

Result<OwnedVm> pick_vm(const std::vector<OwnedVm>& vms, const std::string& operand) {
  const std::string uuid = plain_uuid(operand);
  std::vector<const OwnedVm*> named;
  for (const auto& vm : vms) {
    if (lower(vm.uuid) == uuid) return vm;
    if (vm.accessible && vm.name == operand) named.push_back(&vm);
  }
  if (named.size() == 1) return *named[0];
  if (named.size() > 1) {
    std::string message = std::to_string(named.size()) + " VMs are called " + fmri::quote(operand) +
                          "; say which one by its UUID:";
    for (const auto* vm : named) message += "\n  " + vm->uuid;
    return fail(ErrorKind::invalid, message);
  }
  std::string message = "no VM is called " + fmri::quote(operand) + ", nor has it as its UUID";
  std::string near;
  for (const auto& vm : vms) {
    if (lower(vm.name).find(lower(operand)) == std::string::npos) continue;
    near += "\n  " + vm.uuid + "  " + fmri::quote(vm.name);
  }
  if (!near.empty()) return fail(ErrorKind::not_found, message + "; what comes near:" + near);
  return fail(ErrorKind::not_found, message + "; vmkeep add --all lists those that are there");
}

std::string instance_name(const OwnedVm& vm, const std::vector<std::string>& taken) {
  const auto is_free = [&taken](const std::string& name) {
    return fmri::valid_name(name) && std::find(taken.begin(), taken.end(), name) == taken.end();
  };
  std::string stem = vm.accessible ? legal(vm.name) : "";
  if (!stem.empty() && is_free(stem)) return stem;
  if (stem.empty()) stem = "vm";
  for (const size_t digits : {size_t{8}, size_t{13}, size_t{36}}) {
    std::string name = stem + "-" + vm.uuid.substr(0, digits);
    if (is_free(name)) return name;
  }
  return "";
}

RegistrationPlan plan_registration(const Registration& registration) {
  Plan plan(registration);
  {
    PropertyGroup& group = plan.group("vm", "application");
    plan.set(group, "uuid", ValueType::astring, registration.vm.uuid);
    if (registration.vm.accessible) plan.set(group, "name", ValueType::astring, registration.vm.name);
    // Nothing more for headless: what the instance set itself would later outrank a profile or the service.
    if (registration.profile == Profile::interactive) {
      plan.set(group, "is_interactive", ValueType::boolean, "true");
    }
    if (registration.profile == Profile::dualboot) {
      plan.set(group, "is_dualboot", ValueType::boolean, "true");
    }
  }
  if (!registration.user.empty() || !registration.environment.empty()) {
    PropertyGroup& context = plan.group("method_context", "framework");
    if (!registration.user.empty()) {
      plan.set(context, "user", ValueType::astring, registration.user);
      plan.set(context, "group", ValueType::astring, registration.group);
      // Not their HOME, which is the default: it may not exist, and what it is on could not be unmounted.
      plan.set(context, "working_directory", ValueType::astring, "/var/tmp");
    }
    if (!registration.environment.empty()) plan.set(context, "environment", registration.environment);
  }
  // Last: it tells the restarter that the instance is there.
  PropertyGroup& general = plan.group("general", "framework");
  plan.set(general, "enabled", ValueType::boolean, registration.enable ? "true" : "false");
  return plan.finish();
}

std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return letter(c) || (c >= '0' && c <= '9') || std::string_view("-_./:,+@%").find(c) != std::string::npos;
  });
  if (plain) return text;
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

}  // namespace vmkeep::tools
