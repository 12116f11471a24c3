// Running a method: what it is, how long it may take, and what its end means (6.3, 6.4, 6.8, 6.9).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "restarter/instance.h"

namespace vmkeep::restarter {

using graph::Reason;
using graph::State;
using graph::StopCause;

namespace {

constexpr int kNoDaemon = 94;
constexpr int kNoSmf = 99;
constexpr int kPermission = 100;

struct SignalName {
  std::string_view name;
  int number;
};

// Linux numbers, by name so that this room includes no system header.
constexpr std::array kSignals = {
    SignalName{"HUP", 1},     SignalName{"INT", 2},   SignalName{"QUIT", 3},   SignalName{"ILL", 4},
    SignalName{"TRAP", 5},    SignalName{"ABRT", 6},  SignalName{"BUS", 7},    SignalName{"FPE", 8},
    SignalName{"KILL", 9},    SignalName{"USR1", 10}, SignalName{"SEGV", 11},  SignalName{"USR2", 12},
    SignalName{"PIPE", 13},   SignalName{"ALRM", 14}, SignalName{"TERM", 15},  SignalName{"CHLD", 17},
    SignalName{"CONT", 18},   SignalName{"STOP", 19}, SignalName{"TSTP", 20},  SignalName{"TTIN", 21},
    SignalName{"TTOU", 22},   SignalName{"URG", 23},  SignalName{"XCPU", 24},  SignalName{"XFSZ", 25},
    SignalName{"VTALRM", 26}, SignalName{"PROF", 27}, SignalName{"WINCH", 28}, SignalName{"IO", 29},
    SignalName{"PWR", 30},    SignalName{"SYS", 31},
};

std::string signal_name(int number) {
  for (const auto& entry : kSignals) {
    if (entry.number == number) return std::string(entry.name);
  }
  return std::to_string(number);
}

std::optional<int> signal_number(std::string_view word) {
  int number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error == std::errc() && end == word.data() + word.size()) {
    return number > 0 && number <= 64 ? std::optional(number) : std::nullopt;
  }
  if (word.starts_with("SIG")) word.remove_prefix(3);
  for (const auto& entry : kSignals) {
    if (entry.name == word) return entry.number;
  }
  return std::nullopt;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool is_kill(std::string_view exec) {
  return exec == ":kill" || exec.starts_with(":kill ");
}

const MethodConfig& configured(const Instance& i, MethodName name) {
  switch (name) {
    case MethodName::start:
      return i.config->start;
    case MethodName::stop:
      return i.config->stop;
    default:
      return i.config->refresh;
  }
}

}  // namespace

// Runs it, if there is something to run.  done: it succeeded without a process.
Restarter::Data::Launched Restarter::Data::launch(Instance& i, MethodName name) {
  const auto& method = configured(i, name);
  i.method = Running{};
  i.method.name = name;
  if (!method.present) {
    log(i, name == MethodName::refresh
               ? "No 'refresh' method defined.  Treating as :true."
               : fmt::format("Method property group '{}' is not present.", to_string(name)));
    return Launched::done;
  }
  if (!method.exec) {
    log(i, fmt::format("Method property '{}/exec is not present.", to_string(name)));
    return Launched::done;
  }
  for (const auto& note : method.notes) log(i, note);
  // The original leaves a child service's start without a limit: it runs as long as the service.
  const bool endless = name == MethodName::start && i.config->duration == Duration::child;
  if (method.timeout && !endless) i.method.deadline = now_ + *method.timeout;
  const auto until = name == MethodName::stop ? finish_limit(i) : std::nullopt;
  if (until) i.method.deadline = std::min(i.method.deadline.value_or(*until), std::max(*until, now_));
  i.method.in_budget = until.has_value();
  const auto exec = trim(*method.exec);
  if (exec == ":true") {
    log(i, fmt::format("Executing {} method (null).", to_string(name)));
    return Launched::done;
  }
  if (is_kill(exec)) return kill_method(i, name, std::string(exec));

  i.method.run = ++runs_;
  i.view.method_run = i.method.run;
  std::optional<vm::Cause> commanded;
  if (name == MethodName::start) commanded = i.commanded;
  actions_.push_back(RunMethod{i.fmri, name, i.method.run, *method.exec, commanded, until});
  if (i.method.deadline) i.method.timer = arm(i, *i.method.deadline);
  return Launched::running;
}

Restarter::Data::Launched Restarter::Data::kill_method(Instance& i, MethodName name,
                                                       const std::string& exec) {
  if (!i.has_contract || name == MethodName::start) {
    log(i, i.config->duration == Duration::transient || name == MethodName::start
               ? fmt::format("Invalid use of \":kill\" as {} method for {} service.", to_string(name),
                             i.config->duration == Duration::transient ? "transient" : "this")
               : fmt::format("Executing {} method (:kill).", to_string(name)));
    // A service without a contract that is not transient has no process left to kill.
    const bool nothing_to_do = name != MethodName::start && i.config->duration != Duration::transient;
    return nothing_to_do ? Launched::done : Launched::failed;
  }
  auto word = trim(std::string_view(exec).substr(std::string_view(":kill").size()));
  if (word.starts_with('-')) word.remove_prefix(1);
  const auto signal = word.empty() ? std::optional(15) : signal_number(word);
  if (!signal) {
    log(i, fmt::format("Unknown signal in \"{}\".", exec));
    return Launched::failed;
  }
  log(i, fmt::format("Executing {} method (:kill).", to_string(name)));
  if (!i.contract_empty) actions_.push_back(SignalContract{i.fmri, *signal});
  return Launched::done;
}

void Restarter::Data::release(Instance& i, bool kill, bool late) {
  if (!i.has_contract) return;
  actions_.push_back(ReleaseContract{i.fmri, kill, late});
  i.has_contract = false;
  i.contract_empty = true;
}

void Restarter::Data::method_timeout(Instance& i) {
  if (i.phase != Phase::emptying) {
    i.method.timed_out = true;
    i.method.empty_in_time = i.emptied();
    actions_.push_back(KillMethod{i.fmri, i.method.run, i.view.vm_instance});
    return;
  }
  if (is_forced_next(i)) {
    stop_once(i);
    return;
  }
  const std::string why = "its processes did not end in time";
  if (!i.view.vm_instance) release(i, true, true);
  notice_failure(i, Outcome::timed_out);
  stop_failed(i, Reason::method_failed, why);
}

void Restarter::Data::method_ended(Instance& i, const MethodEnd& end) {
  cancel(i, i.method.timer);
  i.view.method_run = 0;
  const auto name = to_string(i.method.name);
  Outcome outcome = Outcome::retry;
  switch (end.kind) {
    case MethodEnd::Kind::exited:
      i.method.said = end.why;
      log(i, fmt::format("Method \"{}\" exited with status {}.", name, end.value));
      if (end.value == 0) outcome = Outcome::ok;
      if (end.value == kNoDaemon && i.phase == Phase::starting) outcome = Outcome::no_daemon;
      if (end.value == kExitFatal || end.value == kNoSmf || end.value == kPermission)
        outcome = Outcome::fatal;
      if (end.value == kExitConfig) outcome = Outcome::misconfigured;
      if (end.value != 0 && outcome != Outcome::no_daemon) {
        actions_.push_back(
            Notice{fmt::format("{}: Method \"{}\" failed with exit status {}.", i.fmri, name, end.value)});
      }
      break;
    case MethodEnd::Kind::signaled:
      log(i, fmt::format("Method \"{}\" failed due to signal {}.", name, signal_name(end.value)));
      break;
    case MethodEnd::Kind::not_started:
      if (!end.why.empty()) log(i, end.why);
      outcome = end.value == kExitConfig ? Outcome::misconfigured : Outcome::fatal;
      break;
  }
  // It was killed for being late, whatever it still said; a fatal verdict of its own stands.
  if (i.method.timed_out && outcome != Outcome::fatal && outcome != Outcome::misconfigured) {
    outcome = i.config->timeout_retry ? Outcome::retry : Outcome::timed_out;
  }
  switch (i.method.name) {
    case MethodName::start:
      start_ended(i, outcome, end);
      break;
    case MethodName::stop:
      stop_ended(i, outcome, end);
      break;
    case MethodName::refresh:
      refresh_ended(i, outcome);
      break;
  }
}

// ---- refresh
// --------------------------------------------------------------------------------------------------

void Restarter::Data::begin_refresh(Instance& i) {
  i.failures = 0;
  set_state(i, i.view.state, i.view.state, i.view.reason, i.view.why);
  refresh_once(i);
}

void Restarter::Data::refresh_once(Instance& i) {
  i.phase = Phase::refreshing;
  switch (launch(i, MethodName::refresh)) {
    case Launched::running:
      break;
    case Launched::done:
      refreshed(i);
      break;
    case Launched::failed:
      refresh_ended(i, Outcome::fatal);
      break;
  }
}

void Restarter::Data::refreshed(Instance& i) {
  i.phase = Phase::idle;
  i.failures = 0;
  // A question that is open about an emptied contract still takes it towards offline.
  const bool open = i.question != 0 && i.asked == vm::Cause::contract_empty;
  set_state(i, i.view.state, open ? State::offline : State::none, i.view.reason, i.view.why);
  stop_dependents(graph.dependents(i.fmri), StopCause::refresh, false);
  touch(i);
}

void Restarter::Data::refresh_ended(Instance& i, Outcome outcome) {
  if (outcome == Outcome::ok) {
    refreshed(i);
    return;
  }
  if (outcome == Outcome::retry && ++i.failures < kFaultThreshold) {
    // Whoever wants it down by now gets it without another attempt.
    if (i.maintain || wants_order(i)) {
      refreshed(i);
      return;
    }
    refresh_once(i);
    return;
  }
  const auto reason = outcome == Outcome::retry ? Reason::fault_threshold_reached : Reason::method_failed;
  notice_failure(i, outcome);
  if (!i.view.vm_instance || i.contract_empty) release(i, !i.contract_empty);
  leave(i, State::maintenance, reason, "the refresh method failed", StopCause::fault, false);
}

// 6.14: what happened, by the name of the instance without its scheme.
void Restarter::Data::notice_transition(const Instance& i, std::string_view how) {
  std::string_view name = i.fmri;
  if (name.starts_with("svc:/")) name.remove_prefix(5);
  actions_.push_back(Notice{fmt::format("{} {} (see 'svcs -xv' for details)", name, how)});
}

void Restarter::Data::notice_failure(const Instance& i, Outcome outcome) {
  std::string_view how = "failed";
  if (outcome == Outcome::retry) how = "failed repeatedly";
  if (outcome == Outcome::timed_out) how = "timed out";
  if (outcome == Outcome::misconfigured) how = "misconfigured";
  if (outcome == Outcome::fatal) how = "failed fatally";
  notice_transition(i, fmt::format("{}: transitioned to maintenance", how));
}

}  // namespace vmkeep::restarter
