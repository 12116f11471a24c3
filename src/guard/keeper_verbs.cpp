// What people ask of a VM: look, ask the table, act, tell how it went (behaviour spec 1.5 to 1.10, 6).
//
// The outage that a verb makes is on record in vmkeepd before it comes here, so nothing that happens to us in
// the middle of it makes the monitor take the operator's doing for a fault, and nothing has to be undone.
#include <algorithm>
#include <utility>

#include "control/messages.h"
#include "guard/keeper.h"
#include "guard/messages.h"

namespace vmkeep::guard {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr int kFailed = 95;
constexpr int kConfig = 96;
constexpr int kTryLater = 1;
constexpr Instant kIdentify = 60s;
constexpr Instant kLook = 30s;
constexpr Instant kCall = 60s;
constexpr Instant kSnapshot = std::chrono::hours(1);
constexpr Instant kUnlimited = std::chrono::hours(24 * 365);

Outcome outcome(int code, std::string text) {
  Outcome result;
  result.code = code;
  result.text = std::move(text);
  return result;
}

Outcome refused(const char* what, const Error& error) {
  return outcome(kFailed, std::string("The VM could not be ") + what + ": " + error.message);
}

std::string is(const vm::Observation& observed) {
  return "The VM is " + std::string(vm::in_words(observed.state));
}

}  // namespace

Task<> Keeper::verb(const json::object& call) {
  const std::string name = text_of(call, "verb");
  in_verb_ = true;
  interrupted_ = false;
  doing_ = name + ", asked for by " + text_of(call, "by");
  towards_ = name == "save" || name == "gui" ? vm::VmState::saving : vm::VmState::unknown;
  if (name == "poweroff" || name == "reboot") towards_ = vm::VmState::stopping;
  log(name + " was asked for by " + text_of(call, "by") + ".");
  Outcome ended = co_await perform(call);
  log(name + " ended with " + std::to_string(ended.code) + (ended.text.empty() ? "." : ": " + ended.text));
  in_verb_ = false;
  doing_.clear();
  auto answer = message("outcome", fmri_);
  answer["call"] = control::int_member(call, "call", 0);
  answer["code"] = ended.code;
  answer["text"] = control::value_to_json(ended.text);
  answer["outage"] = ended.outage;
  answer["start"] = ended.start;
  answer["argv"] = to_json(ended.launch.argv);
  answer["environment"] = to_json(ended.launch.environment);
  channel_.send(answer);
}

Task<Outcome> Keeper::perform(const json::object& call) {
  auto known = co_await identify(now() + kIdentify);
  if (!known) {
    const bool hopeless =
        known.error().kind == ErrorKind::not_found || known.error().kind == ErrorKind::invalid;
    co_return outcome(hopeless ? kConfig : kTryLater, known.error().message);
  }
  const std::string name = text_of(call, "verb");
  if (name == "save") co_return co_await take_down(vm::TakeDown::save, call);
  if (name == "poweroff") co_return co_await take_down(vm::TakeDown::poweroff, call);
  if (name == "reboot") co_return co_await take_down(vm::TakeDown::reboot, call);
  if (name == "start") co_return co_await start_wanted(call);
  if (name == "stop" || name == "gui_end") co_return co_await stop_now(call);
  if (name == "reset") co_return co_await reset_vm();
  if (name == "pause" || name == "resume") co_return co_await pause_vm(name == "pause");
  if (name == "zfssnap") co_return co_await zfs_by_hand(call);
  if (name == "snapshot") co_return co_await take_snapshot(call);
  if (name == "gui") co_return co_await open_window(call);
  if (name == "screenshot") {
    const std::string path = text_of(call, "path");
    auto taken = co_await driver_.screenshot(uuid_, path, now() + kCall);
    if (!taken) co_return outcome(kFailed, "No screenshot: " + taken.error().message);
    co_return outcome(0, "The screenshot is in " + path + ".");
  }
  co_return outcome(kConfig, "There is no verb \"" + name + "\".");
}

hypervisor::Percent Keeper::progress_of(const json::object& call) {
  const int64_t number = control::int_member(call, "call", 0);
  return [self = shared_from_this(), number](int percent) {
    auto news = message("progress", self->fmri_);
    news["call"] = number;
    news["percent"] = percent;
    self->channel_.send(news);
  };
}

Task<vm::Observation> Keeper::plain_look() {
  auto looked = co_await driver_.look(uuid_, now() + kLook);
  co_return note(looked);
}

// ---- down
// -------------------------------------------------------------------------------------------------------

Task<Outcome> Keeper::take_down(vm::TakeDown how, const json::object& call) {
  std::optional<std::chrono::milliseconds> limit = with_asked_timeout(call).stop_timeout;
  // A state that passes may take as long as a step.
  const Instant patience = now() + (limit ? Instant(*limit) : kUnlimited);
  const Planner planner = [how, limit](const vm::Observation& observed) {
    return vm::take_down_plan(how, observed, limit);
  };
  const auto progress = progress_of(call);
  const Descent descent = co_await bring_down(planner, patience, progress);
  Outcome result = outcome(descent.code, descent.text);
  using End = Descent::End;
  result.outage = descent.end == End::down;
  // A window has its own occasions, and neither it nor a reboot goes on from what is only half done.
  const bool window = text_of(call, "verb") == "gui";
  const bool alone = how != vm::TakeDown::reboot && !window && !cut_short();
  if (descent.end == End::failed && alone) co_await follow_on(result);
  if (control::bool_member(call, "kill", false) && how != vm::TakeDown::save &&
      descent.end != End::still_up) {
    result = co_await kill_process(std::move(result));
  }
  if (descent.end != End::nothing_to_do && !window) {
    const std::string method(how == vm::TakeDown::save ? "savestate" : "poweroff-graceful");
    result = co_await with_snapshot(std::move(result), how, method);
  }
  if (how != vm::TakeDown::reboot) co_return result;
  if (descent.end == End::nothing_to_do) {
    result.start = !control::bool_member(call, "if_running", false);
    if (!result.start) result.text += "; left as it is, as it was to be rebooted only if it runs";
  } else if (result.outage) {
    result.start = true;
  }
  co_return result;
}

// What was begun and takes longer than it was given goes on: it stays the operator's doing.
Task<> Keeper::follow_on(Outcome& result) {
  const vm::Observation observed = co_await plain_look();
  if (!vm::is_passing(observed.agreed())) co_return;
  result.outage = true;
  result.text = is(observed) + " still, which took longer than it was given: it goes on.";
}

// -k: whatever is left of the VM's process ends.
Task<Outcome> Keeper::kill_process(Outcome before) {
  if (!driver_.process(uuid_)) co_return before;
  log("Killing the process of the VM.");
  auto killed = co_await driver_.kill_process(uuid_, pace_.kill_spacing);
  before.code = killed ? 0 : kFailed;
  before.outage = before.outage || killed.has_value();
  before.text = killed ? "The process of the VM was ended." : killed.error().message;
  co_return before;
}

// `stop` of a VM whose instance is not up, and the end of a window: by the stop method that is named, else by
// the one that is configured.
Task<Outcome> Keeper::stop_now(const json::object& call) {
  vm::VmConfig config = with_asked_timeout(call);
  const bool window = text_of(call, "verb") == "gui_end";
  if (window && config.is_interactive) config.stop_method = vm::StopMethod::poweroff_graceful;
  if (const std::string word = text_of(call, "text"); !word.empty()) {
    const auto method = vm::stop_method(word);
    if (!method) co_return outcome(kConfig, "\"" + word + "\" is no stop method.");
    config.stop_method = *method;
  }
  const Instant patience = now() + (config.stop_timeout ? Instant(*config.stop_timeout) : kUnlimited);
  const Planner planner = [config](const vm::Observation& observed) {
    return vm::stop_plan(config, observed, std::nullopt);
  };
  const auto progress = progress_of(call);
  const Descent descent = co_await bring_down(planner, patience, progress);
  co_return outcome(descent.code, descent.text);
}

// ---- up
// ---------------------------------------------------------------------------------------------------------

// Whether the start method is to run; it looks and decides for itself.
Task<Outcome> Keeper::start_wanted(const json::object& call) {
  const bool force = control::bool_member(call, "force", false);
  const bool online = control::bool_member(call, "online", false);
  const vm::Observation observed = co_await plain_look();
  const auto plan = vm::start_plan(*config_, observed, force);
  Outcome result = outcome(0, plan.why);
  switch (plan.action) {
    case vm::StartAction::adopt:
    case vm::StartAction::save_then_launch:
      result.start = !online;
      if (online) result.text = is(observed) + " already: there is nothing to do.";
      break;
    case vm::StartAction::resume:
      if (!online) {
        result.start = true;
      } else if (auto resumed = co_await driver_.resume(uuid_, now() + kCall); !resumed) {
        co_return refused("resumed", resumed.error());
      }
      break;
    case vm::StartAction::leave:
      result.text += " (start --force starts it)";
      break;
    case vm::StartAction::refuse:
      result.code = kFailed;
      break;
    case vm::StartAction::misconfigured:
      result.code = kConfig;
      break;
    default:
      result.start = true;
  }
  co_return result;
}

Task<Outcome> Keeper::reset_vm() {
  auto reset = co_await driver_.control(uuid_, vm::StopAction::reset, now() + kCall);
  if (!reset) co_return outcome(kTryLater, "The VM could not be reset: " + reset.error().message);
  co_return outcome(0, "The VM was reset.");
}

Task<Outcome> Keeper::pause_vm(bool pause) {
  const vm::Observation observed = co_await plain_look();
  const vm::VmState from = pause ? vm::VmState::running : vm::VmState::paused;
  const vm::VmState to = pause ? vm::VmState::paused : vm::VmState::running;
  Outcome result = outcome(0, is(observed) + " already.");
  result.outage = pause && observed.agreed() == to;
  if (observed.agreed() == to) co_return result;
  const char* const what = pause ? "paused" : "resumed";
  if (observed.agreed() != from) {
    co_return outcome(kFailed, is(observed) + ": it cannot be " + what + ".");
  }
  Result<> done;
  if (pause) {
    done = co_await driver_.pause(uuid_, now() + kCall);
  } else {
    done = co_await driver_.resume(uuid_, now() + kCall);
  }
  if (!done) co_return refused(what, done.error());
  result = outcome(0, std::string("The VM was ") + what + ".");
  result.outage = pause;
  co_return result;
}

Task<Outcome> Keeper::take_snapshot(const json::object& call) {
  const std::string name = text_of(call, "name");
  if (name.empty()) co_return outcome(kConfig, "A snapshot needs a name.");
  const std::string description = text_of(call, "text");
  const auto progress = progress_of(call);
  auto taken = co_await driver_.take_snapshot(uuid_, name, description, now() + kSnapshot, progress);
  if (!taken) co_return outcome(kFailed, "No snapshot: " + taken.error().message);
  co_return outcome(0, "The snapshot \"" + name + "\" was taken.");
}

// ---- the window
// -------------------------------------------------------------------------------------------------

Task<Outcome> Keeper::open_window(const json::object& call) {
  // Before anything is done to the VM: without a front end it had better go on running.
  auto command = driver_.front_end(hypervisor::VmRef{uuid_, name_, true});
  if (!command) co_return outcome(kFailed, "There is no window: " + command.error().message);
  Outcome saved = co_await take_down(vm::TakeDown::save, call);
  const vm::VmState state = seen_.agreed();
  if (saved.code == 0 && !saved.outage && vm::is_up(state)) saved.code = kFailed;
  if (saved.code != 0) co_return saved;
  co_await zfs_snapshot(vm::SnapshotOccasion::before_gui, now() + kCall);
  saved.outage = true;
  saved.launch = std::move(*command);
  await_window();
  co_return saved;
}

bool Keeper::window_comes() const {
  return vm::awaits_window(outage_, now());
}

bool Keeper::in_window() const {
  return outage_ && outage_->kind == vm::OutageKind::gui;
}

// What can be known of the VM without its lock.
Task<vm::Observation> Keeper::look_aside(Instant deadline) {
  if (driver_.process(uuid_)) {
    const auto listed = co_await driver_.is_running(uuid_, deadline);
    if (listed && *listed) co_return vm::Observation{vm::VmState::running, vm::Witness::present, ""};
  }
  if (seen_.answered && !vm::is_up(seen_.state)) co_return seen_;
  co_return co_await settled_look(deadline);  // a successor of the guard that saved it knows nothing yet
}

void Keeper::await_window() {
  if (std::exchange(awaiting_window_, true)) return;
  start(executor_, window_watcher(shared_from_this()));
}

// From here on the VM is a process that is not ours: that it has come, and later that it has gone, is
// reported, and the monitor's questions do the rest.  Whether somebody still waits for it is vmkeepd's
// business: it says so by asking.
Task<> Keeper::window_watcher(std::shared_ptr<Keeper> self) {
  constexpr Instant kLongestLease = std::chrono::hours(24 * 7);
  const Instant end = now() + kLongestLease;
  bool runs = false;
  while (!self->stopped_ && !runs && self->in_window() && now() < end) {
    co_await sleep_until(now() + self->pace_.window);
    // Its process is no proof yet that the window has the VM.
    if (self->stopped_ || !self->driver_.process(self->uuid_)) continue;
    const auto listed = co_await self->driver_.is_running(self->uuid_, now() + kLook);
    runs = listed && *listed;
  }
  self->awaiting_window_ = false;
  if (self->stopped_ || !runs || !self->in_window()) co_return;
  self->put(message("window", self->fmri_));
  self->watch();
  auto report = message("report", self->fmri_);
  report["text"] = "it runs";
  self->channel_.send(report);
}

}  // namespace vmkeep::guard
