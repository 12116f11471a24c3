#include "daemon/watch_calls.h"

#include <boost/json/array.hpp>

#include "repository/look.h"

namespace vmkeep::daemon {
namespace {

namespace json = boost::json;

// Whether the client is still there is seen at the latest then.
constexpr Instant kLookAgain = std::chrono::seconds(30);

class Announcing : public repository::Repository, public repository::InMemory {
 public:
  Announcing(std::unique_ptr<repository::Repository> store, Signal& committed)
      : store_(std::move(store)), committed_(committed) {}

  Result<std::vector<fmri::Entry>> entries() override { return store_->entries(); }
  Result<repository::Levels> read(const fmri::Fmri& entity) override { return store_->read(entity); }
  Result<repository::Levels> read_snapshot(const fmri::Fmri& instance, const std::string& snapshot) override {
    return store_->read_snapshot(instance, snapshot);
  }
  Result<std::vector<std::string>> snapshots(const fmri::Fmri& instance) override {
    return store_->snapshots(instance);
  }
  std::optional<repository::View> look(const fmri::Fmri& entity) const override {
    return repository::look(*store_, entity);
  }
  Result<> commit(const repository::ChangeSet& changes) override {
    auto done = store_->commit(changes);
    if (done) committed_.notify();
    return done;
  }

 private:
  std::unique_ptr<repository::Repository> store_;
  Signal& committed_;
};

// The names that are no instances any more; `known` loses them.
json::array gone_since(const Core& core, std::set<std::string>& known) {
  json::array gone;
  for (auto at = known.begin(); at != known.end();) {
    if (core.records.contains(*at)) {
      ++at;
      continue;
    }
    gone.emplace_back(*at);
    at = known.erase(at);
  }
  return gone;
}

}  // namespace

Task<> watch_everything(Core& core, Instances& instances, control::Call call) {
  if (!call.more) {
    call.fail(fail(ErrorKind::invalid, "Watch of everybody needs \"more\""));
    co_return;
  }
  std::set<std::string> known;
  for (const auto& each : core.records) known.insert(each.first);
  uint64_t seen = core.last_version;
  uint64_t removals = core.removals;
  call.reply({}, true);
  while (call.alive()) {
    co_await core.changed.wait(now() + kLookAgain);
    json::array changed;
    for (const Record* record : core.changed_since(seen)) {
      changed.push_back(control::to_json(instances.describe(*record, Instances::Detail::plain)));
      known.insert(record->fmri.str());
    }
    seen = core.last_version;
    json::array gone;
    if (core.removals != removals) gone = gone_since(core, known);
    removals = core.removals;
    if (changed.empty() && gone.empty()) continue;
    call.reply({{"instances", std::move(changed)}, {"removed", std::move(gone)}}, true);
  }
}

Task<> await_group(Core& core, control::Call call, fmri::Fmri entity, std::string group, uint64_t seen) {
  while (call.alive()) {
    const auto levels = core.store->read(entity);
    if (!levels) {
      call.fail(levels.error());
      co_return;
    }
    const auto found = levels->own.find(group);
    const uint64_t generation = found == levels->own.end() ? 0 : found->second->generation;
    if (generation != seen) {
      call.reply({{"generation", generation}});
      co_return;
    }
    co_await core.committed.wait(now() + kLookAgain);
  }
}

std::unique_ptr<repository::Repository> announce_commits(std::unique_ptr<repository::Repository> store,
                                                         Signal& committed) {
  return std::make_unique<Announcing>(std::move(store), committed);
}

}  // namespace vmkeep::daemon
