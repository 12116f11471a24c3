#include "guard/guest_watch.h"

#include <algorithm>
#include <utility>

#include "guard/messages.h"

namespace vmkeep::guard {
namespace {

using namespace std::chrono_literals;

constexpr size_t kLinesInLog = 5;  // of a check that failed
constexpr Instant kSample = 30s;   // one question for what the VM has moved
constexpr Instant kLook = 10s;     // whether the check is there

// An answer after which something is done at once.
bool demands(vm::HookMeaning meaning) {
  return meaning == vm::HookMeaning::reboot || meaning == vm::HookMeaning::maintenance;
}

}  // namespace

GuestWatch::GuestWatch(Executor executor, hypervisor::Hypervisor& driver, Channel& channel, std::string fmri,
                       HookRunner* hooks)
    : executor_(executor),
      driver_(driver),
      channel_(channel),
      fmri_(std::move(fmri)),
      hooks_(hooks),
      changed_(executor) {}

void GuestWatch::log(const std::string& text) {
  auto line = message("log", fmri_);
  line["text"] = text;
  channel_.send(line);
}

void GuestWatch::report(const std::string& text) {
  auto report = message("report", fmri_);
  report["text"] = text;
  channel_.send(report);
}

void GuestWatch::configure(Config config) {
  config_ = std::move(config);
  trouble_.clear();
  changed();
}

void GuestWatch::remember(const vm::History& history) {
  history_ = history;
  started_ = std::max(started_, history.started);
  failing_ = failing_ || !history.hook_failures.empty();
  changed();
}

void GuestWatch::identify(const std::string& uuid, const std::string& name) {
  uuid_ = uuid;
  name_ = name;
}

void GuestWatch::begin(bool started) {
  if (started) {
    started_ = now();
    failing_ = false;
    history_.outage.reset();
  }
  last_begun_.reset();
  hook_news_.reset();
  heartbeat_.reset();
  sampled_.reset();
  state_ = vm::VmState::running;
  watching_ = true;
  ++watch_;
  changed();
  log_moved();  // the heartbeat may have been lost before this guard came
}

void GuestWatch::end() {
  watching_ = false;
  ++watch_;
  hook_news_.reset();
  heartbeat_.reset();
  changed_.notify();
}

void GuestWatch::saw(vm::VmState state) {
  if (state == state_) return;
  state_ = state;
  changed();
}

// Whoever waits looks again; and where there is something to wait for now, somebody begins to.
void GuestWatch::changed() {
  changed_.notify();
  if (!watching_) return;
  if (checks_of_ != watch_ && next_check()) {
    checks_of_ = watch_;
    start(executor_, checks(shared_from_this(), watch_));
  }
  if (limits_of_ != watch_ && next_sample()) {
    limits_of_ = watch_;
    start(executor_, heartbeat_limits(shared_from_this(), watch_));
  }
}

vm::GuestNews GuestWatch::take_news() {
  vm::GuestNews news{hook_news_, heartbeat_};
  hook_news_.reset();
  return news;
}

// ---- the check
// ----------------------------------------------------------------------------------------------------

Task<bool> GuestWatch::usable(std::shared_ptr<GuestWatch> self) {
  const std::string hook = self->config_ ? self->config_->kicker_vmsvccheck_method : "";
  if (self->hooks_ == nullptr || hook.empty()) co_return false;
  std::vector<std::string> look{"/usr/bin/test", "-x", hook};
  const auto looked = co_await self->hooks_->run(std::move(look), {}, now() + kLook);
  co_return looked && !looked->timed_out && looked->code == 0;
}

Task<Result<Checked>> GuestWatch::check(std::shared_ptr<GuestWatch> self, Instant deadline) {
  while (self->busy_) {
    if (!co_await self->changed_.wait(deadline)) {
      co_return fail(ErrorKind::timeout, "another check of the guest is still running");
    }
  }
  if (!self->config_ || self->hooks_ == nullptr) co_return fail(ErrorKind::invalid, "no check is configured");
  const Config config = self->config_;  // a new one may come meanwhile
  std::vector<std::string> argv{config->kicker_vmsvccheck_method};
  argv.insert(argv.end(), config->kicker_vmsvccheck_method_params.begin(),
              config->kicker_vmsvccheck_method_params.end());
  std::vector<std::string> environment{"SMF_FMRI=" + self->fmri_, "VMKEEP_VM=" + self->name_,
                                       "VMKEEP_VM_UUID=" + self->uuid_};
  const Instant limit = now() + Instant(config->kicker_vmsvccheck_timeout);
  self->busy_ = true;
  auto run = co_await self->hooks_->run(std::move(argv), std::move(environment), std::min(limit, deadline));
  self->busy_ = false;
  self->changed_.notify();
  if (!run) co_return run.error();
  Checked checked{std::move(*run), vm::HookMeaning::failure};
  if (!checked.run.timed_out) checked.meaning = vm::hook_meaning(*config, checked.run.code);
  self->last_ = checked;
  co_return checked;
}

bool GuestWatch::may_check() const {
  const bool suppressed = history_.suppression && history_.suppression->until > now();
  return config_ && vm::has_hook(*config_) && hooks_ != nullptr && state_ == vm::VmState::running &&
         !suppressed && !history_.outage;
}

// When the check is due, or may be again; nothing: not before something changes.
std::optional<Instant> GuestWatch::next_check() const {
  if (may_check()) return vm::next_hook(*config_, started_, last_begun_);
  if (!config_ || !vm::has_hook(*config_) || hooks_ == nullptr || !history_.suppression) return std::nullopt;
  if (history_.suppression->until <= now()) return std::nullopt;
  return history_.suppression->until;
}

Task<> GuestWatch::checks(std::shared_ptr<GuestWatch> self, uint64_t watch) {
  co_await yield_now();  // who changed something may be in the middle of it
  while (self->watching_ && self->watch_ == watch) {
    const auto due = self->next_check();
    if (!due) break;
    if (now() < *due) {
      co_await self->changed_.wait(*due);
      continue;
    }
    self->last_begun_ = now();
    const auto checked = co_await check(self);
    if (!self->watching_ || self->watch_ != watch) break;
    if (checked) {
      self->trouble_.clear();
      self->digest(*checked);
    } else if (self->trouble_ != checked.error().message) {
      self->trouble_ = checked.error().message;
      self->log("The check of the guest cannot be run: " + self->trouble_);
    }
  }
  if (self->checks_of_ == watch) self->checks_of_ = 0;
}

void GuestWatch::digest(const Checked& checked) {
  const bool failed = checked.meaning != vm::HookMeaning::okay;
  if (failed) {
    for (const auto& line : last_lines(checked.run.output, kLinesInLog)) log("check: " + line);
  } else if (!failing_) {
    return;
  }
  failing_ = failed;
  // The next check may end before the hypervisor let anybody look: it does not take a demand back.
  if (!hook_news_ || !demands(hook_news_->meaning) || demands(checked.meaning)) {
    hook_news_ = vm::HookNews{checked.meaning, checked.run.code, checked.run.timed_out};
  }
  report(failed ? "the check of the guest failed" : "the check of the guest succeeds again");
}

// ---- the heartbeat
// ------------------------------------------------------------------------------------------------

void GuestWatch::log_moved() {
  if (!watching_) return;
  const auto heard = driver_.heartbeat(uuid_);
  if (!heard) return;
  const bool was_lost = heartbeat_ && heartbeat_->lost;
  if (heartbeat_ && heartbeat_->lost == heard->lost && heartbeat_->since == heard->since) return;
  heartbeat_ = vm::HeartbeatNews{heard->lost, heard->since, false};
  sampled_.reset();
  changed();
  if (heard->lost != was_lost) report(heard->lost ? "the heartbeat is lost" : "the heartbeat is back");
}

// When to ask next what the VM moves: at the loss, then at the limit, then once each such time.
std::optional<Instant> GuestWatch::next_sample() const {
  if (!heartbeat_ || !heartbeat_->lost || !config_ || state_ != vm::VmState::running) return std::nullopt;
  const auto limit = vm::heartbeat_limit(*config_, heartbeat_->since);
  if (!limit) return std::nullopt;
  if (!sampled_) return now();
  return std::max(*limit, *sampled_ + Instant(config_->heartbeat_restart_after));
}

Task<std::optional<uint64_t>> GuestWatch::moved() {
  auto bytes = co_await driver_.moved_bytes(uuid_, now() + kSample);
  if (!bytes) co_return std::nullopt;
  co_return *bytes;
}

Task<> GuestWatch::heartbeat_limits(std::shared_ptr<GuestWatch> self, uint64_t watch) {
  co_await yield_now();
  while (self->watching_ && self->watch_ == watch) {
    const auto due = self->next_sample();
    if (!due) break;
    if (*due > now()) {
      co_await self->changed_.wait(*due);
      continue;
    }
    const bool first = !self->sampled_;
    self->sampled_ = now();
    const auto bytes = co_await self->moved();
    if (!self->watching_ || self->watch_ != watch || !self->heartbeat_ || !self->heartbeat_->lost) continue;
    // What nobody counts does not keep a guest alive whose owner wants it restarted.
    const auto before = std::exchange(self->moved_, bytes);
    if (first) continue;
    self->heartbeat_->moves = bytes && before && *bytes != *before;
    if (!self->heartbeat_->moves) self->report("the heartbeat is lost for too long");
  }
  if (self->limits_of_ == watch) self->limits_of_ = 0;
}

}  // namespace vmkeep::guard
