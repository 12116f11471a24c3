// svcs -x: why instances do not run, and what that keeps from running (spec of the facility, 4.3).  Pure: it
// looks at a World and makes text.
//
// Every instance that is not up has reasons of its own (it is disabled, in maintenance, a file is missing) or
// is blocked by other instances, or both.  An instance with a reason of its own is a root cause of all that
// are blocked by it, over however many steps.  What is made of a world takes time in proportion to its size,
// and an explanation to what it tells.
#pragma once

#include <string>
#include <vector>

#include "tools/world.h"

namespace vmkeep::tools {

struct Documentation {
  struct Page {
    std::string title, section, manpath;
  };
  std::vector<Page> pages;
  std::vector<std::string> links;
  std::string message_base;  // URL before "SMF-8000-XX"; empty: none are told
};

// The tm_man_* and tm_doc_* groups.
Documentation documentation_from(const repository::Levels& running);

// The same as facts: what explain() says in words.
struct Explanation {
  struct Reason {
    std::string text, code;
    std::string log;  // of another service that this is about; may be empty
  };
  // Another instance that keeps this one from running, with the way to it, which begins with this one.
  struct Blocker {
    std::string fmri, summary;
    std::vector<std::string> path;
  };
  std::vector<Reason> reasons;  // of its own
  std::vector<Blocker> blockers;
  std::vector<std::string> victims;  // what does not run because of it
};

// Whether a VM of this instance would run unwatched, if it runs: what its contracts hold is worth a question.
bool may_be_left_running(const control::InstanceMessage& instance);

class Explainer {
 public:
  explicit Explainer(const World& world);

  // The root causes of everything that is not running though it should, the one with the most victims first.
  std::vector<std::string> causes() const;
  Explanation facts(const std::string& fmri) const;
  // `left_running`: the processes of its VM, where that goes on without it.
  std::string explain(const std::string& fmri, const Documentation& documentation, bool verbose,
                      bool zone = false, const std::vector<int64_t>& left_running = {}) const;
  // For stderr: dependency cycles and dependencies that nobody can read.  Lines of whole messages.
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  using Reason = Explanation::Reason;
  // One an instance, in the world's order; others are told by their places there.
  struct Trouble {
    std::vector<Reason> reasons;     // of its own
    std::vector<size_t> blocked_by;  // directly; in the order of the dependencies
    std::vector<size_t> blocks;      // the other way round
  };
  // Whatever blocks an instance, over any number of steps, in breadth-first order; with the one that led to
  // it, by its position in this list.  The first is the instance itself.
  struct Reached {
    size_t instance, by;
  };

  Trouble look(const control::InstanceMessage& instance);
  void look_at_dependencies(const control::InstanceMessage& instance, Trouble& trouble);
  void look_at_entity(const graph::Entity& entity, graph::Grouping grouping, Trouble& trouble) const;
  void look_at_exclusion(const graph::Entity& entity, Trouble& trouble) const;
  std::vector<const control::InstanceMessage*> members_of(const graph::Entity& entity) const;
  std::vector<Reason> state_reasons(const control::InstanceMessage& instance) const;
  std::string log_of(const std::string& fmri) const;
  Reason uninitialized_reason(const control::InstanceMessage& instance) const;
  // explain_reach.cpp
  void find_cycles();
  std::vector<char> on_cycles() const;
  bool see(size_t instance) const;
  std::vector<Reached> reach(size_t from, size_t until) const;
  std::vector<size_t> way(const std::vector<Reached>& reached, size_t at) const;
  std::vector<size_t> impact(size_t cause) const;
  std::string summary(const control::InstanceMessage& instance) const;

  const World& world_;
  std::unique_ptr<graph::Graph> graph_;
  std::vector<Trouble> troubles_;
  // Who was seen in the walk of this number: a walk costs what it sees, whatever the size of the world.
  mutable std::vector<uint32_t> seen_;
  mutable uint32_t walk_ = 0;
  std::vector<std::string> complaints_;
};

}  // namespace vmkeep::tools
