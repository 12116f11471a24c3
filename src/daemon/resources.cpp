#include "daemon/resources.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "vm/config.h"

namespace vmkeep::daemon {
namespace {

constexpr uint64_t kMebibyte = 1U << 20U;

void tell_once(Core& core, Record& record, const std::string& text) {
  if (record.told.insert(text).second) core.logs.line(record.fmri, text);
}

// Of the VM instances only; a configuration that is refused is the guard's to tell.
std::optional<vm::VmConfig> config_of(const Record& record, const repository::Levels& levels) {
  if (!record.claimed && !record.config->starts_vm) return std::nullopt;
  auto config = vm::VmConfig::read(levels, record.fmri.instance);
  if (!config) return std::nullopt;
  return std::move(*config);
}

// The processors of the list that there are.
std::vector<int> present(const std::vector<int>& wanted, std::vector<int>& absent) {
  cpu_set_t here;
  CPU_ZERO(&here);
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof here, &here) != 0) return cpus;
  for (const int cpu : wanted) {
    const bool there = cpu >= 0 && cpu < CPU_SETSIZE && CPU_ISSET(static_cast<size_t>(cpu), &here);
    (there ? cpus : absent).push_back(cpu);
  }
  return cpus;
}

}  // namespace

void give_resources(Core& core, Record& record, const repository::Levels& levels, SpawnSpec& spec) {
  const auto config = config_of(record, levels);
  if (!config) return;
  if (config->nice && *config->nice != 0) {
    const int own = ::getpriority(PRIO_PROCESS, 0);
    if (*config->nice < own && ::geteuid() != 0) {
      tell_once(core, record,
                fmt::format("vm/nice {} is not in force: only root may raise a priority; it stays {}.",
                            *config->nice, own));
    } else {
      spec.nice = *config->nice;
    }
  }
  if (config->cpu_set.empty()) return;
  std::vector<int> absent;
  spec.cpus = present(config->cpu_set, absent);
  if (!absent.empty()) {
    tell_once(core, record,
              fmt::format("vm/cpu_set: vmkeepd has no CPU {}{}.", fmt::join(absent, ","),
                          spec.cpus.empty() ? "; the VM may run on all" : ""));
  }
}

void limit_contract(Core& core, Record& record, const repository::Levels& levels) {
  if (record.contract == 0) return;
  const auto config = config_of(record, levels);
  if (!config) return;
  contract::Limits limits;
  const auto bytes = [](const std::optional<int64_t>& mebibytes) -> std::optional<uint64_t> {
    if (!mebibytes) return std::nullopt;
    return static_cast<uint64_t>(*mebibytes) * kMebibyte;
  };
  const auto weight = [](const std::optional<int>& value) -> std::optional<unsigned> {
    if (!value) return std::nullopt;
    return static_cast<unsigned>(*value);
  };
  limits.memory_low = bytes(config->memory_low);
  limits.memory_high = bytes(config->memory_high);
  limits.cpu_weight = weight(config->cpu_weight);
  limits.io_weight = weight(config->io_weight);
  for (const auto& missing : core.contracts->limit(record.contract, limits))
    tell_once(core, record, missing + ".");
}

}  // namespace vmkeep::daemon
