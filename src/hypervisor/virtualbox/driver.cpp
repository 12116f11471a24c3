#include "hypervisor/virtualbox/driver.h"

#include <algorithm>
#include <utility>

#include "hypervisor/done.h"
#include "hypervisor/virtualbox/answer.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

constexpr Instant kFirstPause{100};
constexpr Instant kLongestPause{2'000};
// How long others wait for a list that somebody asked for: one call in 300 hangs (facts 3), and then the next
// one is not kept back by it.
constexpr Instant kSharedFor{2'000};
// How often the list is asked for while a VM's log says that it is on its way up.
constexpr Instant kWithoutALog{2'000};

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
                                        Percent progress, Calls::Rank rank) {
  Instant pause = kFirstPause;
  for (;;) {
    // Without this a call would start VBoxSVC itself, in a place that is not VBoxSVC's.
    auto ready = co_await prepare(deadline);
    if (!ready) co_return ready.error();
    std::vector<std::string> argv{installation_->manage, "-q"};
    argv.insert(argv.end(), words.begin(), words.end());
    auto result = co_await calls_.run(uuid, std::move(argv), deadline, progress, rank);
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

// A list costs a process and more of VBoxSVC; the VM's log costs nothing and tells when one is worth it.  It
// is asked for now and then all the same: a log may be switched off.
Task<Result<bool>> Driver::is_running(std::string uuid, Instant deadline) {
  const auto log = logs_.find(uuid);
  if (log != logs_.end() && log->second.is_stuck()) co_return true;
  const auto asked = asked_.find(uuid);
  if (log != logs_.end() && asked != asked_.end()) {
    if (log->second.is_coming_up() && now() < asked->second + kWithoutALog) co_return false;
    asked->second = now();
  }
  const auto all = co_await shared_list("runningvms", deadline);
  if (!all) co_return all.error();
  const bool runs =
      std::any_of((*all)->begin(), (*all)->end(), [&](const VmRef& vm) { return vm.uuid == uuid; });
  note_running(uuid, runs);
  co_return runs;
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

void Driver::watch_log(const std::string& uuid) {
  const auto log = logs_.find(uuid);
  if (log == logs_.end()) return;
  const std::string& path = log->second.path();
  const size_t slash = path.rfind('/');
  watch_.file(uuid, path.substr(0, slash), path.substr(slash + 1), is_news);
}

void Driver::note_running(const std::string& uuid, bool runs) {
  const auto process = runs ? see(uuid).process : std::nullopt;
  if (!process) {
    running_.erase(uuid);
  } else if (auto& noted = running_[uuid]; noted.process != *process) {
    noted = Running{*process, std::nullopt};
  }
}

// The log of a start tells a dozen states on the way to the one that has been seen meanwhile.
bool Driver::is_as_noted(const std::string& uuid) {
  const auto noted = running_.find(uuid);
  const auto log = logs_.find(uuid);
  if (noted == running_.end() || log == logs_.end() || !log->second.is_running()) return false;
  const auto heard = log->second.heartbeat();
  const std::optional<bool> lost = heard ? std::optional(heard->lost) : std::nullopt;
  if (std::exchange(noted->second.lost, lost) != lost) return false;
  const auto process = see(uuid).process;
  return process && noted->second.process == *process;
}

Task<bool> Driver::hint(std::string uuid, Instant deadline) {
  // Before its first start a VM has no folder for its log, and none of the looks before saw one.
  watch_log(uuid);
  watch_.process(uuid, see(uuid).process);
  for (;;) {
    const bool moved = co_await watch_.hint(uuid, deadline);
    if (!moved || !is_as_noted(uuid)) co_return moved;
  }
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
