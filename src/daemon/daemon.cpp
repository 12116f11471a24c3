#include "daemon/daemon.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <set>

#include "base/version.h"
#include "daemon/builtin.h"
#include "daemon/folders.h"
#include "daemon/milestone.h"
#include "daemon/plan_calls.h"
#include "daemon/publish.h"
#include "daemon/watch_calls.h"
#include "host/systemd.h"
#include "repository/store.h"

namespace vmkeep::daemon {

Daemon::Daemon(Executor executor, Options options, Reaper& reaper)
    : core_(executor, std::move(options), reaper),
      owners_(core_),
      methods_(core_),
      instances_(core_, owners_),
      files_(core_),
      scope_(core_),
      actions_(core_, methods_, owners_),
      rights_(core_),
      vms_(core_, instances_, owners_, rights_),
      calls_(core_, instances_, owners_, vms_, rights_) {}

Result<> Daemon::open_stores() {
  const auto& o = core_.options;
  // The run folder is for everybody to pass through to the socket; what is private lies below it.
  for (const auto& [folder, mode] : {std::pair(o.state_folder, 0700U),
                                     {o.run_folder, 0755U},
                                     {o.run_folder + "/private", 0700U},
                                     {o.log_folder, 0755U}}) {
    if (auto made = own_folder(folder, mode); !made) return made;
  }
  repository::StoreOptions store;
  store.persistent_path = o.state_folder + "/repository.db";
  store.volatile_path = o.run_folder + "/private/volatile.db";
  store.boot_id = o.boot_id;
  auto opened = repository::open_store(store);
  if (!opened) return opened.error();
  core_.store = announce_commits(std::move(*opened), core_.committed);
  if (auto ensured = ensure_builtin(*core_.store); !ensured) return ensured;
  return core_.marks.open(o.state_folder + "/running", life(core_));
}

Result<> Daemon::open_contracts() {
  contract::ContractsOptions contracts;
  contracts.run_folder = core_.options.run_folder;
  if (core_.options.pids_only) contracts.backend = contract::ContractsOptions::Backend::pids;
  if (!core_.options.scope.empty() && !core_.options.pids_only) {
    auto scope = scope_.open();
    if (scope) {
      contracts.delegated = std::move(*scope);
    } else {
      // KillMode=process of the unit still keeps them alive over a restart, only not in the right order.
      core_.logs.notice("without the scope " + core_.options.scope +
                        ", processes stay below this service: " + scope.error().message);
    }
  }
  auto opened = contract::Contracts::open(core_.executor, core_.reaper, contracts);
  if (!opened) return opened.error();
  core_.contracts = std::move(*opened);
  return {};
}

Result<> Daemon::open() {
  if (auto opened = open_stores(); !opened) return opened;
  if (auto opened = open_contracts(); !opened) return opened;
  auto host = host::HostFacts::watch(core_.executor);
  if (!host) return host.error();
  core_.host = std::move(*host);
  if (auto opened = files_.open(); !opened) return opened;
  auto server = control::Server::listen(core_.executor, core_.options.run_folder + "/control.sock");
  if (!server) return server.error();
  server_ = std::move(*server);

  core_.logs.notice(
      fmt::format("vmkeepd {} starts; processes are tracked by {}", kVersion,
                  core_.contracts->uses_cgroups() ? "cgroups in " + core_.contracts->root() : "pids"));
  (void)rights_.read();  // what is wrong with the file is told now, not when somebody needs it
  recover_contract_ids(core_);
  core_.durations.open(core_.options.state_folder + "/durations.json");
  configure_pace(core_);
  const auto descent = recorded_descent(core_);
  if (descent || (core_.options.await_startup && !was_started(core_))) {
    core_.shutting_down = true;
    core_.takes_up_shutdown = descent.has_value();
    core_.events.push(restarter::ShutDown{});
    core_.logs.notice(descent ? "a shutdown was under way in this boot: it is taken up"
                              : "nothing is started before `vmkeep startup`");
  }
  for (const auto& fact : core_.host->read())
    core_.events.push(restarter::FactChanged{fact.name, fact.holds});
  if (auto begun = begin_at_milestone(core_); !begun) return begun;
  core_.events.push(restarter::MilestoneSet{milestone_in_force(core_)});
  if (auto loaded = instances_.load_all(); !loaded) return loaded;
  core_.contracts->reopen_abandoned();
  if (descent) core_.events.push(take_up_shutdown(core_, *descent));
  start(core_.executor, brain());
  start(core_.executor, actions_.timers());
  start(core_.executor, follow_contracts());
  start(core_.executor, follow_host());
  start(core_.executor, files_.follow());
  start(core_.executor, vms_.leases());
  start(core_.executor, follow_pressure(core_));
  start(core_.executor, Durations::keep(core_.durations));
  start(core_.executor, calls_.serve(*server_));
  start(core_.executor, scope_.keep());
  start(core_.executor, tell_systemd());
  // Before the loop runs, and so before anything is started: a VM may wait for multi-user.target, which waits
  // for this.
  host::notify_ready();
  return {};
}

// That the loop turns, and how things are.  Only where a watchdog waits for it: nobody else needs the
// wake-ups.
Task<> Daemon::tell_systemd() {
  const Instant interval = host::watchdog_interval();
  std::string last;
  while (interval > Instant(0)) {
    host::notify_watchdog();
    size_t up = 0;
    size_t enabled = 0;
    for (const auto& [fmri, record] : core_.records) {
      up += graph::is_up(record.state) ? 1U : 0U;
      enabled += record.enabled.value_or(false) ? 1U : 0U;
    }
    std::string status = fmt::format("{} of {} enabled instances are up", up, enabled);
    if (core_.shutting_down) status += core_.shut_down ? "; waiting for `vmkeep startup`" : "; going down";
    if (status != last) host::notify_status(status);
    last = std::move(status);
    co_await sleep_until(now() + interval);
  }
}

namespace {

constexpr Instant kTurn = std::chrono::milliseconds(20);

// Whether an event makes the restarter evaluate somebody who may wait for a file that cannot be watched.
bool evaluates(const restarter::Event& event) {
  const auto* loaded = std::get_if<restarter::Loaded>(&event);
  return (loaded != nullptr && !loaded->more) || std::holds_alternative<restarter::Refreshed>(event) ||
         std::holds_alternative<restarter::EnabledChanged>(event) ||
         std::holds_alternative<restarter::Requested>(event);
}

}  // namespace

// The news of an empty contract carries no id: by the time that it is handled, a retry may have begun in
// another one.
bool Daemon::is_stale(const restarter::Event& event) {
  const auto* emptied = std::get_if<restarter::ContractEmptied>(&event);
  if (emptied == nullptr) return false;
  const Record* record = core_.record(emptied->fmri);
  if (record != nullptr && record->bearing) methods_.settle();
  return record != nullptr && record->contract != 0 && !core_.contracts->empty(record->contract);
}

// GCC 12 takes operator new and delete of pop()'s frame, which it inlines here, for strangers to each other.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
Task<> Daemon::brain() {
  constexpr size_t kMany = 1000;
  std::optional<Instant> until;  // of the turn that is under way
  for (;;) {
    auto event = co_await core_.events.pop();
    if (!until) until = now() + kTurn;
    core_.deciding = true;
    // Nobody may see half of what is loaded.
    const auto* loaded = event ? std::get_if<restarter::Loaded>(&*event) : nullptr;
    const bool loading = loaded != nullptr && loaded->more;
    const bool stale = event && is_stale(*event);
    if (event && !stale) co_await decide(*event, loading);
    if (!core_.events.empty() && (loading || now() < *until)) continue;
    methods_.settle();
    publish_requests(core_);
    core_.deciding = false;
    core_.handled.notify();
    until.reset();
    // After a boot, or an import, of many there is much that nobody needs any more.
    if (core_.events.empty() && std::exchange(handled_, 0) >= kMany) ::malloc_trim(0);
    if (!core_.events.empty()) co_await yield_now();
  }
}
#pragma GCC diagnostic pop

// An event may begin a thousand methods, as a shutdown does, and each takes its moment: whoever asks gets an
// answer meanwhile, and the watchdog hears of us.
Task<> Daemon::carry_out(const restarter::Event& event, bool at_once) {
  const auto actions = core_.restarter.handle(event, now());
  handled_ += 1 + actions.size();
  for (size_t next = 0; next < actions.size();) {
    next = actions_.perform(actions, next);
    if (next == actions.size()) break;
    methods_.settle();
    if (!at_once) co_await yield_now();
  }
}

Task<> Daemon::decide(const restarter::Event& event, bool at_once) {
  const auto files = files_.expect(event);
  for (const auto& file : files) co_await carry_out(file, at_once);
  co_await carry_out(event, at_once);
  if (core_.restarter.paces_starts()) core_.pacing.notify();
  if (evaluates(event)) files_.look();
  if (const auto* back = std::get_if<restarter::Loaded>(&event)) removed_.erase(back->fmri);
  if (const auto* gone = std::get_if<restarter::Removed>(&event)) removed_.insert(gone->fmri);
  for (auto name = removed_.begin(); name != removed_.end();) {
    if (core_.restarter.view(*name) != nullptr) {
      ++name;
      continue;
    }
    methods_.settle();
    core_.remove(*name);
    files_.forget(*name);
    core_.durations.forget(*name);
    core_.marks.forget(*name);
    name = removed_.erase(name);
  }
}

Task<> Daemon::leave(asio::io_context& loop) {
  if (core_.shutting_down && !core_.shut_down) core_.logs.notice("ends when everything is down");
  while (core_.shutting_down && !core_.shut_down) co_await core_.changed.wait();
  if (auto written = core_.durations.write(); !written) core_.logs.notice(written.error().message);
  loop.stop();
}

void Daemon::on_member_ended(const contract::MemberEnded& event) {
  Record* record = core_.owner_of(event.id);
  if (record == nullptr || record->contract != event.id) return;
  record->process_end = fmt::format("process {} {}", event.pid, event.status.text());
  if (event.status.success()) return;
  // The process of a VM that is up and that nobody takes down: however the hypervisor may call that.
  const bool by_itself = graph::is_up(record->state) && record->runs.empty() && !record->history.outage;
  if (record->claimed && by_itself) record->history.fell = "its " + record->process_end;
  core_.logs.line(record->fmri, fmt::format("Process {} {}.", event.pid, event.status.text()));
  if (record->claimed) return;  // of a VM only the empty contract counts, and then a verdict is asked for
  if (event.status.core()) {
    core_.events.push(restarter::ProcessFaulted{record->fmri.str(), restarter::Fault::core});
  } else if (event.status.signal() != 0) {
    core_.events.push(restarter::ProcessFaulted{record->fmri.str(), restarter::Fault::signal});
  }
}

void Daemon::on_emptied(const contract::Emptied& event) {
  core_.changed.notify();  // for who waits for the contract of a method
  Record* record = core_.owner_of(event.id);
  if (record == nullptr) return;
  if (record->contract == event.id) {
    record->process_ended = wall_now();
    core_.events.push(restarter::ContractEmptied{record->fmri.str()});
    core_.touch(*record);
  } else if (record->previous_contracts.erase(event.id) != 0) {
    core_.release(event.id);
    mark_down(core_, *record);
    publish_state(core_, *record);
  }
}

Task<> Daemon::follow_contracts() {
  for (;;) {
    auto event = co_await core_.contracts->events().pop();
    if (!event) continue;
    if (const auto* ended = std::get_if<contract::MemberEnded>(&*event)) on_member_ended(*ended);
    if (const auto* emptied = std::get_if<contract::Emptied>(&*event)) on_emptied(*emptied);
  }
}

Task<> Daemon::follow_host() {
  for (;;) {
    auto fact = co_await core_.host->changes().pop();
    if (!fact) continue;
    core_.logs.notice(
        fmt::format("{} {}: {}", fact->name, fact->holds ? "holds" : "does not hold", fact->why));
    core_.events.push(restarter::FactChanged{fact->name, fact->holds});
  }
}

}  // namespace vmkeep::daemon
