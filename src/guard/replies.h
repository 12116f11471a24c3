// What a keeper is told while it waits for an answer, in its order.
//
// A list, where Queue (base/loop.h) has a deque: one of those takes over half a kilobyte even while it is
// empty, and a guard has one for each of its VMs, empty nearly always.
#pragma once

#include <boost/json/object.hpp>
#include <list>
#include <optional>
#include <utility>

#include "base/loop.h"

namespace vmkeep::guard {

class Replies {
 public:
  explicit Replies(Executor executor) : signal_(std::move(executor)) {}

  void push(boost::json::object message) {
    messages_.push_back(std::move(message));
    signal_.notify();
  }
  bool empty() const { return messages_.empty(); }

  // The oldest message; nothing once the deadline has passed.
  Task<std::optional<boost::json::object>> pop(Instant deadline = kNever) {
    while (messages_.empty()) {
      const bool told = co_await signal_.wait(deadline);
      if (!told && messages_.empty()) co_return std::nullopt;
    }
    boost::json::object message = std::move(messages_.front());
    messages_.pop_front();
    co_return std::optional<boost::json::object>(std::move(message));
  }

 private:
  std::list<boost::json::object> messages_;
  Signal signal_;
};

}  // namespace vmkeep::guard
