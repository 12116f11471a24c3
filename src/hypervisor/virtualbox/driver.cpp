#include "hypervisor/virtualbox/driver.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "hypervisor/done.h"
#include "hypervisor/virtualbox/answer.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

const std::vector<std::string_view> kVmPrograms{"VBoxHeadless", "VirtualBoxVM", "VirtualBox", "VBoxSDL"};

constexpr Instant kFirstPause{100};
constexpr Instant kLongestPause{2'000};
// How long others wait for a list that somebody asked for: one call in 300 hangs (facts 3), and then the next
// one is not kept back by it.
constexpr Instant kSharedFor{2'000};
// How long a look waits for the process of a VM that is said to be down already.
constexpr Instant kLastMoments{1'500};

std::vector<std::string> in_english(std::vector<std::string> environment) {
  environment.erase(
      std::remove_if(environment.begin(), environment.end(),
                     [](const std::string& word) { return word.compare(0, 7, "LC_ALL=") == 0; }),
      environment.end());
  environment.emplace_back("LC_ALL=C");
  return environment;
}

DriverOptions in_english(DriverOptions options) {
  options.environment = in_english(std::move(options.environment));
  return options;
}

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

}  // namespace

Driver::Driver(const Executor& executor, Reaper& reaper, DriverOptions options)
    : executor_(executor),
      options_(in_english(std::move(options))),
      calls_(executor, reaper, options_.environment, options_.calls_cgroup),
      service_(executor, reaper, Service::Options{options_.environment, options_.service_cgroup, "/tmp"}),
      watch_(executor) {}

Result<Installation> Driver::installation() {
  if (!installation_) {
    auto found = find_installation(options_.environment);
    if (!found) return found.error();
    installation_ = std::move(*found);
  }
  return *installation_;
}

Task<Result<>> Driver::prepare(Instant deadline) {
  const auto where = installation();
  if (!where) co_return where.error();
  co_return co_await service_.prepare(*where, deadline);
}

// One question, asked again while the trouble with it is of the passing kind.  The result may still be a
// failure.
Task<Result<CommandResult>> Driver::ask(std::string uuid, std::vector<std::string> words, Instant deadline,
                                        Percent progress) {
  Instant pause = kFirstPause;
  for (;;) {
    // Without this a call would start VBoxSVC itself, in a place that is not VBoxSVC's.
    auto ready = co_await prepare(deadline);
    if (!ready) co_return ready.error();
    std::vector<std::string> argv{installation_->manage, "-q"};
    argv.insert(argv.end(), words.begin(), words.end());
    auto result = co_await calls_.run(uuid, std::move(argv), deadline, progress);
    if (!result || result->status.success()) co_return result;
    const bool again = is_passing(classify(result->err)) && now() + pause < deadline;
    if (!again) co_return result;
    if (!co_await calls_.pause(uuid, now() + pause)) {
      co_return fail(ErrorKind::timeout, "VBoxManage " + joined(words) + ": abandoned");
    }
    pause = std::min(pause * 2, kLongestPause);
  }
}

Task<Result<std::vector<VmRef>>> Driver::read_list(std::string which, Instant deadline) {
  std::vector<std::string> words;
  words.emplace_back("list");
  words.push_back(std::move(which));
  const auto result = co_await ask("", words, deadline);
  if (!result) co_return result.error();
  if (!result->status.success()) co_return failed(words, *result);
  if (result->truncated) co_return fail(ErrorKind::io, "VBoxManage " + joined(words) + " printed too much");
  auto list = parse_list(result->out);
  if (!list) co_return in("VBoxManage " + joined(words), list.error());
  for (const VmRef& vm : *list) {
    if (vm.accessible) names_[vm.uuid] = vm.name;
  }
  co_return list;
}

Task<Result<Driver::VmList>> Driver::shared_list(std::string which, Instant deadline) {
  auto& slot = listings_[which];
  if (!slot) slot = std::make_shared<Listing>(executor_);
  const auto listing = slot;
  const uint64_t wanted = listing->begun + 1;
  while (listing->ended < wanted) {
    const Instant patience = listing->since + kSharedFor;
    if (listing->begun > listing->ended && now() < patience) {
      co_await listing->over.wait(std::min(deadline, patience));
      if (now() < deadline || listing->ended >= wanted) continue;
      co_return fail(ErrorKind::timeout, "VBoxManage list " + which + " is still under way");
    }
    const uint64_t number = ++listing->begun;
    listing->since = now();
    auto list = co_await read_list(which, deadline);
    if (number > listing->ended) {
      listing->ended = number;
      if (list) {
        listing->last = std::make_shared<const std::vector<VmRef>>(std::move(*list));
      } else {
        listing->last = list.error();
      }
    }
    listing->over.notify();
  }
  co_return listing->last;
}

Task<Result<std::vector<VmRef>>> Driver::list(Instant deadline) {
  const auto all = co_await shared_list("vms", deadline);
  if (!all) co_return all.error();
  co_return **all;
}

Task<Result<std::vector<std::string>>> Driver::running(Instant deadline) {
  const auto all = co_await shared_list("runningvms", deadline);
  if (!all) co_return all.error();
  std::vector<std::string> uuids;
  for (const VmRef& vm : **all) uuids.push_back(vm.uuid);
  co_return uuids;
}

std::optional<std::string> Driver::name_of(const std::string& uuid) {
  const auto found = names_.find(uuid);
  return found == names_.end() ? std::nullopt : std::optional(found->second);
}

Task<Result<bool>> Driver::is_running(std::string uuid, Instant deadline) {
  const auto all = co_await shared_list("runningvms", deadline);
  if (!all) co_return all.error();
  co_return std::any_of((*all)->begin(), (*all)->end(), [&uuid](const VmRef& vm) { return vm.uuid == uuid; });
}

Task<Result<VmRef>> Driver::find(std::string name_or_uuid, Instant deadline) {
  const auto all = co_await shared_list("vms", deadline);
  if (!all) co_return all.error();
  const std::string uuid = normal_uuid(name_or_uuid);
  const VmRef* found = nullptr;
  for (const VmRef& vm : **all) {
    if (!uuid.empty() && vm.uuid == uuid) co_return vm;
    if (vm.name != name_or_uuid || !vm.accessible) continue;
    if (found != nullptr) {
      co_return fail(ErrorKind::invalid, "two VMs bear the name \"" + name_or_uuid + "\" (" + found->uuid +
                                             ", " + vm.uuid + "); set vm/uuid");
    }
    found = &vm;
  }
  if (found == nullptr) {
    co_return fail(ErrorKind::not_found, "VirtualBox knows no VM \"" + name_or_uuid + "\" of this owner");
  }
  co_return *found;
}

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

Task<Result<vm::Observation>> Driver::look(std::string uuid, Instant deadline) {
  uuid = normal_uuid(uuid);
  if (uuid.empty()) co_return fail(ErrorKind::invalid, "a VM is looked at by its UUID");
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
  if (said->process == vm::Witness::unsure && said->detail.empty() && said->state != vm::VmState::unknown) {
    said->detail = "/proc hides processes (hidepid): mount it without, or run vmkeep as root";
  }
  co_return said;
}

std::optional<VmProcess> Driver::process(const std::string& uuid) {
  return see(normal_uuid(uuid)).process;
}

void Driver::watch_log(const std::string& uuid) {
  const auto log = logs_.find(uuid);
  if (log == logs_.end()) return;
  const std::string& path = log->second.path();
  const size_t slash = path.rfind('/');
  watch_.file(uuid, path.substr(0, slash), path.substr(slash + 1), is_news);
}

bool Driver::contested(const std::string& uuid) {
  const Scan scan = table_.scan(::geteuid(), kVmPrograms);
  const auto theirs = [&](const Process& process) { return belongs(process, normal_uuid(uuid)); };
  return std::count_if(scan.processes.begin(), scan.processes.end(), theirs) > 1;
}

Task<bool> Driver::hint(std::string uuid, Instant deadline) {
  // Before its first start a VM has no folder for its log, and none of the looks before saw one.
  watch_log(uuid);
  watch_.process(uuid, see(uuid).process);
  return watch_.hint(std::move(uuid), deadline);
}

void Driver::abandon(const std::string& uuid) {
  calls_.abandon(uuid);
}

}  // namespace vmkeep::hypervisor::virtualbox

namespace vmkeep::hypervisor {

std::unique_ptr<Hypervisor> make_virtualbox(
    Executor executor,  // NOLINT(performance-unnecessary-value-param): the port's signature
    Reaper& reaper, DriverOptions options) {
  return std::make_unique<virtualbox::Driver>(executor, reaper, std::move(options));
}

}  // namespace vmkeep::hypervisor
