// The statements behind "expect".
#include <algorithm>
#include <charconv>

#include "tools/simulate/script.h"

namespace vmkeep::simulate {
namespace {

using restarter::Words;

Error nonsense(std::string what) {
  return fail(ErrorKind::invalid, std::move(what));
}

std::string now_of(const Member& m) {
  std::string text(to_string(m.seen.state));
  if (m.seen.next_state != graph::State::none) text += " -> " + std::string(to_string(m.seen.next_state));
  text += " (" + std::string(to_string(m.seen.reason)) + ")";
  if (m.vm) text += ", the VM " + std::string(vm::to_string(m.vm->observe().state));
  return text;
}

// everything down within TIME
Result<Check> all_down(World& world, const Words& words) {
  const auto limit = words.size() == 4 && words[1] == "down" && words[2] == "within"
                         ? restarter::duration(words[3])
                         : std::nullopt;
  if (!limit) return nonsense("say everything down within TIME");
  return Check([&world, limit = *limit](std::string& found) {
    const auto took = world.shutdown_took();
    found = took ? "down after " + clock_text(*took) : "not down";
    return took && *took <= limit;
  });
}

Result<Check> launches(Member* m, const Words& words) {
  int wanted = 0;
  const std::string relation = words.size() == 4 ? words[2] : "";
  const std::string& word = words.back();
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), wanted);
  const bool number = problem == std::errc() && end == word.data() + word.size();
  if (!number || !m->vm || (relation != "=" && relation != "<=" && relation != ">=")) {
    return nonsense("say NAME launches = N (or <=, >=) of a VM");
  }
  return Check([m, relation, wanted](std::string& found) {
    const int count = m->vm->launches();
    found = std::to_string(count);
    return relation == "=" ? count == wanted : relation == "<=" ? count <= wanted : count >= wanted;
  });
}

Result<Check> vm_state(Member* m, const Words& words) {
  const auto state = words.size() == 3 ? vm::vm_state(words[2]) : std::nullopt;
  if (!m->vm || !state) return nonsense("say NAME vm STATE, with a state of VirtualBox");
  return Check([m, state = *state](std::string& found) {
    found = now_of(*m);
    return m->vm->observe().state == state;
  });
}

}  // namespace

Result<Check> compile_expectation(World& world, const Words& words) {
  if (words.size() < 2) return nonsense("what is expected is missing");
  if (words[0] == "everything") return all_down(world, words);
  auto name = world.configuration().find(words[0]);
  if (!name) return name.error();
  Member* const m = world.member(name->str());
  if (words[1] == "launches") return launches(m, words);
  if (words[1] == "vm") return vm_state(m, words);
  const bool never = words[1] == "never";
  const size_t at = never ? 2 : 1;
  const auto state = words.size() > at ? graph::state(words[at]) : std::nullopt;
  if (!state) return nonsense("say NAME [never] STATE [REASON], NAME vm STATE, or NAME launches = N");
  if (never) {
    return Check([m, state = *state](std::string& found) {
      found = "so at some time";
      return std::find(m->states.begin(), m->states.end(), state) == m->states.end();
    });
  }
  std::optional<graph::Reason> reason;
  if (words.size() > 2) {
    reason = graph::reason(words[2]);
    if (!reason || words.size() > 3) return nonsense(fmri::quote(words.back()) + " is no reason");
  }
  return Check([m, state = *state, reason](std::string& found) {
    found = now_of(*m);
    return m->seen.state == state && (!reason || m->seen.reason == *reason);
  });
}

}  // namespace vmkeep::simulate
