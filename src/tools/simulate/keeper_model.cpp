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
constexpr Instant kSilence = 30s;
constexpr Instant kStartPatience = 600s;
constexpr Instant kStopPatience = std::chrono::hours(24 * 365);
constexpr Instant kLook = 50ms;  // what one look takes
constexpr Instant kLongestPause = 1s;

}  // namespace

KeeperModel::KeeperModel(Schedule& schedule, VmModel& vm, Ports ports)
    : schedule_(schedule), vm_(vm), ports_(std::move(ports)) {}

void KeeperModel::configure(Result<vm::VmConfig> config) {
  config_error_ = config ? std::string() : config.error().message;
  if (config) config_ = std::move(*config);
}

void KeeperModel::finish(int code, const std::string& text) {
  const uint64_t run = std::exchange(run_, 0);
  waiter_ = nullptr;
  ports_.done(run, code, text);
}

// ---- start

void KeeperModel::start(uint64_t run, bool commanded, std::optional<Instant> deadline) {
  run_ = run;
  question_ = 0;
  if (!config_error_.empty()) {
    schedule_.after(kLook, [this, run] {
      if (run == run_) finish(96, "the configuration is refused: " + config_error_);
    });
    return;
  }
  const Instant limit = deadline.value_or(schedule_.now() + kStartPatience) - kReserve;
  schedule_.after(kLook, [=, this] { start_look(run, commanded, limit, kLook); });
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
  switch (plan.action) {
    case vm::StartAction::launch:
      ports_.log(plan.why);
      return launch(run, deadline);
    case vm::StartAction::adopt:
      ports_.log(plan.why);
      return finish(0, "the VM was adopted");
    case vm::StartAction::resume:
      ports_.log(plan.why);
      return vm_.resume(then("the VM could not be resumed: ", [this] { finish(0, "the VM was adopted"); }));
    case vm::StartAction::poweroff_then_launch:
      ports_.log(plan.why);
      return vm_.control(vm::StopAction::poweroff,
                         then("the VM could not be powered off: ", [=, this] { launch(run, deadline); }));
    case vm::StartAction::save_then_launch:
      ports_.log(plan.why);
      return vm_.control(vm::StopAction::savestate,
                         then("the VM could not be saved: ", [=, this] { launch(run, deadline); }));
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
    finish(0, "the VM is running");
  });
  schedule_.at(deadline, [this, run] {
    if (run == run_) finish(1, "the VM was not running before the time was over");
  });
}

// ---- stop

void KeeperModel::stop(uint64_t run, std::optional<Instant> deadline) {
  run_ = run;
  question_ = 0;
  watched_ = false;
  const Instant patience = deadline.value_or(schedule_.now() + kStopPatience);
  schedule_.after(kLook, [=, this] { stop_look(run, deadline, patience, kLook); });
}

void KeeperModel::stop_look(uint64_t run, std::optional<Instant> deadline, Instant patience, Instant pause) {
  if (run != run_) return;
  std::string why = "the hypervisor does not answer";
  if (!vm_.silent()) {
    std::optional<std::chrono::milliseconds> budget;
    if (deadline) budget = std::max(*deadline - schedule_.now(), Instant(0));
    const auto plan = vm::stop_plan(config_, vm_.observe(), budget);
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
               [=, this] { stop_look(run, deadline, patience, std::min(pause * 2, kLongestPause)); });
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
    if (step.wanted == VmState::unknown) return finish(0, "the VM stays active");
    wait_for(run, step.wanted, limit, [=, this](bool reached) {
      if (reached) return finish(0, "the VM is " + std::string(vm::to_string(step.wanted)));
      next("the VM did not become " + std::string(vm::to_string(step.wanted)) + " in time");
    });
  };
  vm_.control(step.action, sent);
  schedule_.at(std::max(limit, schedule_.now() + kCall), [sent] { sent("it did not end in time"); });
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
  if (vm_.silent()) {
    // A look that gets no answer is given up, and no answer is one.
    if (schedule_.now() >= until)
      return judge(question, cause, vm::no_answer("the look did not end in time"));
    schedule_.at(std::min(vm_.silent_until, until),
                 [=, this] { look_for_answer(question, cause, until, pause); });
    return;
  }
  const auto observed = vm_.observe();
  const auto state = observed.agreed();
  const bool settled = state != VmState::unknown && !vm::is_passing(state);
  if (settled || schedule_.now() + pause >= until) return judge(question, cause, observed);
  schedule_.after(pause,
                  [=, this] { look_for_answer(question, cause, until, std::min(pause * 2, kLongestPause)); });
}

void KeeperModel::judge(uint64_t question, vm::Cause cause, const vm::Observation& observed) {
  question_ = 0;
  const auto judgement = vm::judge(config_, history, observed, cause, schedule_.now());
  history = judgement.history;
  if (judgement.verdict.resume) {
    vm_.resume([this](const std::optional<std::string>& trouble) {
      if (trouble) ports_.log("the VM could not be resumed: " + *trouble);
    });
  }
  if (judgement.verdict.kind == vm::VerdictKind::leave_online && vm_.process()) watched_ = true;
  ports_.answer(question, judgement.verdict);
  const bool strange = judgement.history.unknown_in_a_row > 0;
  if (!strange && judgement.verdict.kind != vm::VerdictKind::degraded) return;
  if (std::exchange(asking_again_, true)) return;
  schedule_.after(std::min<Instant>(kSilence, config_.kicker_freq), [this] {
    asking_again_ = false;
    ports_.report();
  });
}

// ---- hints

void KeeperModel::changed() {
  if (waiter_) schedule_.after(Instant(0), waiter_);
  if (watched_) schedule_.after(kLook, [this] { hinted(); });
}

void KeeperModel::hinted() {
  if (!watched_ || run_ != 0 || question_ != 0 || vm_.silent() || !vm_.process()) return;
  const auto state = vm_.observe().agreed();
  if (state == VmState::running || vm::is_passing(state)) return;
  if (state == VmState::paused && config_.ignore_paused_vm) return;
  ports_.report();
}

}  // namespace vmkeep::simulate
