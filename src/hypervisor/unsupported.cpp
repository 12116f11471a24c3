// What a driver has that does not say otherwise.
#include <algorithm>

#include "hypervisor/hypervisor.h"

namespace vmkeep::hypervisor {
namespace {

Error cannot(const Hypervisor& driver, const char* what) {
  return fail(ErrorKind::unsupported, driver.name() + " " + what);
}

}  // namespace

Task<Result<bool>> Hypervisor::is_running(std::string uuid, Instant deadline) {
  const auto up = co_await running(deadline);
  if (!up) co_return up.error();
  co_return std::find(up->begin(), up->end(), uuid) != up->end();
}

Task<Result<>> Hypervisor::pause(std::string, Instant) {
  co_return cannot(*this, "cannot pause a VM");
}

Task<Result<VmDetails>> Hypervisor::describe(std::string, Instant) {
  co_return cannot(*this, "does not tell a VM's settings");
}

Task<Result<>> Hypervisor::screenshot(std::string, std::string, Instant) {
  co_return cannot(*this, "takes no screenshots");
}

Task<Result<>> Hypervisor::take_snapshot(std::string, std::string, std::string, Instant, Percent) {
  co_return cannot(*this, "takes no snapshots");
}

Task<Result<std::optional<std::string>>> Hypervisor::guest_property(std::string, std::string, Instant) {
  co_return cannot(*this, "has no guest properties");
}

Task<Result<uint64_t>> Hypervisor::moved_bytes(std::string, Instant) {
  co_return cannot(*this, "does not count what a VM moves");
}

bool Hypervisor::contested(const std::string&) {
  return false;
}

std::optional<std::string> Hypervisor::name_of(const std::string&) {
  return std::nullopt;
}

std::optional<Heartbeat> Hypervisor::heartbeat(const std::string&) {
  return std::nullopt;
}

Result<std::vector<std::string>> Hypervisor::log_tail(const std::string&, size_t) {
  return cannot(*this, "keeps no log of a VM");
}

Result<Launch> Hypervisor::front_end(const VmRef&) {
  return cannot(*this, "has no window for a VM");
}

}  // namespace vmkeep::hypervisor
