// The inside of the graph: its records, the index from an entity to those who name it, and the evaluation
// of 5.1.
//
// Whether an instance "could ever" start depends on everything below it, so that answer is kept in its record
// and forgotten when something below changes.  Invariant: if a record's answer is kept, it was computed from
// facts that have not changed since.  Evaluation works with a stack of its own: chains may be thousands deep.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace vmkeep::graph {

struct Record {
  Node node;
  bool known = false;  // set_node() was called; false: only its dependencies are known
  std::vector<Dependency> dependencies;
  mutable std::optional<Satisfaction> possible;  // of its own dependencies, in satisfiability mode
};

struct Graph::Data {
  std::unordered_map<std::string, Record> records;        // looked up far more often than anything else here
  std::map<std::string, std::set<std::string>> services;  // to their instances
  std::map<Entity, std::map<std::string, std::vector<size_t>>>
      by_entity;  // to (instance, its groups that name it)
  std::map<std::string, bool> facts;
  std::map<std::string, bool> present_files;

  Record& enter(const std::string& instance);
  const Record* find(const std::string& instance) const;
  void index(const std::string& instance, const Record& record);
  void unindex(const std::string& instance, const Record& record);

  // Something about `instance` changed: what is kept of those above it may be wrong now.
  void forget_possible(const std::string& instance);
  void forget_dependents(const Entity& entity);

  // Evaluation; prepare() first, which makes every kept answer that these groups need.
  void prepare(const std::vector<Dependency>& dependencies) const;
  Satisfaction possible(const Record& record) const;
  Satisfaction all_of(const std::vector<Dependency>& dependencies, bool could_ever) const;
  Satisfaction group(const Dependency& dependency, bool could_ever) const;
  Satisfaction entity(const Entity& entity, bool could_ever) const;

  bool closes_cycle(const std::string& instance, const std::vector<Dependency>& dependencies) const;
  std::vector<std::string> cycle_path(const std::string& instance,
                                      const std::vector<Dependency>& dependencies) const;

 private:
  Satisfaction instance_entity(const Record* record, bool could_ever) const;
  Satisfaction require_all(const Dependency& dependency, bool could_ever) const;
  Satisfaction require_any(const Dependency& dependency, bool could_ever) const;
  Satisfaction optional_all(const Dependency& dependency, bool could_ever) const;
  Satisfaction exclude_all(const Dependency& dependency) const;
  std::optional<Satisfaction> optional_instance(const Record* record, bool could_ever) const;
  Satisfaction excluded(const Record* record) const;
  void push_unknown(const std::vector<Dependency>& dependencies, std::vector<const Record*>& stack) const;
  void targets(const std::vector<Dependency>& dependencies, std::vector<std::string>& out) const;
  void followers(const std::string& instance, std::vector<std::string>& out) const;
};

}  // namespace vmkeep::graph
