#include "daemon/options.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <string_view>

#include "base/clock.h"

namespace vmkeep::daemon {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::string or_else(std::string value, const std::string& otherwise) {
  return value.empty() ? otherwise : value;
}

std::string own_folder() {
  std::array<char, PATH_MAX> path{};
  const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  const std::string program(path.data(), n > 0 ? static_cast<size_t>(n) : 0);
  return program.substr(0, program.rfind('/'));
}

std::string find_libexec() {
  if (std::string wanted = environment("VMKEEP_LIBEXEC"); !wanted.empty()) return wanted;
  std::string here = own_folder();
  for (const std::string& folder : {here, here + "/../lib/vmkeep", here + "/../libexec/vmkeep"}) {
    if (::access((folder + "/vmkeep-guard").c_str(), X_OK) == 0) return folder;
  }
  return here;
}

void set_defaults(Options& options) {
  if (::geteuid() == 0) {
    options.state_folder = "/var/lib/vmkeep";
    options.run_folder = or_else(environment("VMKEEP_RUN"), "/run/vmkeep");
    options.log_folder = "/var/log/vmkeep";
    options.authorizations = "/etc/vmkeep/authorizations";
  } else {
    const std::string home = environment("HOME");
    const std::string state = or_else(environment("XDG_STATE_HOME"), home + "/.local/state");
    options.state_folder = state + "/vmkeep";
    options.run_folder = or_else(environment("VMKEEP_RUN"), environment("XDG_RUNTIME_DIR") + "/vmkeep");
    options.log_folder = state + "/vmkeep/log";
    options.authorizations =
        or_else(environment("XDG_CONFIG_HOME"), home + "/.config") + "/vmkeep/authorizations";
  }
  options.boot_id = boot_id();
  options.libexec = find_libexec();
}

bool is_scope_name(const std::string& name) {
  constexpr std::string_view kSuffix = ".scope";
  return name.size() > kSuffix.size() && name.ends_with(kSuffix) && name.find('/') == std::string::npos;
}

// A path that stays right when the daemon changes its folder.
Result<std::string> absolute(const std::string& path) {
  if (path.empty()) return fail(ErrorKind::invalid, "the name of a file or folder is empty");
  if (path.front() == '/') return path;
  std::array<char, PATH_MAX> here{};
  if (::getcwd(here.data(), here.size()) == nullptr) return errno_error("cannot tell the working folder");
  return std::string(here.data()) + "/" + path;
}

}  // namespace

const char* usage() {
  return "usage: vmkeepd [--state DIR] [--run DIR] [--log DIR] [--scope NAME | --no-cgroups]\n"
         "               [--await-startup] [--boot-id ID] [--authorizations FILE]\n"
         "\n"
         "Keeps virtual machines (and other services) running. Stays in the foreground; tells\n"
         "systemd when it is ready, and listens on control.sock in the run folder.\n"
         "\n"
         "  --state DIR    the repository            (root: /var/lib/vmkeep)\n"
         "  --run DIR      socket, volatile store    (root: /run/vmkeep)\n"
         "  --log DIR      the logs                  (root: /var/log/vmkeep)\n"
         "  --scope NAME   keep all processes in this scope of systemd's, e.g. vmkeep-vms.scope, where\n"
         "                 nothing that is done to the service vmkeepd reaches them\n"
         "  --await-startup  start nothing in this boot before `vmkeep startup`\n"
         "  --no-cgroups   track processes by pid even where cgroups can be made\n"
         "  --authorizations FILE  who may do what   (root: /etc/vmkeep/authorizations)\n"
         "  --boot-id ID   what counts as this boot  (the kernel's boot id)\n"
         "  --version, --help\n";
}

Result<Options> parse_options(int argc, char** argv) {
  Options options;
  set_defaults(options);
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    std::string* value = nullptr;
    if (word == "--help" || word == "-h" || word == "-?") {
      options.help = true;
    } else if (word == "--version") {
      options.version = true;
    } else if (word == "--no-cgroups") {
      options.pids_only = true;
    } else if (word == "--await-startup") {
      options.await_startup = true;
    } else if (word == "--scope") {
      value = &options.scope;
    } else if (word == "--state") {
      value = &options.state_folder;
    } else if (word == "--run") {
      value = &options.run_folder;
    } else if (word == "--log") {
      value = &options.log_folder;
    } else if (word == "--authorizations") {
      value = &options.authorizations;
    } else if (word == "--boot-id") {
      value = &options.boot_id;
    } else {
      return fail(ErrorKind::invalid, "unknown argument \"" + std::string(word) + "\"");
    }
    if (value == nullptr) continue;
    if (++i == argc) return fail(ErrorKind::invalid, std::string(word) + " needs a value");
    *value = argv[i];
  }
  if (!options.scope.empty() && !is_scope_name(options.scope))
    return fail(ErrorKind::invalid, "--scope wants the name of a unit, like vmkeep-vms.scope");
  for (std::string* folder :
       {&options.state_folder, &options.run_folder, &options.log_folder, &options.authorizations}) {
    auto path = absolute(*folder);
    if (!path) return path.error();
    *folder = std::move(*path);
  }
  return options;
}

}  // namespace vmkeep::daemon
