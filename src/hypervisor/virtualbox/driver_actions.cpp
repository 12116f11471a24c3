// What the driver does to a VM, and what it tells of one beyond its state.
#include <stdlib.h>

#include <string_view>
#include <utility>

#include "hypervisor/done.h"
#include "hypervisor/virtualbox/answer.h"
#include "hypervisor/virtualbox/driver.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

constexpr Instant kLocked{2'000};  // how long the end of a session may keep others from a VM
constexpr Instant kCall{12'000};   // one call in 300 hangs for 10 s (facts 3)

// The state in which an action ends that ends in one.
std::optional<vm::VmState> end_of(vm::StopAction action) {
  if (action == vm::StopAction::savestate) return vm::VmState::saved;
  if (action == vm::StopAction::poweroff) return vm::VmState::poweroff;
  return std::nullopt;
}

// What tells one VirtualBox of a user from another (facts 17).
std::vector<std::string> whose_virtualbox(const std::vector<std::string>& environment) {
  std::vector<std::string> words;
  for (const std::string& word : environment) {
    if (word.starts_with("VBOX_USER_HOME=") || word.starts_with("VBOX_IPC_SOCKETID=")) words.push_back(word);
  }
  return words;
}

}  // namespace

Task<Result<std::string>> Driver::answer(std::string uuid, std::vector<std::string> words, Instant deadline,
                                         Percent progress, Calls::Rank rank) {
  auto result = co_await ask(std::move(uuid), words, deadline, std::move(progress), rank);
  if (!result) co_return result.error();
  if (!result->status.success() || names_error(result->err)) co_return failed(words, *result);
  if (result->truncated) co_return fail(ErrorKind::io, "VBoxManage " + joined(words) + " printed too much");
  co_return std::move(result->out);
}

Task<Result<>> Driver::act(std::string uuid, std::vector<std::string> words, Instant deadline,
                           Percent progress) {
  const auto said =
      co_await answer(std::move(uuid), std::move(words), deadline, std::move(progress), Calls::Rank::action);
  if (!said) co_return said.error();
  co_return done();
}

Result<Launch> Driver::launch(const VmRef& vm) {
  const auto where = installation();
  if (!where) return where.error();
  Launch result;
  result.argv = {where->headless, "--comment", vm.name, "--startvm", vm.uuid, "--vrde", "config"};
  result.environment = {"LC_ALL=C"};
  result.exit_if_locked = 1;  // facts 19: with VirtualBox's own words in the log
  const auto log = logs_.find(vm.uuid);
  if (log != logs_.end()) {
    log->second.expect_new_run();
    asked_[vm.uuid] = now();
  }
  return result;
}

Result<Launch> Driver::front_end(const VmRef& vm) {
  std::string program = value_of(options_.environment, "VMKEEP_FRONT_END");
  const char* ours = ::secure_getenv("VMKEEP_FRONT_END");
  if (program.empty() && ours != nullptr) program = ours;
  if (program.empty()) {
    const auto where = installation();
    if (!where) return where.error();
    program = where->window;
    if (program.empty()) {
      return fail(ErrorKind::unsupported, "there is no VirtualBoxVM beside " + where->manage +
                                              "; install VirtualBox's windows (Debian: virtualbox-qt)");
    }
  }
  // In the user's own language, as nobody parses what a window says; but of the VirtualBox that has this VM,
  // which need not be the user's usual one.
  return Launch{{std::move(program), "--comment", vm.name, "--startvm", vm.uuid},
                whose_virtualbox(options_.environment)};
}

// Of a save that fails VirtualBox tells only that it did; why (a full disk) is in the VM's log.
Error Driver::reason_in_log(const std::string& uuid, Error error) {
  constexpr size_t kLines = 60;
  constexpr std::string_view kMark = "aText={";
  const auto lines = log_tail(uuid, kLines);
  if (!lines) return error;
  for (auto line = lines->rbegin(); line != lines->rend(); ++line) {
    const size_t begin = line->find(kMark);
    if (begin == std::string::npos) continue;
    const size_t text = begin + kMark.size();
    error.message += ": " + line->substr(text, line->find('}', text) - text);
    break;
  }
  return error;
}

// After a failure: whether what was wanted has come about all the same.
Task<bool> Driver::got_there(std::string uuid, vm::VmState wanted, Instant deadline) {
  const auto looked = co_await look(std::move(uuid), deadline);
  co_return looked && looked->agreed() == wanted;
}

// A save fails where the VM's process ends before VBoxSVC has its answer that all is saved (VirtualBox 7.2:
// one in thirty where all of it shares a busy processor).  VBoxSVC says saved, but has not written that into
// the VM's settings: with its own end the state would be lost.  Whatever changes the settings makes it write
// them, so something is added and taken away again.
Task<Result<>> Driver::write_down(std::string uuid) {
  const std::vector<std::string> take_away{"setextradata", uuid, "vmkeep/saved"};
  std::vector<std::string> add = take_away;
  add.emplace_back("yes");
  const Instant patience = now() + kLocked;
  for (;;) {
    const auto added = co_await act(uuid, add, now() + kCall);
    if (added) break;
    if (now() >= patience) {
      co_return in("the VM is saved, but VirtualBox has not written that down", added.error());
    }
    co_await sleep_until(now() + Instant(100));
  }
  co_return co_await act(uuid, take_away, now() + kCall);
}

Task<Result<>> Driver::control(std::string uuid, vm::StopAction action, Instant deadline, Percent progress) {
  std::vector<std::string> words;
  if (action == vm::StopAction::emergencystop) {
    // For VMs on which calls hang: one that hangs must not be waited for.
    calls_.abandon(uuid);
    words = {"startvm", uuid, "--type", "emergencystop"};
  } else {
    words = {"controlvm", uuid, std::string(vm::to_string(action))};
  }
  auto acted = co_await act(uuid, std::move(words), deadline, std::move(progress));
  if (!acted && action == vm::StopAction::savestate) acted = reason_in_log(uuid, acted.error());
  const auto end = end_of(action);
  // A refusal with a known reason is believed; a mere failure is not.
  if (acted || !end || acted.error().kind != ErrorKind::io) co_return acted;
  const bool there = co_await got_there(uuid, *end, deadline);
  if (!there) co_return acted;
  if (action != vm::StopAction::savestate) co_return done();
  co_return co_await write_down(std::move(uuid));
}

Task<Result<>> Driver::resume(std::string uuid, Instant deadline) {
  std::vector<std::string> words{"controlvm", uuid, "resume"};
  return act(std::move(uuid), std::move(words), deadline);
}

Task<Result<>> Driver::pause(std::string uuid, Instant deadline) {
  std::vector<std::string> words{"controlvm", uuid, "pause"};
  return act(std::move(uuid), std::move(words), deadline);
}

Task<Result<VmDetails>> Driver::describe(std::string uuid, Instant deadline) {
  std::vector<std::string> words{"showvminfo", uuid, "--machinereadable"};
  const auto said = co_await answer(uuid, std::move(words), deadline);
  if (!said) co_return said.error();
  auto details = parse_details(*said);
  if (!details) co_return in("VM " + uuid, details.error());
  if (details->vm.uuid != normal_uuid(uuid)) {
    co_return fail(ErrorKind::unavailable,
                   "VBoxManage was asked about " + uuid + " and told of " + details->vm.uuid);
  }
  note_log(details->vm.uuid, details->log_folder + "/VBox.log");
  co_return details;
}

Task<Result<>> Driver::screenshot(std::string uuid, std::string path, Instant deadline) {
  std::vector<std::string> words{"controlvm", uuid, "screenshotpng", std::move(path)};
  return act(std::move(uuid), std::move(words), deadline);
}

Task<Result<>> Driver::take_snapshot(std::string uuid, std::string name, std::string description,
                                     Instant deadline, Percent progress) {
  if (name.empty() || name.front() == '-') {
    co_return fail(ErrorKind::invalid, "a snapshot needs a name, and one that does not begin with a dash");
  }
  std::vector<std::string> words{"snapshot", uuid, "take", std::move(name)};
  if (!description.empty()) words.push_back("--description=" + description);
  co_return co_await act(std::move(uuid), std::move(words), deadline, std::move(progress));
}

Task<Result<std::optional<std::string>>> Driver::guest_property(std::string uuid, std::string name,
                                                                Instant deadline) {
  std::vector<std::string> words{"guestproperty", "get", uuid, std::move(name)};
  const auto said = co_await answer(std::move(uuid), std::move(words), deadline);
  if (!said) co_return said.error();
  co_return parse_property(*said);
}

// A tenth of what a look costs (docs/performance.md).
Task<Result<uint64_t>> Driver::moved_bytes(std::string uuid, Instant deadline) {
  std::vector<std::string> words{"debugvm", uuid, "statistics", "--pattern", "/Public/*"};
  const auto said = co_await answer(std::move(uuid), std::move(words), deadline);
  if (!said) co_return said.error();
  co_return parse_moved_bytes(*said);
}

void Driver::note_log(const std::string& uuid, std::string path) {
  const auto found = logs_.find(uuid);
  if (found != logs_.end() && found->second.path() == path) return;
  logs_.insert_or_assign(uuid, VmLog(std::move(path)));
}

std::optional<Heartbeat> Driver::heartbeat(const std::string& uuid) {
  const auto found = logs_.find(uuid);
  return found == logs_.end() ? std::nullopt : found->second.heartbeat();
}

Result<std::vector<std::string>> Driver::log_tail(const std::string& uuid, size_t lines) {
  const auto found = logs_.find(uuid);
  if (found == logs_.end()) {
    return fail(ErrorKind::not_found,
                "where VM " + uuid + " has its log is not known before the first look at it");
  }
  return last_lines(found->second.path(), lines);
}

}  // namespace vmkeep::hypervisor::virtualbox
