#include "tools/fake_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include "base/spawn.h"
#include "control/server.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;
using control::Call;
using control::InstanceMessage;

class Pretender {
 public:
  Pretender(FakeWorld world, std::string folder, const Executor& executor)
      : fake_(std::move(world)), folder_(std::move(folder)), executor_(executor), changed_(executor) {}

  static Task<> serve(Pretender& self, control::Server& server) {
    for (;;) {
      const auto call = co_await server.calls().pop();
      if (call) self.answer(*call);
    }
  }

 private:
  void answer(const Call& call) {
    auto name = control::string_member(call.parameters, "fmri");
    const std::string fmri = name ? *name : "";
    if (call.method.starts_with("Vm") || call.method == "Act") record(call);
    if (call.method == "Entries") return call.reply({{"entries", control::to_json(fake_.world.entries())}});
    if (call.method == "Instances") return instances(call);
    if (call.method == "Read") return read(call, fmri);
    if (call.method == "Processes") return processes(call, fmri);
    if (call.method == "Act") return act(call, fmri);
    if (call.method == "Watch") return start(executor_, watch(*this, call));
    if (call.method == "Shutdown") return shutdown(call);
    if (call.method == "Commit") return commit(call);
    if (call.method == "AwaitGroup") return start(executor_, await_group(*this, call, fmri));
    if (call.method == "VmList") return vm_list(call);
    if (call.method == "VmMethod") return vm_method(call, fmri);
    if (call.method == "VmStatus") return vm_status(call, fmri);
    if (call.method == "Vm") return vm(call, fmri);
    if (call.method == "Version") return call.reply({{"version", "9.9"}, {"pid", 77}, {"boot_id", "b"}});
    call.fail(fail(ErrorKind::unsupported, "not here"));
  }

  // Before the answer: whoever has that finds it on record.
  void record(const Call& call) const {
    if (call.method == "VmMethod") return;
    auto file = open_file(folder_ + "/calls", O_WRONLY | O_CREAT | O_APPEND);
    const std::string line = call.method + " " + json::serialize(call.parameters) + "\n";
    if (file) [[maybe_unused]]
      const auto told = ::write(file->get(), line.data(), line.size());
  }

  void vm_status(const Call& call, const std::string& fmri) const {
    const auto found = fake_.statuses.find(fmri);
    if (found == fake_.statuses.end()) return call.fail(fail(ErrorKind::invalid, fmri + " is no VM"));
    json::object vm = found->second;
    const bool hook = control::bool_member(call.parameters, "hook", false);
    if (hook && vm.contains("closed")) return call.fail(fail(ErrorKind::permission, "you may not"));
    if (!hook) vm.erase("hook");
    call.reply({{"vm", std::move(vm)}});
  }

  void vm(const Call& call, const std::string& fmri) {
    auto verb = control::string_member(call.parameters, "verb");
    const auto found = fake_.verbs.find((verb ? *verb : "") + " " + fmri);
    if (found == fake_.verbs.end()) {
      return call.reply({{"done", true}, {"code", 0}, {"text", (verb ? *verb : "") + " done"}});
    }
    for (const json::object& reply : found->second) {
      if (reply.contains("hang")) {
        held_ = call;
        return;
      }
      if (reply.contains("error")) return call.fail(fail(ErrorKind::permission, "you may not"));
      call.reply(reply, !control::bool_member(reply, "done", false));
    }
  }

  void instances(const Call& call) const {
    json::array all;
    for (const auto& instance : fake_.world.instances) all.push_back(control::to_json(instance));
    json::array facts;
    for (const auto& [name, fact] : fake_.world.facts) {
      facts.push_back(json::object{{"name", name}, {"holds", fact.holds}, {"why", fact.why}});
    }
    call.reply({{"instances", std::move(all)}, {"facts", std::move(facts)}});
  }

  void read(const Call& call, const std::string& fmri) const {
    auto snapshot = control::string_member(call.parameters, "snapshot");
    const auto& from = snapshot ? fake_.running : fake_.levels;
    const auto found = from.find(fmri);
    if (found == from.end() || (snapshot && *snapshot != "running")) {
      return call.fail(fail(ErrorKind::not_found, "No such snapshot or entity."));
    }
    call.reply(control::to_json(found->second));
  }

  void processes(const Call& call, const std::string& fmri) const {
    json::array all;
    if (const auto found = fake_.processes.find(fmri); found != fake_.processes.end()) {
      for (const auto& process : found->second) all.push_back(control::to_json(process));
    }
    call.reply({{"processes", std::move(all)}});
  }

  void vm_list(const Call& call) const {
    json::array all;
    for (const auto& vm : fake_.vms) {
      json::object each{
          {"uuid", vm.uuid}, {"name", control::value_to_json(vm.name)}, {"accessible", vm.accessible}};
      if (!vm.instance.empty()) each["instance"] = vm.instance;
      all.push_back(std::move(each));
    }
    call.reply({{"vms", std::move(all)}});
  }

  void commit(const Call& call) {
    const json::value* told = call.parameters.if_contains("changes");
    auto changes = control::changes_from(told == nullptr ? json::value() : *told);
    if (!changes) return call.fail(changes.error());
    for (const auto& change : *changes) {
      if (const auto* add = std::get_if<repository::AddInstance>(&change)) {
        if (add->instance.starts_with("forbidden"))
          return call.fail(fail(ErrorKind::permission, "you may not"));
        InstanceMessage instance;
        instance.fmri = fmri::Fmri{add->service, add->instance, {}, {}}.str();
        instance.state = "disabled";
        fake_.world.instances.push_back(instance);
        fake_.levels[instance.fmri].service = fake_.levels["svc:/" + add->service].own;
      } else if (const auto* put = std::get_if<repository::PutGroup>(&change)) {
        auto group = std::make_shared<repository::PropertyGroup>(put->group);
        fake_.levels[put->entity.str()].own[group->name] = group;
      } else if (const auto* gone = std::get_if<repository::DeleteEntity>(&change)) {
        const std::string name = gone->entity.str();
        std::erase_if(fake_.world.instances, [&name](const auto& each) { return each.fmri == name; });
        fake_.levels.erase(name);
      }
    }
    call.reply({});
  }

  InstanceMessage* find(const std::string& fmri) {
    for (auto& instance : fake_.world.instances) {
      if (instance.fmri == fmri) return &instance;
    }
    return nullptr;
  }

  void set(InstanceMessage& instance, const std::string& state) {
    instance.state = state;
    instance.state_time += 1;
    changed_.notify();
  }

  void act(const Call& call, const std::string& fmri) {
    auto verb = control::string_member(call.parameters, "verb");
    InstanceMessage* instance = find(fmri);
    if (!verb || instance == nullptr) return call.fail(fail(ErrorKind::not_found, "No such instance."));
    const std::string name = fmri.substr(fmri.rfind(':') + 1);
    if (name.starts_with("forbidden")) return call.fail(fail(ErrorKind::permission, "you may not"));
    if (*verb == "enable" || *verb == "disable") {
      instance->enabled = *verb == "enable";
      if (control::bool_member(call.parameters, "temporary", false)) {
        instance->enabled_temporary = instance->enabled;
      } else {
        instance->enabled_permanent = instance->enabled;
      }
      const std::string up = name.starts_with("broken")  ? "maintenance"
                             : name.starts_with("stuck") ? "offline"
                                                         : "online";
      call.reply({});
      if (!name.starts_with("slow")) set(*instance, instance->enabled ? up : "disabled");
      return;
    }
    if (*verb == "maintenance") set(*instance, "maintenance");
    if (*verb == "clear") set(*instance, "online");
    call.reply({});
  }

  // The group has a new property a while after somebody began to wait.
  static Task<> await_group(Pretender& self, Call call, std::string fmri) {
    auto name = control::string_member(call.parameters, "group");
    const auto found = self.fake_.levels[fmri].own.find(name ? *name : "");
    const int64_t seen = control::int_member(call.parameters, "generation", -1);
    if (found == self.fake_.levels[fmri].own.end() ||
        static_cast<uint64_t>(seen) != found->second->generation) {
      call.fail(fail(ErrorKind::not_found, "asked for the wrong generation"));
      co_return;
    }
    co_await sleep_until(now() + Instant(100));
    auto changed = std::make_shared<repository::PropertyGroup>(*found->second);
    changed->generation += 1;
    changed->properties["changed"] = {repository::ValueType::boolean, {"true"}};
    found->second = changed;
    call.reply({{"generation", changed->generation}});
  }

  // Of everybody: the slow ones come up, those called "gone" go, and then the daemon does.
  static Task<> watch_everybody(Pretender& self, Call call) {
    call.reply({}, true);
    co_await sleep_until(now() + Instant(300));
    json::array changed;
    json::array removed;
    for (auto& instance : self.fake_.world.instances) {
      if (instance.fmri.find(":gone") != std::string::npos) removed.emplace_back(instance.fmri);
      if (instance.fmri.find(":slow") != std::string::npos) self.set(instance, "online");
      changed.push_back(control::to_json(instance));
    }
    call.reply({{"instances", std::move(changed)}}, true);
    call.reply({{"removed", std::move(removed)}}, true);
    call.fail(fail(ErrorKind::io, "that is all"));
  }

  // A slow instance gets there after somebody began to wait.
  static Task<> watch(Pretender& self, Call call) {
    if (!call.parameters.contains("fmris")) {
      co_await watch_everybody(self, std::move(call));
      co_return;
    }
    for (const auto& instance : self.fake_.world.instances) {
      call.reply({{"instance", control::to_json(instance)}}, true);
    }
    co_await sleep_until(now() + Instant(100));
    for (auto& instance : self.fake_.world.instances) {
      if (instance.fmri.find(":slow") != std::string::npos) {
        self.set(instance, instance.enabled ? "online" : "disabled");
        call.reply({{"instance", control::to_json(instance)}}, true);
      }
    }
    co_await call.gone();
  }

  void shutdown(const Call& call) {
    for (const auto& instance : fake_.world.instances) {
      call.reply({{"instance", control::to_json(instance)}, {"done", false}}, true);
    }
    call.reply({{"done", true}});
  }

  static json::object done(int code, const std::string& text) {
    return {{"action", "done"}, {"code", code}, {"text", text}};
  }
  static json::object execute(json::array argv) {
    return {{"action", "exec"},
            {"argv", std::move(argv)},
            {"environment", {"EXTRA=more"}},
            {"code", 0},
            {"text", ""}};
  }

  void vm_method(const Call& call, const std::string& fmri) {
    const std::string scenario = fmri.substr(fmri.rfind(':') + 1);
    auto told = control::string_member(call.parameters, "step");
    const std::string step = told ? *told : "";
    if (step == "died") {
      auto text = control::string_member(call.parameters, "text");
      call.reply({{"action", "wait"}, {"code", 0}, {"text", ""}});
      if (held_) {
        held_->reply(done(95, "The VM's process " + (text ? *text : "") + ", code " +
                                  std::to_string(control::int_member(call.parameters, "code", -1)) + "."));
      }
      held_.reset();
      return;
    }
    if (step == "launched") {
      if (scenario == "dies") {
        held_ = call;
        return;
      }
      return call.reply(
          done(0, "The VM is running as " + std::to_string(control::int_member(call.parameters, "pid", -1))));
    }
    if (scenario == "done") return call.reply(done(0, "There was nothing to do."));
    if (scenario == "refused") return call.fail(fail(ErrorKind::permission, "not for you"));
    if (scenario == "busy") return call.fail(fail(ErrorKind::busy, "not now"));
    if (scenario == "late") return call.fail(fail(ErrorKind::timeout, "nobody answered in time"));
    if (scenario == "waits") {
      if (step == "again") return call.reply(done(3, "Waited."));
      return call.reply({{"action", "wait"}, {"code", 0}, {"text", ""}});
    }
    if (scenario == "starts") {
      return call.reply(execute({"/bin/sh", "-c", "echo \"$SMF_FMRI $EXTRA\"; exec sleep 60"}));
    }
    if (scenario == "dies") return call.reply(execute({"/bin/sh", "-c", "exit 7"}));
    if (scenario == "missing") return call.reply(execute({"/nonexistent/program"}));
    call.reply({{"action", "dance"}, {"code", 0}, {"text", ""}});
  }

  FakeWorld fake_;
  std::string folder_;
  Executor executor_;
  Signal changed_;
  std::optional<Call> held_;
};

[[noreturn]] void pretend(const FakeWorld& world, const std::string& folder, int ready) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGPIPE, SIG_IGN);
  asio::io_context loop(1);
  auto server = control::Server::listen(loop.get_executor(), folder + "/control.sock");
  if (!server) ::_exit(1);
  Pretender pretender(world, folder, loop.get_executor());
  start(loop.get_executor(), Pretender::serve(pretender, **server));
  [[maybe_unused]] const auto told = ::write(ready, "x", 1);
  loop.run();
  ::_exit(0);
}

}  // namespace

FakeDaemon::FakeDaemon(const FakeWorld& world) {
  std::string name = "/tmp/fake-daemon-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) return;
  folder_ = name;
  std::array<int, 2> ready{};
  if (::pipe(ready.data()) != 0) return;
  pid_ = ::fork();
  if (pid_ == 0) pretend(world, folder_, ready[1]);
  ::close(ready[1]);
  pollfd waiting{ready[0], POLLIN, 0};
  char byte = 0;
  if (::poll(&waiting, 1, 20000) != 1 || ::read(ready[0], &byte, 1) != 1) pid_ = -1;
  ::close(ready[0]);
}

FakeDaemon::~FakeDaemon() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  for (const char* name : {"/control.sock", "/out", "/err", "/calls"}) ::unlink((folder_ + name).c_str());
  ::rmdir(folder_.c_str());
}

std::vector<std::string> FakeDaemon::calls() const {
  std::vector<std::string> all;
  if (auto text = read_file(folder_ + "/calls")) {
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) all.push_back(line);
  }
  return all;
}

FakeDaemon::Printed FakeDaemon::run(const std::string& tool, const std::vector<std::string>& arguments,
                                    const std::vector<std::string>& environment) const {
  return run_tool(folder_, tool, arguments, environment);
}

FakeDaemon::Printed run_tool(const std::string& run_folder, const std::string& tool,
                             const std::vector<std::string>& arguments,
                             const std::vector<std::string>& environment) {
  FakeDaemon::Printed result;
  const std::string out = run_folder + "/out";
  const std::string err = run_folder + "/err";
  auto out_file = open_file(out, O_WRONLY | O_CREAT | O_TRUNC);
  auto err_file = open_file(err, O_WRONLY | O_CREAT | O_TRUNC);
  if (!out_file || !err_file) return result;
  SpawnSpec spec;
  spec.argv = {std::string(VMKEEP_BIN_DIR) + "/" + tool};
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  spec.environment = {"VMKEEP_RUN=" + run_folder, "TZ=UTC"};
  spec.environment.insert(spec.environment.end(), environment.begin(), environment.end());
  spec.standard_output = out_file->get();
  spec.standard_error = err_file->get();
  auto child = spawn(spec);
  if (!child) return result;
  pollfd waiting{child->pidfd.get(), POLLIN, 0};
  if (::poll(&waiting, 1, 30000) != 1) ::kill(child->pid, SIGKILL);
  int raw = 0;
  ::waitpid(child->pid, &raw, 0);
  if (WIFEXITED(raw)) result.code = WEXITSTATUS(raw);
  if (auto text = read_file(out)) result.out = *text;
  if (auto text = read_file(err)) result.err = *text;
  return result;
}

}  // namespace vmkeep::tools
