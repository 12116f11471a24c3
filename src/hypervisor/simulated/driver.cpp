#include "hypervisor/simulated/driver.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "hypervisor/done.h"
#include "hypervisor/simulated/call.h"
#include "hypervisor/simulated/live_vm.h"
#include "hypervisor/virtualbox/installation.h"

namespace vmkeep::hypervisor::simulated {
namespace {

using virtualbox::value_of;

constexpr const char* kProgram = "vmkeep-simulated-vm";

std::string home_of(const std::vector<std::string>& environment) {
  const std::string home = value_of(environment, "VMKEEP_SIMULATED_HOME");
  return home.empty() ? value_of(environment, "HOME") + "/.vmkeep-simulated" : home;
}

// The owner's word, else that of whoever started us.
std::string either(const std::vector<std::string>& environment, const char* name) {
  std::string value = value_of(environment, name);
  if (!value.empty()) return value;
  const char* ours = ::secure_getenv(name);
  return ours == nullptr ? "" : ours;
}

std::string program_of(const std::vector<std::string>& environment) {
  std::string folder = either(environment, "VMKEEP_LIBEXEC");
  if (folder.empty()) {
    std::error_code ignored;
    folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
  }
  return folder + "/" + kProgram;
}

// What a look says of a VM in this state; an error if the answer does not name one.
Result<vm::Observation> observation(const std::string& uuid, const std::string& word) {
  if (word.empty()) {
    return fail(ErrorKind::unavailable,
                "the simulated hypervisor's answer about VM " + uuid + " names no state");
  }
  vm::Observation observed;
  observed.state = state_of(word);
  // The hypervisor may say "unknown" itself; every other word is one that we do not know.
  if (observed.state == vm::VmState::unknown && word != "unknown") {
    observed.detail = "VMState is \"" + word + "\"";
  }
  if (observed.state == vm::VmState::missing) observed.detail = "there is no such VM";
  if (observed.state == vm::VmState::inaccessible) observed.detail = "its settings cannot be read";
  return observed;
}

bool is_uuid(const std::string& word) {
  constexpr size_t kLength = 36;
  return word.size() == kLength && word.find_first_not_of("0123456789abcdef-") == std::string::npos;
}

VmRef reference(const StoredVm& vm) {
  const bool accessible = vm.state != "inaccessible";
  return VmRef{vm.uuid, accessible ? vm.name : "<inaccessible>", accessible};
}

}  // namespace

Driver::Driver(Executor executor, DriverOptions options)
    : executor_(std::move(executor)),
      store_(home_of(options.environment)),
      program_(program_of(options.environment)),
      front_end_(either(options.environment, "VMKEEP_FRONT_END")),
      owner_home_(value_of(options.environment, "HOME")),
      watch_(executor_) {}

Driver::~Driver() {
  for (Call* call : calls_) {
    call->calls = nullptr;
    call->abandon();
  }
}

Task<Result<>> Driver::prepare(Instant /*deadline*/) {
  co_return store_.make();
}

// False if it was abandoned.
Task<bool> Driver::delay(std::string uuid, Instant until) {
  if (until <= now()) co_return true;
  Call call(*this, std::move(uuid));
  co_await call.ended.wait(until);
  co_return !call.abandoned;
}

Task<Result<>> Driver::hang(std::string uuid, Instant deadline) {
  co_await delay(uuid, deadline);
  co_return fail(ErrorKind::timeout, "the simulated hypervisor does not answer about VM \"" + uuid + "\"");
}

Task<Result<Driver::Subject>> Driver::ask(std::string uuid, std::string delay_key, Instant deadline) {
  const auto first = store_.read(uuid);
  const auto script = store_.script(first ? first->name : "");
  if (!script) co_return script.error();
  if (script->silent) {
    const auto hung = co_await hang(uuid, deadline);
    co_return hung.error();
  }
  if (!script->broken.empty()) co_return fail(ErrorKind::unavailable, script->broken);
  const Instant wanted = now() + Instant(script->delay(delay_key));
  const bool waited = co_await delay(uuid, std::min(wanted, deadline));
  if (!waited || wanted > deadline) {
    co_return fail(ErrorKind::timeout, "the call about VM \"" + uuid + "\" did not end in time");
  }
  // What it is at the end of the delay.
  auto vm = store_.read(uuid);
  Subject subject{StoredVm{uuid, "", "missing", "", kNever}, *script, std::nullopt};
  if (vm) {
    names_[uuid] = vm->name;
    subject.vm = std::move(*vm);
  } else {
    subject.trouble = vm.error();
  }
  co_return subject;
}

Task<Result<std::vector<VmRef>>> Driver::list(Instant deadline) {
  const auto answers = co_await ask("", "list", deadline);
  if (!answers) co_return answers.error();
  const auto all = store_.all();
  if (!all) co_return all.error();
  std::vector<VmRef> result;
  for (const StoredVm& vm : *all) {
    if (vm.state != "missing") result.push_back(reference(vm));
  }
  co_return result;
}

std::optional<std::string> Driver::name_of(const std::string& uuid) {
  const auto found = names_.find(uuid);
  return found == names_.end() ? std::nullopt : std::optional(found->second);
}

Task<Result<VmRef>> Driver::find(std::string name_or_uuid, Instant deadline) {
  if (is_uuid(name_or_uuid)) {
    // Known by its UUID it is found without looking at the others.
    const auto answers = co_await ask("", "list", deadline);
    if (!answers) co_return answers.error();
    const auto vm = store_.read(name_or_uuid);
    if (vm && vm->state != "missing") co_return reference(*vm);
  }
  const auto all = co_await list(deadline);
  if (!all) co_return all.error();
  std::vector<VmRef> found;
  for (const VmRef& vm : *all) {
    if (vm.uuid == name_or_uuid) co_return vm;
    if (vm.name == name_or_uuid && vm.accessible) found.push_back(vm);
  }
  if (found.size() == 1) co_return found[0];
  if (found.empty()) {
    co_return fail(ErrorKind::not_found,
                   "there is no simulated VM \"" + name_or_uuid + "\" in " + store_.home());
  }
  co_return fail(ErrorKind::invalid, "two simulated VMs bear the name \"" + name_or_uuid + "\"; set vm/uuid");
}

// Whether this fault is still to come; it is one less then.
Task<Result<bool>> Driver::comes_true(const Subject& subject, const char* key, int64_t left) {
  if (left <= 0) co_return false;
  if (auto counted = store_.count_down(subject.vm.name, key); !counted) co_return counted.error();
  co_return true;
}

Task<Result<vm::Observation>> Driver::look(std::string uuid, Instant deadline) {
  const auto subject = co_await ask(uuid, "look", deadline);
  if (!subject) co_return subject.error();
  const Script& script = subject->script;
  const auto hangs = co_await comes_true(*subject, "hang_looks", script.hang_looks);
  if (!hangs) co_return hangs.error();
  if (*hangs) {
    const auto hung = co_await hang(uuid, deadline);
    co_return hung.error();
  }
  const auto half = co_await comes_true(*subject, "half_looks", script.half_looks);
  if (!half) co_return half.error();
  if (*half) co_return fail(ErrorKind::unavailable, "half an answer about VM " + uuid);
  const auto garbage = co_await comes_true(*subject, "garbage_looks", script.garbage_looks);
  if (!garbage) co_return garbage.error();
  std::string word = *garbage ? "garbage" : store_.state(subject->vm);
  if (!*garbage && script.say) {
    const bool limited = script.say_looks.has_value();
    const auto says = co_await comes_true(*subject, "say_looks", limited ? *script.say_looks : 0);
    if (!says) co_return says.error();
    if (*says || !limited) word = *script.say;
  }
  auto observed = observation(uuid, word);
  if (!observed) co_return observed.error();
  if (subject->trouble && subject->trouble->kind != ErrorKind::not_found) {
    observed->state = vm::VmState::inaccessible;
    observed->detail = subject->trouble->message;
  }
  observed->process = process(uuid) ? vm::Witness::present : vm::Witness::absent;
  co_return observed;
}

namespace {

// As VirtualBox does: what is stuck is not listed as running, nor what still comes up (measured: a VM that is
// being restored), nor what goes down.
bool is_listed(vm::VmState state) {
  switch (state) {
    case vm::VmState::gurumeditation:
    case vm::VmState::starting:
    case vm::VmState::restoring:
    case vm::VmState::saving:
    case vm::VmState::stopping:
      return false;
    default:
      return vm::is_up(state);
  }
}

}  // namespace

Task<Result<std::vector<std::string>>> Driver::running(Instant deadline) {
  const auto answers = co_await ask("", "list", deadline);
  if (!answers) co_return answers.error();
  const auto all = store_.all();
  if (!all) co_return all.error();
  std::vector<std::string> result;
  for (const StoredVm& vm : *all) {
    if (is_listed_as_up(vm)) result.push_back(vm.uuid);
  }
  co_return result;
}

bool Driver::is_listed_as_up(const StoredVm& vm) const {
  return is_listed(state_of(store_.state(vm)));
}

// The same answer without reading the files of all the others.
Task<Result<bool>> Driver::is_running(std::string uuid, Instant deadline) {
  const auto answers = co_await ask("", "list", deadline);
  if (!answers) co_return answers.error();
  const auto vm = store_.read(uuid);
  const bool up = vm && (is_listed_as_up(*vm) || state_of(store_.state(*vm)) == vm::VmState::gurumeditation);
  co_return up;
}

Result<Launch> Driver::launch(const VmRef& vm) {
  return Launch{{program_, "--startvm", vm.uuid, "--home", store_.home()}, {}};
}

Result<Launch> Driver::front_end(const VmRef& vm) {
  if (!front_end_.empty()) return Launch{{front_end_, "--comment", vm.name, "--startvm", vm.uuid}, {}};
  return Launch{{program_, "--startvm", vm.uuid, "--front-end", "--home", store_.home()}, {}};
}

Task<Result<VmDetails>> Driver::describe(std::string uuid, Instant deadline) {
  const auto subject = co_await ask(uuid, "look", deadline);
  if (!subject) co_return subject.error();
  if (subject->trouble) co_return in("cannot describe VM " + uuid, *subject->trouble);
  VmDetails details;
  details.vm = reference(subject->vm);
  details.settings_file = store_.path(uuid, ".json");
  details.log_folder = store_.home();
  details.snapshot_folder = store_.home();
  if (store_.state(subject->vm) == "saved") details.state_file = store_.path(uuid, ".json");
  details.disks = subject->script.disks;
  for (int64_t number = 1; number <= subject->script.serial; ++number) {
    details.serial_ports.push_back(
        SerialPort{static_cast<int>(number), "server", store_.home() + "/" + serial_name(uuid, number)});
  }
  co_return details;
}

Task<Result<std::optional<std::string>>> Driver::guest_property(std::string uuid, std::string name,
                                                                Instant deadline) {
  const auto subject = co_await ask(uuid, "look", deadline);
  if (!subject) co_return subject.error();
  std::optional<std::string> value;
  const auto found = subject->script.properties.find(name);
  if (found != subject->script.properties.end()) value = found->second;
  co_return value;
}

Task<Result<uint64_t>> Driver::moved_bytes(std::string uuid, Instant deadline) {
  const auto subject = co_await ask(uuid, "look", deadline);
  if (!subject) co_return subject.error();
  if (!process(uuid)) co_return fail(ErrorKind::invalid, "VM " + uuid + " is not currently running");
  const int64_t moved = subject->script.moved + subject->script.moves * now().count() / 1000;
  co_return static_cast<uint64_t>(std::max<int64_t>(0, moved));
}

std::optional<Heartbeat> Driver::heartbeat(const std::string& uuid) {
  return logs_.try_emplace(uuid, store_.log(uuid)).first->second.heartbeat();
}

Result<std::vector<std::string>> Driver::log_tail(const std::string& uuid, size_t lines) {
  return last_lines(store_.log(uuid), lines);
}

// A pid that was noted proves nothing: the process may be gone, and its number somebody else's.
std::optional<VmProcess> Driver::check(std::optional<pid_t> pid, const std::string& uuid) const {
  if (!pid || *pid <= 0) return std::nullopt;
  const auto process = table_.read(*pid);
  if (!process || started_vm(process->argv, {kProgram}) != uuid || table_.uid(*pid) != ::geteuid()) {
    return std::nullopt;
  }
  return VmProcess{process->pid, process->start_time};
}

std::optional<VmProcess> Driver::process(const std::string& uuid) {
  const auto holder = check(store_.holder(uuid), uuid);
  return holder ? holder : check(store_.born(uuid), uuid);
}

Task<bool> Driver::hint(std::string uuid, Instant deadline) {
  watch_.file(uuid, store_.home(), uuid + ".json", nullptr);
  watch_.process(uuid, process(uuid));
  // A state that ends by itself, without a process that could tell.
  const auto vm = store_.read(uuid);
  const Instant turns = vm && !vm->then.empty() && vm->at > now() ? vm->at : kNever;
  // No coroutine of its own around the longest wait that there is.
  if (turns >= deadline) return watch_.hint(std::move(uuid), deadline);
  return hint_of_turn(std::move(uuid), turns);
}

Task<bool> Driver::hint_of_turn(std::string uuid, Instant turns) {
  co_await watch_.hint(std::move(uuid), turns);
  co_return true;
}

void Driver::abandon(const std::string& uuid) {
  // A call may leave the list while it is told.
  const std::list<Call*> calls = calls_;
  for (Call* call : calls) {
    if (call->uuid == uuid && !uuid.empty()) call->abandon();
  }
}

}  // namespace vmkeep::hypervisor::simulated

namespace vmkeep::hypervisor {

std::unique_ptr<Hypervisor> make_simulated(Executor executor, Reaper& /*reaper*/, DriverOptions options) {
  return std::make_unique<simulated::Driver>(std::move(executor), std::move(options));
}

}  // namespace vmkeep::hypervisor
