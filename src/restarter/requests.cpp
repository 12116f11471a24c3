// What was asked of an instance and waits, kept on record; and what is created while a milestone is in force.
#include "graph/milestone.h"
#include "restarter/instance.h"

namespace vmkeep::restarter {

using graph::Reason;

namespace {

// An administrator's word, or another service's: what the configuration leads to by itself is found again.
bool asked_for(const Instance::Maintain& maintain) {
  return maintain.reason == Reason::administrative_request || maintain.reason == Reason::service_request;
}

Requests waiting(const Instance& i) {
  Requests requests;
  requests.restart = i.restart;
  requests.refresh = i.refresh;
  requests.degrade = i.degrade;
  requests.start = i.commanded == vm::Cause::operator_word;
  requests.maintain = i.maintain && asked_for(*i.maintain);
  requests.immediate = requests.maintain && i.maintain->immediate;
  if (requests.maintain) {
    requests.administrative = i.maintain->reason == Reason::administrative_request;
  } else if (requests.restart) {
    requests.administrative = i.by_hand;
  }
  return requests;
}

}  // namespace

void Restarter::Data::record_requests(Instance& i) {
  if (i.removed) return;  // what is done with it is to stop it
  const auto now = waiting(i);
  if (now == i.recorded) return;
  i.recorded = now;
  actions_.push_back(RecordRequests{i.fmri, now});
}

// 6.15.  Of an instance that is not up only what is still possible: its next start is new in every respect,
// so there is nothing to restart or to tell of a refresh.
void Restarter::Data::take_up(Instance& i, const Requests& waiting) {
  i.recorded = waiting;
  if (waiting.maintain) {
    const auto reason = waiting.administrative ? Reason::administrative_request : Reason::service_request;
    request_maintenance(i, reason, {}, waiting.immediate);
  }
  if (waiting.start) i.commanded = vm::Cause::operator_word;
  if (!i.up()) return;
  i.restart = i.restart || waiting.restart;
  i.by_hand = waiting.restart && waiting.administrative;
  i.refresh = i.refresh || waiting.refresh;
  i.degrade = waiting.degrade && i.view.state == graph::State::online;
}

void Restarter::Data::on(const MilestoneSet& event) {
  milestone_ = event.milestone == "all" ? "" : event.milestone;
  held_.clear();
}

// 5.6.  What is created outside of what the milestone needs is disabled temporarily, as whatever was there
// when the milestone was asked for.  If it turns out later that the milestone does need it (the manifest that
// brings a service says by its `dependent` that the milestone wants it, and that is read with the next
// refresh of the milestone), that is taken back, unless somebody has enabled or disabled it meanwhile.
void Restarter::Data::obey_milestone() {
  const auto created = std::exchange(created_, {});
  const bool needs_changed = std::exchange(edges_changed_, false) || !created.empty();
  if (milestone_.empty() || !needs_changed || (created.empty() && held_.empty())) return;
  for (const auto& fmri : created) {  // their edges would be entered one by one, each when it settles
    Reason reason{};
    std::string why;
    if (auto* i = find(fmri)) enter_dependencies(*i, reason, why);
  }
  std::set<std::string> kept;
  if (milestone_ != "none") {
    kept = graph::closure(graph, milestone_, [this](const std::string& fmri) {
      const auto* i = find(fmri);
      return i != nullptr && (i->view.enabled || held_.contains(fmri));
    });
  }
  for (auto held = held_.begin(); held != held_.end();) {
    if (!kept.contains(*held)) {
      ++held;
      continue;
    }
    actions_.push_back(LiftTemporarily{*held});
    held = held_.erase(held);
  }
  for (const auto& fmri : created) {
    auto* i = find(fmri);
    if (i == nullptr || !i->configured || !i->view.enabled || i->removed) continue;
    if (kept.contains(fmri) || fmri == graph::kMasterRestarter) continue;
    held_.insert(fmri);
    i->view.enabled = false;
    i->own_disable = true;
    actions_.push_back(DisableTemporarily{fmri});
    publish_node(*i);
    changed(*i);
    touch(*i);
  }
}

}  // namespace vmkeep::restarter
