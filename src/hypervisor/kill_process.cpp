#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/fd.h"
#include "hypervisor/done.h"
#include "hypervisor/hypervisor.h"

namespace vmkeep::hypervisor {
namespace {

// Behaviour spec, T57.  The second KILL is for a process that was in the kernel at the first.
constexpr std::array kSignals{SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGKILL, SIGKILL};

}  // namespace

Task<Result<>> Hypervisor::kill_process(std::string uuid, Instant spacing) {
  const auto found = process(uuid);
  if (!found) co_return fail(ErrorKind::invalid, "VM " + uuid + " has no process that could be killed");
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, found->pid, 0)));
  // Looked at again after the pidfd was opened: what we hold is what we looked at.
  const auto again = process(uuid);
  if (!pidfd || !again || again->pid != found->pid || again->start_time != found->start_time) {
    co_return fail(ErrorKind::busy, "the process of VM " + uuid + " ended or changed meanwhile; look again");
  }
  Readiness ended(co_await asio::this_coro::executor, pidfd.get());
  for (const int signal : kSignals) {
    if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) != 0) {
      if (errno == ESRCH) co_return done();
      co_return errno_error("cannot send " + signal_name(signal) + " to process " +
                            std::to_string(found->pid) + " of VM " + uuid);
    }
    if (co_await ended.readable(now() + spacing)) co_return done();
  }
  co_return fail(ErrorKind::timeout, "process " + std::to_string(found->pid) + " of VM " + uuid +
                                         " lives on after two KILLs; the kernel does not let go of it");
}

}  // namespace vmkeep::hypervisor
