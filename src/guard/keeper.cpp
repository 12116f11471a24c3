#include "guard/keeper.h"

#include <algorithm>
#include <utility>

#include "control/messages.h"
#include "guard/messages.h"
#include "hypervisor/done.h"

namespace vmkeep::guard {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr Instant kSettle = 10s;        // how long the two witnesses may take to agree
constexpr Instant kLookDeadline = 30s;  // facts 3: a call may hang for ten seconds and still be good
constexpr Instant kAnswer = 13s;        // a question is to be answered within 15 s
constexpr Instant kLookAtLeast = 3s;
constexpr Instant kMeanwhile = 2s;
constexpr Instant kStopAfterStart = 120s;
constexpr Instant kBetweenHints = 1s;  // VBox.log comes in bursts: one look for each burst

// Whether vm/name says how the VM is called.
bool is_named(const vm::ConfigReading& reading) {
  return std::any_of(reading.settings.begin(), reading.settings.end(), [](const vm::Setting& setting) {
    return setting.property != nullptr && setting.property->name == "name" && !setting.values.empty() &&
           setting.origin != vm::Origin::standard;
  });
}

}  // namespace

Keeper::Keeper(Executor executor, hypervisor::Hypervisor& driver, Channel& channel, std::string fmri,
               Pace pace, HookRunner* hooks)
    : executor_(executor),
      driver_(driver),
      channel_(channel),
      fmri_(std::move(fmri)),
      pace_(pace),
      replies_(executor),
      guest_(std::make_shared<GuestWatch>(executor, driver, channel, fmri_, hooks)) {}

void Keeper::log(const std::string& text) {
  auto line = message("log", fmri_);
  line["text"] = text;
  channel_.send(line);
}

vm::ConfigReading Keeper::read(const repository::Levels& levels) const {
  return vm::read_config(levels, fmri_.substr(fmri_.rfind(':') + 1));
}

void Keeper::configure(repository::Levels running) {
  auto reading = read(running);
  config_error_.clear();
  if (!reading.problems.empty()) {
    for (const auto& problem : reading.problems) {
      config_error_ += (config_error_.empty() ? "" : "; ") + problem.message;
    }
    log("The configuration of " + fmri_ + " is refused: " + config_error_);
    return;  // what was good before stays in force
  }
  vm::VmConfig& config = reading.config;
  const bool another = config.uuid.empty() ? config.name != name_ : config.uuid != uuid_;
  if (config_ && (config_->name != config.name || config_->uuid != config.uuid) && another) uuid_.clear();
  config_ = std::make_shared<const vm::VmConfig>(std::move(config));
  levels_ = std::move(running);
  guest_->configure(config_);
}

void Keeper::deliver(json::object message) {
  const std::string kind = text_of(message, "kind");
  if (kind == "verb" && text_of(message, "verb") == "check") {
    start(executor_, check_now(shared_from_this(), std::move(message)));
  } else if (kind == "inspect" && control::bool_member(message, "hook", false)) {
    start(executor_, check_then_inspect(shared_from_this(), std::move(message)));
  } else if (kind == "inspect" && (!doing_.empty() || (waiting_acts_ > 0 && seen_.answered))) {
    inspect_busy(message);  // what is about to be done may take hours, and was asked for first
  } else if (kind == "method" || kind == "ask" || kind == "verb" || kind == "inspect") {
    if (kind == "method" && in_verb_) interrupt();
    if (kind == "method" || kind == "ask") resting_ = false;
    if (kind == "method" || kind == "verb") ++waiting_acts_;
    put(std::move(message));
  } else if ((kind == "launched" || kind == "died") &&
             control::int_member(message, "call", 0) != launching_) {
    // Nothing waits for it: an earlier guard told that method to launch, or this one gave the launch up.  The
    // method asks again, and what runs by then is adopted.
    if (kind == "launched") send_step(message, Step{"wait", 0, "", {}});
  } else {
    replies_.push(std::move(message));
  }
}

// The method that runs, and those that wait: their processes are gone.
void Keeper::abandon() {
  const auto is_method = [](const json::object& waiting) { return text_of(waiting, "kind") == "method"; };
  waiting_acts_ -= static_cast<int>(inbox_.remove_if(is_method));
  abandoned_ = true;
  if (!uuid_.empty()) driver_.abandon(uuid_);
  replies_.push(message("abandoned", fmri_));
}

void Keeper::interrupt() {
  interrupted_ = true;
  if (!uuid_.empty()) driver_.abandon(uuid_);
}

void Keeper::rest() {
  resting_ = true;  // an answer that is under way must not begin to watch again
  unwatch();
}

void Keeper::look_soon() {
  put(message("hint", fmri_));
}

void Keeper::stop() {
  stopped_ = true;
  unwatch();
}

// While nothing is to be done there is no coroutine that waits for it: one takes over a kilobyte.
void Keeper::put(json::object message) {
  inbox_.push_back(std::move(message));
  if (!std::exchange(working_, true)) start(executor_, work(shared_from_this()));
}

Task<> Keeper::work(std::shared_ptr<Keeper> self) {
  co_await yield_now();  // who told something may be in the middle of it
  while (!self->inbox_.empty() && !self->stopped_) {
    json::object message = std::move(self->inbox_.front());
    self->inbox_.pop_front();
    co_await self->handle(std::move(message));
  }
  self->working_ = false;
}

Task<> Keeper::handle(json::object message) {
  const std::string kind = text_of(message, "kind");
  if (kind == "method" || kind == "verb") --waiting_acts_;
  abandoned_ = false;  // what that was meant for is over
  if (kind == "method") co_await method(message);
  if (kind == "ask") co_await answer(message);
  if (kind == "verb") co_await verb(message);
  if (kind == "inspect") co_await inspect(message);
  if (kind == "hint") co_await hinted();
  if (kind == "window") co_await zfs_snapshot(vm::SnapshotOccasion::after_gui, now() + kLookDeadline);
}

void Keeper::remember(const vm::History& history) {
  fell_ = history.fell;
  outage_ = history.outage;
  guest_->remember(history);
}

// Every look passes here.
vm::Observation Keeper::note(const Result<vm::Observation>& looked) {
  seen_ = looked ? *looked : vm::no_answer(looked.error().message);
  seen_.fell = fell_;
  if (const auto told = driver_.name_of(uuid_)) follow_name(*told);
  return seen_;
}

// ---- the VM's identity
// -------------------------------------------------------------------------------------------

// The VM is known by its UUID; whoever names it gets to hear the name that it has now.
void Keeper::follow_name(const std::string& told) {
  if (told.empty() || told == name_) return;
  log("The VM was renamed: \"" + name_ + "\" is \"" + told + "\" now.");
  name_ = told;
  guest_->identify(uuid_, name_);
  auto news = message("renamed", fmri_);
  news["name"] = control::value_to_json(name_);
  channel_.send(news);
}

Task<Result<>> Keeper::identify(Instant deadline) {
  if (!config_) co_return fail(ErrorKind::invalid, config_error_.empty() ? "not configured" : config_error_);
  if (!uuid_.empty()) co_return hypervisor::done();
  auto ready = co_await driver_.prepare(deadline);
  // Whatever is missing there, the VM itself has not been found wanting: worth another try.
  if (!ready) co_return fail(ErrorKind::unavailable, ready.error().message);
  auto found = co_await driver_.find(config_->uuid.empty() ? config_->name : config_->uuid, deadline);
  if (!found) co_return found.error();
  uuid_ = found->uuid;
  // What the configuration says is what it was called, if it says so.
  name_ = is_named(read(levels_)) || !found->accessible ? config_->name : found->name;
  guest_->identify(uuid_, name_);
  if (found->accessible) follow_name(found->name);
  co_return hypervisor::done();
}

// ---- methods
// -----------------------------------------------------------------------------------------------------

void Keeper::send_step(const json::object& call, const Step& step) {
  auto answer = message("step", fmri_);
  answer["call"] = control::int_member(call, "call", 0);
  answer["action"] = step.action;
  answer["code"] = step.code;
  answer["text"] = step.text;
  answer["up"] = step.up;
  answer["argv"] = to_json(step.launch.argv);
  answer["environment"] = to_json(step.launch.environment);
  channel_.send(answer);
}

Task<> Keeper::method(const json::object& call) {
  const std::string name = text_of(call, "method");
  const int64_t budget = control::int_member(call, "budget_ms", -1);
  const std::optional<Instant> deadline = budget < 0 ? std::nullopt : std::optional(now() + Instant(budget));
  // What ran with the configuration of before can still be stopped with it.
  if (!config_error_.empty() && (name != "stop" || !config_)) {
    send_step(call, Step{"done", 96, "The configuration is refused: " + config_error_ + "\n", {}});
    co_return;
  }
  expected_ = true;
  doing_ = "the " + name + " method";
  towards_ = name == "start" ? vm::VmState::starting : vm::VmState::stopping;
  Step step;
  if (name == "start") {
    // Without a limit of the method's own a start that does not come about is still given up some day.
    step = co_await start_vm(call, deadline.value_or(now() + Instant(600s)));
  } else if (name == "stop") {
    unwatch();
    step = co_await stop_vm(call, deadline);
  }
  expected_ = false;
  doing_.clear();
  waits_for_.clear();
  if (step.up == "born") outage_.reset();  // as vmkeepd does
  if (step.action == "done" && step.code == 0 && name == "start") watch(true);
  send_step(call, step);
  if (!std::exchange(stop_after_start_, false)) co_return;
  const Step stopped = co_await stop_vm(json::object(), now() + kStopAfterStart);
  log(stopped.text.empty() ? "The VM is stopped." : stopped.text.substr(0, stopped.text.find('\n')));
}

// Waits for launched, died or adopted; anything older than the wait was dropped before.
Task<std::optional<json::object>> Keeper::reply(const char* kind, Instant deadline) {
  for (;;) {
    auto message = co_await replies_.pop(deadline);
    if (!message || text_of(*message, "kind") == kind) co_return message;
    if (text_of(*message, "kind") == "abandoned") co_return std::nullopt;
  }
}

// ---- verdicts
// ----------------------------------------------------------------------------------------------------

// Looks until the two witnesses agree on something that is not just passing.
Task<vm::Observation> Keeper::settled_look(Instant deadline) {
  vm::Observation observed;
  Instant pause = 20ms;
  for (;;) {
    auto looked = co_await driver_.look(uuid_, std::max(deadline, now() + kLookAtLeast));
    observed = note(looked);
    const auto state = observed.agreed();
    const bool settled = state != vm::VmState::unknown && !vm::is_passing(state);
    if (settled || cut_short() || now() + pause >= deadline) co_return observed;
    co_await sleep_until(now() + pause);
    pause = std::min<Instant>(pause * 2, 1s);
  }
}

Task<> Keeper::answer(const json::object& question) {
  const auto why = cause(text_of(question, "cause"));
  const auto* past = question.if_contains("history");
  vm::History history;
  if (past != nullptr && past->is_object()) history = history_from(past->get_object());
  remember(history);

  vm::Observation observed;
  const Instant deadline = now() + kAnswer;
  auto known = co_await identify(deadline);
  if (known && window_comes()) {
    observed = co_await look_aside(std::min(deadline, now() + kSettle));
  } else if (known) {
    observed = co_await settled_look(std::min(deadline, now() + kSettle));
  } else if (known.error().kind == ErrorKind::not_found) {
    observed = {vm::VmState::missing, vm::Witness::absent, known.error().message};
  } else {
    observed = vm::no_answer(known.error().message);
  }
  // Number 0 is nobody's question: what came of it would be lost.
  const int64_t number = control::int_member(question, "question", 0);
  if (number != 0) observed.guest = guest_->take_news();
  vm::Judgement judgement{};
  if (config_) {
    judgement = vm::judge(*config_, history, observed, why.value_or(vm::Cause::look), now());
  } else {
    judgement.verdict.kind = vm::VerdictKind::maintenance;
    judgement.verdict.reason = graph::Reason::vm_unknown;
    judgement.verdict.why = config_error_;
    judgement.history = history;
  }
  if (judgement.verdict.resume) {
    if (auto resumed = co_await driver_.resume(uuid_, now() + kLookDeadline); !resumed) {
      log("The VM could not be resumed: " + resumed.error().message);
    }
  }
  const auto& outage = judgement.history.outage;
  if (judgement.verdict.kind == vm::VerdictKind::maintenance && number != 0) {
    unwatch();  // a person is needed: until a start takes the VM up again nothing is done, and nobody asks
                // its guest
  } else if (judgement.verdict.kind == vm::VerdictKind::leave_online && driver_.process(uuid_)) {
    watch();
  } else if (outage && outage->kind == vm::OutageKind::gui) {
    await_window();
  }
  if (number == 0 && window_comes()) await_window();  // that it runs in it has to be asked about, too
  guest_->saw(observed.agreed());
  const bool strange = judgement.history.unknown_in_a_row > 0;
  const bool heard = judgement.verdict.reason == graph::Reason::vm_unresponsive;  // its return is reported
  if (strange || (judgement.verdict.kind == vm::VerdictKind::degraded && !heard)) ask_again_later();
  json::object dossier;
  if (number != 0) dossier = co_await dossier_of(observed, judgement.verdict);
  auto reply = message("verdict", fmri_);
  reply["question"] = number;
  for (auto& [key, value] : to_json(judgement.verdict)) reply[key] = value;
  reply["history"] = to_json(judgement.history);
  remember(judgement.history);
  channel_.send(reply);
  if (!dossier.empty()) channel_.send(dossier);
}

// Whoever does not answer now will: the end of the silence is noticed by asking.
void Keeper::ask_again_later() {
  if (std::exchange(asking_again_, true)) return;
  start(executor_, reminder(shared_from_this()));
}

Task<> Keeper::reminder(std::shared_ptr<Keeper> self) {
  co_await sleep_until(now() + std::min(self->pace_.silence, self->period()));
  self->asking_again_ = false;
  if (self->stopped_) co_return;
  auto report = message("report", self->fmri_);
  report["text"] = "worth another question";
  self->channel_.send(report);
}

// ---- watching
// ----------------------------------------------------------------------------------------------------

// What was heard of the guest of an earlier process says nothing of this one's: GuestWatch begins anew.
void Keeper::watch(bool started) {
  if (uuid_.empty() || resting_) return;
  const auto process = driver_.process(uuid_);
  const bool same = process && *process == guest_of_;
  if (watching_ && same && !started) return;
  guest_of_ = process.value_or(hypervisor::VmProcess{});
  const bool watched = std::exchange(watching_, true);
  guest_->begin(started);
  if (!watched) start(executor_, watcher(shared_from_this(), ++watch_));
}

void Keeper::unwatch() {
  watching_ = false;
  ++watch_;
  guest_->end();
}

// `number`: another watch may have begun while this one slept.
Task<> Keeper::watcher(std::shared_ptr<Keeper> self, uint64_t number) {
  const auto over = [&self, number] { return !self->watching_ || self->watch_ != number; };
  while (!over()) {
    const bool moved = co_await self->driver_.hint(self->uuid_, now() + Instant(300s));
    if (over() || !moved) continue;
    self->guest_->log_moved();
    if (!self->driver_.process(self->uuid_)) {
      // vmkeepd sees the end of what lives in a contract, and asks at once.  A VM that somebody started
      // elsewhere is in none: of that one it hears from us.
      co_await sleep_until(now() + kMeanwhile);
      if (over()) continue;
      if (self->driver_.process(self->uuid_)) {
        self->watch();
        self->guest_->log_moved();  // what the new one told meanwhile
        continue;
      }
      auto report = message("report", self->fmri_);
      report["text"] = "its process ended";
      self->channel_.send(report);
      break;
    }
    self->look_soon();
    co_await sleep_until(now() + kBetweenHints);
  }
  if (!over()) self->unwatch();
}

Task<> Keeper::hinted() {
  if (uuid_.empty() || !config_ || !watching_ || window_comes()) co_return;
  const auto looked = co_await driver_.look(uuid_, now() + kLookDeadline);
  if (!looked || inbox_.empty() == false) co_return;  // a method or a question is next: it will look itself
  const auto state = note(looked).agreed();
  guest_->saw(state);
  if (state == vm::VmState::running || vm::is_passing(state)) co_return;
  if (!driver_.process(uuid_)) co_return;
  auto report = message("report", fmri_);
  report["text"] = std::string(vm::to_string(state));
  channel_.send(report);
}

}  // namespace vmkeep::guard
