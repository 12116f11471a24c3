#include "guard/guard.h"

#include <algorithm>
#include <unordered_set>

#include "control/messages.h"
#include "guard/messages.h"

namespace vmkeep::guard {
namespace {
using namespace std::chrono_literals;
constexpr Instant kSafetyNet = 60s;  // at most; what a keeper asks for may be shorter
constexpr Instant kShortest = 5s;
}  // namespace

Guard::Guard(Executor executor, std::unique_ptr<hypervisor::Hypervisor> driver, Fd socket, HookRunner& hooks)
    : executor_(executor), driver_(std::move(driver)), channel_(executor, std::move(socket)), hooks_(hooks) {}

Keeper& Guard::keeper(const std::string& fmri) {
  auto& slot = keepers_[fmri];
  if (!slot) {
    slot = std::make_shared<Keeper>(executor_, *driver_, channel_, fmri, Pace{}, &hooks_);
    slot->use_zfs(zfs_.get());
  }
  return *slot;
}

// The instances of a service that say the same of it keep one copy of that.
void Guard::share(const std::string& fmri, repository::Groups& service) {
  const std::string name = fmri.substr(0, fmri.rfind(':'));
  for (auto& [kind, group] : service) {
    auto& known = services_[name + "/" + kind];
    if (known && known->type == group->type && known->properties == group->properties) {
      group = known;
    } else {
      known = group;
    }
  }
}

void Guard::handle(boost::json::object message) {
  const std::string kind = text_of(message, "kind");
  const std::string fmri = text_of(message, "fmri");
  if (kind == "configure") {
    const auto* groups = message.if_contains("groups");
    if (groups == nullptr || !groups->is_object()) return;
    if (auto levels = control::levels_from(groups->get_object())) {
      share(fmri, levels->service);
      keeper(fmri).configure(std::move(*levels));
    }
    const auto* history = message.if_contains("history");
    if (history != nullptr && history->is_object()) {
      keeper(fmri).remember(history_from(history->get_object()));
    }
  } else if (kind == "forget") {
    if (const auto found = keepers_.find(fmri); found != keepers_.end()) {
      found->second->stop();
      keepers_.erase(found);
    }
  } else if (kind == "list") {
    start(executor_, list(control::int_member(message, "call", 0)));
  } else if (kind == "rest") {
    if (const auto found = keepers_.find(fmri); found != keepers_.end()) found->second->rest();
  } else if (kind == "abandon") {
    keeper(fmri).abandon();
  } else {
    keeper(fmri).deliver(std::move(message));
  }
}

Instant Guard::period() const {
  Instant shortest = kSafetyNet;
  for (const auto& [fmri, keeper] : keepers_) {
    if (keeper->watched()) shortest = std::min(shortest, keeper->period());
  }
  return std::max(shortest, kShortest);
}

// However many VMs there are, one call a period.  A VM that should be up and is not in the list gets a look.
Task<> Guard::safety_net() {
  while (!over_) {
    // In slices: a VM that is watched from now on may want a shorter period than was asked for so far.
    const Instant begun = now();
    while (!over_ && now() < begun + period()) {
      co_await sleep_until(std::min(begun + period(), now() + kShortest));
    }
    const bool any =
        std::any_of(keepers_.begin(), keepers_.end(), [](const auto& k) { return k.second->watched(); });
    if (over_ || !any) continue;
    const auto up = co_await driver_->running(now() + Instant(30s));
    if (!up) continue;
    const std::unordered_set<std::string> listed(up->begin(), up->end());
    for (const auto& [fmri, keeper] : keepers_) {
      if (keeper->watched() && !listed.contains(keeper->uuid())) keeper->look_soon();
    }
  }
}

Task<> Guard::list(int64_t call) {
  auto answer = message("outcome", "");
  answer["call"] = call;
  const Instant deadline = now() + Instant(40s);
  const auto ready = co_await driver_->prepare(deadline);
  Result<std::vector<hypervisor::VmRef>> all = fail(ErrorKind::unavailable, "");
  if (ready) {
    all = co_await driver_->list(deadline);
  } else {
    all = ready.error();
  }
  answer["code"] = all ? 0 : 1;
  if (all) {
    boost::json::array vms;
    for (const auto& vm : *all) {
      vms.push_back(
          {{"uuid", vm.uuid}, {"name", control::value_to_json(vm.name)}, {"accessible", vm.accessible}});
    }
    answer["vms"] = std::move(vms);
  } else {
    answer["text"] = control::value_to_json(all.error().message);
  }
  channel_.send(answer);
}

Task<> Guard::run() {
  start(executor_, safety_net());
  for (;;) {
    auto message = co_await channel_.receive();
    if (!message) break;
    handle(std::move(*message));
  }
  over_ = true;
}

}  // namespace vmkeep::guard
