// VM instances: questions to the guard, and what its answers mean.
#include <algorithm>

#include "restarter/instance.h"

namespace vmkeep::restarter {

using graph::Reason;
using graph::State;
using graph::StopCause;

// A new matter: the time for an answer begins.
void Restarter::Data::ask(Instance& i, vm::Cause cause) {
  i.asked = cause;
  i.question_deadline = now_ + kVerdictDeadline;
  i.empty_pending = i.reported = i.look = false;
  put_question(i);
}

void Restarter::Data::put_question(Instance& i) {
  if (std::exchange(i.empty_pending, false)) i.asked = vm::Cause::contract_empty;
  i.question = ++questions_;
  actions_.push_back(AskVerdict{i.fmri, i.question, i.asked});
  i.question_timer = arm(i, i.question_deadline);
}

// Something stronger than a verdict happens to the instance; an answer under way is stale.
void Restarter::Data::drop_question(Instance& i) {
  if (i.question == 0 && i.question_timer == 0) return;
  cancel(i, i.question_timer);
  i.question = 0;
  i.silent = 0;
  // If that comes to nothing, what was asked is still to be asked.
  i.empty_pending = i.empty_pending || i.asked == vm::Cause::contract_empty;
  i.reported = i.reported || i.asked == vm::Cause::report;
  i.look = i.look || i.asked == vm::Cause::look;
}

void Restarter::Data::silent_question(Instance& i) {
  i.question = 0;
  if (++i.silent >= kSilentQuestions) {
    give_up(i, Reason::hypervisor_silent, "the hypervisor did not answer three times in a row");
    return;
  }
  set_state(i, State::degraded, State::none, Reason::hypervisor_silent);
  actions_.push_back(ReplaceGuard{i.fmri});
  ask(i, i.empty_pending ? vm::Cause::contract_empty : i.asked);
}

void Restarter::Data::on(const VerdictGiven& event) {
  auto* i = find(event.fmri);
  if (i == nullptr || event.question == 0 || event.question != i->question) return;
  const auto& verdict = event.verdict;
  i->question = 0;
  cancel(*i, i->question_timer);
  touch(*i);
  // Whoever answered saw the end of the VM's process before we did: how that ended he could not know.
  const bool takes_down =
      verdict.kind == vm::VerdictKind::offline || verdict.kind == vm::VerdictKind::maintenance;
  const bool early = takes_down && event.emptied && i->has_contract && !i->contract_empty;
  if (early || verdict.kind == vm::VerdictKind::ask_again) {
    // No answer yet: the time given for one goes on.
    i->question_timer = arm(*i, std::min(now_ + kAskAgain, i->question_deadline));
    return;
  }
  i->silent = 0;
  StopGoal goal;
  goal.reason = verdict.reason;
  goal.why = verdict.why;
  goal.log = stopping_because(verdict.why.empty() ? std::string(graph::text(verdict.reason).description)
                                                  : verdict.why);
  goal.cause = StopCause::fault;
  switch (verdict.kind) {
    case vm::VerdictKind::restart:
      i->commanded = i->asked;
      i->not_before = verdict.delay.count() > 0 ? now_ + verdict.delay : Instant{};
      goal.to = State::offline;
      i->verdict_stop = std::move(goal);
      break;
    case vm::VerdictKind::offline:
      actions_.push_back(DisableTemporarily{i->fmri});
      i->own_disable = true;
      i->view.enabled = false;
      goal.to = State::disabled;
      i->verdict_stop = std::move(goal);
      publish_node(*i);
      changed(*i);
      break;
    case vm::VerdictKind::maintenance:
      give_up(*i, verdict.reason, verdict.why);
      break;
    case vm::VerdictKind::degraded:
      if (!verdict.why.empty() && verdict.why != i->view.why) log(*i, verdict.why);
      set_state(*i, State::degraded, State::none, verdict.reason, verdict.why);
      break;
    case vm::VerdictKind::leave_online:
      stay(*i, verdict);
      break;
    case vm::VerdictKind::ask_again:
      break;
  }
}

void Restarter::Data::stay(Instance& i, const vm::Verdict& verdict) {
  // The same is told once, however often it is asked for (T68, T70, T74).
  if (!verdict.why.empty() && verdict.why != i.view.why) log(i, verdict.why);
  if (i.view.state == State::degraded && i.view.reason == Reason::administrative_request) {
    set_state(i, State::degraded, State::none, Reason::administrative_request);
  } else {
    set_state(i, State::online, State::none, verdict.reason, verdict.why);
  }
}

// Maintenance without a stop method.  A VM that still runs goes on running, in the contract it has.
void Restarter::Data::give_up(Instance& i, Reason reason, const std::string& why) {
  StopGoal goal;
  goal.to = State::maintenance;
  goal.reason = reason;
  goal.why = why;
  goal.log =
      (why.empty() ? std::string(graph::text(reason).description) : why) + "; changing state to maintenance.";
  goal.cause = StopCause::fault;
  goal.run_method = false;
  i.verdict_stop = std::move(goal);
}

}  // namespace vmkeep::restarter
