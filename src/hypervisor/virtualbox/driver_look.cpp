// What the driver sees of a VM: what VirtualBox says of it, and what the process table does.
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "hypervisor/virtualbox/answer.h"
#include "hypervisor/virtualbox/driver.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

const std::vector<std::string_view> kVmPrograms{"VBoxHeadless", "VirtualBoxVM", "VirtualBox", "VBoxSDL"};

// How long a look waits for the process of a VM that is said to be down already.
constexpr Instant kLastMoments{1'500};
// How long VirtualBox may take to notice the end of a VM's process.
constexpr Instant kNoticed{300};

// Stable and down: its process should be gone.
bool is_down(vm::VmState state) {
  return !vm::is_up(state) && !vm::is_passing(state) && state != vm::VmState::unknown;
}

Task<> wait_for_end(VmProcess process, Instant deadline) {
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!pidfd) co_return;
  Readiness readiness(co_await asio::this_coro::executor, pidfd.get());
  co_await readiness.readable(deadline);
}

// Tells one version of a file from another; empty: it is not there.
std::string stamp_of(const std::string& path) {
  struct stat info {};
  if (path.empty() || ::lstat(path.c_str(), &info) != 0) return {};
  return std::to_string(info.st_ino) + " " + std::to_string(info.st_mtim.tv_sec) + "." +
         std::to_string(info.st_mtim.tv_nsec);
}

}  // namespace

// The first witness: what VirtualBox says.  Of a VM whose settings it could not read once it goes on saying
// so until somebody asks for the list: only then does it try again (measured).
Task<Result<vm::Observation>> Driver::say(std::string uuid, Instant deadline) {
  auto said = co_await say_once(uuid, deadline);
  if (!said || said->state != vm::VmState::inaccessible) co_return said;
  const auto all = co_await list(deadline);
  const bool read = all && std::any_of(all->begin(), all->end(),
                                       [&uuid](const VmRef& vm) { return vm.uuid == uuid && vm.accessible; });
  if (read) said = co_await say_once(std::move(uuid), deadline);
  co_return said;
}

Task<Result<vm::Observation>> Driver::say_once(std::string uuid, Instant deadline) {
  std::vector<std::string> words;
  words.emplace_back("showvminfo");
  words.push_back(uuid);
  words.emplace_back("--machinereadable");
  const auto result = co_await ask(uuid, words, deadline);
  if (!result) co_return result.error();
  if (!result->status.success()) {
    // Whatever it has printed by then is not an answer (facts 2).
    switch (classify(result->err)) {
      case Trouble::not_registered:
        co_return vm::Observation{vm::VmState::missing, vm::Witness::unsure, told(*result)};
      case Trouble::inaccessible:
        co_return vm::Observation{vm::VmState::inaccessible, vm::Witness::unsure, told(*result)};
      default:
        co_return fail(ErrorKind::unavailable, "VBoxManage " + joined(words) + ": " + told(*result));
    }
  }
  auto info = parse_info(result->out);
  if (!info) co_return fail(ErrorKind::unavailable, info.error().message + " (VM " + uuid + ")");
  if (info->uuid != uuid) {
    co_return fail(ErrorKind::unavailable,
                   "VBoxManage was asked about " + uuid + " and told of " + info->uuid);
  }
  names_[uuid] = info->name;
  settings_[uuid] = info->settings_file;
  note_log(uuid, info->log_folder + "/VBox.log");
  watch_log(uuid);
  const auto state = vm::vm_state(info->state);
  if (!state) {
    co_return vm::Observation{vm::VmState::unknown, vm::Witness::unsure,
                              "VMState is \"" + info->state + "\""};
  }
  co_return vm::Observation{*state, vm::Witness::unsure, ""};
}

bool Driver::belongs(const Process& process, const std::string& uuid) const {
  const auto vm = started_vm(process.argv, kVmPrograms);
  const auto name = names_.find(uuid);
  return vm && (*vm == uuid || (name != names_.end() && *vm == name->second));
}

// The second: the process table.  It is read as a whole only where the process that was last known is gone:
// with many VMs that is what a look would cost most.
Driver::Seen Driver::see(const std::string& uuid) {
  const auto known = known_.find(uuid);
  if (known != known_.end()) {
    const auto process = table_.read(known->second.pid);
    const bool same = process && process->start_time == known->second.start_time && belongs(*process, uuid);
    if (same) return Seen{vm::Witness::present, known->second};
    known_.erase(known);
  }
  const Scan scan = table_.scan(::geteuid(), kVmPrograms);
  Seen seen;
  for (const Process& process : scan.processes) {
    if (!belongs(process, uuid)) continue;
    seen.process = VmProcess{process.pid, process.start_time};  // the newest counts
  }
  if (seen.process) {
    known_[uuid] = *seen.process;
    seen.witness = vm::Witness::present;
  } else if (scan.complete) {
    seen.witness = vm::Witness::absent;
  }
  return seen;
}

// A question that meets the end of a VM's session is the worst moment for VirtualBox: what it asks the VM's
// session for is being torn down, and VBoxSVC 7.2.22 may run into a null pointer there and fall, with all VMs
// of the owner (measured: once in some hundred ends on a busy host; never otherwise).  So a VM that is on its
// way down is left alone until its process is gone, and until VirtualBox has written into the VM's settings
// that it noticed, which takes it some milliseconds.
Task<> Driver::let_it_end(std::string uuid, Instant deadline) {
  const auto before = while_up_.find(uuid);
  if (before == while_up_.end()) co_return;
  const std::string stamp = before->second;
  const Seen seen = see(uuid);
  const auto log = logs_.find(uuid);
  if (seen.process) {
    if (log == logs_.end() || !log->second.is_over()) co_return;
    co_await wait_for_end(*seen.process, std::min(deadline, now() + kLastMoments));
  }
  const std::string settings = settings_[uuid];
  const Instant patience = std::min(deadline, now() + kNoticed);
  while (now() < patience && stamp_of(settings) == stamp) co_await sleep_until(now() + Instant(5));
}

Task<Result<vm::Observation>> Driver::look(std::string uuid, Instant deadline) {
  uuid = normal_uuid(uuid);
  if (uuid.empty()) co_return fail(ErrorKind::invalid, "a VM is looked at by its UUID");
  co_await let_it_end(uuid, deadline);
  auto said = co_await say(uuid, deadline);
  if (!said) co_return said;
  Seen seen = see(uuid);
  if (is_down(said->state) && seen.process) {
    // Most often a process in its last moments.  Its end is worth waiting for, and then VirtualBox is asked
    // anew, because what it said before may have been said of another end.
    co_await wait_for_end(*seen.process, std::min(deadline, now() + kLastMoments));
    seen = see(uuid);
    if (!seen.process) {
      said = co_await say(uuid, deadline);
      if (!said) co_return said;
      seen = see(uuid);
    }
  }
  said->process = seen.witness;
  watch_.process(uuid, seen.process);
  note_running(uuid, said->state == vm::VmState::running);
  if (seen.process) {
    while_up_[uuid] = stamp_of(settings_[uuid]);
  } else {
    while_up_.erase(uuid);
  }
  if (said->process == vm::Witness::unsure && said->detail.empty() && said->state != vm::VmState::unknown) {
    said->detail = "/proc hides processes (hidepid): mount it without, or run vmkeep as root";
  }
  co_return said;
}

std::optional<VmProcess> Driver::process(const std::string& uuid) {
  return see(normal_uuid(uuid)).process;
}

bool Driver::contested(const std::string& uuid) {
  const Scan scan = table_.scan(::geteuid(), kVmPrograms);
  const auto theirs = [&](const Process& process) { return belongs(process, normal_uuid(uuid)); };
  return std::count_if(scan.processes.begin(), scan.processes.end(), theirs) > 1;
}

}  // namespace vmkeep::hypervisor::virtualbox
