#include "base/loop.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace vmkeep {
namespace {

constexpr auto kQuiet = asio::as_tuple(asio::use_awaitable);

// Instant counts time spent in suspend, the timers of the loop do not: the difference is what is left.
void set_deadline(asio::steady_timer& timer, Instant deadline) {
  if (deadline == kNever) {
    timer.expires_at(asio::steady_timer::time_point::max());
  } else {
    timer.expires_after(std::max(deadline - now(), Instant(0)));
  }
}

}  // namespace

void start(Executor executor, Task<> task) {
  asio::co_spawn(executor, std::move(task), [](const std::exception_ptr& failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "vmkeep: defect: a task ended with an exception: %s\n", e.what());
    }
    std::abort();
  });
}

Task<> sleep_until(Instant deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  set_deadline(timer, deadline);
  co_await timer.async_wait(kQuiet);
}

Task<> yield_now() {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

struct Signal::Waiter {
  asio::steady_timer timer;
  std::list<Waiter*>::iterator place = {};
  bool notified = false;
};

Signal::Signal(Executor executor) : executor_(std::move(executor)) {}

Signal::~Signal() {
  notify();
}

void Signal::notify() {
  for (Waiter* waiter : waiters_) {
    waiter->notified = true;
    waiter->timer.cancel();
  }
  waiters_.clear();
}

Task<bool> Signal::wait(Instant deadline) {
  Waiter waiter{asio::steady_timer(executor_)};
  set_deadline(waiter.timer, deadline);
  waiter.place = waiters_.insert(waiters_.end(), &waiter);
  // A coroutine that is destroyed while it waits must not leave its address behind.
  struct Leave {
    Signal* signal;
    Waiter* waiter;
    ~Leave() {
      if (!waiter->notified) signal->waiters_.erase(waiter->place);
    }
  } const leave{this, &waiter};
  co_await waiter.timer.async_wait(kQuiet);
  co_return waiter.notified;
}

struct Readiness::State {
  asio::posix::stream_descriptor descriptor;
  asio::steady_timer timer;
  bool cancelled = false;

  State(const Executor& executor, int fd) : descriptor(executor, fd), timer(executor) {}
  ~State() { descriptor.release(); }  // the descriptor is the caller's

  static Task<bool> wait(std::shared_ptr<State> self, asio::posix::descriptor_base::wait_type kind,
                         Instant deadline) {
    if (self->cancelled) co_return false;
    bool over = false;
    if (deadline != kNever) {
      set_deadline(self->timer, deadline);
      self->timer.async_wait([self, &over](const boost::system::error_code& error) {
        if (error) return;
        over = true;
        self->descriptor.cancel();
      });
    }
    const auto [error] = co_await self->descriptor.async_wait(kind, kQuiet);
    if (deadline != kNever && !over) {
      // The handler refers to this frame: it must have run before the frame goes.
      self->timer.cancel();
      co_await asio::post(self->timer.get_executor(), asio::use_awaitable);
    }
    co_return !error && !self->cancelled;
  }
};

Readiness::Readiness(Executor executor, int fd) : state_(std::make_shared<State>(executor, fd)) {}

Readiness::~Readiness() {
  cancel();
}

void Readiness::cancel() {
  if (state_->cancelled) return;
  state_->cancelled = true;
  boost::system::error_code ignored;
  state_->timer.cancel();
  state_->descriptor.cancel(ignored);
}

Task<bool> Readiness::readable(Instant deadline) {
  return State::wait(state_, asio::posix::descriptor_base::wait_read, deadline);
}

Task<bool> Readiness::exceptional(Instant deadline) {
  return State::wait(state_, asio::posix::descriptor_base::wait_error, deadline);
}

Task<bool> Readiness::writable(Instant deadline) {
  return State::wait(state_, asio::posix::descriptor_base::wait_write, deadline);
}

}  // namespace vmkeep
