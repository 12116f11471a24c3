#include "daemon/methods.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>

#include "contract/context.h"
#include "daemon/contract_calls.h"
#include "daemon/plan_calls.h"
#include "daemon/publish.h"
#include "daemon/resources.h"
#include "restarter/rights.h"

namespace vmkeep::daemon {
namespace {

// Tokens like %{restarter/contract} want the volatile groups as they are now.
repository::Levels current_view(Core& core, const Record& record) {
  auto levels = core.store->read_running(record.fmri);
  repository::Levels view;
  if (levels) {
    view = std::move(*levels);
  } else {
    view = record.running;
  }
  // What is not written down yet is true all the same.
  if (record.owed) {
    view.own["restarter"] = std::make_shared<const repository::PropertyGroup>(state_group(core, record));
  }
  return view;
}

// 6.5: what a method is told of another instance or service.  Whoever may write its exec string may not read
// by it what is protected from him elsewhere, so that is told to nobody.
Result<repository::Levels> view_of(Core& core, const fmri::Fmri& entity) {
  auto current = core.store->read(entity);
  if (!current) return current;
  auto levels = entity.is_instance() ? core.store->read_running(entity) : current;
  if (!levels) return levels;
  for (auto* groups : {&levels->own, &levels->service}) {
    std::erase_if(*groups, [&](const auto& group) {
      return !restarter::may_read(restarter::Caller{}, group.first, *current) ||
             !restarter::may_read(restarter::Caller{}, group.first, *levels);
    });
  }
  return levels;
}

const restarter::MethodConfig& method_config(const Record& record, restarter::MethodName method) {
  switch (method) {
    case restarter::MethodName::stop:
      return record.config->stop;
    case restarter::MethodName::refresh:
      return record.config->refresh;
    default:
      return record.config->start;
  }
}

// 6.6, 6.7: what a shell would have made of it.  A missing working directory is a configuration error; a
// program that is not there, or cannot be executed, is an exit status, and tried again like any other.
restarter::MethodEnd failed_to_spawn(const Record& record, restarter::MethodName method,
                                     const SpawnSpec& spec, const Error& error) {
  restarter::MethodEnd end;
  end.kind = restarter::MethodEnd::Kind::not_started;
  end.why = error.message;
  const auto at = error.message.rfind(": ");
  const std::string cause = at == std::string::npos ? error.message : error.message.substr(at + 2);
  const bool missing = error.kind == ErrorKind::not_found;
  if (error.message.find(": chdir") != std::string::npos) {
    end.value = 96;
    end.why = fmt::format("svc.startd could not set context for method: chdir: {} (\"{}\")", cause,
                          spec.working_directory);
  } else if (error.message.find(": execve") != std::string::npos) {
    const bool child = record.config->duration == restarter::Duration::child;
    const bool absolute = spec.argv[0].starts_with('/');
    if (missing && absolute && child && method == restarter::MethodName::start) {
      end.why = fmt::format("Missing start method ({}), changing state to maintenance.", spec.argv[0]);
    } else {
      end.kind = restarter::MethodEnd::Kind::exited;
      end.value = missing ? 127 : 126;
      end.why.clear();
    }
  }
  return end;
}

}  // namespace

Result<> Methods::prepare(Record& record, const restarter::RunMethod& action, SpawnSpec& spec,
                          int& exit_code) {
  const std::string name(restarter::to_string(action.method));
  const auto levels = current_view(core_, record);
  const contract::ViewOf others = [this](const fmri::Fmri& entity) { return view_of(core_, entity); };
  auto expanded = contract::expand_tokens(action.exec, record.fmri, name, levels, others);
  if (!expanded) {
    return fail(ErrorKind::invalid, fmt::format("Could not expand method tokens in \"{}\": {}.", action.exec,
                                                expanded.error().message));
  }
  core_.logs.line(record.fmri, fmt::format("Executing {} method (\"{}\").", name, *expanded));
  auto context =
      contract::read_context(levels, record.fmri, name, {"VMKEEP_RUN=" + core_.options.run_folder});
  if (!context) {
    exit_code = 96;  // SMF_EXIT_ERR_CONFIG: no retry will make a user appear
    return fail(ErrorKind::invalid,
                "svc.startd could not set context for method: " + context.error().message);
  }
  for (const auto& note : context->notes) core_.logs.line(record.fmri, note);
  spec.environment = std::move(context->environment);
  spec.argv = contract::command_line(*expanded, spec.environment);
  spec.working_directory = context->working_directory;
  spec.credentials = context->credentials;
  if (action.method == restarter::MethodName::start) give_resources(core_, record, levels, spec);
  return {};
}

// The start method's contract becomes the instance's; every other method has one of its own.
Result<contract::ContractId> Methods::make_contract(Record& record, restarter::MethodName method) {
  const auto id = take_contract_id(core_);
  auto made = core_.contracts->create(id);
  if (!made) return made.error();
  if (method == restarter::MethodName::start) {
    if (record.contract != 0) record.previous_contracts.insert(record.contract);
    record.contract = id;
    core_.contract_owners[id] = record.fmri.str();
    limit_contract(core_, record, record.running);
  }
  return id;
}

void Methods::not_started(Record& record, const restarter::RunMethod& action, const std::string& why,
                          int exit_code) {
  record.runs.erase(action.run);
  restarter::MethodEnd end;
  end.kind = restarter::MethodEnd::Kind::not_started;
  end.value = exit_code;
  end.why = why;
  core_.events.push(restarter::MethodEnded{action.fmri, action.run, end});
}

void Methods::run(const restarter::RunMethod& action) {
  Record* record = core_.record(action.fmri);
  if (record == nullptr) return;
  if (record->bearing) settle();
  SpawnSpec spec;
  int exit_code = 0;
  if (auto prepared = prepare(*record, action, spec, exit_code); !prepared) {
    return not_started(*record, action, prepared.error().message, exit_code);
  }
  auto id = make_contract(*record, action.method);
  if (!id) return not_started(*record, action, id.error().message, 0);

  MethodRun& run = record->runs[action.run];
  record->waits_for.clear();
  record->method_said.clear();
  run.method = action.method;
  run.contract = *id;
  run.uid = spec.credentials ? spec.credentials->uid : ::geteuid();
  run.started = now();
  run.timeout = method_config(*record, action.method).timeout;
  run.commanded = action.commanded.has_value();
  run.until = action.until;
  if (run.commanded) record->restart_issued = wall_now();
  if (action.method == restarter::MethodName::start) ++record->starts;

  auto log = core_.logs.open(record->fmri);
  if (log) spec.standard_output = spec.standard_error = log->get();
  births_.push_back({action.fmri, action.run, *id, action.method, std::move(spec),
                     log ? std::move(*log) : Fd(), state_group(core_, *record)});
  record->bearing = true;
  record->owed = false;
}

// All that is owed, but of those that bear only what they were before.
void Methods::write_down() {
  std::vector<Publication> publications;
  const auto add = [&](const Record& record, repository::PropertyGroup group) {
    // The repository does not have it any more, and would refuse the others with it.
    if (record.removed) return publish(core_, {{&record.fmri, std::move(group)}});
    publications.push_back({&record.fmri, std::move(group)});
  };
  for (auto& birth : births_) {
    if (const Record* record = core_.record(birth.fmri)) add(*record, std::move(birth.before));
  }
  std::vector<Record*> later;
  for (Record* record : std::exchange(core_.owed, {})) {
    if (!record->owed) continue;
    if (record->bearing) {
      later.push_back(record);
    } else {
      record->owed = false;
      add(*record, state_group(core_, *record));
    }
  }
  publish(core_, std::move(publications));
  core_.owed = std::move(later);
}

void Methods::settle() {
  write_down();
  if (births_.empty()) return take_start_snapshots(core_);
  for (auto& birth : std::exchange(births_, {})) begin(std::move(birth));
  write_down();
  take_start_snapshots(core_);
}

void Methods::begin(Birth birth) {
  Record* record = core_.record(birth.fmri);
  if (record == nullptr) return core_.release(birth.contract);
  record->bearing = false;
  core_.owe(*record);
  auto child = core_.contracts->spawn(birth.contract, birth.spec);
  if (!child) {
    core_.release(birth.contract);
    if (birth.method == restarter::MethodName::start) record->contract = 0;
    const auto end = failed_to_spawn(*record, birth.method, birth.spec, child.error());
    if (end.kind == restarter::MethodEnd::Kind::exited) core_.logs.line(record->fmri, child.error().message);
    record->runs.erase(birth.run);
    core_.events.push(restarter::MethodEnded{birth.fmri, birth.run, end});
    return;
  }
  record->runs[birth.run].pid = child->pid;
  if (birth.method == restarter::MethodName::start) record->start_pid = child->pid;
  start(core_.executor, follow(core_, birth.fmri, birth.run, child->pid));
}

Task<> Methods::follow(Core& core, std::string fmri, uint64_t run, pid_t pid) {
  const auto status = co_await core.reaper.exited(pid);
  Record* record = core.record(fmri);
  restarter::MethodEnd end;
  if (status->exited()) {
    end.value = status->code();
  } else {
    end.kind = restarter::MethodEnd::Kind::signaled;
    end.value = status->signal();
    end.core = status->core();
  }
  if (record != nullptr) {
    record->waits_for.clear();
    end.why = record->method_said;
    const auto found = record->runs.find(run);
    if (found != record->runs.end()) {
      const auto ended = found->second;
      end.kept = ended.kept;
      record->runs.erase(found);
      if (end.kind == restarter::MethodEnd::Kind::exited && end.value == 0)
        note_duration(core, *record, ended);
      if (ended.method == restarter::MethodName::start) {
        // A start that left its VM down leaves an empty contract, which is no VM's end: the restarter has to
        // know it first, whenever the kernel gets to tell us.
        if (record->claimed && record->contract == ended.contract && core.contracts->empty(ended.contract))
          core.events.push(restarter::ContractEmptied{fmri});
      } else {
        let_go(core, ended.contract, {fmri, ended.method});
      }
      core.owe(*record);  // the event that follows is a turn of its own, which writes it down
    }
  }
  core.events.push(restarter::MethodEnded{fmri, run, end});
}

void Methods::kill(const restarter::KillMethod& action) {
  Record* record = core_.record(action.fmri);
  if (record == nullptr) return;
  if (record->bearing) settle();  // what is to be killed has to be there
  const auto found = record->runs.find(action.run);
  const auto id = found != record->runs.end() ? found->second.contract : record->contract;
  core_.logs.line(record->fmri, fmt::format("Method or service exit timed out.  Killing contract {}.", id));
  if (action.vm_instance) {
    // The VM may live in the same contract: only the method's own process ends.
    if (found != record->runs.end() && found->second.pid > 0) ::kill(found->second.pid, SIGKILL);
    return;
  }
  if (auto killed = core_.contracts->signal(id, SIGKILL); !killed) core_.logs.notice(killed.error().message);
  const bool stop = found == record->runs.end() || found->second.method == restarter::MethodName::stop;
  if (stop && record->contract != 0 && record->contract != id) {
    if (auto killed = core_.contracts->signal(record->contract, SIGKILL); !killed) {
      core_.logs.notice(killed.error().message);
    }
  }
}

}  // namespace vmkeep::daemon
