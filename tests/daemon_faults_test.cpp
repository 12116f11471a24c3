// The whole program where things are not as they should be: what somebody else put where vmkeepd works, or
// would work (T100); and a store that takes nothing any more (T79).
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "base/fd.h"
#include "base/spawn.h"
#include "private_daemon.h"

namespace vmkeep {
namespace {

namespace fs = std::filesystem;

class DaemonFaults : public testing::Test {
 protected:
  DaemonFaults() {
    std::string name = (fs::temp_directory_path() / "vmkeep-attacker-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    ::chmod(folder_.c_str(), 01777);  // as /tmp is
    victim_ = folder_ / "victim";
    fs::create_directory(victim_);
    write(victim_ / "precious", "untouched");
  }
  ~DaemonFaults() override {
    daemon_.kill();
    EXPECT_TRUE(tests::end_all_of(folder_));
    fs::remove_all(folder_);
  }

  static void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }

  void launch() {
    fs::remove(folder_ / "err");
    const auto launched =
        daemon_.launch(std::string(VMKEEP_BIN_DIR) + "/vmkeepd", folder_, {"--no-cgroups"}, path("err"));
    ASSERT_TRUE(launched) << launched.error().message;
  }

  // It says why, ends with 1, and nothing of the victim's changed.
  void expect_refusal(const std::string& why) {
    launch();
    int status = 0;
    ASSERT_TRUE(daemon_.ended(Instant(20'000), &status)) << "vmkeepd goes on";
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << status;
    const auto said = read_file((folder_ / "err").string());
    ASSERT_TRUE(said);
    EXPECT_NE(said->find(why), std::string::npos) << *said;
    expect_untouched();
  }

  void expect_untouched() {
    EXPECT_EQ(std::distance(fs::directory_iterator(victim_), {}), 1);
    EXPECT_EQ(*read_file((victim_ / "precious").string()), "untouched");
  }

  bool wait_for(const std::function<bool()>& condition) const {
    return tests::await_changes(path("run"), {"svc:/test/kept:default"}, Instant(20'000), condition);
  }

  // Output of one of the tools, which talks to this daemon.
  std::string tool(std::vector<std::string> argv) {
    argv[0] = std::string(VMKEEP_BIN_DIR) + "/" + argv[0];
    SpawnSpec spec;
    spec.argv = std::move(argv);
    spec.environment = {"PATH=/usr/bin:/bin", "VMKEEP_RUN=" + path("run")};
    auto out = open_file(path("out"), O_WRONLY | O_CREAT | O_TRUNC);
    EXPECT_TRUE(out);
    spec.standard_output = spec.standard_error = out->get();
    const auto child = spawn(spec);
    if (!child) return child.error().message;
    pollfd ended{child->pidfd.get(), POLLIN, 0};
    if (::poll(&ended, 1, 20'000) != 1) ::kill(child->pid, SIGKILL);
    ::waitpid(child->pid, nullptr, 0);
    const auto printed = read_file(path("out"));
    return printed ? *printed : "";
  }

  std::string state_of(const char* instance) { return tool({"svcs", "-H", "-o", "STATE", instance}); }

  void limit_files(rlim_t size) const {
    const rlimit limit{size, RLIM_INFINITY};
    ASSERT_EQ(::prlimit(daemon_.pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
  }

  std::string path(const char* name) const { return (folder_ / name).string(); }

  fs::path folder_;
  fs::path victim_;
  tests::PrivateDaemon daemon_;
};

TEST_F(DaemonFaults, T100_a_link_in_place_of_a_folder_is_not_followed) {
  for (const char* name : {"run", "state", "log"}) {
    fs::create_directory_symlink(victim_, folder_ / name);
    expect_refusal(path(name) + " is no folder");
    // With what vmkeepd made before it came to that one.
    for (const char* each : {"run", "state", "log"}) fs::remove_all(folder_ / each);
  }
}

TEST_F(DaemonFaults, T100_a_folder_that_others_write_to_is_not_taken) {
  for (const char* name : {"run", "state", "log"}) {
    fs::create_directory(folder_ / name);
    ::chmod(path(name).c_str(), 0777);
    expect_refusal("others may write to " + path(name));
    fs::remove_all(folder_ / name);
  }
}

TEST_F(DaemonFaults, T100_a_folder_of_somebody_else_is_not_taken) {
  constexpr uid_t kNobody = 65534;
  for (const char* name : {"run", "state", "log"}) {
    fs::create_directory(folder_ / name);
    // Only root can give folders away; anybody else cannot even be given one, and has this to test nothing
    // with.
    const bool given = ::chown(path(name).c_str(), kNobody, kNobody) == 0;
    EXPECT_EQ(given, ::geteuid() == 0);
    if (::geteuid() == 0) expect_refusal(path(name) + " belongs to user 65534");
    fs::remove_all(folder_ / name);
  }
}

TEST_F(DaemonFaults, T100_links_in_place_of_files_are_not_followed) {
  // As a daemon of old might have left them, or somebody with a moment's access.
  fs::create_directories(folder_ / "run/private");
  fs::create_directory(folder_ / "state");
  fs::create_directory(folder_ / "log");
  for (const char* name : {"run", "run/private", "state", "log"}) ::chmod(path(name).c_str(), 0700);
  fs::create_symlink(victim_ / "precious", folder_ / "log/vmkeepd.log");
  fs::create_symlink(victim_ / "precious", folder_ / "run/control.sock");
  expect_refusal("control.sock is there and is no socket");
}

TEST_F(DaemonFaults, T100_what_runs_lies_in_folders_of_its_own) {
  // Names that a script of old would have used, pointing at a process that is not ours.
  write(folder_ / "vmkeepd.pid", std::to_string(::getpid()));
  write(folder_ / "vbox.pid", std::to_string(::getpid()));
  launch();
  ASSERT_TRUE(daemon_.ready()) << *read_file(path("err"));
  const auto mode = [&](const char* name) {
    struct stat found {};
    ::lstat(path(name).c_str(), &found);
    return found.st_mode & 07777U;
  };
  EXPECT_EQ(mode("run/private"), 0700U);
  EXPECT_EQ(mode("state"), 0700U);
  EXPECT_EQ(mode("run") & 022U, 0U);
  EXPECT_EQ(mode("log") & 022U, 0U);
  std::set<std::string> there;
  for (const auto& entry : fs::directory_iterator(folder_)) there.insert(entry.path().filename().string());
  EXPECT_EQ(there,
            (std::set<std::string>{"err", "log", "run", "state", "vbox.pid", "victim", "vmkeepd.pid"}));
  for (const auto& entry : fs::directory_iterator(folder_ / "run")) {
    const auto name = entry.path().filename().string();
    EXPECT_TRUE(name == "control.sock" || name == "private") << name << " is open to everybody";
  }
  EXPECT_EQ(*read_file(path("vmkeepd.pid")), std::to_string(::getpid()));
  expect_untouched();
}

// Nothing needs a permission to change a state here: vmkeepd itself keeps them.  What can be denied is to put
// them on record.
TEST_F(DaemonFaults, T79_a_state_that_cannot_be_recorded_is_visible_and_monitoring_goes_on) {
  write(folder_ / "service.xml", R"(<?xml version="1.0"?>
<!DOCTYPE service_bundle SYSTEM "/usr/share/lib/xml/dtd/service_bundle.dtd.1">
<service_bundle type='manifest' name='t79'>
<service name='test/kept' type='service' version='1'>
  <create_default_instance enabled='true' />
  <exec_method type='method' name='start' exec='sleep 1000 &amp;' timeout_seconds='20' />
  <exec_method type='method' name='stop' exec=':kill' timeout_seconds='20' />
</service>
</service_bundle>
)");
  launch();
  ASSERT_TRUE(daemon_.ready()) << *read_file(path("err"));
  EXPECT_EQ(tool({"svccfg", "import", path("service.xml")}), "");
  ASSERT_TRUE(wait_for([&] { return state_of("test/kept") == "online\n"; }))
      << tool({"svcs", "-xv", "test/kept"});

  limit_files(1);
  const std::string before = tool({"svcs", "-Hp", "test/kept"});
  const size_t at = before.rfind(" sleep");
  ASSERT_NE(at, std::string::npos) << before;
  const size_t digits = before.find_last_of(' ', at - 1);
  const pid_t kept = std::stoi(before.substr(digits));
  ::kill(kept, SIGKILL);
  ASSERT_TRUE(wait_for([&] {
    const std::string now = tool({"svcs", "-Hp", "test/kept"});
    return now.find(" sleep") != std::string::npos && now.find(std::to_string(kept)) == std::string::npos;
  })) << "nobody noticed that it died";
  ASSERT_TRUE(wait_for([&] { return state_of("test/kept") == "degraded\n"; })) << state_of("test/kept");
  EXPECT_NE(tool({"svcs", "-xv", "test/kept"}).find("cannot be written down"), std::string::npos);

  limit_files(RLIM_INFINITY);
  (void)tool({"svcadm", "restart", "test/kept"});
  EXPECT_TRUE(wait_for([&] { return state_of("test/kept") == "online\n"; }))
      << tool({"svcs", "-xv", "test/kept"});
  (void)tool({"svcadm", "disable", "-s", "test/kept"});
}

}  // namespace
}  // namespace vmkeep
