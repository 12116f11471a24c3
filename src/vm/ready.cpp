#include "vm/ready.h"

namespace vmkeep::vm {
namespace {

using namespace std::chrono_literals;

constexpr Instant kReserve = 5s;

ReadyBy wanted(const VmConfig& config, bool hook_usable) {
  switch (config.start_wait_policy) {
    case StartWait::nodelay:
      return ReadyBy::nothing;
    case StartWait::timeout:
      return ReadyBy::time;
    case StartWait::hook_lax:
    case StartWait::hook_strict:
      return hook_usable ? ReadyBy::hook : ReadyBy::time;
    case StartWait::guest_lax:
    case StartWait::guest_strict:
      return config.ready_guest_property.empty() ? ReadyBy::time : ReadyBy::guest_property;
  }
  return ReadyBy::nothing;
}

std::string sentence(const VmConfig& config, ReadyBy by) {
  switch (by) {
    case ReadyBy::time:
      return "the VM runs; the start ends with its time (start_wait_policy)";
    case ReadyBy::hook:
      return "the VM runs; waiting until " + config.kicker_vmsvccheck_method + " exits 0";
    case ReadyBy::guest_property:
      return "the VM runs; waiting for the guest property " + config.ready_guest_property +
             (config.ready_guest_value.empty() ? "" : " to be \"" + config.ready_guest_value + "\"");
    case ReadyBy::nothing:
      break;
  }
  return {};
}

}  // namespace

ReadyPlan ready_plan(const VmConfig& config, const ReadyInput& input) {
  ReadyPlan plan;
  plan.by = wanted(config, input.hook_usable);
  const bool no_time = !input.limit || *input.limit <= kReserve;
  const bool pointless = plan.by == ReadyBy::time && !input.launched;
  if (no_time || pointless) plan.by = ReadyBy::nothing;
  if (plan.by == ReadyBy::nothing) return plan;
  plan.strict = plan.by != ReadyBy::time && (config.start_wait_policy == StartWait::hook_strict ||
                                             config.start_wait_policy == StartWait::guest_strict);
  plan.until = input.deadline - kReserve;
  plan.why = sentence(config, plan.by);
  return plan;
}

bool says_ready(const VmConfig& config, const std::optional<std::string>& value) {
  if (!value || value->empty()) return false;
  return config.ready_guest_value.empty() || *value == config.ready_guest_value;
}

}  // namespace vmkeep::vm
