// For tests only: a world in virtual time around a restarter.  It knows which methods run and which timers
// are armed, fires those that are due when time goes on, and complains when the restarter breaks a promise
// (10.2). Commands and actions are lines of text, so that a scenario is a text file.
#pragma once

#include <fmt/format.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "restarter/restarter.h"
#include "restarter/scenario_words.h"
#include "restarter/script.h"

namespace vmkeep::restarter {

class World {
 public:
  Restarter restarter;
  Instant now = std::chrono::seconds(1000);
  std::map<std::string, Member> members;
  Timers timers;
  std::vector<std::string> lines;     // what happened
  std::vector<std::string> breaches;  // promises broken
  Measurements measured;
  bool shut_down = false;
  bool done = false;

  // Carries out one command.  False: there is no such command.
  bool command(const Words& words) {
    if (words.empty()) return true;
    if (words[0].starts_with("+")) {
      advance(duration(words[0].substr(1)).value());
      return command({words.begin() + 1, words.end()});
    }
    if (words[0] == "needs") return needs(words);
    if (words[0] == "set") return set(words);
    if (words[0] == "load") return load(words);
    return event(words);
  }

  void advance(Instant by) {
    const Instant end = now + by;
    while (const auto timer = timers.take(end)) {
      now = std::max(now, timer->at);
      lines.push_back(stamp() + "timer " + timer->fmri);
      send(TimerFired{timer->fmri, timer->timer});
    }
    now = end;
  }

  void send(const Event& event) {
    for (const auto& action : restarter.handle(event, now)) {
      std::visit([this](const auto& what) { carry_out(what); }, action);
    }
  }

  std::string stamp() const {
    return fmt::format("[{}] ", fmt::format("{:g}", static_cast<double>(now.count() - 1000000) / 1000));
  }

 private:
  // needs WHO WHOM... [grouping=] [restart_on=]
  bool needs(const Words& words) {
    graph::Dependency dependency;
    for (size_t i = 2; i < words.size(); i++) {
      const auto equals = words[i].find('=');
      const auto value = equals == std::string::npos ? "" : words[i].substr(equals + 1);
      if (words[i].starts_with("grouping=")) {
        dependency.grouping = graph::grouping(value).value();
      } else if (words[i].starts_with("restart_on=")) {
        dependency.restart_on = graph::restart_on(value).value();
      } else {
        dependency.entities.push_back(entity(words[i]));
      }
    }
    auto& all = members[words.at(1)].config.dependencies;
    dependency.name = fmt::format("d{}", all.size());
    all.push_back(dependency);
    return true;
  }

  bool set(const Words& words) {
    auto& member = members[words.at(1)];
    for (size_t i = 2; i < words.size(); i++) {
      if (!option(member, words[i])) return false;
    }
    return true;
  }

  bool load(const Words& words) {
    const bool more = words.back() == "more";
    const bool created = words.back() == "created";
    if (!set({words.begin(), more || created ? words.end() - 1 : words.end()})) return false;
    const auto& member = members[words.at(1)];
    if (restarter.view(words[1]) == nullptr) members[words[1]].seen = graph::State::uninitialized;
    members[words[1]].has_contract = member.recovered.has_contract;
    members[words[1]].contract_live = member.recovered.has_contract && !member.recovered.contract_empty;
    members[words[1]].waiting = member.recovered.waiting;
    send(Loaded{words[1], member.config, member.enabled, member.recovered, more, created});
    return true;
  }

  bool event(const Words& words) {
    const auto& verb = words[0];
    const auto name = words.size() > 1 ? words[1] : std::string();
    const auto word = [&](size_t i) { return i < words.size() ? words[i] : std::string(); };
    if (verb == "method" || verb == "child") {
      method_end(name, verb == "child", word(2), word(3), word(4));
    } else if (verb == "empty") {
      members[name].contract_live = false;
      send(ContractEmptied{name});
    } else if (verb == "fault") {
      send(ProcessFaulted{name, word(2) == "core"     ? Fault::core
                                : word(2) == "signal" ? Fault::signal
                                                      : Fault::hwerr});
    } else if (verb == "claim") {
      send(Claimed{name});
    } else if (verb == "start") {
      send(StartCommanded{name});
    } else if (verb == "report") {
      send(Reported{name});
    } else if (verb == "verdict" || verb == "stale_verdict" || verb == "early_verdict") {
      verdict(name, verb, word(2), word(3), word(4), word(5));
    } else if (verb == "enable" || verb == "disable") {
      send(EnabledChanged{name, verb == "enable"});
    } else if (verb == "restart" || verb == "clear" || verb == "maintain" || verb == "degrade") {
      const auto request = verb == "restart"    ? Request::restart
                           : verb == "clear"    ? Request::clear
                           : verb == "maintain" ? Request::maintain
                                                : Request::degrade;
      send(Requested{name, request, word(2) == "immediate", word(2) != "service"});
    } else if (verb == "refresh") {
      send(Refreshed{name, members[name].config});
    } else if (verb == "remove") {
      send(Removed{name});
    } else if (verb == "fact") {
      send(FactChanged{name, word(2) == "up"});
    } else if (verb == "file") {
      send(FileChanged{name, word(2) == "present"});
    } else if (verb == "milestone") {
      send(MilestoneSet{name});
    } else if (verb == "shutdown") {
      shut_down = true;
      done = false;
      ShutDown end;
      if (const auto budget = assigned(words, "budget"))
        end.budget = std::chrono::seconds(std::stol(*budget));
      end.measured = measured;
      send(end);
    } else if (verb == "startup") {
      shut_down = false;
      send(StartUp{});
    } else if (verb == "pace") {
      AdmissionConfig config;
      if (const auto value = assigned(words, "width")) config.width = std::stoul(*value);
      if (const auto value = assigned(words, "stagger")) config.stagger = duration(*value).value();
      if (const auto value = assigned(words, "saves")) config.save_width = std::stoul(*value);
      send(PaceConfigured{config});
    } else if (verb == "pressure") {
      const auto percent = [&](const char* what) {
        const auto value = assigned(words, what);
        return value ? std::stod(*value) : 0.0;
      };
      send(PressureRead{{percent("cpu"), percent("io"), percent("memory")}});
    } else if (verb == "measured") {  // measured NAME [start=] [stop=]
      if (const auto value = assigned(words, "start")) measured[name].start = duration(*value).value();
      if (const auto value = assigned(words, "stop")) measured[name].stop = duration(*value).value();
    } else {
      return verb.starts_with("#");
    }
    return true;
  }

  // method NAME exit|signal|not_started|kept VALUE [WHY]: the method that runs now, or the child, ends.
  void method_end(const std::string& name, bool child, const std::string& how, const std::string& value,
                  const std::string& why) {
    auto& member = members[name];
    const bool start = child || member.start_run != 0;
    const bool is_child = member.config.duration == Duration::child;
    auto& run = (is_child ? child : start) ? member.start_run : member.other_run;
    if (run == 0) {
      lines.push_back("  (no method runs)");
      return;
    }
    MethodEnd end;
    if (how == "signal") end.kind = MethodEnd::Kind::signaled;
    if (how == "not_started") end.kind = MethodEnd::Kind::not_started;
    end.kept = how == "kept";
    end.value = value.empty() ? 0 : std::stoi(value);
    end.why = why;
    send(MethodEnded{name, std::exchange(run, 0), end});
  }

  // stale_: answers an earlier question; early_: given after the contract emptied, and before that is told.
  void verdict(const std::string& name, const std::string& verb, const std::string& kind,
               const std::string& reason, const std::string& why, const std::string& delay) {
    static const std::map<std::string, vm::VerdictKind> kKinds = {
        {"restart", vm::VerdictKind::restart},         {"leave_online", vm::VerdictKind::leave_online},
        {"offline", vm::VerdictKind::offline},         {"degraded", vm::VerdictKind::degraded},
        {"maintenance", vm::VerdictKind::maintenance}, {"ask_again", vm::VerdictKind::ask_again}};
    vm::Verdict verdict{.kind = kKinds.at(kind), .why = why};
    if (!reason.empty()) verdict.reason = graph::reason(reason).value();
    if (!delay.empty()) verdict.delay = duration(delay).value();
    const auto question = members[name].question - (verb == "stale_verdict" ? 1 : 0);
    send(VerdictGiven{name, question, verdict, verb == "early_verdict"});
  }

  void say(const std::string& text) { lines.push_back("  " + text); }
  void expect(bool good, const std::string& promise) {
    if (!good)
      breaches.push_back(
          fmt::format("{}{} (after: {})", stamp(), promise, lines.empty() ? "" : lines.back()));
  }

  // 4.1.  `was` is what the world saw last of it.
  static bool legal(graph::State was, graph::State is) {
    using enum graph::State;
    switch (was) {
      case uninitialized:
        return is != legacy_run && is != none;
      case disabled:
        return is == offline || is == maintenance || is == disabled;
      case offline:
        return is == online || is == maintenance || is == offline || is == disabled;
      case online:
      case degraded:
        return is != uninitialized;
      case maintenance:
        return is == uninitialized || is == maintenance;
      default:
        return false;
    }
  }

  void carry_out(const SetState& a) {
    auto& was = members[a.fmri].seen;
    // Whoever is handed to another restarter begins anew, whatever it was (5.7).
    const bool anew = !members[a.fmri].config.delegated_to.empty() && a.state == graph::State::uninitialized;
    expect(anew || legal(was, a.state),
           fmt::format("{}: {} to {}", a.fmri, to_string(was), to_string(a.state)));
    was = a.state;
    say(fmt::format("{} is {}", a.fmri, to_string(a)));
  }
  void carry_out(const Log& a) { say(fmt::format("{} logs \"{}\"", a.fmri, a.text)); }
  void carry_out(const Notice& a) {
    auto text = a.text;  // a line each, whatever it says
    for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n')) text.replace(at, 1, " / ");
    say(fmt::format("notice \"{}\"", text));
  }
  void carry_out(const RunMethod& a) {
    auto& member = members[a.fmri];
    const bool child = member.config.duration == Duration::child;
    expect(member.other_run == 0 && (member.start_run == 0 || child), a.fmri + " runs two methods at once");
    if (a.method == MethodName::start) {
      expect(member.start_run == 0, a.fmri + " is started twice");
      member.start_run = a.run;
      member.starts++;
      member.contract_live = member.has_contract = true;
    } else {
      member.other_run = a.run;
      member.other = a.method;
    }
    member.until = a.until;
    const auto commanded = a.commanded ? fmt::format(", commanded by {}", vm::to_string(*a.commanded)) : "";
    std::string until;
    if (a.until)
      until = fmt::format(", to be over by {:g}", static_cast<double>(a.until->count() - 1000000) / 1000);
    say(fmt::format("{} runs {} {}{}{}", a.fmri, to_string(a.method), a.exec, commanded, until));
  }
  void carry_out(const KillMethod& a) {
    const auto& member = members[a.fmri];
    expect(a.run != 0 && (a.run == member.start_run || a.run == member.other_run),
           a.fmri + ": no such method to kill");
    say(fmt::format("{} kills its method{}", a.fmri, a.vm_instance ? ", not the VM" : ""));
  }
  void carry_out(const SignalContract& a) { say(fmt::format("{} gets signal {}", a.fmri, a.signal)); }
  void carry_out(const ReleaseContract& a) {
    expect(!a.kill || !restarter.view(a.fmri) || !restarter.view(a.fmri)->vm_instance,
           a.fmri + ": a VM is killed");
    auto& member = members[a.fmri];
    member.contract_live = member.has_contract = false;
    if (member.config.duration == Duration::child) member.start_run = 0;
    say(fmt::format("{} releases its contract{}{}", a.fmri, a.kill ? ", killing it" : "",
                    a.late ? " as too late" : ""));
  }
  void carry_out(const ArmTimer& a) { expect(timers.arm(a), "a timer is armed twice"); }
  void carry_out(const CancelTimer& a) {
    expect(timers.cancel(a.timer), "a timer is cancelled that is not armed");
  }
  void carry_out(const AskVerdict& a) {
    members[a.fmri].question = a.question;
    say(fmt::format("{} asks ({})", a.fmri, vm::to_string(a.cause)));
  }
  void carry_out(const ReplaceGuard& a) { say(a.fmri + " replaces its guard"); }
  void carry_out(const DisableTemporarily& a) { say(a.fmri + " disables itself temporarily"); }
  void carry_out(const LiftTemporarily& a) { say(a.fmri + " loses its temporary flag"); }
  void carry_out(const RecordRequests& a) {
    auto waiting = a.waiting;
    members[a.fmri].waiting = waiting;
    std::string text;
    for (const auto& [what, set] : parts(waiting)) text += *set ? " " + what : "";
    if (!waiting.administrative) text += " (of a service)";
    say(text.empty() ? fmt::format("{} has nothing waiting", a.fmri)
                     : fmt::format("{} has waiting:{}", a.fmri, text));
  }
  void carry_out(const TakeStartSnapshot& a) { say(a.fmri + " takes the start snapshot"); }
  void carry_out(const StoreStartStatus&) {}
  void carry_out(const ShutDownDone& a) {
    expect(!done, "the end is told twice");
    done = true;
    std::string left;
    for (const auto& fmri : a.left) left += " " + fmri;
    say(left.empty() ? "all is down" : "the budget is used up; left:" + left);
  }
};

}  // namespace vmkeep::restarter
