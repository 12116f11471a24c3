// vmkeep-guard: started by vmkeepd only, with the channel as descriptor 3 and the owner's environment.
#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/spawn.h"
#include "guard/guard.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace vmkeep::guard {
namespace {

struct Options {
  std::string driver = "virtualbox";
  std::string owner_cgroup;
};

Task<> serve(asio::io_context& loop, Guard& guard, HookRunner& hooks) {
  co_await guard.run();
  hooks.end_all();
  loop.stop();
}

int run(const Options& options) {
  if (::fcntl(3, F_GETFD) < 0) {
    std::fprintf(stderr, "vmkeep-guard is started by vmkeepd, not by hand.\n");
    return 2;
  }
  ::fcntl(3, F_SETFD, FD_CLOEXEC);
  raise_descriptor_limit();  // a pidfd for each VM
  asio::io_context loop(1);
  Reaper reaper(loop.get_executor());
  hypervisor::DriverOptions driver;
  for (char** entry = environ; *entry != nullptr; ++entry) driver.environment.emplace_back(*entry);
  auto zfs = std::make_unique<Zfs>(reaper, driver.environment);
  if (!options.owner_cgroup.empty()) {
    // Siblings of the guard's own leaf, in the folder that vmkeepd gave to this owner.
    driver.service_cgroup = options.owner_cgroup + "/service";
    driver.calls_cgroup = options.owner_cgroup + "/calls";
    for (std::string* folder : {&driver.service_cgroup, &driver.calls_cgroup}) {
      if (auto made = make_folders(*folder, 0755); made) continue;
      std::fprintf(stderr, "vmkeep-guard: %s cannot be made: VirtualBox runs in the guard's own cgroup\n",
                   folder->c_str());
      folder->clear();
    }
  }
  HookRunner hooks(reaper, driver.environment,
                   options.owner_cgroup.empty() ? "" : options.owner_cgroup + "/hooks");
  auto hypervisor = options.driver == "simulated"
                        ? hypervisor::make_simulated(loop.get_executor(), reaper, std::move(driver))
                        : hypervisor::make_virtualbox(loop.get_executor(), reaper, std::move(driver));
  Guard guard(loop.get_executor(), std::move(hypervisor), Fd(3), hooks);
  guard.use_zfs(std::move(zfs));
  start(loop.get_executor(), serve(loop, guard, hooks));
  loop.run();
  // Coroutines that still wait refer to the guard: the process ends here, with nothing left to tidy up.
  std::_Exit(0);
}

}  // namespace
}  // namespace vmkeep::guard

int main(int argc, char** argv) {
  vmkeep::guard::Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--driver") == 0) options.driver = argv[i + 1];
    if (std::strcmp(argv[i], "--owner-cgroup") == 0) options.owner_cgroup = argv[i + 1];
  }
  return vmkeep::guard::run(options);
}
