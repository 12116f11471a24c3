// All instances as the daemon tells them, in one answer, and the questions that several tools ask of them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/client.h"
#include "control/messages.h"
#include "fmri/fmri.h"
#include "graph/graph.h"

namespace vmkeep::tools {

struct Fact {
  bool holds = false;
  std::string why;
};

struct World {
  std::vector<control::InstanceMessage> instances;
  std::map<std::string, Fact> facts;
  std::map<std::string, bool> files;   // that somebody depends on: whether they are there
  std::set<std::string> hidden_files;  // of these, those that we may not look at

  const control::InstanceMessage* find(const std::string& fmri) const;  // instances are not renamed in place
  size_t place(const control::InstanceMessage& instance) const;         // of one of `instances`
  std::vector<fmri::Entry> entries() const;
  std::vector<const control::InstanceMessage*> instances_of(const std::string& service) const;
  // The rules of section 5.1, on what is known here.
  std::unique_ptr<graph::Graph> graph() const;

 private:
  void take_places() const;

  // Of the instances, and of those of each service; made when they are asked for.
  mutable std::unordered_map<std::string, size_t> places_;
  mutable std::unordered_map<std::string, std::vector<size_t>> services_;
};

// With the dependencies, files are looked at too, as the caller sees them.
Result<World> fetch_world(control::Client& client, bool dependencies);

graph::State state_of(const control::InstanceMessage& instance);
graph::State next_state_of(const control::InstanceMessage& instance);  // none for none
bool is_up(const control::InstanceMessage& instance);

// "svc:/...", "file:/path", "host:fact"; errors: none of these.
Result<graph::Entity> entity_from(const std::string& text);
std::vector<graph::Dependency> dependencies_of(const control::InstanceMessage& instance);

}  // namespace vmkeep::tools
