#include "tools/vm_target.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cctype>

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

bool same_uuid(const std::string& one, const std::string& other) {
  const auto lower = [](unsigned char c) { return std::tolower(c); };
  const auto bare = [](const std::string& text) {
    return text.size() > 2 && text.front() == '{' && text.back() == '}' ? text.substr(1, text.size() - 2)
                                                                        : text;
  };
  const std::string a = bare(one);
  const std::string b = bare(other);
  return !a.empty() && a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

// The members vm/name and vm/uuid of those instances.
std::vector<NamedVm> names_of(control::Client& client, const World& world, bool claimed_only) {
  std::vector<NamedVm> all;
  for (const auto& instance : world.instances) {
    if (claimed_only && !instance.vm) continue;
    auto reply = client.call("Read", {{"fmri", instance.fmri}});
    if (!reply) continue;  // gone meanwhile
    auto levels = control::levels_from(*reply);
    if (!levels) continue;
    const std::string name(levels->value("vm", "name").value_or(""));
    const std::string uuid(levels->value("vm", "uuid").value_or(""));
    if (!name.empty() || !uuid.empty()) all.push_back({instance.fmri, name, uuid});
  }
  return all;
}

// A VM of the caller's with that name or UUID; what to say if it is nobody's instance.
Resolved ask_hypervisor(control::Client& client, const std::string& operand) {
  Resolved resolved;
  auto reply = client.call("VmList", {});
  const json::value* list = reply ? reply->if_contains("vms") : nullptr;
  if (list == nullptr || !list->is_array()) return resolved;
  std::string candidates;
  for (const json::value& element : list->get_array()) {
    const json::object* vm = element.if_object();
    if (vm == nullptr) continue;
    auto uuid = control::string_member(*vm, "uuid");
    auto name = control::string_member(*vm, "name");
    if (!uuid || !name || (*name != operand && !same_uuid(*uuid, operand))) continue;
    auto instance = control::string_member(*vm, "instance");
    candidates += "\n  {" + *uuid + "} " + (instance && !instance->empty() ? *instance : "(no instance)");
    if (instance && !instance->empty()) {
      resolved.fmris.push_back(*instance);
    } else {
      resolved.message =
          "the VM \"" + *name + "\" belongs to no instance; `vmkeep add " + *uuid + "` makes one for it";
    }
  }
  if (resolved.fmris.size() == 1) resolved.resolution = Resolution::found;
  if (resolved.fmris.size() > 1) {
    resolved = {Resolution::ambiguous,
                {},
                "several VMs are called \"" + operand + "\"; name one by its UUID:" + candidates};
  }
  return resolved;
}

}  // namespace

Resolved resolve_vm(const std::string& operand, const std::vector<fmri::Entry>& entries,
                    const std::vector<NamedVm>& named) {
  Resolved resolved;
  if (operand.size() <= fmri::kMaxFmri) {
    const fmri::Match match = fmri::resolve(operand, entries, fmri::Want::instances);
    for (const fmri::Fmri& found : match.found) resolved.fmris.push_back(found.entity());
    if (match.exact || (match.glob && !resolved.fmris.empty())) {
      resolved.resolution = Resolution::found;
      return resolved;
    }
  }
  std::vector<std::string> all = resolved.fmris;
  for (const NamedVm& vm : named) {
    if (vm.name != operand && !same_uuid(vm.uuid, operand)) continue;
    if (std::find(all.begin(), all.end(), vm.fmri) == all.end()) all.push_back(vm.fmri);
  }
  if (all.size() == 1) return {Resolution::found, all, {}};
  if (all.empty()) return {};
  std::string message = "\"" + operand + "\" may be any of these; say which:";
  for (const std::string& one : all) message += "\n  " + one;
  return {Resolution::ambiguous, {}, message};
}

Result<std::vector<std::string>> resolve_vms(control::Client& client, const World& world,
                                             const Arguments& operands) {
  const auto entries = world.entries();
  const bool plain = std::any_of(operands.begin(), operands.end(),
                                 [](const std::string& operand) { return !operand.starts_with("svc:"); });
  const std::vector<NamedVm> claimed = plain ? names_of(client, world, true) : std::vector<NamedVm>{};
  std::optional<std::vector<NamedVm>> everybody;
  std::vector<std::string> selected;
  std::string wrong;
  for (const std::string& operand : operands) {
    Resolved resolved = resolve_vm(operand, entries, claimed);
    if (resolved.resolution == Resolution::nothing) {
      if (!everybody) everybody = names_of(client, world, false);
      resolved = resolve_vm(operand, entries, *everybody);
    }
    if (resolved.resolution == Resolution::nothing) resolved = ask_hypervisor(client, operand);
    if (resolved.resolution != Resolution::found) {
      if (resolved.message.empty())
        resolved.message = "\"" + operand + "\" is no instance and no VM; see `svcs -a`";
      wrong += (wrong.empty() ? "" : "\n") + resolved.message;
      continue;
    }
    for (const std::string& name : resolved.fmris) {
      if (std::find(selected.begin(), selected.end(), name) == selected.end()) selected.push_back(name);
    }
  }
  if (!wrong.empty()) return fail(ErrorKind::not_found, wrong);
  return selected;
}

}  // namespace vmkeep::tools
