#include "host/targets.h"

#include "host/bus.h"

namespace vmkeep::host {
namespace {

constexpr Instant kReconnect{1000};

// Outlives the HostFacts as long as its coroutine has not noticed.
struct State {
  Queue<Fact> changes;
  Executor executor;
  Bus bus;
  std::unique_ptr<Readiness> readiness;
  std::array<Fact, kTargets.size()> facts;
  // One look is a question for the manager's state and one for each target.  What happens while they are open
  // begins another look after it.
  struct Question {
    State* self = nullptr;
    std::string answer;  // empty: there was none
  };
  std::array<Question, kTargets.size() + 1> questions;  // the last one: of the manager's state
  size_t open = 0;
  bool again = false;
  bool stopped = false;

  explicit State(const Executor& e) : changes(e), executor(e) {
    for (size_t i = 0; i < kTargets.size(); ++i)
      facts.at(i) = {kTargets.at(i).fact, false, "systemd was not asked yet"};
  }

  Result<> connect();
  void look();
  void judge();
  Result<> ask_now();
  void ask(Question& question, const std::string& path, const char* interface, const char* property);
  static int on_change(sd_bus_message* message, void* self, sd_bus_error*);
  static int on_answer(sd_bus_message* message, void* question, sd_bus_error*);
  static Task<> follow(std::shared_ptr<State> self);
};

// The one string in the variant that Properties.Get answers with; empty of an error.
std::string answer_of(sd_bus_message* message) {
  const char* value = nullptr;
  if (::sd_bus_message_is_method_error(message, nullptr) != 0) return "";
  if (::sd_bus_message_read(message, "v", "s", &value) < 0) return "";
  return value;
}

Result<> State::connect() {
  auto connected = connect_to_systemd();
  if (!connected) return connected.error();
  // Behind a bus daemon systemd tells only those who subscribed; its private socket tells everything.
  ::sd_bus_call_method(connected->get(), kManager, kManagerPath, kManagerInterface, "Subscribe", nullptr,
                       nullptr, "");
  for (const auto& target : kTargets) {
    const int matched =
        ::sd_bus_match_signal(connected->get(), nullptr, nullptr, unit_path(target.unit).c_str(),
                              "org.freedesktop.DBus.Properties", "PropertiesChanged", on_change, this);
    if (matched < 0) return bus_error("listen to systemd", matched);
  }
  bus = std::move(*connected);
  readiness = std::make_unique<Readiness>(executor, ::sd_bus_get_fd(bus.get()));
  return {};
}

// Before the loop runs: the first truth.
Result<> State::ask_now() {
  for (size_t i = 0; i < kTargets.size(); ++i) {
    const std::string path = unit_path(kTargets.at(i).unit);
    auto state = string_property(bus.get(), path, kUnitInterface, "ActiveState");
    if (!state) return state.error();
    facts.at(i) = target_fact(kTargets.at(i), *state, "", facts.at(i));
  }
  return {};
}

void State::ask(Question& question, const std::string& path, const char* interface, const char* property) {
  question = {this, {}};
  const int asked = ::sd_bus_call_method_async(bus.get(), nullptr, kManager, path.c_str(),
                                               "org.freedesktop.DBus.Properties", "Get", on_answer, &question,
                                               "ss", interface, property);
  if (asked >= 0) ++open;
}

void State::look() {
  if (open != 0) {
    again = true;
    return;
  }
  again = false;
  for (size_t i = 0; i < kTargets.size(); ++i)
    ask(questions.at(i), unit_path(kTargets.at(i).unit), kUnitInterface, "ActiveState");
  // Last: systemd answers in order, so a target that went down with the host is never taken for one alone.
  ask(questions.back(), kManagerPath, kManagerInterface, "SystemState");
}

// All answers are there.
void State::judge() {
  for (size_t i = 0; i < kTargets.size(); ++i) {
    const auto& answer = questions.at(i).answer;
    if (answer.empty() || questions.back().answer.empty()) continue;  // as it was
    Fact fact = target_fact(kTargets.at(i), answer, questions.back().answer, facts.at(i));
    const bool changed = fact.holds != facts.at(i).holds;
    facts.at(i) = std::move(fact);
    if (changed) changes.push(facts.at(i));
  }
  if (again) look();
}

int State::on_change(sd_bus_message*, void* self, sd_bus_error*) {
  static_cast<State*>(self)->look();
  return 0;
}

int State::on_answer(sd_bus_message* message, void* question, sd_bus_error*) {
  auto& asked = *static_cast<Question*>(question);
  asked.answer = answer_of(message);
  if (--asked.self->open == 0) asked.self->judge();
  return 0;
}

Task<> State::follow(std::shared_ptr<State> self) {
  while (!self->stopped) {
    if (!self->bus) {
      co_await sleep_until(now() + kReconnect);
      if (self->stopped) co_return;
      if (self->connect()) self->look();
      continue;
    }
    int done = 0;
    do {
      done = ::sd_bus_process(self->bus.get(), nullptr);
    } while (done > 0);
    if (done >= 0) {
      // A call that got no answer in time is noticed by sd_bus_process() alone: it wants to be called then.
      uint64_t timeout = UINT64_MAX;
      ::sd_bus_get_timeout(self->bus.get(), &timeout);
      const Instant deadline = timeout == UINT64_MAX ? kNever : now() + Instant(5000);
      co_await self->readiness->readable(deadline);
      continue;
    }
    self->readiness.reset();
    self->bus.reset();
    self->open = 0;
  }
}

class SystemdFacts final : public HostFacts {
 public:
  explicit SystemdFacts(std::shared_ptr<State> state) : state_(std::move(state)) {
    start(state_->executor, State::follow(state_));
  }
  SystemdFacts(const SystemdFacts&) = delete;
  SystemdFacts& operator=(const SystemdFacts&) = delete;

  ~SystemdFacts() override {
    state_->stopped = true;
    if (state_->readiness) state_->readiness->cancel();
  }

  std::vector<Fact> read() override { return {state_->facts.begin(), state_->facts.end()}; }
  Queue<Fact>& changes() override { return state_->changes; }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

Result<std::unique_ptr<HostFacts>> watch_targets(const Executor& executor) {
  auto state = std::make_shared<State>(executor);
  if (auto connected = state->connect(); !connected) return connected.error();
  if (auto asked = state->ask_now(); !asked) return asked.error();
  return std::unique_ptr<HostFacts>(std::make_unique<SystemdFacts>(std::move(state)));
}

}  // namespace vmkeep::host
