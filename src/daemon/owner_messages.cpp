// What guards are asked for methods and verbs, and what they say.
#include <fmt/format.h>

#include "control/messages.h"
#include "daemon/adoption.h"
#include "daemon/dossier.h"
#include "daemon/owner.h"
#include "daemon/publish.h"
#include "guard/messages.h"

namespace vmkeep::daemon {

namespace json = boost::json;

void Owners::method(Record& record, const MethodRun& run, uint64_t number, const control::Call& call) {
  const std::string fmri = record.fmri.str();
  const std::string step = guard::text_of(call.parameters, "step");
  if (step == "plan" || step == "again") {
    if (auto claimed = claim(record); !claimed) return call.fail(claimed.error());
    auto message = guard::message("method", fmri);
    message["call"] = number;
    message["method"] = restarter::to_string(run.method);
    message["commanded"] = run.commanded;
    message["pid"] = control::int_member(call.parameters, "pid", -1);
    std::optional<Instant> until = run.until;
    if (run.timeout) until = std::min(until.value_or(kNever), run.started + Instant(*run.timeout));
    if (until) message["budget_ms"] = std::max<int64_t>((*until - now()).count(), 0);
    if (run.timeout) message["limit_ms"] = Instant(*run.timeout).count();
    message["force"] = run.until.has_value();
    if (run.method == restarter::MethodName::stop) message["timeout"] = record.stop_timeout;
    waiting_.insert_or_assign(fmri, call);
    send(record, message);
  } else if (step == "launched" || step == "died") {
    auto message = guard::message(step.c_str(), fmri);
    message["call"] = number;
    message["pid"] = control::int_member(call.parameters, "pid", -1);
    message["code"] = control::int_member(call.parameters, "code", -1);
    message["text"] = guard::text_of(call.parameters, "text");
    if (step == "launched") {
      waiting_.insert_or_assign(fmri, call);
    } else {
      call.reply({{"action", "wait"}, {"code", 0}, {"text", ""}});
    }
    send(record, message);
  } else {
    call.fail(fail(ErrorKind::invalid, "step \"" + step + "\" is none of plan, again, launched, died"));
  }
}

void Owners::handle(Owner& owner, const json::object& message) {
  const std::string kind = guard::text_of(message, "kind");
  if (kind == "progress" || kind == "outcome") return on_answer(owner, message);
  Record* record = core_.record(guard::text_of(message, "fmri"));
  // A guard speaks for its owner's instances only.
  if (record == nullptr || record->owner != owner.key) return;
  if (kind == "step") on_step(*record, message);
  if (kind == "adopt") on_adopt(owner, *record, message);
  if (kind == "verdict") on_verdict(*record, message);
  if (kind == "renamed") follow_name(*record, guard::text_of(message, "name"));
  if (kind == "waits") {
    record->waits_for = guard::text_of(message, "text");
    core_.touch(*record);
  }
  if (kind == "report") core_.events.push(restarter::Reported{record->fmri.str()});
  if (kind == "dossier") {
    start(core_.executor, write_dossier(core_, record->fmri.str(), owner.gid(), message));
  }
  if (kind == "log") {
    core_.logs.line(record->fmri, guard::text_of(message, "text"));
    note(*record, guard::text_of(message, "text"));
  }
}

// ---- what people ask for
// ----------------------------------------------------------------------------------------

Result<Owners::Answers> Owners::request(Record& record, json::object message) {
  auto owner = owner_of(record);
  if (!owner) return owner.error();
  send_configuration(record);
  const uint64_t number = ++last_request_;
  auto answers = std::make_shared<Queue<json::object>>(core_.executor);
  requests_[number] = Request{(*owner)->key, answers, false};
  message["fmri"] = record.fmri.str();
  message["call"] = number;
  (*owner)->channel->send(message);
  return answers;
}

Result<Owners::Answers> Owners::request_list(contract::MethodContext context) {
  auto owner = owner_for(std::move(context));
  if (!owner) return owner.error();
  const uint64_t number = ++last_request_;
  auto answers = std::make_shared<Queue<json::object>>(core_.executor);
  requests_[number] = Request{(*owner)->key, answers, true};
  auto message = guard::message("list", "");
  message["call"] = number;
  (*owner)->channel->send(message);
  return answers;
}

void Owners::on_answer(Owner& owner, const json::object& message) {
  const auto found = requests_.find(static_cast<uint64_t>(control::int_member(message, "call", 0)));
  if (found == requests_.end() || found->second.owner != owner.key) return;
  found->second.answers->push(message);
  if (guard::text_of(message, "kind") != "outcome") return;
  const bool list = found->second.list;
  requests_.erase(found);
  if (list) retire(owner);
}

// A guard that keeps no VM is not kept.
void Owners::retire(Owner& owner) {
  for (const auto& [fmri, record] : core_.records) {
    if (record.owner == owner.key) return;
  }
  for (const auto& [number, request] : requests_) {
    if (request.owner == owner.key) return;
  }
  owner.retired = true;
  end_process(owner.pidfd);
}

// The VM runs, as its instance's start method wanted: what an operator did to it is over.
void Owners::started(Record& record, const json::object& step) {
  const std::string up = guard::text_of(step, "up");
  if (up != "born" && up != "adopted") return;
  vm::History& history = record.history;
  const bool window = history.outage && history.outage->kind == vm::OutageKind::gui;
  if (up == "born") {
    history.restart_saved_once = false;
    history.started = now();
  }
  if (up == "born" || !window) history.outage.reset();
  mark_up(core_, record);
  publish_vm(core_, record);
}

void Owners::on_step(Record& record, const json::object& message) {
  const auto found = waiting_.find(record.fmri.str());
  const auto run = record.runs.find(static_cast<uint64_t>(control::int_member(message, "call", 0)));
  if (found == waiting_.end() || run == record.runs.end()) return;
  const control::Call call = found->second;
  waiting_.erase(found);
  started(record, message);
  run->second.kept = guard::text_of(message, "up") == "kept";
  if (control::int_member(message, "code", 0) != 0) {
    const std::string text = guard::text_of(message, "text");
    record.method_said = text.substr(0, text.find('\n'));
  }
  json::object reply;
  for (const char* member : {"action", "argv", "environment", "code", "text"}) {
    if (const auto* value = message.if_contains(member)) reply[member] = *value;
  }
  call.reply(std::move(reply));
}

void Owners::on_adopt(Owner& owner, Record& record, const json::object& message) {
  const auto pid = static_cast<pid_t>(control::int_member(message, "pid", -1));
  auto answer = guard::message("adopted", record.fmri.str());
  answer["pid"] = pid;
  answer["text"] = adopt(core_, record, pid, owner.uid(), owner.driver);
  owner.channel->send(answer);
}

void Owners::on_verdict(Record& record, const json::object& message) {
  const auto number = static_cast<uint64_t>(control::int_member(message, "question", 0));
  const auto found = questions_.find(record.fmri.str());
  if (number == 0 || found == questions_.end() || found->second.number != number) return;
  auto verdict = guard::verdict_from(message);
  if (!verdict) {
    core_.logs.notice("guard " + verdict.error().message);
    return;
  }
  if (record.history.fell != found->second.sent.fell && verdict->kind != vm::VerdictKind::restart) {
    // Its process crashed after the question was sent: what was answered is of somebody who did not know.
    questions_.erase(found);
    verdict = vm::Verdict{vm::VerdictKind::ask_again, graph::Reason::vm_unknown, record.history.fell};
    core_.events.push(restarter::VerdictGiven{record.fmri.str(), number, std::move(*verdict)});
    return;
  }
  if (const auto* history = message.if_contains("history"); history != nullptr && history->is_object()) {
    record.history =
        vm::merged(record.history, found->second.sent, guard::history_from(history->get_object()));
    publish_vm(core_, record);  // before the verdict is carried out
  }
  questions_.erase(found);
  const bool emptied = record.contract != 0 && core_.contracts->empty(record.contract);
  if (verdict->reboot) start(core_.executor, reboot(*this, record.fmri.str(), verdict->patience));
  core_.events.push(restarter::VerdictGiven{record.fmri.str(), number, std::move(*verdict), emptied});
}

}  // namespace vmkeep::daemon
