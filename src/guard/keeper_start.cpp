// The start method of a VM: look, ask start_plan(), do it, and say "online" only when the VM runs.
#include <utility>

#include "control/messages.h"
#include "guard/keeper.h"
#include "guard/messages.h"

namespace vmkeep::guard {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr int kOk = 0;
constexpr int kRetry = 1;        // SMF retries it
constexpr int kFatal = 95;       // SMF_EXIT_ERR_FATAL
constexpr int kConfig = 96;      // SMF_EXIT_ERR_CONFIG
constexpr Instant kLook = 30s;   // one look; facts 3: a call may hang for ten seconds and still be good
constexpr Instant kLocked = 2s;  // a lock that is not gone by then is somebody's (T40: told within 5 s)
constexpr Instant kLockedPause = 500ms;
// How often a launch is tried again that fell together with the hypervisor's service.
constexpr int kOrphaned = 2;
constexpr Instant kReserve = 2s;  // of the method's time, for telling what happened
// How long a process that we launched may take to say that somebody else has its VM.
constexpr Instant kRival = 30s;

Step done(int code, const std::string& text) {
  return Step{"done", code, text + "\n", {}};
}

int code_of(const Error& error) {
  const bool hopeless = error.kind == ErrorKind::not_found || error.kind == ErrorKind::invalid;
  return hopeless ? kConfig : kRetry;
}

}  // namespace

Task<Step> Keeper::start_vm(const json::object& call, Instant deadline) {
  deadline -= kReserve;
  auto known = co_await identify_for_start(deadline);
  if (!known) co_return done(code_of(known.error()), known.error().message);
  const bool commanded = control::bool_member(call, "commanded", false);
  const int64_t launched = control::int_member(call, "pid", -1);  // by this start, before it asked again
  Instant pause = 50ms;
  Step adopted;
  while (!abandoned_ && now() < deadline) {
    const auto looked = co_await driver_.look(uuid_, std::min(deadline, now() + kLook));
    const auto observed = note(looked);
    const auto process = launched > 0 ? driver_.process(uuid_) : std::nullopt;
    const auto plan = vm::start_plan(*config_, observed, commanded, process && process->pid == launched);
    switch (plan.action) {
      case vm::StartAction::launch:
        log(plan.why);
        co_return co_await launch(call, deadline);
      case vm::StartAction::adopt:
        log(plan.why);
        adopted = co_await adopt(deadline);
        co_return co_await become_ready(call, std::move(adopted), deadline + kReserve, false);
      case vm::StartAction::resume: {
        log(plan.why);
        co_await zfs_snapshot(vm::SnapshotOccasion::resume, deadline);
        auto resumed = co_await driver_.resume(uuid_, deadline);
        if (!resumed) co_return done(kFatal, "The VM could not be resumed: " + resumed.error().message);
        adopted = co_await adopt(deadline);
        co_return co_await become_ready(call, std::move(adopted), deadline + kReserve, true);
      }
      case vm::StartAction::poweroff_then_launch: {
        log(plan.why);
        auto off = co_await driver_.control(uuid_, vm::StopAction::poweroff, deadline);
        if (!off) co_return done(kFatal, "The VM could not be powered off: " + off.error().message);
        if (!co_await reached(vm::VmState::poweroff, deadline)) {
          co_return done(kFatal, "The VM did not go off in time.");
        }
        co_return co_await launch(call, deadline);
      }
      case vm::StartAction::save_then_launch:
        log(plan.why);
        co_return co_await save_then_launch(call, deadline);
      case vm::StartAction::misconfigured:
        co_return done(kConfig, plan.why);
      case vm::StartAction::leave:
        co_return done(kOk, plan.why);
      case vm::StartAction::refuse:
        co_return done(kFatal, plan.why);
      case vm::StartAction::retry:
      case vm::StartAction::wait:
        tell_what_start_waits_for(plan.why);
        break;
    }
    co_await sleep_until(std::min(deadline, now() + pause));
    pause = std::min<Instant>(pause * 2, 1s);
  }
  const std::string what = "The VM came to no state in which it could be started before the time was over";
  co_return done(kRetry, what + (waits_for_.empty() ? "." : ": " + waits_for_));
}

// A hypervisor that is there and answers nothing that makes sense is asked again, as for a state (B1).
Task<Result<>> Keeper::identify_for_start(Instant deadline) {
  Instant pause = 50ms;
  waits_for_.clear();
  for (;;) {
    auto ready = co_await driver_.prepare(deadline);
    if (!ready) co_return fail(ErrorKind::unavailable, ready.error().message);
    auto known = co_await identify(deadline);
    const bool again = !known && code_of(known.error()) == kRetry && !abandoned_;
    if (!again || now() + pause >= deadline) co_return known;
    tell_what_start_waits_for(known.error().message);
    co_await sleep_until(now() + pause);
    pause = std::min<Instant>(pause * 2, 1s);
  }
}

// For whoever asks why the VM does not come up; each thing once.
void Keeper::tell_what_start_waits_for(const std::string& why) {
  if (std::exchange(waits_for_, why) == why) return;
  log("The start waits: " + why);
  auto news = message("waits", fmri_);
  news["text"] = control::value_to_json(why);
  channel_.send(news);
}

// vm/takeover=savestate: as vboxsvc took over what ran (1.6), but a save that fails is a start that fails.
Task<Step> Keeper::save_then_launch(const json::object& call, Instant deadline) {
  const auto saved = co_await driver_.control(uuid_, vm::StopAction::savestate, deadline);
  if (!saved) co_return done(kFatal, "The VM could not be saved: " + saved.error().message);
  if (!co_await reached(vm::VmState::saved, deadline))
    co_return done(kRetry, "The VM was not saved in time.");
  co_return co_await launch(call, deadline);
}

// The method process executes the VM; from then on until it runs nobody may query it (facts 1), so the list
// of running VMs, which locks nothing, tells when it is there.
Task<Step> Keeper::launch(const json::object& call, Instant deadline) {
  co_await zfs_snapshot(vm::SnapshotOccasion::start, deadline);
  auto command = driver_.launch(hypervisor::VmRef{uuid_, name_, true});
  if (!command) co_return done(kConfig, command.error().message);
  if (!config_->timezone.empty()) command->environment.push_back("TZ=" + config_->timezone);
  Instant patience = now() + kLocked;
  launching_ = control::int_member(call, "call", -1);
  Step step;
  for (int orphaned = 0;;) {
    const pid_t service = driver_.service();
    while (!replies_.empty()) co_await replies_.pop(now());
    send_step(call, Step{"exec", 0, "", *command});
    step = co_await follow_launch(deadline, command->exit_if_locked);
    if (!step.died || abandoned_ || now() >= deadline) break;
    const bool went = co_await service_went(service);
    if (went && ++orphaned <= kOrphaned) {
      log("the hypervisor's service ended while the VM came up, and the VM with it; trying again");
      patience = now() + kLocked;
      continue;
    }
    if (!step.again || now() >= patience) break;
    log("another session may be letting go of the VM; trying again");
    co_await sleep_until(now() + kLockedPause);
  }
  step = co_await become_ready(call, step, deadline + kReserve, true);
  launching_ = -1;
  co_return step;
}

Task<Step> Keeper::follow_launch(Instant deadline, std::optional<int> exit_if_locked) {
  auto launched = co_await replies_.pop(std::min(deadline, now() + Instant(20s)));
  if (!launched) co_return done(kRetry, "The method did not start the VM in time.");
  if (text_of(*launched, "kind") != "launched") co_return done(kFatal, text_of(*launched, "text"));
  const int64_t ours = control::int_member(*launched, "pid", -1);
  std::optional<Instant> rival;  // until then
  Instant pause = 30ms;
  while (now() < deadline && !abandoned_) {
    auto news = co_await replies_.pop(std::min(deadline, now() + pause));
    if (news && text_of(*news, "kind") == "died") {
      Step died = done(kFatal, "The VM's process " + text_of(*news, "text") + " before the VM was running.");
      died.died = true;
      died.again = exit_if_locked && control::int_member(*news, "code", -1) == *exit_if_locked;
      co_return died;
    }
    const auto up = co_await driver_.is_running(uuid_, deadline);
    const bool runs = up && *up;
    const auto process = runs && ours > 0 ? driver_.process(uuid_) : std::nullopt;
    // It runs, but perhaps in the process of somebody who was faster: what ours says of that is the result
    // (T40).
    const bool doubtful = process && (process->pid != ours || driver_.contested(uuid_));
    if (doubtful && !rival) rival = now() + kRival;
    if (runs && (!doubtful || now() >= *rival)) {
      Step born = done(kOk, "The VM is running.");
      born.up = "born";
      co_return born;
    }
    pause = std::min<Instant>(pause * 2, 250ms);
  }
  if (abandoned_) co_return done(kRetry, "The VM was not running before the time was over.");
  co_return co_await never_came_up();
}

// Whether what ended may have ended because the hypervisor's service did.
Task<bool> Keeper::service_went(pid_t before) {
  const auto ready = co_await driver_.prepare(now() + kLook);
  co_return !ready || driver_.service() != before;
}

// A large restore may be on its way: the retry adopts what it finds.  Anything else will not come up any
// more.
Task<Step> Keeper::never_came_up() {
  const auto looked = co_await driver_.look(uuid_, now() + kReserve);
  const std::string what = "The VM was not running before the time was over";
  if (looked && vm::is_passing(looked->agreed())) {
    co_return done(kRetry, what + ": it is still " + std::string(vm::to_string(looked->agreed())) + ".");
  }
  co_await driver_.control(uuid_, vm::StopAction::emergencystop, now() + kReserve);
  const Outcome before;
  const Outcome killed = co_await kill_process(before);
  co_return done(kFatal, what + "; its process was stopped.");
}

Task<std::optional<std::string>> Keeper::taken_into_contract(pid_t pid) {
  auto request = message("adopt", fmri_);
  request["pid"] = pid;
  while (!replies_.empty()) co_await replies_.pop(now());
  channel_.send(request);
  auto answer = co_await reply("adopted", now() + Instant(5s));
  if (!answer) co_return "vmkeepd did not answer";
  const std::string refusal = text_of(*answer, "text");
  co_return refusal.empty() ? std::nullopt : std::optional(refusal);
}

Task<Step> Keeper::adopt(Instant) {
  const auto process = driver_.process(uuid_);
  if (!process) co_return done(kRetry, "The VM is said to run, but its process is not to be found.");
  if (const auto refusal = co_await taken_into_contract(process->pid)) {
    co_return done(kFatal, "The VM runs as process " + std::to_string(process->pid) +
                               ", which cannot be taken into this contract: " + *refusal + ".");
  }
  Step adopted =
      done(kOk, "The VM runs already, as process " + std::to_string(process->pid) + "; it was adopted.");
  adopted.up = "adopted";
  co_return adopted;
}

}  // namespace vmkeep::guard
