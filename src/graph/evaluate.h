// The inside of the graph: its records, who names whom, and the evaluation of 5.1.
//
// Everything that can be named is a Target: an instance (Record), a service, a file, a fact.  A record has
// the targets of its dependencies at hand, and each target those who name it, so that nothing is looked up by
// its name while a change spreads.  A target stays where it is; one that is named and not there (an instance
// that nobody entered) is kept as long as it is named.
//
// Whether an instance "could ever" start depends on everything below it, so that answer is kept in its record
// and forgotten when something below changes.  Invariant: if a record's answer is kept, it was computed from
// facts that have not changed since.  Evaluation works with a stack of its own: chains may be thousands deep.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace vmkeep::graph {

struct Record;

// Who names a target, by name and then by group.  They come in any order, by thousands, before they are first
// asked for: they are sorted then.
class Above {
 public:
  struct Edge {
    Record* from;
    uint32_t group;
  };
  void add(Record& from, uint32_t group);  // once for each group, whoever often it names the target
  void remove(const Record& from);
  bool empty() const { return edges_.empty(); }
  const std::vector<Edge>& edges() const;

 private:
  mutable std::vector<Edge> edges_;
  mutable bool sorted_ = true;
};

struct Target {
  Above above;
};
struct Service : Target {
  std::vector<Record*> instances;  // those that were entered, by name
};
struct Thing : Target {  // a file, a fact
  bool holds = false;
};
struct Record : Target {
  std::string_view name;
  Service* service = nullptr;  // not null: it was entered
  Node node;
  bool known = false;  // set_node() was called; false: only its dependencies are known
  DependenciesPtr dependencies;
  std::vector<Target*> members;                  // of all dependencies, one after the other
  mutable std::optional<Satisfaction> possible;  // of its own dependencies, in satisfiability mode
};

// Dependency groups with what their members are now; a null stands for what is not there.
struct Groups {
  const std::vector<Dependency>& dependencies;
  const Target* const* members;
};
Groups groups_of(const Record& record);

struct Graph::Data {
  std::unordered_map<std::string, Record> records;
  std::unordered_map<std::string, Service> services;
  std::map<std::string, Thing> facts;
  std::map<std::string, Thing> files;

  Record& enter(const std::string& instance);
  void leave(Record& record);
  Record* find(const std::string& instance);
  const Record* find(const std::string& instance) const;  // entered, or null
  const Target* find(const Entity& entity) const;
  void index(Record& record);
  void unindex(Record& record);

  // Something about it changed: what is kept of those above it may be wrong now.
  static void forget_possible(const Record& record);
  static void forget_above(const Target& target);

  // Evaluation; prepare() first, which makes every kept answer that these groups need.
  static void prepare(Groups groups);
  static Satisfaction possible(const Record& record);
  static Satisfaction all_of(Groups groups, bool could_ever);
  static Satisfaction entity(EntityKind kind, const Target* target, bool could_ever);
  static Satisfaction group(const Dependency& dependency, const Target* const* members, bool could_ever);

  bool closes_cycle(const Record& record, const std::vector<Dependency>& dependencies) const;
  std::vector<std::string> cycle_path(const Record& record,
                                      const std::vector<Dependency>& dependencies) const;

 private:
  Target& target(const Entity& entity);
  void drop_unused(const Entity& entity);
  std::vector<const Record*> below(const std::vector<Dependency>& dependencies) const;
};

}  // namespace vmkeep::graph
