#include "daemon/actions.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "daemon/contract_calls.h"
#include "daemon/publish.h"
#include "guard/messages.h"

namespace vmkeep::daemon {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

size_t Actions::perform(const std::vector<restarter::Action>& actions, size_t next) {
  const auto waits = [this](const restarter::Action& action) {
    return methods_.full() && std::holds_alternative<restarter::RunMethod>(action);
  };
  while (next < actions.size() && !waits(actions[next])) perform(actions[next++]);
  return next;
}

void Actions::perform(const restarter::Action& action) {
  std::visit(Overloaded{
                 [&](const restarter::SetState& a) { set_state(a); },
                 [&](const restarter::Log& a) {
                   if (Record* record = core_.record(a.fmri)) {
                     core_.logs.line(record->fmri, a.text);
                     note(*record, a.text);
                   }
                 },
                 [&](const restarter::Notice& a) { core_.logs.notice(a.text); },
                 [&](const restarter::RunMethod& a) { methods_.run(a); },
                 [&](const restarter::KillMethod& a) {
                   if (a.vm_instance) owners_.abandon(a.fmri);
                   methods_.kill(a);
                 },
                 [&](const restarter::SignalContract& a) { signal_contract(a); },
                 [&](const restarter::ReleaseContract& a) { release_contract(a); },
                 [&](const restarter::ArmTimer& a) {
                   arm({a.fmri, a.timer}, a.at);
                 },
                 [&](const restarter::CancelTimer& a) {
                   disarm({a.fmri, a.timer});
                 },
                 [&](const restarter::AskVerdict& a) { owners_.ask(a); },
                 [&](const restarter::ReplaceGuard& a) { owners_.replace(a.fmri); },
                 [&](const restarter::DisableTemporarily& a) { disable_temporarily(a); },
                 [&](const restarter::LiftTemporarily& a) { lift_temporarily(a); },
                 [&](const restarter::RecordRequests& a) {
                   if (Record* record = core_.record(a.fmri)) {
                     record->waiting = a.waiting;
                     core_.asked.push_back(record);
                   }
                 },
                 [&](const restarter::TakeStartSnapshot& a) {
                   if (const Record* record = core_.record(a.fmri)) core_.started.push_back(record->fmri);
                 },
                 [&](const restarter::StoreStartStatus& a) { store_start_status(a); },
                 [&](const restarter::ShutDownDone& a) {
                   if (std::exchange(core_.takes_up_shutdown, false)) return;
                   methods_.settle();  // all is down on record before that it is over
                   core_.shut_down = true;
                   // Over, it is only of the daemon that did it, unless every start waits for `vmkeep
                   // startup` anyway.
                   if (!core_.options.await_startup) publish_descent(core_, {std::nullopt, true});
                   core_.left_up = a.left;
                   (void)core_.durations.write();
                   core_.changed.notify();
                 },
             },
             action);
}

void note(Record& record, std::string_view text) {
  constexpr std::ptrdiff_t kLines = 10;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(wall_now()).time_since_epoch().count();
  auto& lines = record.transitions;
  lines += fmt::format("{} {}", seconds, text);
  lines += '\0';
  const auto too_many = std::count(lines.begin(), lines.end(), '\0') - kLines;
  for (auto i = too_many; i > 0; --i) lines.erase(0, lines.find('\0') + 1);
}

void Actions::set_state(const restarter::SetState& action) {
  Record* record = core_.record(action.fmri);
  if (record == nullptr) return;
  if (record->state != action.state) {
    note(*record, std::string(graph::to_string(record->state)) + " -> " +
                      std::string(graph::to_string(action.state)) + " (" +
                      std::string(graph::to_string(action.reason)) + ")");
  }
  // A guard that was asked nothing goes on listening to the guest.
  if (record->claimed && graph::is_up(record->state) && !graph::is_up(action.state)) {
    owners_.send(*record, guard::message("rest", action.fmri));
  }
  record->state = action.state;
  if (!graph::is_up(action.state)) record->stop_timeout = 0;
  record->next_state = action.next_state;
  record->reason = action.reason;
  record->why = action.why;
  record->state_time = wall_now();
  mark_down(core_, *record);
  const bool up = graph::is_up(action.state) && action.next_state == graph::State::none;
  if (up && record->restart_issued &&
      (!record->running_again || *record->running_again < *record->restart_issued)) {
    record->running_again = wall_now();
    publish_vm(core_, *record);
  }
  core_.owe(*record);
  core_.touch(*record);
}

// 2.6, 6.8: as wait(2) has it; also of a method that is no process.  Published with the state that follows.
void Actions::store_start_status(const restarter::StoreStartStatus& action) {
  Record* record = core_.record(action.fmri);
  if (record == nullptr) return;
  using Kind = restarter::MethodEnd::Kind;
  const auto& end = action.end;
  record->start_ended = wall_now();
  record->start_status.reset();
  if (end.kind == Kind::signaled) {
    record->start_status = W_EXITCODE(0, end.value) | (end.core ? WCOREFLAG : 0);
  } else if (end.kind == Kind::exited || end.value != 0) {
    record->start_status = W_EXITCODE(end.value, 0);
  }
}

void Actions::signal_contract(const restarter::SignalContract& action) {
  const Record* record = core_.record(action.fmri);
  if (record == nullptr || record->contract == 0) return;
  if (record->bearing) methods_.settle();
  auto sent = core_.contracts->signal(record->contract, action.signal);
  if (!sent) core_.logs.line(record->fmri, sent.error().message);
}

void Actions::release_contract(const restarter::ReleaseContract& action) {
  Record* record = core_.record(action.fmri);
  if (record == nullptr || record->contract == 0) return;
  if (record->bearing) methods_.settle();
  if (action.late) {
    core_.logs.line(record->fmri,
                    fmt::format("Method or service exit timed out.  Killing contract {}.", record->contract));
  }
  if (action.kill) {
    auto killed = core_.contracts->signal(record->contract, SIGKILL);
    if (!killed) core_.logs.notice(killed.error().message);
  }
  if (record->claimed && !action.kill && !core_.contracts->empty(record->contract)) {
    // A VM that still lives there is adopted by the next start, which must be able to find it.
    record->previous_contracts.insert(record->contract);
  } else {
    let_go(core_, record->contract, {action.fmri, restarter::MethodName::start});
  }
  record->contract = 0;
  mark_down(core_, *record);
  core_.owe(*record);
  core_.touch(*record);
}

void Actions::disable_temporarily(const restarter::DisableTemporarily& action) {
  Record* record = core_.record(action.fmri);
  if (record == nullptr) return;
  repository::SetProperty change{
      record->fmri, "general_ovr", "framework",
      false,        "enabled",     repository::Property{repository::ValueType::boolean, {"false"}}};
  auto done = core_.store->commit({std::move(change)});
  if (!done) core_.logs.notice(done.error().message);
  record->enabled = false;
  core_.events.push(restarter::EnabledChanged{action.fmri, false});  // the restarter knows this for its own
}

void Actions::lift_temporarily(const restarter::LiftTemporarily& action) {
  Record* record = core_.record(action.fmri);
  if (record == nullptr) return;
  auto done = core_.store->commit(
      {repository::SetProperty{record->fmri, "general_ovr", "framework", false, "enabled", std::nullopt}});
  if (!done) return core_.logs.notice(done.error().message);
  const auto current = core_.store->read(record->fmri);
  if (!current) return core_.logs.notice(current.error().message);
  record->enabled = restarter::read_enabled(*current);
  core_.events.push(restarter::EnabledChanged{action.fmri, record->enabled.value_or(false)});
}

void Actions::disarm(const TimerKey& timer) {
  const auto found = armed_.find(timer);
  if (found == armed_.end()) return;
  by_time_.erase({found->second, timer});
  armed_.erase(found);
}

void Actions::arm(const TimerKey& timer, Instant at) {
  disarm(timer);
  armed_.emplace(timer, at);
  by_time_.emplace(at, timer);
  if (by_time_.begin()->second == timer) timers_changed_.notify();
}

Task<> Actions::timers() {
  for (;;) {
    const Instant next = by_time_.empty() ? kNever : by_time_.begin()->first;
    if (next > now()) {
      co_await timers_changed_.wait(next);
      continue;
    }
    const TimerKey timer = by_time_.begin()->second;
    disarm(timer);
    core_.events.push(restarter::TimerFired{timer.first, timer.second});
  }
}

}  // namespace vmkeep::daemon
