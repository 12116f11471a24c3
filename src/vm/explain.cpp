#include "vm/explain.h"

#include <algorithm>

namespace vmkeep::vm {
namespace {

std::string origin_words(Origin origin) {
  if (origin == Origin::standard) return "by default";
  return "from the " + std::string(to_string(origin));
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || c == '_';
}

// "the VM" begins most sentences of the tables; here it has been named already.
std::string subject(std::string text) {
  constexpr std::string_view kVm = "the VM ";
  if (text.compare(0, kVm.size(), kVm) == 0) text.replace(0, kVm.size(), "it ");
  return text;
}

// What is said before the last clause, which says what is being done.
std::string reasons(const std::string& why) {
  const auto last = why.rfind("; ");
  return last == std::string::npos ? why : why.substr(0, last);
}

std::string start_sentence(const StartPlan& plan, const Observation& observed) {
  const bool saved = is_restorable(observed.agreed());
  switch (plan.action) {
    case StartAction::launch:
      return reasons(plan.why) + (saved ? "; so start would restore it" : "; so start would boot it");
    case StartAction::adopt:
      return reasons(plan.why) + "; so start would take it over as it is";
    case StartAction::save_then_launch:
      return reasons(plan.why) + "; so start would save and restore it";
    case StartAction::resume:
      return reasons(plan.why) + "; so start would resume it";
    case StartAction::poweroff_then_launch:
      return reasons(plan.why) + "; so start would power it off and boot it";
    case StartAction::wait:
      return reasons(plan.why) + "; so start would wait for the end of that";
    case StartAction::leave:
      return reasons(plan.why) + "; so start would leave it as it is";
    case StartAction::refuse:
      return reasons(plan.why) + "; so start would fail";
    case StartAction::misconfigured:
      return plan.why + "; so start would fail";
    case StartAction::retry:
      break;
  }
  return plan.why + "; so start would look again until its time is over";
}

std::string stop_sentence(const StopPlan& plan) {
  if (plan.wait_first) return reasons(plan.why) + "; so stop would wait for the end of that";
  if (plan.steps.empty()) return plan.why + "; so stop would do nothing";
  switch (plan.steps.front().action) {
    case StopAction::savestate:
      return plan.why + "; so stop would save it";
    case StopAction::acpipowerbutton:
      return plan.why + "; so stop would press its power button" +
             (plan.steps.size() > 1 ? ", and pull the plug if that does not help" : "");
    case StopAction::acpisleepbutton:
      return plan.why + "; so stop would press its sleep button";
    case StopAction::reset:
      return plan.why + "; so stop would reset it";
    case StopAction::poweroff:
    case StopAction::emergencystop:
      break;
  }
  return plan.why + "; so stop would power it off";
}

std::string next_sentence(const VmConfig& config, const Observation& observed, const History& history,
                          graph::State instance, Instant now) {
  if (!graph::is_up(instance)) {
    const bool ill = instance == graph::State::maintenance;
    return std::string("nothing: its instance is ") + (ill ? "in " : "") +
           std::string(graph::to_string(instance));
  }
  if (observed.agreed() == VmState::running && !history.suppression) {
    const Observation dead{VmState::aborted, Witness::absent, ""};
    History now_running = history;
    if (history.outage && history.outage->kind != OutageKind::gui) now_running.outage.reset();
    const auto judgement = judge(config, now_running, dead, Cause::contract_empty, now);
    return "nothing while it runs; should it die, then: " + subject(judgement.verdict.why);
  }
  const auto judgement = judge(config, history, observed, Cause::report, now);
  std::string why = judgement.verdict.why;
  switch (judgement.verdict.kind) {
    case VerdictKind::restart:
      return why + "; so it would be started";
    case VerdictKind::leave_online:
      return why + (judgement.verdict.resume ? "; so it would be resumed" : "; so nothing would be done");
    case VerdictKind::offline:
      return why + "; so its instance would be disabled until the next boot";
    case VerdictKind::maintenance:
      return why + "; so its instance would go to maintenance";
    case VerdictKind::degraded:
      return why + "; so its instance would be degraded";
    case VerdictKind::ask_again:
      break;
  }
  return why;
}

}  // namespace

std::string with_origins(std::string text, const std::vector<Setting>& settings) {
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end == at) {
      ++at;
      continue;
    }
    const auto word = std::string_view(text).substr(at, end - at);
    // A property of one word ("nice", "name") is a word of every language: only the long ones are meant.
    const bool long_name = word.find('_') != std::string_view::npos || word == "takeover";
    const auto setting = std::find_if(settings.begin(), settings.end(), [&word](const Setting& one) {
      return one.property != nullptr && one.property->name == word;
    });
    at = end;
    if (!long_name || setting == settings.end()) continue;
    const std::string note = " (" + origin_words(setting->origin) + ")";
    // Behind the value where one follows ("is true"), else behind the name.
    size_t where = end;
    if (text.compare(end, 4, " is ") == 0) where = std::min(text.find_first_of(";,", end), text.size());
    text.insert(where, note);
    at = where + note.size();
  }
  return text;
}

Explanation explain(const ConfigReading& reading, const Observation& observed, const History& history,
                    graph::State instance, Instant now) {
  const VmConfig& config = reading.config;
  const auto told = [&reading](const std::string& sentence) {
    return with_origins(subject(sentence), reading.settings);
  };
  Explanation result;
  result.next = told(next_sentence(config, observed, history, instance, now));
  result.start = told(start_sentence(start_plan(config, observed, false), observed));
  result.stop = told(stop_sentence(stop_plan(config, observed, std::nullopt)));
  return result;
}

}  // namespace vmkeep::vm
