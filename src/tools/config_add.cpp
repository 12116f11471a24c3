// vmkeep add: one command from a VM to an instance that keeps it.
//
// The owner's VMs come from vmkeepd (VmList), which asks the owner's hypervisor; what is written goes in one
// commit, so that no half of an instance is ever seen.  Where the service itself is missing svccfg imports
// the shipped manifest: this program parses no XML.
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>

#include "base/fd.h"
#include "base/spawn.h"
#include "control/messages.h"
#include "control/remote_repository.h"
#include "fmri/fmri.h"
#include "tools/commands.h"
#include "tools/config_flags.h"
#include "tools/config_plan.h"
#include "tools/json_text.h"
#include "tools/method.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

constexpr char kAddUsage[] =
    "Usage: vmkeep add [flag...] NAME|UUID...\n"
    "       vmkeep add [flag...] --all\n\n"
    "Makes VMs instances of site/xvm/vbox, each known by its UUID from then on.\n"
    "\t--owner USER      whose VM it is; without it, yours\n"
    "\t--profile WORD    headless (the default), interactive, or dualboot\n"
    "\t--as INSTANCE     the name of the instance; without it, made from the VM's\n"
    "\t--enable          start it at once, and with the host\n"
    "\t--all             every VM of the owner that is no instance yet: asks for each on a terminal, else\n"
    "\t                  lists them; with --yes, adds them\n"
    "\t--dry-run         change nothing, tell what would be set\n"
    "\t--env NAME=VALUE  for the owner's hypervisor, such as VBOX_USER_HOME; may be given several times\n"
    "\t--manifest FILE   where the service is if it must be imported first\n"
    "\t--json\n";
constexpr char kManifest[] = "share/vmkeep/manifest/site/xvm/vbox.xml";
constexpr Instant kImportTime{60'000};
// VBoxSVC may have to be started first, and a call of VirtualBox may hang for ten seconds.
constexpr Instant kListTime{60'000};

struct Account {
  std::string user;
  std::string group;
  uid_t uid = 0;
};

Result<Account> account(const passwd* entry, const std::string& wanted) {
  if (entry == nullptr) return fail(ErrorKind::not_found, "there is no user \"" + wanted + "\"");
  Account result{entry->pw_name, std::to_string(entry->pw_gid), entry->pw_uid};
  if (const group* primary = ::getgrgid(entry->pw_gid)) result.group = primary->gr_name;
  return result;
}

std::string own_folder() {
  std::string path(4096, '\0');
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  path.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return path.substr(0, path.rfind('/'));
}

class Adder {
 public:
  Adder(ConfigArguments arguments, Profile profile, Output& output)
      : arguments_(std::move(arguments)), profile_(profile), output_(output) {}

  void run() {
    auto done = prepare();
    if (!done) return output_.warn(done.error().message);
    if (arguments_.has("--all")) {
      offer();
    } else {
      // All or none: a mistyped name must not leave half of the work done.
      std::vector<OwnedVm> chosen;
      for (const auto& operand : arguments_.operands) {
        auto vm = pick_vm(vms_, operand);
        if (vm && !vm->instance.empty()) {
          output_.warn("VM " + fmri::quote(vm->name) + " is " + vm->instance + " already.");
        } else if (vm && is_chosen(chosen, *vm)) {
          output_.warn("VM " + fmri::quote(vm->name) + " is named twice; name it once");
        } else if (vm) {
          chosen.push_back(std::move(*vm));
        } else {
          output_.warn(vm.error().message);
        }
      }
      if (chosen.size() == arguments_.operands.size()) {
        for (const auto& vm : chosen) add(vm);
      }
    }
    if (!arguments_.has("--json")) return;
    auto document = json_document("registrations");
    document["dry_run"] = arguments_.has("--dry-run");
    document["vms"] = std::move(added_);
    output_.print(json_line(document));
  }

 private:
  Result<> prepare() {
    auto connected = control::Client::connect();
    if (!connected) return connected.error();
    client_ = std::make_shared<control::Client>(std::move(*connected));
    repository_ = control::remote_repository(client_);
    const std::string wanted = arguments_.value("--owner");
    auto owner = wanted.empty() ? account(::getpwuid(::geteuid()), std::to_string(::geteuid()))
                                : account(::getpwnam(wanted.c_str()), wanted);
    if (!owner) return owner.error();
    owner_ = std::move(*owner);
    ucred daemon{};
    socklen_t size = sizeof daemon;
    if (::getsockopt(client_->descriptor(), SOL_SOCKET, SO_PEERCRED, &daemon, &size) != 0) {
      return errno_error("asking who vmkeepd is");
    }
    if (daemon.uid != 0 && daemon.uid != owner_.uid) {
      return fail(ErrorKind::invalid, "this vmkeepd belongs to user " + std::to_string(daemon.uid) +
                                          " and can keep that user's VMs only, not those of " + owner_.user +
                                          "; VMKEEP_RUN says which vmkeepd is meant");
    }
    standard_user_ = daemon.uid == owner_.uid ? owner_.user : "root";
    if (auto there = ensure_service(); !there) return there.error();
    if (auto read = read_service(); !read) return read.error();
    return list_vms();
  }

  Result<> ensure_service() {
    for (int attempt = 0;; ++attempt) {
      auto entries = repository_->entries();
      if (!entries) return entries.error();
      for (const auto& entry : *entries) {
        if (entry.service != kVmService) continue;
        taken_ = entry.instances;
        return {};
      }
      if (arguments_.has("--dry-run")) return {};
      if (attempt > 0)
        return fail(ErrorKind::not_found, "svccfg imported no service " + std::string(kVmService));
      if (auto imported = import(); !imported) return imported.error();
    }
  }

  Result<> import() {
    const std::string folder = own_folder();
    std::string file = arguments_.value("--manifest");
    if (file.empty()) file = folder + "/../" + kManifest;
    // svccfg runs in "/": a name is what it is where the command was typed.
    std::error_code unknown;
    if (const auto whole = std::filesystem::absolute(file, unknown); !unknown) file = whole.string();
    const std::string command = "svccfg import " + shell_word(file);
    const std::string what = "service " + std::string(kVmService) + " is not there";
    if (::access(file.c_str(), R_OK) != 0) {
      return fail(ErrorKind::not_found,
                  what + ", and neither is its manifest " + file +
                      "; import it with svccfg import FILE, or name it with --manifest FILE");
    }
    output_.warn(what + ": " + command, kOk);
    SpawnSpec spec;
    spec.argv = {folder + "/svccfg", "import", file};
    for (char** entry = environ; *entry != nullptr; ++entry) spec.environment.emplace_back(*entry);
    spec.standard_output = STDERR_FILENO;
    spec.standard_error = STDERR_FILENO;
    spec.new_session = false;
    spec.working_directory = "/";
    auto child = spawn(spec);
    if (!child) return in(command, child.error());
    pollfd waiting{child->pidfd.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(kImportTime.count())) != 1) ::kill(child->pid, SIGKILL);
    int status = 0;
    if (::waitpid(child->pid, &status, 0) != child->pid || status != 0) {
      return fail(ErrorKind::io, command + " failed; see above");
    }
    return {};
  }

  // Whose the instances of the service are unless they say otherwise, and in which environment.
  Result<> read_service() {
    if (auto levels = repository_->read({kVmService, {}, {}, {}})) {
      const repository::Levels service{levels->own, {}};
      if (const auto user = service.value("method_context", "user"); user && !user->empty()) {
        standard_user_ = *user;
      }
      if (const auto* entries = service.find("method_context", "environment")) environment_ = entries->values;
    } else if (levels.error().kind != ErrorKind::not_found) {
      return levels.error();
    }
    environment_ = merged_environment(std::move(environment_), arguments_.values("--env"));
    return {};
  }

  Result<> list_vms() {
    json::object question{{"environment", json::array(environment_.begin(), environment_.end())}};
    if (owner_.uid != ::geteuid()) question["user"] = owner_.user;
    for (const auto& entry : environment_) {
      if (entry.starts_with("VMKEEP_DRIVER=")) question["driver"] = entry.substr(entry.find('=') + 1);
    }
    auto reply = client_->call("VmList", question, now() + kListTime);
    if (!reply) return in("asking for the VMs of " + owner_.user, reply.error());
    const json::value* all = reply->if_contains("vms");
    if (all == nullptr || !all->is_array())
      return fail(ErrorKind::invalid, "vmkeepd's answer has no list of VMs");
    for (const auto& each : all->get_array()) {
      if (!each.is_object()) continue;
      const auto& object = each.get_object();
      OwnedVm vm;
      vm.uuid = text(object, "uuid");
      vm.name = text(object, "name");
      vm.accessible = control::bool_member(object, "accessible", true);
      vm.instance = text(object, "instance");
      vms_.push_back(std::move(vm));
    }
    return {};
  }

  // A name that is not UTF-8 comes as an object.
  static std::string text(const json::object& object, const char* member) {
    const json::value* value = object.if_contains(member);
    if (value == nullptr || value->is_null()) return "";
    auto read = control::value_from(*value);
    return read ? *read : "";
  }

  void offer() {
    const bool ask = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 && !arguments_.has("--json");
    size_t count = 0;
    for (const auto& vm : vms_) {
      if (!vm.instance.empty()) continue;
      ++count;
      if (arguments_.has("--yes") || arguments_.has("--dry-run")) {
        add(vm);
      } else if (!ask) {
        tell(vm);
      } else {
        std::fprintf(stderr, "Add %s {%s}? [y/N/q] ", fmri::quote(vm.name).c_str(), vm.uuid.c_str());
        std::string answer;
        if (!std::getline(std::cin, answer) || answer == "q") return;
        if (answer == "y" || answer == "yes") add(vm);
        output_.flush();
      }
    }
    if (count == 0) output_.warn("every VM of " + owner_.user + " is an instance already.", kOk);
  }

  static bool is_chosen(const std::vector<OwnedVm>& chosen, const OwnedVm& vm) {
    return std::any_of(chosen.begin(), chosen.end(),
                       [&vm](const OwnedVm& each) { return each.uuid == vm.uuid; });
  }

  // One that could be added, as the command that would, with everything that was asked for.
  void tell(const OwnedVm& vm) {
    if (arguments_.has("--json")) {
      added_.push_back(json::object{{"fmri", nullptr},
                                    {"uuid", vm.uuid},
                                    {"name", control::value_to_json(vm.name)},
                                    {"owner", owner_.user},
                                    {"set", json::array()}});
      return;
    }
    std::string command = "vmkeep add";
    if (!arguments_.value("--owner").empty()) command += " --owner " + shell_word(owner_.user);
    if (arguments_.has("--profile")) command += " --profile " + arguments_.value("--profile");
    if (arguments_.has("--enable")) command += " --enable";
    for (const auto& entry : arguments_.values("--env")) command += " --env " + shell_word(entry);
    if (const auto file = arguments_.value("--manifest"); !file.empty())
      command += " --manifest " + shell_word(file);
    output_.line(command + " " + vm.uuid + "  # " + fmri::quote(vm.name));
  }

  void add(const OwnedVm& vm) {
    Registration registration;
    registration.vm = vm;
    registration.profile = profile_;
    registration.enable = arguments_.has("--enable");
    registration.environment = arguments_.values("--env");
    registration.instance = arguments_.value("--as");
    if (registration.instance.empty()) registration.instance = instance_name(vm, taken_);
    if (!registration.environment.empty()) registration.environment = environment_;
    if (owner_.user != standard_user_) {
      registration.user = owner_.user;
      registration.group = owner_.group;
    }
    const RegistrationPlan plan = plan_registration(registration);
    const std::string name = fmri::Fmri{kVmService, registration.instance, {}, {}}.str();
    if (!arguments_.has("--dry-run")) {
      if (auto done = repository_->commit(plan.changes); !done) {
        const bool denied = done.error().kind == ErrorKind::permission;
        return output_.warn("adding " + name + ": " + (denied ? "Permission denied: " : "") +
                            done.error().message);
      }
    }
    taken_.push_back(registration.instance);
    report(registration, name, plan);
  }

  void report(const Registration& registration, const std::string& name, const RegistrationPlan& plan) {
    if (arguments_.has("--json")) {
      // A list, for a property with several values is in it several times.
      json::array set;
      for (const auto& [property, value] : plan.set) {
        set.push_back(json::object{{"name", property}, {"value", control::value_to_json(value)}});
      }
      added_.push_back(json::object{{"fmri", name},
                                    {"uuid", registration.vm.uuid},
                                    {"name", control::value_to_json(registration.vm.name)},
                                    {"owner", owner_.user},
                                    {"set", std::move(set)}});
      return;
    }
    const bool dry = arguments_.has("--dry-run");
    output_.line(name + (dry ? " would keep" : " keeps") + " the VM " + fmri::quote(registration.vm.name) +
                 " of " + owner_.user + (dry ? " and would set:" : ". It sets:"));
    for (const auto& [property, value] : plan.set) {
      output_.line("    " + property + " = " + (property == "vm/name" ? fmri::quote(value) : value));
    }
    if (dry) return;
    const std::string abbreviation = shell_word("vbox:" + registration.instance);
    if (registration.enable) {
      output_.line("It is being started: svcs -x " + abbreviation + " tells how that goes.");
    } else {
      output_.line("Next: svcadm enable " + abbreviation + " starts it now and with the host;");
      output_.line("      vmkeep dump-config " + abbreviation + " shows every setting.");
    }
  }

  ConfigArguments arguments_;
  Profile profile_;
  Output& output_;
  std::shared_ptr<control::Client> client_;
  std::unique_ptr<repository::Repository> repository_;
  Account owner_;
  std::string standard_user_;
  std::vector<std::string> environment_;
  std::vector<std::string> taken_;
  std::vector<OwnedVm> vms_;
  json::array added_;
};

// What is wrong with the command line as a whole; empty: nothing.
std::string mistake(const ConfigArguments& arguments) {
  const std::string as = arguments.value("--as");
  if (arguments.has("--all") && !arguments.operands.empty()) return "--all, or names, but not both";
  if (!arguments.has("--all") && arguments.operands.empty()) return "which VM?";
  if (arguments.has("--yes") && !arguments.has("--all")) return "--yes goes with --all";
  if (!as.empty() && (arguments.has("--all") || arguments.operands.size() != 1)) {
    return "--as names one instance, for one VM";
  }
  if (!as.empty() && !fmri::valid_name(as)) {
    return "--as " + fmri::quote(as) + " is no name of an instance: a letter, then letters, digits, - and _";
  }
  for (const auto& entry : arguments.values("--env")) {
    if (entry.find('=') == std::string::npos || entry[0] == '=') return "--env wants NAME=VALUE";
  }
  return "";
}

}  // namespace

int add_command(const std::string&, const Arguments& arguments) {
  Output output("vmkeep");
  auto parsed = parse_config_arguments(arguments, {{"--owner", true},
                                                   {"--profile", true},
                                                   {"--as", true},
                                                   {"--env", true},
                                                   {"--manifest", true},
                                                   {"--enable"},
                                                   {"--all"},
                                                   {"--yes"},
                                                   {"--dry-run"},
                                                   {"--json"},
                                                   {"--help"}});
  if (parsed && parsed->has("--help")) {
    output.print(kAddUsage);
    return output.finish();
  }
  std::string wrong = parsed ? mistake(*parsed) : parsed.error().message;
  auto profile = Result<Profile>(Profile::headless);
  if (parsed && parsed->has("--profile")) profile = profile_from(parsed->value("--profile"));
  if (wrong.empty() && !profile) wrong = profile.error().message;
  if (!wrong.empty()) {
    output.warn(wrong, kUsage);
    std::fputs(kAddUsage, stderr);
    return output.finish();
  }
  Adder(std::move(*parsed), *profile, output).run();
  return output.finish();
}

}  // namespace vmkeep::tools
