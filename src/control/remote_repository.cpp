#include "control/remote_repository.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "control/messages.h"

namespace vmkeep::control {
namespace {

namespace json = boost::json;

// A commit may be a whole import, synced to a slow disk.
constexpr Instant kCommitTime{120'000};

class RemoteRepository : public repository::Repository {
 public:
  explicit RemoteRepository(std::shared_ptr<Client> client) : client_(std::move(client)) {}

  Result<std::vector<fmri::Entry>> entries() override {
    auto reply = client_->call("Entries", {});
    if (!reply) return reply.error();
    const json::value* entries = reply->if_contains("entries");
    return entries_from(entries == nullptr ? json::value() : *entries);
  }

  Result<repository::Levels> read(const fmri::Fmri& entity) override {
    return read_levels({{"fmri", entity.entity()}});
  }

  Result<repository::Levels> read_snapshot(const fmri::Fmri& instance, const std::string& snapshot) override {
    return read_levels({{"fmri", instance.entity()}, {"snapshot", snapshot}});
  }

  Result<std::vector<std::string>> snapshots(const fmri::Fmri& instance) override {
    auto reply = client_->call("Snapshots", {{"fmri", instance.entity()}});
    if (!reply) return reply.error();
    return strings_member(*reply, "names");
  }

  Result<> commit(const repository::ChangeSet& changes) override {
    auto reply = client_->call("Commit", {{"changes", to_json(changes)}}, now() + kCommitTime);
    if (!reply) return reply.error();
    return {};
  }

 private:
  Result<repository::Levels> read_levels(const json::object& parameters) {
    auto reply = client_->call("Read", parameters);
    if (!reply) return reply.error();
    return levels_from(*reply);
  }

  std::shared_ptr<Client> client_;
};

}  // namespace

std::unique_ptr<repository::Repository> remote_repository(std::shared_ptr<Client> client) {
  return std::make_unique<RemoteRepository>(std::move(client));
}

}  // namespace vmkeep::control
