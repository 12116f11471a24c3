#include "hypervisor/simulated/driver.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <utility>

#include "hypervisor/done.h"
#include "hypervisor/virtualbox/installation.h"

namespace vmkeep::hypervisor::simulated {
namespace {

using virtualbox::value_of;

constexpr const char* kProgram = "vmkeep-simulated-vm";

std::string home_of(const std::vector<std::string>& environment) {
  const std::string home = value_of(environment, "VMKEEP_SIMULATED_HOME");
  return home.empty() ? value_of(environment, "HOME") + "/.vmkeep-simulated" : home;
}

std::string program_of(const std::vector<std::string>& environment) {
  std::string folder = value_of(environment, "VMKEEP_LIBEXEC");
  if (folder.empty()) {
    const char* ours = ::secure_getenv("VMKEEP_LIBEXEC");
    if (ours != nullptr) folder = ours;
  }
  if (folder.empty()) {
    std::error_code ignored;
    folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
  }
  return folder + "/" + kProgram;
}

Fd open_pidfd(pid_t pid) {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

// A connection to the VM's process.  The socket is reached through its folder's descriptor, because the path
// of the folder may be longer than a socket's address.
Result<Fd> connect_to(const Store& store, const std::string& uuid) {
  const auto folder = open_file(store.home(), O_RDONLY | O_DIRECTORY);
  if (!folder) return folder.error();
  Fd peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!peer) return errno_error("cannot make a socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(folder->get()) + "/" + uuid + ".sock";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(ErrorKind::invalid, "VM " + uuid + " is not currently running");
  }
  return peer;
}

}  // namespace

// A call that may be abandoned.
struct Driver::Call {
  std::string uuid;
  Signal ended;
  bool abandoned = false;
  Readiness* readiness = nullptr;
  std::list<Call*>* calls;

  Call(Driver& driver, std::string vm) : uuid(std::move(vm)), ended(driver.executor_), calls(&driver.calls_) {
    calls->push_back(this);
  }
  ~Call() {
    if (calls != nullptr) calls->remove(this);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  void abandon() {
    abandoned = true;
    ended.notify();
    if (readiness != nullptr) readiness->cancel();
  }
};

Driver::Driver(Executor executor, DriverOptions options)
    : executor_(std::move(executor)),
      store_(home_of(options.environment)),
      program_(program_of(options.environment)),
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

// What the script says about answering at all.
Task<Result<>> Driver::answer(std::string uuid, Instant deadline) {
  const auto script = store_.script("");
  if (!script) co_return script.error();
  if (script->silent) co_return co_await hang(std::move(uuid), deadline);
  co_return done();
}

Task<Result<std::vector<VmRef>>> Driver::list(Instant deadline) {
  if (auto answers = co_await answer("", deadline); !answers) co_return answers.error();
  const auto all = store_.all();
  if (!all) co_return all.error();
  std::vector<VmRef> result;
  for (const StoredVm& vm : *all) result.push_back(VmRef{vm.uuid, vm.name, true});
  co_return result;
}

Task<Result<VmRef>> Driver::find(std::string name_or_uuid, Instant deadline) {
  const auto all = co_await list(deadline);
  if (!all) co_return all.error();
  std::vector<VmRef> found;
  for (const VmRef& vm : *all) {
    if (vm.uuid == name_or_uuid) co_return vm;
    if (vm.name == name_or_uuid) found.push_back(vm);
  }
  if (found.size() == 1) co_return found[0];
  if (found.empty()) {
    co_return fail(ErrorKind::not_found,
                   "there is no simulated VM \"" + name_or_uuid + "\" in " + store_.home());
  }
  co_return fail(ErrorKind::invalid, "two simulated VMs bear the name \"" + name_or_uuid + "\"; set vm/uuid");
}

Task<Result<vm::Observation>> Driver::look(std::string uuid, Instant deadline) {
  vm::Observation observed;
  const auto first = store_.read(uuid);
  const auto script = store_.script(first ? first->name : "");
  if (!script) co_return script.error();
  if (script->silent || script->hang_looks > 0) {
    if (!script->silent) {
      if (auto counted = store_.count_down(first ? first->name : "", "hang_looks"); !counted) {
        co_return counted.error();
      }
    }
    const auto hung = co_await hang(uuid, deadline);
    co_return hung.error();
  }
  const Instant wanted = now() + Instant(script->delay("look"));
  if (!co_await delay(uuid, std::min(wanted, deadline)) || wanted > deadline) {
    co_return fail(ErrorKind::timeout, "the look at VM " + uuid + " did not end in time");
  }
  const auto vm = store_.read(uuid);
  if (script->garbage_looks > 0) {
    if (auto counted = store_.count_down(vm ? vm->name : "", "garbage_looks"); !counted)
      co_return counted.error();
    observed.detail = "VMState is \"garbage\"";
  } else if (vm) {
    observed.state = store_.state(*vm);
    if (vm->state == vm::VmState::unknown)
      observed.detail = store_.path(uuid, ".json") + " holds no known state";
  } else if (vm.error().kind == ErrorKind::not_found) {
    observed.state = vm::VmState::missing;
  } else {
    observed.state = vm::VmState::inaccessible;
    observed.detail = vm.error().message;
  }
  observed.process = process(uuid) ? vm::Witness::present : vm::Witness::absent;
  co_return observed;
}

Task<Result<std::vector<std::string>>> Driver::running(Instant deadline) {
  if (auto answers = co_await answer("", deadline); !answers) co_return answers.error();
  const auto all = store_.all();
  if (!all) co_return all.error();
  std::vector<std::string> result;
  for (const StoredVm& vm : *all) {
    const vm::VmState state = store_.state(vm);
    // As VirtualBox does: what is stuck is not listed.
    if (vm::is_up(state) && state != vm::VmState::gurumeditation) result.push_back(vm.uuid);
  }
  co_return result;
}

Result<Launch> Driver::launch(const VmRef& vm) {
  return Launch{{program_, "--startvm", vm.uuid, "--home", store_.home()}, {}};
}

Task<Result<>> Driver::say(std::string uuid, std::string word, Instant deadline) {
  if (auto answers = co_await answer(uuid, deadline); !answers) co_return answers;
  const auto peer = connect_to(store_, uuid);
  if (!peer) co_return peer.error();
  const std::string line = word + "\n";
  if (::send(peer->get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    co_return errno_error("cannot tell VM " + uuid + " to " + word);
  }
  Call call(*this, uuid);
  Readiness readiness(executor_, peer->get());
  call.readiness = &readiness;
  const bool answered = co_await readiness.readable(deadline);
  call.readiness = nullptr;
  if (!answered) co_return fail(ErrorKind::timeout, "VM " + uuid + " did not " + word + " in time");
  std::array<char, 256> text{};
  const ssize_t n = ::read(peer->get(), text.data(), text.size());
  const std::string said(text.data(), n > 0 ? static_cast<size_t>(n) : 0);
  if (said == "ok\n") co_return done();
  if (said.empty()) co_return fail(ErrorKind::unavailable, "VM " + uuid + " ended before it could " + word);
  co_return fail(ErrorKind::invalid, "VM " + uuid + ": " + said.substr(0, said.find('\n')));
}

Task<Result<>> Driver::emergency_stop(std::string uuid, Instant deadline) {
  abandon(uuid);
  const auto found = process(uuid);
  if (!found) co_return fail(ErrorKind::invalid, "VM " + uuid + " has no process");
  const Fd pidfd = open_pidfd(found->pid);
  const auto again = process(uuid);
  if (!pidfd || !again || again->start_time != found->start_time) co_return done();
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
  Readiness readiness(executor_, pidfd.get());
  if (!co_await readiness.readable(deadline)) {
    co_return fail(ErrorKind::timeout, "the process of VM " + uuid + " did not end");
  }
  co_return done();
}

Task<Result<>> Driver::control(std::string uuid, vm::StopAction action, Instant deadline, Percent) {
  if (action == vm::StopAction::emergencystop) return emergency_stop(std::move(uuid), deadline);
  return say(std::move(uuid), std::string(vm::to_string(action)), deadline);
}

Task<Result<>> Driver::resume(std::string uuid, Instant deadline) {
  return say(std::move(uuid), "resume", deadline);
}

std::optional<VmProcess> Driver::process(const std::string& uuid) {
  std::optional<VmProcess> newest;
  for (const Process& process : table_.scan(::geteuid(), {kProgram}).processes) {
    if (started_vm(process.argv, {kProgram}) == uuid) newest = VmProcess{process.pid, process.start_time};
  }
  return newest;
}

Task<bool> Driver::hint(std::string uuid, Instant deadline) {
  watch_.file(uuid, store_.home(), uuid + ".json", nullptr);
  watch_.process(uuid, process(uuid));
  return watch_.hint(std::move(uuid), deadline);
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
