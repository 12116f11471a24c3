// A small host of its own for tests of whole programs: a vmkeepd on the simulated driver, in a folder that
// goes with it.  As root the VMs belong to nobody, so that what runs as their owner shows.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/xml_text.h"
#include "private_daemon.h"

namespace vmkeep::tests {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// Empty if it cannot be read: a process of /proc may end while one looks.
inline std::string file_text(const std::string& path) {
  std::string text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char part[4096];
  for (ssize_t n = 0; (n = ::read(file, part, sizeof part)) > 0;) text.append(part, static_cast<size_t>(n));
  ::close(file);
  return text;
}

struct Said {
  int code = 0;
  std::string out;
};

struct VmSpec {
  std::string instance;
  std::string name;                               // of the VM; empty: as the instance
  std::map<std::string, std::string> properties;  // vm/*; the type follows from the value
  std::string after;                              // instance that it depends on
};

class SimulatedHost {
 public:
  SimulatedHost() {
    std::string folder = "/var/tmp/vmkeep-test-XXXXXX";
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    work = folder;
    fs::permissions(work, fs::perms(0755));
    fs::create_directory(work + "/bin");
    fs::create_directory(work + "/home");
    for (const char* program : {"vmkeepd", "vmkeep-guard", "vmkeep-simulated-vm", "vmkeep", "svccfg"}) {
      fs::copy_file(std::string(VMKEEP_BIN) + "/" + program, work + "/bin/" + program);
    }
    for (const char* name : {"svcs", "svcadm", "svcprop"})
      fs::create_symlink("vmkeep", work + "/bin/" + name);
    if (::geteuid() == 0) {
      owner = "nobody";
      EXPECT_EQ(run("chown nobody " + work + "/home && id -gn nobody").code, 0);
    } else {
      owner = first_line(run("id -un").out);
    }
    group = first_line(run("id -gn " + owner).out);
  }

  ~SimulatedHost() {
    daemon_.kill();
    EXPECT_TRUE(end_all_of(work));
    const std::string log = file_text(work + "/log/vmkeepd.log");
    constexpr const char* kTracked = "tracked by cgroups in ";
    if (const auto at = log.rfind(kTracked); at != std::string::npos) {
      const auto from = at + std::string(kTracked).size();
      const auto root = log.substr(from, log.find('\n', from) - from);
      within(5s, [&] {
        return run("find '" + root + "' -depth -type d -exec rmdir {} + 2>/dev/null").code == 0;
      });
    }
    std::error_code ignored;
    fs::remove_all(work, ignored);
  }
  SimulatedHost(const SimulatedHost&) = delete;
  SimulatedHost& operator=(const SimulatedHost&) = delete;

  // By a shell: these are tests, and read as one would type them.
  Said run(const std::string& command) const {
    const std::string line =
        "export PATH=" + work + "/bin:$PATH VMKEEP_RUN=" + work + "/run LC_ALL=C; cd /; " + command;
    Said said;
    FILE* pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr) return {127, "popen"};
    char part[4096];
    for (size_t n = 0; (n = std::fread(part, 1, sizeof part, pipe)) > 0;) said.out.append(part, n);
    const int status = ::pclose(pipe);
    said.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    return said;
  }

  void start_daemon(const std::vector<std::string>& options = {}) {
    const auto launched = daemon_.launch(work + "/bin/vmkeepd", work, options, work + "/errors");
    ASSERT_TRUE(launched) << launched.error().message;
    ASSERT_TRUE(daemon_.ready()) << file_text(work + "/errors");
    daemon = daemon_.pid();
  }

  // Whether the daemon has ended, after at most so long.
  bool daemon_ended(std::chrono::milliseconds longest) { return daemon_.ended(longest); }

  void import(const std::vector<VmSpec>& vms, const std::string& service_properties = "") {
    for (const auto& vm : vms) {
      std::ofstream(work + "/name") << (vm.name.empty() ? vm.instance : vm.name);
      const auto made = run(as_owner() + work + "/bin/vmkeep-simulated-vm --create \"$(cat " + work +
                            "/name)\" --home " + work + "/home 2>&1");
      ASSERT_EQ(made.code, 0) << made.out;
      uuids[vm.instance] = first_line(made.out);
    }
    std::ofstream(work + "/vbox.xml") << manifest(vms, service_properties);
    const auto imported = run("svccfg import " + work + "/vbox.xml 2>&1");
    ASSERT_EQ(imported.code, 0) << imported.out;
    ASSERT_TRUE(until("milestone/network:default", "online"));
  }

  void script(const std::string& json) const {
    std::ofstream(work + "/home/script.json.new") << json;
    fs::rename(work + "/home/script.json.new", work + "/home/script.json");
  }

  std::string state(const std::string& instance) const {
    const std::string fmri = instance.find('/') == std::string::npos ? "vbox:" + instance : instance;
    return first_line(run("svcs -H -o STATE " + fmri + " 2>/dev/null").out);
  }
  bool until(const std::string& instance, const std::string& wanted,
             std::chrono::milliseconds longest = 60s) const {
    const bool short_name = instance.find('/') == std::string::npos;
    const std::string fmri = (short_name ? "svc:/site/xvm/vbox:" : "svc:/") + instance;
    return await_changes(work + "/run", {fmri}, longest, [&] { return state(instance) == wanted; });
  }

  std::string log(const std::string& instance) const {
    return file_text(work + "/log/site-xvm-vbox:" + instance + ".log");
  }

  // The process of the VM; 0: there is none.
  int pid(const std::string& instance) const {
    for (const auto& [pid, arguments] : processes()) {
      if (arguments.find("--startvm") != std::string::npos &&
          arguments.find(uuids.at(instance)) != std::string::npos)
        return pid;
    }
    return 0;
  }

  static bool within(std::chrono::milliseconds longest, const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + longest;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(20ms);
    }
    return true;
  }

  static std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

  std::string work, owner, group;
  pid_t daemon = -1;
  std::map<std::string, std::string> uuids;

 private:
  PrivateDaemon daemon_;

  std::string as_owner() const {
    return ::geteuid() == 0 ? "setpriv --reuid " + owner + " --regid " + group + " --clear-groups "
                            : std::string();
  }

  std::map<int, std::string> processes() const {
    std::map<int, std::string> all;
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator("/proc", gone)) {
      const auto name = entry.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      auto arguments = file_text("/proc/" + name + "/cmdline");
      if (arguments.find(work) == std::string::npos) continue;
      all[std::stoi(name)] = std::move(arguments);
    }
    return all;
  }
  static std::string property(const std::string& name, const std::string& value) {
    const bool number = !value.empty() && value.find_first_not_of("0123456789-") == std::string::npos;
    const bool boolean = value == "true" || value == "false";
    return "<propval name='" + name + "' type='" +
           (boolean  ? "boolean"
            : number ? "integer"
                     : "astring") +
           "' value='" + xml_escaped(value) + "' />";
  }

  std::string manifest(const std::vector<VmSpec>& vms, const std::string& service_properties) const {
    std::ostringstream xml;
    xml << "<?xml version='1.0'?>\n<!DOCTYPE service_bundle SYSTEM "
           "'/usr/share/lib/xml/dtd/service_bundle.dtd.1'>\n"
        << "<service_bundle type='manifest' name='vbox'>\n<service name='site/xvm/vbox' type='service' "
           "version='1'>\n"
        << "<dependency name='network' grouping='require_all' restart_on='none' type='service'>"
        << "<service_fmri value='svc:/milestone/network:default' /></dependency>\n"
        << "<method_context working_directory='/'><method_credential user='" << owner << "' group='" << group
        << "' /><method_environment><envvar name='PATH' value='/usr/bin:/bin' /><envvar name='VMKEEP_DRIVER' "
        << "value='simulated' /><envvar name='VMKEEP_SIMULATED_HOME' value='" << work
        << "/home' /></method_environment></method_context>\n"
        << "<exec_method type='method' name='start' exec='" << work
        << "/bin/vmkeep method start' timeout_seconds='120' />\n<exec_method type='method' name='stop' exec='"
        << work << "/bin/vmkeep method stop' timeout_seconds='120' />\n"
        << "<property_group name='vm' type='application'><propval name='start_aborted_vm' type='boolean' "
        << "value='true' /><propval name='restart_aborted_vm' type='boolean' value='true' />"
        << service_properties << "</property_group>\n";
    for (const auto& vm : vms) {
      xml << "<instance name='" << vm.instance << "' enabled='false'>\n";
      if (!vm.after.empty()) {
        xml << "<dependency name='after' grouping='require_all' restart_on='none' "
               "type='service'><service_fmri "
            << "value='svc:/site/xvm/vbox:" << vm.after << "' /></dependency>\n";
      }
      xml << "<property_group name='vm' type='application'>";
      xml << "<propval name='name' type='astring' value='"
          << xml_escaped(vm.name.empty() ? vm.instance : vm.name) << "' />";
      for (const auto& [name, value] : vm.properties) xml << property(name, value);
      xml << "</property_group></instance>\n";
    }
    xml << "<stability value='Evolving' /></service></service_bundle>\n";
    return xml.str();
  }
};

}  // namespace vmkeep::tests
