#include "tools/simulate/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace vmkeep::simulate {

using restarter::MethodName;

namespace {

// As vmkeepd on a host of two processors (daemon/plan_calls.h).
constexpr int64_t kStartWidth = 4;
constexpr int64_t kStartStagger = 200;
constexpr int64_t kSaveWidth = 24;

}  // namespace

World::World(Configuration configuration) : configuration_(std::move(configuration)) {
  for (const auto& [name, setup] : configuration_.instances) add(name, setup);
}

Member* World::member(const std::string& fmri) {
  const auto found = members_.find(fmri);
  return found == members_.end() ? nullptr : found->second.get();
}

void World::tell(const char* kind, const std::string& fmri, std::string text) {
  report.lines.push_back({schedule.now(), kind, fmri, std::move(text), {}});
}

void World::add(const fmri::Fmri& name, const InstanceSetup& setup) {
  auto& slot = members_[name.str()];
  slot = std::make_unique<Member>();
  slot->fmri = name.str();
  slot->name = name;
  slot->enabled = setup.enabled;
  if (is_vm(configuration_.levels(name))) add_vm(*slot);
  configure(*slot);
}

void World::add_vm(Member& member) {
  Member* const m = &member;
  member.vm = std::make_unique<VmModel>(schedule);
  member.vm->on_change = [this, m](const std::string& text) {
    tell("vm", m->fmri, text);
    m->keeper->changed();
  };
  member.vm->on_process_end = [this, m] { process_ended(*m); };
  KeeperModel::Ports ports;
  ports.log = [this, m](const std::string& text) { tell("guard", m->fmri, text); };
  ports.done = [this, m](uint64_t run, int code, const std::string& text) {
    method_over(*m, run, code, text);
  };
  ports.answer = [this, m](uint64_t question, const vm::Verdict& verdict) {
    tell("verdict", m->fmri, fmt::format("verdict: {}", verdict.why));
    send(restarter::VerdictGiven{m->fmri, question, verdict});
  };
  ports.report = [this, m] { send(restarter::Reported{m->fmri}); };
  ports.start = [this, m] {
    send(restarter::StartCommanded{m->fmri});
    if (!std::exchange(m->enabled, true)) send(restarter::EnabledChanged{m->fmri, true});
  };
  member.keeper = std::make_unique<KeeperModel>(schedule, *member.vm, std::move(ports));
}

void World::configure(Member& member) {
  const auto levels = configuration_.levels(member.name);
  member.config = restarter::read_config(levels, member.fmri);
  if (!member.vm) return;
  auto config = vm::VmConfig::read(levels, member.name.instance);
  if (!config) tell("note", member.fmri, "the configuration is refused: " + config.error().message);
  member.keeper->configure(std::move(config));
}

void World::configure_pace() {
  const auto service = configuration_.services.find(kRestarterService);
  const auto setting = [&](const char* name, int64_t standard) {
    if (service == configuration_.services.end()) return standard;
    const auto group = service->second.find("pace");
    const auto value = group == service->second.end() ? std::nullopt : group->second.value(name);
    if (!value) return standard;
    int64_t number = 0;
    const auto [end, problem] = std::from_chars(value->data(), value->data() + value->size(), number);
    if (problem == std::errc() && end == value->data() + value->size() && number >= 0) return number;
    tell("note", "", fmt::format("pace/{} is {}, no whole number: {} counts", name, *value, standard));
    return standard;
  };
  restarter::AdmissionConfig config;
  config.width = static_cast<size_t>(setting("start_width", kStartWidth));
  config.stagger = Instant(setting("start_stagger", kStartStagger));
  config.save_width = static_cast<size_t>(setting("save_width", kSaveWidth));
  handle(restarter::PaceConfigured{config});
}

// ---- time

void World::boot(const std::map<std::string, bool>& facts) {
  configure_pace();
  std::set<std::string> hosts, files;
  for (const auto& [name, member] : members_) {
    for (const auto& dependency : member->config.dependencies) {
      for (const auto& entity : dependency.entities) {
        if (entity.kind == graph::EntityKind::host) hosts.insert(entity.name);
        if (entity.kind == graph::EntityKind::file) files.insert(entity.name);
      }
    }
  }
  for (const auto& host : hosts) {
    const auto said = facts.find(host);
    handle(restarter::FactChanged{host, said == facts.end() || said->second});
  }
  for (const auto& file : files) handle(restarter::FileChanged{file, true});
  size_t left = members_.size();
  for (const auto& [name, member] : members_) {
    handle(restarter::Loaded{name, member->config, member->enabled, {}, --left > 0, false});
  }
}

void World::run(Instant until) {
  while (!over_) {
    const auto timer = timers_.next();
    const auto entry = schedule.next();
    if (!timer && !entry) break;
    // A timer of this moment comes before the looks at its outcome.
    const bool by_timer =
        timer && (!entry || *timer < *entry || (*timer == *entry && schedule.next_is_final()));
    const Instant next = by_timer ? *timer : *entry;
    if (next > until) break;
    schedule.go_to(std::max(schedule.now(), next));
    if (!by_timer) {
      schedule.run_next();
    } else if (const auto due = timers_.take(next)) {
      handle(restarter::TimerFired{due->fmri, due->timer});
    }
  }
  if (!over_) schedule.go_to(until);  // nothing more happens, and that takes its time
}

void World::send(restarter::Event event) {
  schedule.after(Instant(0), [this, event = std::move(event)] { handle(event); });
}

void World::handle(const restarter::Event& event) {
  for (const auto& action : restarter_.handle(event, schedule.now())) {
    std::visit([this](const auto& what) { carry_out(what); }, action);
  }
}

void World::finish() {
  report.ended = schedule.now();
  for (const auto& [name, member] : members_) {
    Ending ending{name,
                  std::string(to_string(member->seen.state)),
                  std::string(to_string(member->seen.reason)),
                  member->seen.why,
                  "",
                  0};
    if (member->vm) {
      ending.vm = vm::to_string(member->vm->observe().state);
      ending.launches = member->vm->launches();
    }
    report.endings.push_back(std::move(ending));
  }
}

// ---- what the script does

void World::refresh(Member& member) {
  configure(member);
  send(restarter::Refreshed{member.fmri, member.config});
}

void World::dies(Member& member) {
  empty_contract(member);
}

void World::shut_down(std::optional<Instant> patience) {
  shutdown_began_ = schedule.now();
  send(restarter::ShutDown{});
  if (patience) schedule.after(*patience, [this] { cut_off(); });
}

void World::shut_down_within(std::optional<Instant> budget) {
  shutdown_began_ = schedule.now();
  send(restarter::ShutDown{budget, {}});
}

void World::start_wanted(Member& member, bool force) {
  member.keeper->start_wanted(force);
}

void World::stop_wanted(Member& member) {
  member.enabled = false;
  send(restarter::EnabledChanged{member.fmri, false});
}

void World::press(const std::string& resource, double percent) {
  (resource == "cpu" ? pressure_.cpu : resource == "io" ? pressure_.io : pressure_.memory) = percent;
  send(restarter::PressureRead{pressure_});
}

// The host's patience is over: what still runs is killed with it.
void World::cut_off() {
  if (took_) return;
  tell("note", "", "the shutdown's budget is spent: what is still up is cut off");
  for (const auto& [name, member] : members_) {
    if (member->vm && member->vm->process()) {
      tell("note", name, fmt::format("cut off while the VM is {}", vm::to_string(member->vm->state())));
    } else if (graph::is_up(member->seen.state)) {
      tell("note", name, "cut off while it is up");
    }
  }
  over_ = true;
}

// ---- methods and contracts

void World::empty_contract(Member& member) {
  if (!std::exchange(member.contract_live, false)) return;
  const bool child = member.config.duration == restarter::Duration::child;
  if (child && member.start_run != 0) end_method(member, member.start_run, {});
  send(restarter::ContractEmptied{member.fmri});
}

void World::process_ended(Member& member) {
  // While the start method runs it lives in the contract, too.
  if (member.start_run != 0) return;
  if (member.contract_live) {
    empty_contract(member);
  } else if (graph::is_up(member.seen.state)) {
    send(restarter::Reported{member.fmri});
  }
}

void World::end_method(Member& member, uint64_t run, const restarter::MethodEnd& end) {
  if (run == member.start_run) member.start_run = 0;
  if (run == member.other_run) member.other_run = 0;
  send(restarter::MethodEnded{member.fmri, run, end});
}

void World::method_over(Member& member, uint64_t run, int code, const std::string& text) {
  const bool start = run == member.start_run;
  tell("method", member.fmri,
       fmt::format("{} method: exit {}{}", start ? "start" : "stop", code, text.empty() ? "" : ", " + text));
  if (start && !member.vm->process()) empty_contract(member);
  if (start && code == 0 && member.vm->process()) member.keeper->came_up();
  restarter::MethodEnd end;
  end.value = code;
  end.kept = !start && code == 0 && member.keeper->kept();
  end_method(member, run, end);
}

void World::run_service_method(Member& member, const restarter::RunMethod& action) {
  const bool start = action.method == MethodName::start;
  const bool child = start && member.config.duration == restarter::Duration::child;
  if (child) return;  // it runs as long as the service
  Member* const m = &member;
  const uint64_t run = action.run;
  const bool stop = action.method == MethodName::stop;
  schedule.after(member.takes[start ? "start" : "stop"], [this, m, run, start, stop] {
    if (run != m->start_run && run != m->other_run) return;
    restarter::MethodEnd end;
    end.value = start ? m->exits : 0;
    if (stop) empty_contract(*m);
    if (start && end.value != 0) empty_contract(*m);
    end_method(*m, run, end);
  });
}

// ---- actions

void World::carry_out(const restarter::SetState& action) {
  Member* m = member(action.fmri);
  if (m == nullptr) return;
  if (m->vm && graph::is_up(m->seen.state) && !graph::is_up(action.state)) m->keeper->rest();
  m->seen = action;
  m->states.push_back(action.state);
  tell("state", action.fmri, restarter::to_string(action));
  report.lines.back().more = {{"state", to_string(action.state)},
                              {"next_state", to_string(action.next_state)},
                              {"reason", to_string(action.reason)},
                              {"why", action.why}};
}

void World::carry_out(const restarter::RunMethod& action) {
  Member* m = member(action.fmri);
  if (m == nullptr) return;
  const bool start = action.method == MethodName::start;
  (start ? m->start_run : m->other_run) = action.run;
  // A transient service has no contract that anybody waits for.
  if (start) m->contract_live = m->vm || m->config.duration != restarter::Duration::transient;
  if (!m->vm) return run_service_method(*m, action);
  if (!std::exchange(m->claimed, true)) send(restarter::Claimed{m->fmri});
  const auto& timeout = start ? m->config.start.timeout : m->config.stop.timeout;
  std::optional<Instant> deadline;
  if (timeout) deadline = schedule.now() + Instant(*timeout);
  if (action.until) deadline = std::min(deadline.value_or(*action.until), *action.until);
  if (start) {
    m->keeper->start(action.run, action.commanded.has_value(), deadline);
  } else if (action.method == MethodName::stop) {
    m->keeper->stop(action.run, deadline, action.until.has_value());
  } else {
    restarter::MethodEnd end;  // our refresh has nothing to do
    end_method(*m, action.run, end);
  }
}

void World::carry_out(const restarter::KillMethod& action) {
  Member* m = member(action.fmri);
  if (m == nullptr) return;
  tell("method", m->fmri, "the method's time is over: it is killed");
  if (m->vm) {
    m->keeper->abandon();
    if (action.run == m->start_run && !m->vm->process()) empty_contract(*m);
  } else {
    empty_contract(*m);
  }
  restarter::MethodEnd end;
  end.kind = restarter::MethodEnd::Kind::signaled;
  end.value = 9;
  end_method(*m, action.run, end);
}

void World::carry_out(const restarter::SignalContract& action) {
  Member* m = member(action.fmri);
  if (m == nullptr || m->vm) return;
  schedule.after(m->takes["stop"], [this, m] { empty_contract(*m); });
}

void World::carry_out(const restarter::ReleaseContract& action) {
  if (Member* m = member(action.fmri)) m->contract_live = false;
}

void World::carry_out(const restarter::AskVerdict& action) {
  Member* m = member(action.fmri);
  if (m == nullptr || !m->vm) return;
  m->keeper->ask(action.question, action.cause);
}

void World::carry_out(const restarter::ReplaceGuard& action) {
  tell("note", action.fmri, "the guard did not answer in time: another takes its place");
}

void World::carry_out(const restarter::DisableTemporarily& action) {
  if (Member* m = member(action.fmri)) m->enabled = false;
  send(restarter::EnabledChanged{action.fmri, false});
}

void World::carry_out(const restarter::ShutDownDone& action) {
  const Instant took = schedule.now() - shutdown_began_.value_or(schedule.now());
  if (!action.left.empty()) {
    tell("note", "", "the shutdown's budget is spent");
    for (const auto& name : action.left) tell("note", name, "is still up");
    return;
  }
  took_ = took;
  tell("note", "", fmt::format("everything is down, after {}", clock_text(*took_)));
}

}  // namespace vmkeep::simulate
