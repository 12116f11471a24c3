// vmkeep-simulated-vm: the process of a simulated VM, and how one is put into any state (store.h).  No guest
// runs in it, but it is a real process that can be killed, stopped and asked, and that is what vmkeep has to
// cope with.
//
//   --create NAME                    registers a VM, prints its UUID
//   --startvm UUID                   is the VM, until it is powered off, saved or killed
//            [--front-end]           ... as the user's window
//            [--in WORD]             ... in that state at once
//   --state NAME                     prints what the VM is in, in VirtualBox's words
//   --state NAME --set WORD          puts it into that state, with a process if the state needs one
//            [--then WORD --after MS]  ... and into the next one after a while
//   --say WORD UUID                  tells a running VM something: pause, resume, guru, flatline, heartbeat,
//   ...
//   --rename NAME NEW
//
// each with --home DIR, the folder of the VMs.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/fd.h"
#include "base/spawn.h"
#include "hypervisor/simulated/live_vm.h"
#include "hypervisor/simulated/store.h"

namespace {

using vmkeep::Fd;
using vmkeep::Instant;
using vmkeep::Result;
using vmkeep::hypervisor::simulated::Birth;
using vmkeep::hypervisor::simulated::LiveVm;
using vmkeep::hypervisor::simulated::needs_process;
using vmkeep::hypervisor::simulated::Store;
using vmkeep::hypervisor::simulated::StoredVm;

// Where the process of a VM tells that it is there.
constexpr int kReady = 3;

int complain(const std::string& text) {
  std::fprintf(stderr, "vmkeep-simulated-vm: %s\n", text.c_str());
  return 1;
}

int usage() {
  std::fputs(
      "usage: vmkeep-simulated-vm --home DIR COMMAND\n"
      "       --create NAME\n"
      "       --startvm UUID [--front-end] [--in WORD]\n"
      "       --state NAME [--set WORD [--then WORD --after MS]]\n"
      "       --say WORD UUID\n"
      "       --rename NAME NEW\n",
      stderr);
  return 2;
}

struct Arguments {
  std::map<std::string, std::vector<std::string>> options;

  bool has(const std::string& name) const { return options.count(name) != 0; }
  std::string get(const std::string& name, size_t which = 0) const {
    const auto found = options.find(name);
    return found == options.end() ? "" : found->second[which];
  }
};

bool parse(int argc, char** argv, Arguments& arguments) {
  static const std::map<std::string, int> kOptions{
      {"--home", 1}, {"--create", 1}, {"--startvm", 1}, {"--state", 1}, {"--say", 2},   {"--rename", 2},
      {"--set", 1},  {"--then", 1},   {"--after", 1},   {"--in", 1},    {"--ready", 0}, {"--front-end", 0}};
  for (int i = 1; i < argc; ++i) {
    const auto option = kOptions.find(argv[i]);
    if (option == kOptions.end() || i + option->second >= argc) return false;
    auto& values = arguments.options[option->first];
    for (int n = 0; n < option->second; ++n) values.emplace_back(argv[++i]);
  }
  return arguments.has("--home");
}

int say(const std::string& line, const std::string& uuid) {
  const Fd peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = vmkeep::hypervisor::simulated::socket_name(uuid);
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  const std::string text = line + "\n";
  if (!peer || ::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) {
    return complain("VM " + uuid + " does not run");
  }
  std::string said;
  std::array<char, 256> chunk{};
  for (ssize_t n = 0; (n = ::read(peer.get(), chunk.data(), chunk.size())) > 0;) {
    said.append(chunk.data(), static_cast<size_t>(n));
  }
  const size_t error = said.find("error: ");
  return error == std::string::npos ? 0 : complain(said.substr(error, said.find('\n', error) - error));
}

Result<StoredVm> named(const Store& store, const std::string& name) {
  const auto all = store.all();
  if (!all) return all.error();
  for (const StoredVm& vm : *all) {
    if (vm.name == name) return vm;
  }
  return vmkeep::fail(vmkeep::ErrorKind::not_found, "no VM " + name + " in " + store.home());
}

// A process for a VM that is in a state already; returns when it is there.
int give_birth(const Store& store, const StoredVm& vm, const std::string& word) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return complain("cannot make a pipe");
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  std::error_code problem;
  vmkeep::SpawnSpec spec;
  spec.argv = {std::filesystem::read_symlink("/proc/self/exe", problem).string(),
               "--startvm",
               vm.uuid,
               "--in",
               word,
               "--ready",
               "--home",
               store.home()};
  for (char** variable = environ; *variable != nullptr; ++variable) spec.environment.emplace_back(*variable);
  spec.descriptors = {{theirs.get(), kReady}};
  const auto child = vmkeep::spawn(spec);
  if (!child) return complain(child.error().message);
  theirs.reset();
  char byte = 0;
  return ::read(ours.get(), &byte, 1) == 1 ? 0 : complain("the process of " + vm.name + " ended at once");
}

int set_state(const Store& store, StoredVm vm, const Arguments& arguments) {
  const std::string word = arguments.get("--set");
  const std::string then = arguments.get("--then");
  const std::string after = arguments.has("--after") ? arguments.get("--after") : "0";
  if (word.empty() || word.find(' ') != std::string::npos) return complain("--set needs a word");
  const bool up = store.holder(vm.uuid).has_value();
  if (!up && needs_process(word)) {
    const int born = give_birth(store, vm, word);
    if (born != 0 || then.empty()) return born;
  } else if (!up) {
    vm.state = word;
    vm.then = then;
    vm.at = then.empty() ? vmkeep::kNever : vmkeep::now() + Instant(std::atoll(after.c_str()));
    const auto written = store.write(vm);
    return written ? 0 : complain(written.error().message);
  }
  return say("set " + word + (then.empty() ? "" : " " + after + " " + then), vm.uuid);
}

int start_vm(const Store& store, const Arguments& arguments) {
  auto vm = store.read(arguments.get("--startvm"));
  if (!vm) return complain(vm.error().message);
  const auto script = store.script(vm->name);
  if (!script) return complain(script.error().message);
  vm->state = store.state(*vm);
  Birth birth{arguments.get("--in"), arguments.has("--front-end"), arguments.has("--ready") ? kReady : -1};
  return LiveVm(store, *vm, *script, std::move(birth)).run();
}

int run(const Store& store, const Arguments& arguments) {
  if (arguments.has("--create")) {
    const auto vm = store.create(arguments.get("--create"));
    if (!vm) return complain(vm.error().message);
    std::puts(vm->uuid.c_str());
    return 0;
  }
  if (::chdir(store.home().c_str()) != 0) return complain("cannot enter " + store.home());
  if (arguments.has("--startvm")) return start_vm(store, arguments);
  if (arguments.has("--say")) return say(arguments.get("--say"), arguments.get("--say", 1));
  if (!arguments.has("--state") && !arguments.has("--rename")) return usage();
  auto vm = named(store, arguments.has("--state") ? arguments.get("--state") : arguments.get("--rename"));
  if (!vm) return complain(vm.error().message);
  if (arguments.has("--rename")) {
    vm->name = arguments.get("--rename", 1);
    const auto written = store.write(*vm);
    return written ? 0 : complain(written.error().message);
  }
  if (arguments.has("--set")) return set_state(store, *vm, arguments);
  std::puts(store.state(*vm).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) return usage();
  std::error_code problem;
  const Store store(std::filesystem::absolute(arguments.get("--home"), problem).string());
  if (problem) return complain(arguments.get("--home") + ": " + problem.message());
  return run(store, arguments);
}
