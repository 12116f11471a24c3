#include "daemon/adoption.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "daemon/publish.h"

namespace vmkeep::daemon {
namespace {

struct ProcessStatus {
  std::string name;
  pid_t parent = -1;
  uid_t uid = static_cast<uid_t>(-1);
};

// /proc/PID/status, proc(5).
std::optional<ProcessStatus> status_of(pid_t pid) {
  auto text = read_file(fmt::format("/proc/{}/status", pid), 65536);
  if (!text) return std::nullopt;
  ProcessStatus status;
  size_t from = 0;
  while (from < text->size()) {
    const size_t end = std::min(text->find('\n', from), text->size());
    const std::string_view line(text->data() + from, end - from);
    const auto tab = line.find('\t');
    const std::string_view key = line.substr(0, tab);
    const std::string_view value = tab == std::string_view::npos ? std::string_view() : line.substr(tab + 1);
    if (key == "Name:") status.name = value;
    if (key == "PPid:") std::from_chars(value.data(), value.data() + value.size(), status.parent);
    if (key == "Uid:") std::from_chars(value.data(), value.data() + value.size(), status.uid);
    from = end + 1;
  }
  return status;
}

bool lives_in(Core& core, contract::ContractId id, pid_t pid) {
  if (id == 0) return false;
  const auto members = core.contracts->members(id);
  return std::any_of(members.begin(), members.end(), [pid](const auto& member) { return member.pid == pid; });
}

}  // namespace

std::string adopt(Core& core, Record& record, pid_t pid, uid_t owner, const std::string& driver) {
  if (record.contract == 0) return "the instance has no contract";
  if (lives_in(core, record.contract, pid)) return {};
  const auto process = status_of(pid);
  if (!process) return "there is no such process";
  if (process->uid != owner)
    return fmt::format("it belongs to uid {} and not to the owner {}", process->uid, owner);
  const auto parent = status_of(process->parent);
  const bool of_service = parent && parent->uid == owner && parent->name.rfind("VBoxSVC", 0) == 0;
  const bool ours_before = std::any_of(record.previous_contracts.begin(), record.previous_contracts.end(),
                                       [&](const auto id) { return lives_in(core, id, pid); });
  if (!of_service && !ours_before && driver == "virtualbox") {
    return fmt::format("its parent {} is not the owner's VBoxSVC", process->parent);
  }
  auto adopted = core.contracts->adopt(record.contract, pid);
  if (!adopted) return adopted.error().message;
  for (const auto id : record.previous_contracts) core.release(id);
  record.previous_contracts.clear();
  publish_state(core, record);
  return {};
}

}  // namespace vmkeep::daemon
