// svcs -x: who is blocked by whom, over any number of steps.
#include <algorithm>

#include "tools/explain.h"

namespace vmkeep::tools {
namespace {

using control::InstanceMessage;
using graph::State;

constexpr size_t kNobody = static_cast<size_t>(-1);

// It should run, and does not.
bool is_missed(const InstanceMessage& instance) {
  return instance.configured && instance.enabled && !is_up(instance);
}

}  // namespace

// Marks it in this walk; false: it was.
bool Explainer::see(size_t instance) const {
  if (seen_[instance] == walk_) return false;
  seen_[instance] = walk_;
  return true;
}

// Up to the one that is blocked by `until` directly, if that is somebody and reached; else all.
std::vector<Explainer::Reached> Explainer::reach(size_t from, size_t until) const {
  ++walk_;
  std::vector<Reached> reached{{from, 0}};
  see(from);
  for (size_t i = 0; i < reached.size(); ++i) {
    const auto& next = troubles_[reached[i].instance].blocked_by;
    if (std::find(next.begin(), next.end(), until) != next.end()) {
      reached.resize(i + 1);
      return reached;
    }
    for (const size_t blocker : next) {
      if (see(blocker)) reached.push_back({blocker, i});
    }
  }
  if (until != kNobody) reached.clear();
  return reached;
}

// From the first one reached to the one in the position `at`.
std::vector<size_t> Explainer::way(const std::vector<Reached>& reached, size_t at) const {
  std::vector<size_t> hops;
  for (; at != 0; at = reached[at].by) hops.push_back(reached[at].instance);
  hops.push_back(reached.front().instance);
  std::reverse(hops.begin(), hops.end());
  return hops;
}

// Tells what may be on a cycle: whoever is left when those that are blocked by nobody (any more) are taken
// out, over and over, and then those that block nobody.
std::vector<char> Explainer::on_cycles() const {
  std::vector<char> left(troubles_.size(), 1);
  const auto strip = [&left, this](std::vector<size_t> Trouble::*onto, std::vector<size_t> Trouble::*from) {
    std::vector<size_t> edges(troubles_.size());
    std::vector<size_t> bare;
    for (size_t i = 0; i < troubles_.size(); ++i) {
      if (left[i] == 0) continue;
      for (const size_t other : troubles_[i].*onto) edges[i] += left[other] != 0 ? 1U : 0U;
      if (edges[i] == 0) bare.push_back(i);
    }
    while (!bare.empty()) {
      const size_t i = bare.back();
      bare.pop_back();
      left[i] = 0;
      for (const size_t other : troubles_[i].*from) {
        if (left[other] != 0 && --edges[other] == 0) bare.push_back(other);
      }
    }
  };
  strip(&Trouble::blocked_by, &Trouble::blocks);
  strip(&Trouble::blocks, &Trouble::blocked_by);
  return left;
}

// A cycle among instances that wait for each other would otherwise be explained by nothing at all.
void Explainer::find_cycles() {
  std::vector<char> candidates = on_cycles();
  std::vector<size_t> order;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i] != 0) order.push_back(i);
  }
  std::sort(order.begin(), order.end(),
            [this](size_t a, size_t b) { return world_.instances[a].fmri < world_.instances[b].fmri; });
  for (const size_t start : order) {
    if (candidates[start] == 0) continue;  // told with another
    const auto reached = reach(start, start);
    if (reached.empty()) continue;
    std::string text = "Dependency cycle detected:";
    for (const size_t hop : way(reached, reached.size() - 1)) {
      candidates[hop] = 0;
      text.append("\n  ").append(world_.instances[hop].fmri);
    }
    text.append("\n  ").append(world_.instances[start].fmri);
    complaints_.push_back(std::move(text));
  }
}

// Whoever should run and is blocked by the cause, in the world's order.
std::vector<size_t> Explainer::impact(size_t cause) const {
  ++walk_;
  std::vector<size_t> reached{cause};
  see(cause);
  for (size_t i = 0; i < reached.size(); ++i) {
    for (const size_t blocked : troubles_[reached[i]].blocks) {
      if (see(blocked)) reached.push_back(blocked);
    }
  }
  reached.erase(reached.begin());
  std::erase_if(reached, [this](size_t one) { return !is_missed(world_.instances[one]); });
  std::sort(reached.begin(), reached.end());
  return reached;
}

std::vector<std::string> Explainer::causes() const {
  ++walk_;
  std::vector<size_t> reached;
  for (size_t i = 0; i < troubles_.size(); ++i) {
    const InstanceMessage& instance = world_.instances[i];
    const State state = state_of(instance);
    // Degraded by an administrator is as somebody wants it; degraded by what a VM does is not.
    const bool ill = state == State::degraded && troubles_[i].reasons.front().code != "DX";
    if ((is_missed(instance) || state == State::maintenance || ill) && see(i)) reached.push_back(i);
  }
  for (size_t i = 0; i < reached.size(); ++i) {
    for (const size_t blocker : troubles_[reached[i]].blocked_by) {
      if (see(blocker)) reached.push_back(blocker);
    }
  }
  std::erase_if(reached, [this](size_t one) { return troubles_[one].reasons.empty(); });
  std::vector<std::pair<size_t, std::string>> sorted;
  sorted.reserve(reached.size());
  for (const size_t root : reached) sorted.emplace_back(impact(root).size(), world_.instances[root].fmri);
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::vector<std::string> roots;
  roots.reserve(sorted.size());
  for (auto& [size, root] : sorted) roots.push_back(std::move(root));
  return roots;
}

Explanation Explainer::facts(const std::string& fmri) const {
  Explanation all;
  const InstanceMessage* instance = world_.find(fmri);
  if (instance == nullptr) return all;
  const size_t self = world_.place(*instance);
  all.reasons = troubles_[self].reasons;
  const std::vector<Reached> reached = reach(self, kNobody);
  for (size_t at = 1; at < reached.size(); ++at) {
    const InstanceMessage& cause = world_.instances[reached[at].instance];
    if (troubles_[reached[at].instance].reasons.empty()) continue;
    Explanation::Blocker blocker{cause.fmri, summary(cause), {}};
    for (const size_t hop : way(reached, at)) blocker.path.push_back(world_.instances[hop].fmri);
    all.blockers.push_back(std::move(blocker));
  }
  for (const size_t victim : impact(self)) all.victims.push_back(world_.instances[victim].fmri);
  return all;
}

}  // namespace vmkeep::tools
