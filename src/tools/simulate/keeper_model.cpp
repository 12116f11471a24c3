#include "tools/simulate/keeper_model.h"

#include <algorithm>
#include <utility>

namespace vmkeep::simulate {

namespace {

using namespace std::chrono_literals;
using vm::VmState;

// As guard/keeper*.cpp has them.
constexpr Instant kSettle = 10s;
constexpr Instant kReserve = 2s;
constexpr Instant kCall = 12s;
constexpr Instant kSilence = 10s;
constexpr Instant kStartPatience = 600s;
constexpr Instant kStopPatience = std::chrono::hours(24 * 365);
constexpr Instant kStopAfterStart = 120s;
constexpr Instant kForcedCall = 500ms;
constexpr Instant kLook = 50ms;  // what one look takes
constexpr Instant kLongestPause = 1s;
constexpr uint64_t kOperator = uint64_t{1} << 62;  // numbers beyond those of methods

}  // namespace

KeeperModel::KeeperModel(Schedule& schedule, VmModel& vm, Ports ports)
    : schedule_(schedule),
      vm_(vm),
      ports_(std::move(ports)),
      guest_(schedule, vm, history, {ports_.log, ports_.report}) {}

void KeeperModel::configure(Result<vm::VmConfig> config) {
  config_error_ = config ? std::string() : config.error().message;
  if (config) config_ = std::move(*config);
  guest_.configure(config_);
}

void KeeperModel::begin(uint64_t run) {
  run_ = run;
  kept_ = false;
  question_ = 0;
  over_ = [this, run](int code, const std::string& text) { ports_.done(run, code, text); };
}

void KeeperModel::finish(int code, const std::string& text) {
  run_ = 0;
  waiter_ = nullptr;
  const auto over = std::move(over_);
  over(code, text);
}

void KeeperModel::came_up() {
  history.started = schedule_.now();
  history.outage.reset();
  history.restart_saved_once = false;
  watch(true);
}

void KeeperModel::watch(bool started) {
  if (watched_) return guest_.changed();
  watched_ = true;
  guest_.begin(started);
}

void KeeperModel::unwatch() {
  watched_ = false;
  guest_.end();
}

// ---- start

void KeeperModel::start(uint64_t run, bool commanded, std::optional<Instant> deadline) {
  begin(run);
  if (!config_error_.empty()) {
    schedule_.after(kLook, [this, run] {
      if (run == run_) finish(96, "the configuration is refused: " + config_error_);
    });
    return;
  }
  limit_ = deadline ? std::optional(*deadline - schedule_.now()) : std::nullopt;
  method_end_ = deadline.value_or(schedule_.now() + kStartPatience);
  const Instant last = method_end_ - kReserve;
  schedule_.after(kLook, [=, this] { start_look(run, commanded, last, kLook); });
}

void KeeperModel::start_look(uint64_t run, bool commanded, Instant deadline, Instant pause) {
  if (run != run_) return;
  if (schedule_.now() >= deadline) {
    return finish(1, "the VM came to no state in which it could be started before the time was over");
  }
  Instant again = schedule_.now() + pause;
  if (vm_.silent()) {
    again = vm_.silent_until;
  } else {
    const auto plan = vm::start_plan(config_, vm_.observe(), commanded);
    const bool later = plan.action == vm::StartAction::retry || plan.action == vm::StartAction::wait;
    if (!later) return carry_out(run, plan, deadline);
  }
  schedule_.at(std::min(again, deadline),
               [=, this] { start_look(run, commanded, deadline, std::min(pause * 2, kLongestPause)); });
}

void KeeperModel::carry_out(uint64_t run, const vm::StartPlan& plan, Instant deadline) {
  const auto then = [this, run](const char* failed, std::function<void()> next) {
    return [this, run, failed, next = std::move(next)](const std::optional<std::string>& trouble) {
      if (run != run_) return;
      if (trouble) return finish(95, failed + *trouble);
      next();
    };
  };
  const auto launches = [this, run, deadline] { launch(run, deadline); };
  if (plan.action != vm::StartAction::leave) ports_.log(plan.why);
  switch (plan.action) {
    case vm::StartAction::launch:
      return launches();
    case vm::StartAction::adopt:
      return become_ready(run, false, "the VM was adopted");
    case vm::StartAction::resume:
      return vm_.resume(then("the VM could not be resumed: ",
                             [this, run] { become_ready(run, true, "the VM was adopted"); }));
    case vm::StartAction::poweroff_then_launch:
      return vm_.control(vm::StopAction::poweroff, then("the VM could not be powered off: ", launches));
    case vm::StartAction::save_then_launch:
      return vm_.control(vm::StopAction::savestate, then("the VM could not be saved: ", launches));
    case vm::StartAction::leave:
      return finish(0, plan.why);
    case vm::StartAction::misconfigured:
      return finish(96, plan.why);
    default:
      return finish(95, plan.why);
  }
}

void KeeperModel::launch(uint64_t run, Instant deadline) {
  vm_.launch([this, run](const std::optional<std::string>& trouble) {
    if (run != run_) return;
    if (trouble) return finish(95, "the VM's process " + *trouble + " before the VM was running");
    become_ready(run, true, "the VM is running");
  });
  schedule_.at(deadline, [this, run] {
    if (run == run_) finish(1, "the VM was not running before the time was over");
  });
}

// ---- readiness

void KeeperModel::become_ready(uint64_t run, bool launched, const std::string& text) {
  vm::ReadyInput input;
  input.limit = limit_;
  input.deadline = method_end_;
  input.hook_usable = guest_.usable();
  input.launched = launched;
  const auto plan = vm::ready_plan(config_, input);
  if (plan.by == vm::ReadyBy::nothing) return finish(0, text);
  ports_.log(plan.why);
  waiter_ = [this, run] {
    if (run == run_ && !vm_.process()) finish(95, "the VM's process ended before its guest was ready");
  };
  ask_guest(run, plan, launched, text);
}

void KeeperModel::ask_guest(uint64_t run, const vm::ReadyPlan& plan, bool launched, const std::string& text) {
  if (run != run_) return;
  switch (plan.by) {
    case vm::ReadyBy::hook:
      return guest_.check([=, this](const vm::HookNews& news) {
        guest_answered(run, plan, launched, text, news.code == 0 && !news.timed_out);
      });
    case vm::ReadyBy::guest_property:
      return guest_answered(run, plan, launched, text, vm_.ready());
    default:
      schedule_.at(plan.until, [=, this] {
        if (run == run_) guest_late(plan, launched, text);
      });
  }
}

void KeeperModel::guest_answered(uint64_t run, const vm::ReadyPlan& plan, bool launched,
                                 const std::string& text, bool ready) {
  if (run != run_) return;
  if (ready) return finish(0, text + ", and its guest is ready");
  if (schedule_.now() >= plan.until) return guest_late(plan, launched, text);
  schedule_.at(std::min(plan.until, schedule_.now() + kLongestPause),
               [=, this] { ask_guest(run, plan, launched, text); });
}

void KeeperModel::guest_late(const vm::ReadyPlan& plan, bool launched, const std::string& text) {
  if (plan.by == vm::ReadyBy::time) return finish(0, text);
  if (!plan.strict) return finish(0, text + "; the guest was not ready in time, and that may be");
  finish(95, "the guest was not ready in time");
  if (!launched) return;
  const Planner planner = [this](const vm::Observation& observed) {
    return vm::stop_plan(config_, observed, kStopAfterStart);
  };
  bring_down(planner, schedule_.now() + kStopAfterStart, [](bool) {});
}

// ---- stop

void KeeperModel::stop(uint64_t run, std::optional<Instant> deadline, bool force) {
  begin(run);
  unwatch();
  const Instant patience = deadline.value_or(schedule_.now() + kStopPatience);
  const Planner planner = [this, deadline, force](const vm::Observation& observed) {
    std::optional<std::chrono::milliseconds> budget;
    if (deadline) budget = std::max(*deadline - schedule_.now(), Instant(0));
    return vm::stop_plan(config_, observed, budget, force);
  };
  schedule_.after(kLook, [=, this] { stop_look(run, planner, patience, kLook); });
}

void KeeperModel::bring_down(const Planner& planner, Instant patience, std::function<void(bool)> then) {
  const uint64_t run = kOperator + ++words_;
  run_ = run;  // a question that is open stays so
  over_ = [this, then = std::move(then)](int code, const std::string& text) {
    ports_.log("taken down: exit " + std::to_string(code) + (text.empty() ? "" : ", " + text));
    then(code == 0);
  };
  stop_look(run, planner, patience, kLook);
}

void KeeperModel::stop_look(uint64_t run, const Planner& planner, Instant patience, Instant pause) {
  if (run != run_) return;
  std::string why = "the hypervisor does not answer";
  if (!vm_.silent()) {
    const auto plan = planner(vm_.observe());
    if (!plan.wait_first) {
      ports_.log(plan.why);
      if (plan.steps.empty()) return finish(0, "");
      return stop_step(run, plan, 0, patience, "");
    }
    why = plan.why;
  }
  if (schedule_.now() >= patience) return finish(1, why);
  const Instant again = vm_.silent() ? vm_.silent_until : schedule_.now() + pause;
  schedule_.at(std::min(again, patience),
               [=, this] { stop_look(run, planner, patience, std::min(pause * 2, kLongestPause)); });
}

void KeeperModel::stop_step(uint64_t run, const vm::StopPlan& plan, size_t index, Instant patience,
                            std::string trouble) {
  if (index == plan.steps.size()) return finish(95, trouble);
  const vm::StopStep step = plan.steps[index];
  const Instant limit = step.budget ? schedule_.now() + *step.budget : patience;
  const auto answered = std::make_shared<bool>(false);
  const auto next = [=, this](const std::string& text) {
    ports_.log(text);
    stop_step(run, plan, index + 1, patience, text);
  };
  const auto sent = [=, this](const std::optional<std::string>& refusal) {
    if (run != run_ || std::exchange(*answered, true)) return;
    if (refusal) return next("the VM could not be stopped that way: " + *refusal);
    kept_ = step.wanted == VmState::unknown;
    if (kept_) return finish(0, "the VM stays active");
    wait_for(run, step.wanted, limit, [=, this](bool reached) {
      if (reached) return finish(0, "the VM is " + std::string(vm::in_words(step.wanted)));
      next("the VM did not become " + std::string(vm::in_words(step.wanted)) + " in time");
    });
  };
  vm_.control(step.action, sent);
  const Instant least = plan.forced ? kForcedCall : kCall;
  schedule_.at(std::max(limit, schedule_.now() + least), [sent] { sent("it did not end in time"); });
}

void KeeperModel::wait_for(uint64_t run, VmState wanted, Instant limit, std::function<void(bool)> then) {
  const auto over = std::make_shared<bool>(false);
  waiter_ = [=, this] {
    if (run != run_ || *over) return;
    const VmState state = vm_.state();
    const bool down = !vm_.process();
    if (!down && schedule_.now() < limit) return;
    *over = true;
    then(down && state == wanted);
  };
  schedule_.at(limit, waiter_);
  const auto first = waiter_;
  first();
}

// ---- verdicts

void KeeperModel::ask(uint64_t question, vm::Cause cause) {
  question_ = question;
  const Instant until = schedule_.now() + kSettle;
  schedule_.after(kLook, [=, this] { look_for_answer(question, cause, until, kLook); });
}

void KeeperModel::look_for_answer(uint64_t question, vm::Cause cause, Instant until, Instant pause) {
  if (question != question_) return;
  const Instant now = schedule_.now();
  if (vm_.silent() && now < until) {
    schedule_.at(std::min(vm_.silent_until, until),
                 [=, this] { look_for_answer(question, cause, until, pause); });
    return;
  }
  const auto observed = vm_.silent() ? vm::no_answer("the look did not end in time") : vm_.observe();
  const auto state = observed.agreed();
  const bool settled = state != VmState::unknown && !vm::is_passing(state);
  if (settled || now + pause >= until) return judge(question, cause, observed);
  schedule_.after(pause,
                  [=, this] { look_for_answer(question, cause, until, std::min(pause * 2, kLongestPause)); });
}

void KeeperModel::judge(uint64_t question, vm::Cause cause, const vm::Observation& seen) {
  question_ = 0;
  vm::Observation observed = seen;
  observed.guest = guest_.take_news();
  const auto judgement = vm::judge(config_, history, observed, cause, schedule_.now());
  history = judgement.history;
  if (judgement.verdict.resume) {
    vm_.resume([this](const std::optional<std::string>& trouble) {
      if (trouble) ports_.log("the VM could not be resumed: " + *trouble);
    });
  }
  if (judgement.verdict.kind == vm::VerdictKind::maintenance) unwatch();
  if (judgement.verdict.kind == vm::VerdictKind::leave_online && vm_.process()) watch(false);
  guest_.changed();
  // The return of a heartbeat is reported.
  const bool heard = judgement.verdict.reason == graph::Reason::vm_unresponsive;
  const bool degraded = judgement.verdict.kind == vm::VerdictKind::degraded && !heard;
  const bool strange = history.unknown_in_a_row > 0 || degraded;
  if (strange && !std::exchange(asking_again_, true)) {
    schedule_.after(std::min(kSilence, Instant(config_.kicker_freq)), [this] {
      asking_again_ = false;
      ports_.report();
    });
  }
  ports_.answer(question, judgement.verdict);
  if (!judgement.verdict.reboot) return;
  schedule_.after(Instant(0), [this, patience = judgement.verdict.patience] { reboot(patience); });
}

// ---- hints

void KeeperModel::changed() {
  if (waiter_) schedule_.after(Instant(0), waiter_);
  if (!vm_.process()) unwatch();
  guest_.changed();
  if (watched_) schedule_.after(kLook, [this] { hinted(); });
}

void KeeperModel::hinted() {
  if (!watched_ || run_ != 0 || question_ != 0 || vm_.silent() || !vm_.process()) return;
  const auto state = vm_.observe().agreed();
  if (state == VmState::running || vm::is_passing(state)) return;
  ports_.report();
}

}  // namespace vmkeep::simulate
