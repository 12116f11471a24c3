// The statements behind "at" and "given".
#include <charconv>

#include "tools/simulate/script.h"

namespace vmkeep::simulate {
namespace {

using restarter::Words;
using What = Schedule::What;

Error nonsense(std::string what) {
  return fail(ErrorKind::invalid, std::move(what));
}

Result<Member*> member_of(World& world, const std::string& word) {
  auto found = world.configuration().find(word);
  if (!found) return found.error();
  return world.member(found->str());
}

Result<Instant> time_of(const Words& words, size_t index) {
  const auto time = index < words.size() ? restarter::duration(words[index]) : std::nullopt;
  if (time) return *time;
  return nonsense("a duration is missing: 250ms, 20s, 5m or 2h");
}

// The last word, which may be missing.
Result<std::optional<Instant>> time_if_any(const Words& words, size_t index) {
  if (index >= words.size()) return std::optional<Instant>();
  auto time = time_of(words, index);
  if (!time) return time.error();
  return std::optional<Instant>(*time);
}

std::optional<int> number(const std::string& word) {
  int value = 0;
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (problem != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

// ---- svcadm VERB INSTANCE; svccfg -s INSTANCE setprop PG/PROP = VALUE...

Result<What> svcadm(World& world, Words words) {
  std::erase_if(words, [](const std::string& word) { return word.starts_with("-"); });
  const bool mark = words.size() == 4 && words[1] == "mark";
  if (words.size() != 3 && !mark) return nonsense("svcadm needs a verb and an instance");
  auto member = member_of(world, words.back());
  if (!member) return member.error();
  Member* const m = *member;
  const std::string verb = mark ? words[2] : words[1];
  using restarter::Request;
  const auto request = [&world, m](Request what) {
    return What([&world, m, what] { world.send(restarter::Requested{m->fmri, what, false, true}); });
  };
  if (verb == "enable" || verb == "disable") {
    const bool enabled = verb == "enable";
    return What([&world, m, enabled] {
      m->enabled = enabled;
      world.send(restarter::EnabledChanged{m->fmri, enabled});
    });
  }
  if (verb == "refresh") return What([&world, m] { world.refresh(*m); });
  if (verb == "restart") return request(Request::restart);
  if (verb == "clear") return request(Request::clear);
  if (mark && verb == "maintenance") return request(Request::maintain);
  if (mark && verb == "degraded") return request(Request::degrade);
  return nonsense("svcadm has no verb " + fmri::quote(verb) + " here");
}

Result<What> svccfg(World& world, const Words& words) {
  if (words.size() < 7 || words[1] != "-s" || words[3] != "setprop" || words[5] != "=") {
    return nonsense("say svccfg -s INSTANCE setprop GROUP/PROPERTY = VALUE");
  }
  auto member = member_of(world, words[2]);
  if (!member) return member.error();
  if (words[4].find('/') == std::string::npos)
    return nonsense(fmri::quote(words[4]) + " is no GROUP/PROPERTY");
  return What([&world, m = *member, property = words[4], values = Words(words.begin() + 6, words.end())] {
    (void)world.configuration().set(m->name, property, values);
  });
}

// ---- vmkeep VERB VM..., vmkeep shutdown [BUDGET]

// The verbs that need nothing but the VM.
const std::map<std::string, void (*)(World&, Member&)>& plain_verbs() {
  using vm::TakeDown;
  static const std::map<std::string, void (*)(World&, Member&)> kVerbs{
      {"save", [](World&, Member& m) { m.keeper->take_down(TakeDown::save); }},
      {"poweroff", [](World&, Member& m) { m.keeper->take_down(TakeDown::poweroff); }},
      {"reboot", [](World&, Member& m) { m.keeper->take_down(TakeDown::reboot); }},
      {"start", [](World& world, Member& m) { world.start_wanted(m, false); }},
      {"start-force", [](World& world, Member& m) { world.start_wanted(m, true); }},
      {"stop", [](World& world, Member& m) { world.stop_wanted(m); }},
      {"pause", [](World&, Member& m) { m.keeper->pause(); }},
      {"resume", [](World&, Member& m) { m.keeper->resume(); }},
      {"release", [](World&, Member& m) { m.keeper->release(); }}};
  return kVerbs;
}

Result<What> vmkeep_verb(World& world, Words words) {
  const std::string word = words[1];
  if (word == "shutdown") {
    const auto budget = time_if_any(words, 2);
    if (!budget) return budget.error();
    return What([&world, budget = *budget] { world.shut_down_within(budget); });
  }
  std::string verb = word;
  if (std::erase(words, "--force") != 0 && word == "start") verb = "start-force";
  const auto plain = plain_verbs().find(verb);
  const bool timed = word == "suppress" || word == "gui";
  if (words.size() < 3 || (plain == plain_verbs().end() && !timed)) {
    return nonsense(
        "say vmkeep start|stop|save|poweroff|reboot|pause|resume|release VM, suppress VM TIME, gui VM "
        "[TIME], or "
        "shutdown [BUDGET]");
  }
  auto member = member_of(world, words[2]);
  if (!member) return member.error();
  Member* const m = *member;
  if (!m->vm) return nonsense(words[2] + " is no VM");
  std::optional<Instant> lease;
  if (timed && (words.size() > 3 || word == "suppress")) {
    auto time = time_of(words, 3);
    if (!time) return time.error();
    lease = *time;
  }
  if (words.size() > (lease ? 4U : 3U)) return nonsense("nothing may follow vmkeep " + word + " " + words[2]);
  if (word == "suppress") return What([m, lease] { m->keeper->suppress(*lease); });
  if (word == "gui") return What([m, lease] { m->keeper->open_window(lease); });
  return What([&world, m, how = plain->second] { how(world, *m); });
}

// ---- host shutdown [BUDGET]; host pressure WHAT PERCENT; host FACT up|down; hypervisor dies|hangs TIME

Result<What> host(World& world, const Words& words) {
  if (words.size() >= 2 && words[1] == "shutdown") {
    const auto patience = time_if_any(words, 2);
    if (!patience) return patience.error();
    return What([&world, patience = *patience] { world.shut_down(patience); });
  }
  if (words.size() == 4 && words[1] == "pressure") {
    const auto percent = number(words[3]);
    const bool known = words[2] == "cpu" || words[2] == "io" || words[2] == "memory";
    if (!known || !percent || *percent < 0 || *percent > 100)
      return nonsense("say host pressure cpu|io|memory PERCENT");
    return What([&world, what = words[2], percent = *percent] { world.press(what, percent); });
  }
  if (words.size() == 3 && (words[2] == "up" || words[2] == "down")) {
    return What([&world, fact = words[1], up = words[2] == "up"] {
      world.send(restarter::FactChanged{fact, up});
    });
  }
  return nonsense("say host shutdown [BUDGET], host pressure cpu|io|memory PERCENT, or host FACT up|down");
}

Result<What> hypervisor(World& world, const Words& words) {
  const auto all = [&world](std::function<void(VmModel&)> what) {
    return What([&world, what = std::move(what)] {
      for (const auto& [name, member] : world.members()) {
        if (member->vm) what(*member->vm);
      }
    });
  };
  if (words.size() == 2 && words[1] == "dies") return all([](VmModel& vm) { vm.hypervisor_dies(); });
  if (words.size() == 3 && words[1] == "hangs") {
    auto time = time_of(words, 2);
    if (!time) return time.error();
    return all([&world, time = *time](VmModel& vm) { vm.silent_until = world.schedule.now() + time; });
  }
  return nonsense("say hypervisor dies, or hypervisor hangs TIME");
}

// ---- VM WHAT...

struct Happening {
  const char* word;
  vm::VmState becomes;
  bool needs_process;
  const char* text;
};

constexpr Happening kHappenings[] = {
    {"aborts", vm::VmState::aborted, true, "the VM's process died"},
    {"halts", vm::VmState::poweroff, true, "the guest switched itself off"},
    {"saves", vm::VmState::saved, true, "the VM was saved by somebody"},
    {"pauses", vm::VmState::paused, true, "the VM was paused by somebody"},
    {"resumes", vm::VmState::running, true, "the VM was resumed by somebody"},
    {"sticks", vm::VmState::gurumeditation, true, "the VM is stuck (guru meditation)"},
    {"snapshots", vm::VmState::onlinesnapshotting, true, "a snapshot of the running VM is being taken"},
    {"runs", vm::VmState::running, false, "the VM was started by somebody"},
};

// NAME aborts after TIME [times N]: behind each launch.
Result<What> mishap(Member* m, const Happening& happening, const Words& words) {
  auto after = time_of(words, 3);
  if (!after) return after.error();
  int times = -1;
  if (words.size() == 6 && words[4] == "times") {
    const auto count = number(words[5]);
    if (!count || *count < 0) return nonsense("times needs a number");
    times = *count;
  } else if (words.size() != 4) {
    return nonsense("say NAME " + words[1] + " after TIME [times N]");
  }
  const VmModel::Mishap what{happening.becomes, *after, times};
  return What([m, what] { m->vm->mishap = what; });
}

// NAME check exits CODE [until launch]
Result<What> check_exits(VmModel& vm, const Words& words) {
  const auto code = words.size() > 3 ? number(words[3]) : std::nullopt;
  const bool once = words.size() == 6 && words[4] == "until" && words[5] == "launch";
  if (!code || *code < 0 || *code > 255 || (words.size() != 4 && !once)) {
    return nonsense("say NAME check exits CODE [until launch], with a code from 0 to 255");
  }
  return What([&vm, code = *code, once] {
    vm.check_exits = code;
    vm.until_launch = once;
  });
}

Result<What> vm_setting(Member* m, World& world, const Words& words) {
  VmModel& vm = *m->vm;
  const std::string& what = words[1];
  const std::string object = words.size() > 2 ? words[2] : "";
  if (what == "is") {
    const auto state = vm::vm_state(object);
    if (!state) return nonsense(fmri::quote(object) + " is no state of a VM");
    return What([&vm, state = *state] { vm.set_initial(state); });
  }
  if (what == "takes") {
    auto time = time_of(words, 3);
    if (!time) return time.error();
    if (vm.takes.count(object) == 0)
      return nonsense("a VM takes start, restore, save, shutdown, poweroff, resume, ready, check or window");
    return What([&vm, object, time = *time] { vm.takes[object] = time; });
  }
  if (what == "hangs") {
    auto time = time_of(words, 2);
    if (!time) return time.error();
    return What([&vm, &world, time = *time] { vm.silent_until = world.schedule.now() + time; });
  }
  if (what == "refuses" || what == "allows") {
    if (object != "save" && object != "poweroff" && object != "acpi" && object != "resume") {
      return nonsense("a VM refuses or allows save, poweroff, acpi or resume");
    }
    return What([&vm, object, refuse = what == "refuses"] {
      refuse ? (void)vm.refused.insert(object) : (void)vm.refused.erase(object);
    });
  }
  if (what == "deaf" || what == "listens") return What([&vm, deaf = what == "deaf"] { vm.deaf = deaf; });
  if (what == "moves" || what == "rests") return What([&vm, moves = what == "moves"] { vm.moves = moves; });
  if (what == "heartbeat" && (object == "lost" || object == "back")) {
    return What([m, lost = object == "lost"] { m->keeper->guest().heartbeat(lost); });
  }
  if (what == "check" && object == "exits") return check_exits(vm, words);
  if (what == "vanishes") return What([&vm] { vm.registry = vm::VmState::missing; });
  if (what == "inaccessible") return What([&vm] { vm.registry = vm::VmState::inaccessible; });
  if (what == "returns") return What([&vm] { vm.registry.reset(); });
  if (what == "launch" && object == "fails") {
    const auto times = words.size() > 3 ? number(words[3]) : std::optional(-1);
    if (!times) return nonsense("say NAME launch fails [TIMES [TEXT]]");
    return What([&vm, times = *times, text = words.size() > 4 ? words[4] : "exited with status 1"] {
      vm.failing_launches = times;
      vm.launch_failure = text;
    });
  }
  return nonsense("nothing called " + fmri::quote(what) + " can happen to a VM");
}

Result<What> vm_statement(World& world, Member* m, const Words& words) {
  for (const auto& happening : kHappenings) {
    if (words[1] != happening.word) continue;
    if (words.size() > 2 && words[2] == "after") return mishap(m, happening, words);
    if (words.size() != 2) return nonsense("nothing may follow " + words[1] + " but after TIME");
    return What([&world, m, happening] {
      if (happening.needs_process && !m->vm->process()) {
        world.tell("note", m->fmri, "there is no VM process to which that could happen");
      } else {
        m->vm->befall(happening.becomes, happening.text);
      }
    });
  }
  return vm_setting(m, world, words);
}

// ---- of services that are no VMs

Result<What> service_statement(World& world, Member* m, const Words& words) {
  if (words[1] == "dies") return What([&world, m] { world.dies(*m); });
  if (words[1] == "takes" && words.size() == 4 && m->takes.count(words[2]) != 0) {
    auto time = time_of(words, 3);
    if (!time) return time.error();
    return What([m, what = words[2], time = *time] { m->takes[what] = time; });
  }
  const auto code = words.size() == 3 ? number(words[2]) : std::nullopt;
  if (words[1] == "exits" && code) return What([m, code = *code] { m->exits = code; });
  return nonsense("a service that is no VM dies, takes start|stop TIME, or exits STATUS");
}

}  // namespace

Result<Schedule::What> compile_act(World& world, const Words& words) {
  if (words.size() < 2) return nonsense("who does what is missing");
  if (words[0] == "svcadm") return svcadm(world, words);
  if (words[0] == "vmkeep") return vmkeep_verb(world, words);
  if (words[0] == "svccfg") return svccfg(world, words);
  if (words[0] == "host") return host(world, words);
  if (words[0] == "hypervisor") return hypervisor(world, words);
  auto member = member_of(world, words[0]);
  if (!member) return member.error();
  return (*member)->vm ? vm_statement(world, *member, words) : service_statement(world, *member, words);
}

}  // namespace vmkeep::simulate
