// For tests only: what the words of a scenario say of its instances.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "restarter/restarter.h"
#include "restarter/script.h"

namespace vmkeep::restarter {

struct Member {
  InstanceConfig config;
  std::optional<bool> enabled = true;
  Recovered recovered;
  uint64_t start_run = 0;  // running methods: 0 is none
  uint64_t other_run = 0;
  MethodName other = MethodName::stop;
  uint64_t question = 0;
  uint64_t starts = 0;
  Requests waiting;  // as on record
  bool contract_live = false;
  bool has_contract = false;  // live or empty, as a daemon would have it on record
  graph::State seen = graph::State::uninitialized;
  std::optional<Instant> until;  // of its last method
};

// The value of key=value among the words.
inline std::optional<std::string> assigned(const Words& words, const std::string& key) {
  for (const auto& word : words) {
    if (word.starts_with(key + "=")) return word.substr(key.size() + 1);
  }
  return std::nullopt;
}

inline graph::Entity entity(const std::string& word) {
  if (word.starts_with("/")) return {graph::EntityKind::file, word};
  if (word.starts_with("host:")) return {graph::EntityKind::host, word.substr(5)};
  if (word.starts_with("service:")) return {graph::EntityKind::service, word.substr(8)};
  return {graph::EntityKind::instance, word};
}

inline std::map<std::string, bool*> parts(Requests& waiting) {
  return {{"restart", &waiting.restart}, {"refresh", &waiting.refresh},   {"degrade", &waiting.degrade},
          {"start", &waiting.start},     {"maintain", &waiting.maintain}, {"immediate", &waiting.immediate}};
}

// waits=WHAT: on record from an earlier daemon; "service": another service asked for it.
inline bool waits(Requests& waiting, const std::string& what) {
  if (what == "service") {
    waiting.administrative = false;
    return true;
  }
  const auto all = parts(waiting);
  const auto part = all.find(what);
  if (part == all.end()) return false;
  *part->second = true;
  return true;
}

// Sets what a word says: key, or key=value.  False: there is no such word.
inline bool option(Member& member, const std::string& word) {
  auto& config = member.config;
  const auto equals = word.find('=');
  const auto key = word.substr(0, equals);
  const auto value = equals == std::string::npos ? "" : word.substr(equals + 1);
  const auto exec = [&](MethodConfig& method) {
    method.present = true;
    method.exec = value;
  };
  const auto seconds = [&] { return std::chrono::seconds(std::stol(value)); };
  if (key == "contract")
    config.duration = Duration::contract;
  else if (key == "transient")
    config.duration = Duration::transient;
  else if (key == "child")
    config.duration = Duration::child;
  else if (key == "start")
    exec(config.start);
  else if (key == "stop")
    exec(config.stop);
  else if (key == "refresh")
    exec(config.refresh);
  else if (key == "start_timeout")
    config.start.timeout = seconds();
  else if (key == "stop_timeout")
    config.stop.timeout = seconds();
  else if (key == "refresh_timeout")
    config.refresh.timeout = seconds();
  else if (key == "timeout_retry")
    config.timeout_retry = value == "true";
  else if (key == "count")
    config.critical_failure_count = std::stoul(value);
  else if (key == "period")
    config.critical_failure_period = seconds();
  else if (key == "ignore_core")
    config.ignore_core = true;
  else if (key == "ignore_signal")
    config.ignore_signal = true;
  else if (key == "ignore_empty")
    config.ignore_empty = true;
  else if (key == "restarter")
    config.delegated_to = value;
  else if (key == "invalid_restarter")
    config.invalid_restarter = value;
  else if (key == "ours")
    config.delegated_to = config.invalid_restarter = "";
  else if (key == "invalid")
    config.invalid_dependency = value;
  else if (key == "alone")
    config.dependencies.clear();
  else if (key == "enabled")
    member.enabled = true;
  else if (key == "disabled")
    member.enabled = false;
  else if (key == "unconfigured")
    member.enabled = std::nullopt;
  else if (key == "state")
    member.recovered.state = graph::state(value).value();
  else if (key == "next_state")
    member.recovered.next_state = graph::state(value).value();
  else if (key == "reason")
    member.recovered.reason = graph::reason(value).value();
  else if (key == "vm")
    config.starts_vm = true;
  else if (key == "saves")
    config.starts_vm = config.saves = true;
  else if (key == "claimed")
    member.recovered.claimed = true;
  else if (key == "waits")
    return waits(member.recovered.waiting, value);
  else if (key == "live")
    member.recovered.has_contract = true;
  else if (key == "empty")
    member.recovered.has_contract = member.recovered.contract_empty = true;
  else
    return false;
  return true;
}

}  // namespace vmkeep::restarter
