// vmkeep remove: the instance goes, the VM stays as it is in VirtualBox.
#include <boost/json/object.hpp>
#include <cstdio>
#include <memory>

#include "control/remote_repository.h"
#include "fmri/fmri.h"
#include "tools/commands.h"
#include "tools/config_flags.h"
#include "tools/config_plan.h"
#include "tools/operands.h"
#include "tools/world.h"

namespace vmkeep::tools {
namespace {

constexpr char kRemoveUsage[] =
    "Usage: vmkeep remove [--force] VM...\n\n"
    "The VM itself is not deleted.\n"
    "\t--force  even if it is online: its stop method stops it first\n";

// The dependency groups that its dependents put on others go with it.
Result<> remove_dependents(repository::Repository& repository, const fmri::Fmri& self,
                           const repository::Groups& own, repository::ChangeSet& changes) {
  const auto dependents = own.find("dependents");
  if (dependents == own.end()) return {};
  for (const auto& [name, property] : dependents->second->properties) {
    if (property.values.size() != 1) continue;
    const auto target = fmri::Fmri::parse(property.values[0]);
    if (!target) continue;
    auto levels = repository.read(*target);
    if (!levels) {
      if (levels.error().kind == ErrorKind::not_found) continue;
      return levels.error();
    }
    const auto group = levels->own.find(name);
    if (group == levels->own.end() || group->second->value("external") != "true" ||
        group->second->value("entities") != self.str()) {
      continue;
    }
    changes.emplace_back(repository::DeleteGroup{*target, name, group->second->generation});
  }
  return {};
}

void remove(repository::Repository& repository, const World& world, const std::string& name, bool force,
            Output& output) {
  const auto instance = fmri::Fmri::parse(name);
  if (!instance) return output.warn(instance.error().message);
  auto levels = repository.read(*instance);
  if (!levels) return output.warn(levels.error().message);
  if (instance->service != kVmService && !levels->own.contains("vm") && !levels->service.contains("vm")) {
    return output.warn(name + " is no VM: it has no property group vm. svccfg delete deletes any instance.");
  }
  const auto* known = world.find(name);
  const bool online = known != nullptr && (is_up(*known) || next_state_of(*known) != graph::State::none);
  if (online && !force) {
    return output.warn(name + " is " + known->state + ". Stop it first (svcadm disable -s " +
                       shell_word(name) + "), or use --force.");
  }
  repository::ChangeSet changes;
  if (auto done = remove_dependents(repository, *instance, levels->own, changes); !done) {
    return output.warn(done.error().message);
  }
  changes.emplace_back(repository::DeleteEntity{*instance});
  if (auto done = repository.commit(changes); !done) {
    const bool denied = done.error().kind == ErrorKind::permission;
    return output.warn("removing " + name + ": " + (denied ? "Permission denied: " : "") +
                       done.error().message);
  }
  output.line(name +
              (online ? " is removed; its VM is being stopped." : " is removed; its VM is untouched."));
}

}  // namespace

int remove_command(const std::string&, const Arguments& arguments) {
  Output output("vmkeep");
  auto parsed = parse_config_arguments(arguments, {{"--force"}, {"--help"}});
  if (parsed && parsed->has("--help")) {
    output.print(kRemoveUsage);
    return output.finish();
  }
  if (!parsed || parsed->operands.empty()) {
    output.warn(parsed ? "which VM?" : parsed.error().message, kUsage);
    std::fputs(kRemoveUsage, stderr);
    return output.finish();
  }
  auto connected = control::Client::connect();
  if (!connected) {
    output.warn(connected.error().message);
    return output.finish();
  }
  auto client = std::make_shared<control::Client>(std::move(*connected));
  auto world = fetch_world(*client, false);
  if (!world) {
    output.warn(world.error().message);
    return output.finish();
  }
  auto repository = control::remote_repository(client);
  auto entries = repository->entries();
  if (!entries) {
    output.warn(entries.error().message);
    return output.finish();
  }
  const auto names = select_unambiguously(parsed->operands, *entries, output);
  // One that cannot be found may be a typing error for another that was.
  if (output.finish() != kOk) return output.finish();
  for (const auto& name : names) remove(*repository, *world, name, parsed->has("--force"), output);
  return output.finish();
}

}  // namespace vmkeep::tools
