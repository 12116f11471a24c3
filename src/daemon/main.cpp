#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/spawn.h"
#include "base/version.h"
#include "daemon/daemon.h"
#include "host/systemd.h"

namespace {

int run(vmkeep::daemon::Options options) {
  ::umask(022);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a write that a limit refuses is an error like any other
  if (::chdir("/") != 0) return 1;
  vmkeep::raise_descriptor_limit();  // a connection for each method that runs; pidfds where there are no
                                     // cgroups
  vmkeep::asio::io_context loop(1);
  vmkeep::Reaper reaper(loop.get_executor());
  const std::string socket = options.run_folder + "/control.sock";
  vmkeep::daemon::Daemon daemon(loop.get_executor(), std::move(options), reaper);
  if (auto opened = daemon.open(); !opened) {
    std::fprintf(stderr, "vmkeepd: %s\n", opened.error().message.c_str());
    return 1;
  }
  // The end of the daemon is not the end of what it keeps: services and VMs go on, the next daemon finds
  // them.
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&loop, &daemon](const boost::system::error_code&, int) {
    vmkeep::start(loop.get_executor(), daemon.leave(loop));
  });
  loop.run();
  vmkeep::host::notify_stopping();
  ::unlink(socket.c_str());
  // Coroutines that still wait refer to what main() holds; nothing of theirs needs an orderly end.
  std::fflush(nullptr);
  std::_Exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  auto options = vmkeep::daemon::parse_options(argc, argv);
  if (!options) {
    std::fprintf(stderr, "vmkeepd: %s\n%s", options.error().message.c_str(), vmkeep::daemon::usage());
    return 2;
  }
  if (options->help) {
    std::fputs(vmkeep::daemon::usage(), stdout);
    return 0;
  }
  if (options->version) {
    std::printf("vmkeepd %s\n", vmkeep::kVersion);
    return 0;
  }
  return run(std::move(*options));
}
