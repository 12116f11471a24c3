// The loop: one thread a process, Boost.Asio, coroutines.  A wait is a co_await with a deadline.
//
// Signal wakes everybody who waits on it; Queue hands values from whoever pushes to the one who pops.  Both
// are how one room tells another something: there are no callbacks across rooms.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

namespace vmkeep {

namespace asio = boost::asio;
template <class T = void>
using Task = asio::awaitable<T>;
using Executor = asio::any_io_executor;

inline constexpr Instant kNever = Instant::max();

// Runs a task to its end on its own.  A task that lets an exception out is a defect: it is told on stderr and
// the process aborts, because nothing sensible can follow.
void start(Executor executor, Task<> task);

Task<> sleep_until(Instant deadline);

// Lets everything else that is ready run first.
Task<> yield_now();

// Whoever waits sees every notify() that comes after the wait began, and none that came before.
class Signal {
 public:
  explicit Signal(Executor executor);
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void notify();
  // true: notified; false: the deadline passed.
  Task<bool> wait(Instant deadline = kNever);

 private:
  struct Waiter;
  Executor executor_;
  std::list<Waiter*> waiters_;
};

template <class T>
class Queue {
 public:
  explicit Queue(Executor executor) : signal_(std::move(executor)) {}

  void push(T value) {
    values_.push_back(std::move(value));
    signal_.notify();
  }
  bool empty() const { return values_.empty(); }

  // The oldest value; nothing once the deadline has passed.
  Task<std::optional<T>> pop(Instant deadline = kNever) {
    while (values_.empty()) {
      if (!co_await signal_.wait(deadline) && values_.empty()) co_return std::nullopt;
    }
    T value = std::move(values_.front());
    values_.pop_front();
    co_return std::optional<T>(std::move(value));
  }

 private:
  std::deque<T> values_;
  Signal signal_;
};

// Waits until a descriptor (not owned, any that epoll takes) is readable, or has an exceptional condition.
class Readiness {
 public:
  Readiness(Executor executor, int fd);
  ~Readiness();
  Task<bool> readable(Instant deadline = kNever);
  Task<bool> exceptional(Instant deadline = kNever);  // POLLPRI: /proc/self/mountinfo, cgroup.events
  Task<bool> writable(Instant deadline = kNever);
  void cancel();  // wakes the waiter, which gets false

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace vmkeep
