#include "guard/messages.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "control/messages.h"

namespace vmkeep::guard {
namespace {

namespace json = boost::json;

constexpr std::array kVerdicts{
    std::pair{vm::VerdictKind::restart, std::string_view("restart")},
    std::pair{vm::VerdictKind::leave_online, std::string_view("leave_online")},
    std::pair{vm::VerdictKind::offline, std::string_view("offline")},
    std::pair{vm::VerdictKind::degraded, std::string_view("degraded")},
    std::pair{vm::VerdictKind::maintenance, std::string_view("maintenance")},
    std::pair{vm::VerdictKind::ask_again, std::string_view("ask_again")},
};

// More than any window that makes sense; what a guard says is stored.
constexpr size_t kMaxInstants = 1000;

json::array instants(const std::vector<Instant>& list) {
  json::array array;
  for (const Instant at : list) array.emplace_back(at.count());
  return array;
}

std::vector<Instant> instants_from(const json::object& object, const char* member) {
  std::vector<Instant> list;
  const auto* array = object.if_contains(member);
  if (array == nullptr || !array->is_array()) return list;
  for (const auto& at : array->get_array()) {
    if (at.is_int64() && list.size() < kMaxInstants) list.emplace_back(at.get_int64());
  }
  return list;
}

}  // namespace

json::object message(const char* kind, const std::string& fmri) {
  return {{"kind", kind}, {"fmri", fmri}};
}

std::string text_of(const json::object& object, const char* member) {
  auto text = control::string_member(object, member);
  return text ? *text : std::string();
}

json::object to_json(const vm::History& history) {
  json::object object{{"aborts", instants(history.aborts)},
                      {"unknown_in_a_row", history.unknown_in_a_row},
                      {"hook_failures", instants(history.hook_failures)},
                      {"hook_reboots", instants(history.hook_reboots)},
                      {"started", history.started.count()},
                      {"restart_saved_once", history.restart_saved_once},
                      {"fell", control::value_to_json(history.fell)}};
  if (const auto& outage = history.outage) {
    json::object one{
        {"kind", vm::to_string(outage->kind)}, {"by", outage->by}, {"since", outage->since.count()}};
    if (outage->until) one["until"] = outage->until->count();
    if (outage->seen) one["seen"] = true;
    object["outage"] = std::move(one);
  }
  if (const auto& lease = history.suppression) {
    object["suppression"] = {{"by", lease->by},
                             {"why", lease->why},
                             {"since", lease->since.count()},
                             {"until", lease->until.count()}};
  }
  return object;
}

vm::History history_from(const json::object& object) {
  vm::History history;
  history.aborts = instants_from(object, "aborts");
  history.unknown_in_a_row = static_cast<int>(control::int_member(object, "unknown_in_a_row", 0));
  history.hook_failures = instants_from(object, "hook_failures");
  history.hook_reboots = instants_from(object, "hook_reboots");
  history.started = Instant(control::int_member(object, "started", 0));
  history.restart_saved_once = control::bool_member(object, "restart_saved_once", false);
  history.fell = text_of(object, "fell");
  if (const auto* one = object.if_contains("outage"); one != nullptr && one->is_object()) {
    const auto& outage = one->get_object();
    if (const auto kind = vm::outage_kind(text_of(outage, "kind"))) {
      history.outage =
          vm::Outage{*kind, text_of(outage, "by"), Instant(control::int_member(outage, "since", 0)),
                     std::nullopt, control::bool_member(outage, "seen", false)};
      if (outage.contains("until")) history.outage->until = Instant(control::int_member(outage, "until", 0));
    }
  }
  if (const auto* one = object.if_contains("suppression"); one != nullptr && one->is_object()) {
    const auto& lease = one->get_object();
    history.suppression = vm::Suppression{text_of(lease, "by"), text_of(lease, "why"),
                                          Instant(control::int_member(lease, "since", 0)),
                                          Instant(control::int_member(lease, "until", 0))};
  }
  return history;
}

std::string_view to_string(vm::VerdictKind kind) {
  for (const auto& [value, name] : kVerdicts) {
    if (value == kind) return name;
  }
  return {};
}

std::optional<vm::Cause> cause(std::string_view word) {
  for (const auto value : {vm::Cause::contract_empty, vm::Cause::report, vm::Cause::look}) {
    if (vm::to_string(value) == word) return value;
  }
  return std::nullopt;
}

json::object to_json(const vm::Verdict& verdict) {
  return {{"verdict", to_string(verdict.kind)},
          {"reason", graph::to_string(verdict.reason)},
          {"why", verdict.why},
          {"resume", verdict.resume},
          {"delay_ms", verdict.delay.count()},
          {"reboot", verdict.reboot},
          {"patience_ms", verdict.patience.count()}};
}

Result<vm::Verdict> verdict_from(const json::object& object) {
  vm::Verdict verdict;
  const std::string kind = text_of(object, "verdict");
  bool known = false;
  for (const auto& [value, name] : kVerdicts) {
    if (name == kind) {
      verdict.kind = value;
      known = true;
    }
  }
  const auto reason = graph::reason(text_of(object, "reason"));
  if (!known || !reason) return fail(ErrorKind::invalid, "no verdict: \"" + kind + "\"");
  verdict.reason = *reason;
  verdict.why = text_of(object, "why");
  verdict.resume = control::bool_member(object, "resume", false);
  verdict.delay = Instant(std::max<int64_t>(control::int_member(object, "delay_ms", 0), 0));
  verdict.reboot = control::bool_member(object, "reboot", false);
  verdict.patience = Instant(control::int_member(object, "patience_ms", 0));
  return verdict;
}

json::array to_json(const std::vector<std::string>& words) {
  json::array array;
  for (const auto& word : words) array.push_back(control::value_to_json(word));
  return array;
}

std::vector<std::string> words_from(const json::object& object, const char* member) {
  std::vector<std::string> words;
  const auto* array = object.if_contains(member);
  if (array == nullptr || !array->is_array()) return words;
  for (const auto& word : array->get_array()) {
    if (auto text = control::value_from(word)) words.push_back(std::move(*text));
  }
  return words;
}

}  // namespace vmkeep::guard
