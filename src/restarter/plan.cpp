#include "restarter/plan.h"

#include <algorithm>
#include <deque>
#include <set>
#include <tuple>
#include <utility>

namespace vmkeep::restarter {
namespace {

using Times = std::vector<Instant>;

// The items as a network: indices, who follows whom, and an order in which nobody comes before those that it
// waits for.
struct Network {
  const std::vector<PlanItem>& items;
  std::map<std::string, size_t> index;
  std::vector<std::vector<size_t>> after;      // whom each waits for, each once
  std::vector<std::vector<size_t>> followers;  // who waits for each
  std::vector<size_t> order;

  explicit Network(const std::vector<PlanItem>& all) : items(all), after(all.size()), followers(all.size()) {
    for (size_t i = 0; i < all.size(); ++i) index.emplace(all[i].fmri, i);
    for (size_t i = 0; i < all.size(); ++i) {
      std::set<size_t> whom;
      for (const auto& wait : all[i].waits) {
        for (const auto& name : wait.whom) {
          const auto found = index.find(name);
          if (found != index.end() && found->second != i) whom.insert(found->second);
        }
      }
      after[i].assign(whom.begin(), whom.end());
      for (const size_t other : whom) followers[other].push_back(i);
    }
    sort();
  }

  // What follows the end of each, along the longest way.
  Times tails(const Times& times) const {
    Times tails(items.size(), Instant(0));
    for (auto at = order.rbegin(); at != order.rend(); ++at) {
      for (const size_t next : followers[*at]) tails[*at] = std::max(tails[*at], times[next] + tails[next]);
    }
    return tails;
  }

 private:
  void sort() {
    std::vector<size_t> open(items.size());
    std::deque<size_t> ready;
    for (size_t i = 0; i < items.size(); ++i) {
      open[i] = after[i].size();
      if (open[i] == 0) ready.push_back(i);
    }
    while (!ready.empty()) {
      const size_t i = ready.front();
      ready.pop_front();
      order.push_back(i);
      for (const size_t next : followers[i]) {
        if (--open[next] == 0) ready.push_back(next);
      }
    }
  }
};

Times times_of(const std::vector<PlanItem>& items) {
  Times times;
  for (const auto& item : items) times.push_back(item.time());
  return times;
}

Instant longest(const Times& times, const Times& tails) {
  Instant most(0);
  for (size_t i = 0; i < times.size(); ++i) most = std::max(most, times[i] + tails[i]);
  return most;
}

// Between what a forced stop takes (share 0) and what is expected (share 1), in thousandths.
Times squeezed(const Times& times, int64_t share) {
  Times result = times;
  for (auto& time : result) {
    if (time > kForcedTime) time = kForcedTime + (time - kForcedTime) * share / 1000;
  }
  return result;
}

Times fitted(const Network& network, const Times& times, Instant budget) {
  const auto fits = [&](const Times& some) { return longest(some, network.tails(some)) <= budget; };
  if (fits(times)) return times;
  int64_t low = 0;
  int64_t high = 1000;
  while (low + 1 < high) {
    const int64_t middle = (low + high) / 2;
    (fits(squeezed(times, middle)) ? low : high) = middle;
  }
  Times result = squeezed(times, low);
  if (fits(result)) return result;
  // Not even forced stops fit one after the other: each gets its part of what there is.
  const Instant chain = longest(result, network.tails(result));
  for (auto& time : result) time = time * budget.count() / chain.count();
  return result;
}

std::vector<StopWindow> windows(const Network& network, std::optional<Instant> budget) {
  const Times times = times_of(network.items);
  const Times ahead = network.tails(times);
  std::vector<StopWindow> result(times.size());
  for (size_t i = 0; i < times.size(); ++i) result[i].latest_start = -(times[i] + ahead[i]);
  if (!budget) return result;
  const Times tails = network.tails(fitted(network, times, *budget));
  for (size_t i = 0; i < times.size(); ++i) {
    result[i].latest_finish = *budget - tails[i];
    result[i].latest_start = *result[i].latest_finish - times[i];
  }
  return result;
}

// Time, run through once.
class Run {
 public:
  Run(const Network& network, const PlanLimits& limits)
      : network_(network),
        items_(network.items),
        limits_(limits),
        windows_(windows(network, limits.budget)) {}

  Plan plan() {
    done_.resize(items_.size());
    begun_.resize(items_.size());
    for (size_t i = 0; i < items_.size(); ++i) look(i);
    while (true) {
      begin_what_may();
      const auto next = next_moment();
      if (!next) break;
      now_ = std::max(now_, *next);
      while (!running_.empty() && running_.begin()->first <= now_) {
        const size_t i = running_.begin()->second;
        running_.erase(running_.begin());
        if (placed_.erase(i) != 0) --places_;
        done_[i] = true;
        for (const size_t follower : network_.followers[i]) look(follower);
      }
    }
    for (const auto& step : plan_.steps) plan_.total = std::max(plan_.total, step.ends);
    return std::move(plan_);
  }

 private:
  using Key = std::tuple<Instant, size_t>;

  bool free(const PlanItem::Wait& wait) const {
    bool any = false;
    bool all = true;
    for (const auto& name : wait.whom) {
      const auto found = network_.index.find(name);
      if (found == network_.index.end()) continue;
      const bool done = done_[found->second];
      any = any || done;
      all = all && done;
    }
    return all || (wait.any && any);
  }

  void look(size_t i) {
    if (begun_[i]) return;
    const auto& waits = items_[i].waits;
    if (!std::all_of(waits.begin(), waits.end(), [this](const auto& wait) { return free(wait); })) return;
    begun_[i] = true;
    if (items_[i].paced) {
      ready_.insert({limits_.longest_first ? windows_[i].latest_start : now_, i});
    } else {
      begin(i, false);
    }
  }

  void begin_what_may() {
    while (!ready_.empty()) {
      const size_t i = std::get<1>(*ready_.begin());
      const bool place = limits_.width == 0 || places_ < limits_.width;
      const bool apart = !last_ || now_ >= *last_ + limits_.stagger;
      if (!place || !apart) break;
      ready_.erase(ready_.begin());
      begin(i, true);
    }
    if (!limits_.budget) return;
    for (auto at = ready_.begin(); at != ready_.end();) {
      const size_t i = std::get<1>(*at);
      if (const auto moment = forced_at(i); moment && *moment <= now_) {
        begin(i, false);
        at = ready_.erase(at);
      } else {
        ++at;
      }
    }
  }

  std::optional<Instant> forced_at(size_t i) const {
    if (!windows_[i].latest_finish) return std::nullopt;
    return *windows_[i].latest_finish - std::min(kForcedTime, items_[i].time());
  }

  void begin(size_t i, bool place) {
    const auto& item = items_[i];
    PlanStep step{item.fmri, item.what, now_, now_ + item.time(), item.takes, {}, false};
    for (const size_t other : network_.after[i]) step.after.push_back(items_[other].fmri);
    if (windows_[i].latest_finish && step.ends > *windows_[i].latest_finish) {
      step.ends = std::max(now_, *windows_[i].latest_finish);
      step.forced = true;
    }
    if (place) {
      ++places_;
      placed_.insert(i);
      last_ = now_;
    }
    running_.insert({step.ends, i});
    plan_.steps.push_back(std::move(step));
  }

  std::optional<Instant> next_moment() const {
    std::optional<Instant> next;
    const auto consider = [&next](Instant moment) { next = next ? std::min(*next, moment) : moment; };
    if (!running_.empty()) consider(running_.begin()->first);
    if (ready_.empty()) return next;
    const bool place = limits_.width == 0 || places_ < limits_.width;
    if (place && last_) consider(*last_ + limits_.stagger);
    if (!limits_.budget) return next;
    for (const auto& key : ready_) {
      if (const auto forced = forced_at(std::get<1>(key))) consider(*forced);
    }
    return next;
  }

  const Network& network_;
  const std::vector<PlanItem>& items_;
  const PlanLimits& limits_;
  std::vector<StopWindow> windows_;
  Instant now_{0};
  std::optional<Instant> last_;
  std::vector<bool> done_, begun_;
  std::set<Key> ready_;  // paced ones that want a place
  std::set<std::pair<Instant, size_t>> running_;
  std::set<size_t> placed_;
  size_t places_ = 0;
  Plan plan_;
};

void add_chain(const Network& network, Plan& plan) {
  const Times times = times_of(network.items);
  const Times tails = network.tails(times);
  plan.chain_time = longest(times, tails);
  std::vector<size_t> candidates = network.order;
  for (Instant left = plan.chain_time; left > Instant(0);) {
    const auto next = std::find_if(candidates.begin(), candidates.end(),
                                   [&](size_t i) { return times[i] + tails[i] == left; });
    if (next == candidates.end()) return;
    const size_t i = *next;
    if (times[i] > Instant(0)) plan.chain.push_back(network.items[i].fmri);
    left = tails[i];
    candidates = network.followers[i];
  }
}

}  // namespace

Plan make_plan(const std::vector<PlanItem>& items, const PlanLimits& limits) {
  const Network network(items);
  Plan plan = Run(network, limits).plan();
  add_chain(network, plan);
  return plan;
}

std::map<std::string, StopWindow> stop_windows(const std::vector<PlanItem>& items,
                                               std::optional<Instant> budget) {
  const Network network(items);
  const auto all = windows(network, budget);
  std::map<std::string, StopWindow> result;
  for (size_t i = 0; i < items.size(); ++i) result.emplace(items[i].fmri, all[i]);
  return result;
}

}  // namespace vmkeep::restarter
