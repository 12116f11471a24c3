#include "tools/svccfg/backend.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/clock.h"
#include "control/client.h"
#include "control/messages.h"
#include "control/remote_repository.h"
#include "repository/store.h"

namespace vmkeep::svccfg {
namespace {

class Daemon : public Backend {
 public:
  explicit Daemon(std::shared_ptr<control::Client> client)
      : client_(std::move(client)), repository_(control::remote_repository(client_)) {}

  repository::Repository& repository() override { return *repository_; }

  Result<> refresh(const fmri::Fmri& instance) override {
    auto reply = client_->call("Act", {{"fmri", instance.str()}, {"verb", "refresh"}});
    if (!reply) return reply.error();
    return {};
  }

  Result<bool> may_be_running(const fmri::Fmri& instance) override {
    auto reply = client_->call("Instances", {});
    if (!reply) return reply.error();
    const auto* instances = reply->if_contains("instances");
    if (instances == nullptr || !instances->is_array()) return false;
    for (const auto& json : instances->get_array()) {
      const auto message = control::instance_from(json);
      if (!message) return message.error();
      if (message->fmri != instance.str()) continue;
      return !is_down(*message);
    }
    return false;
  }

  Result<> take_down(const fmri::Fmri& instance) override {
    auto watcher = control::Client::connect();
    if (!watcher) return watcher.error();
    auto told = client_->call("Act", {{"fmri", instance.str()}, {"verb", "disable"}, {"temporary", true}});
    if (!told) return told.error();
    auto watching = watcher->call_more("Watch", {{"fmris", boost::json::array{instance.str()}}});
    if (!watching) return watching;
    const Instant deadline = now() + kDown;
    for (;;) {
      auto reply = watcher->next(deadline);
      if (!reply) return in("waiting until " + instance.str() + " is disabled", reply.error());
      const auto* json = reply->if_contains("instance");
      if (json == nullptr) continue;
      const auto message = control::instance_from(*json);
      if (!message) return message.error();
      if (is_down(*message) && message->next_state == "none") return {};
    }
  }

 private:
  // As long as a VM with much memory may take to be saved.
  static constexpr Instant kDown{600'000};

  static bool is_down(const control::InstanceMessage& instance) {
    return !instance.configured || instance.state == "disabled" || instance.state == "maintenance";
  }

  std::shared_ptr<control::Client> client_;
  std::unique_ptr<repository::Repository> repository_;
};

class File : public Backend {
 public:
  explicit File(std::unique_ptr<repository::Repository> store) : store_(std::move(store)) {}
  repository::Repository& repository() override { return *store_; }
  Result<> refresh(const fmri::Fmri& instance) override {
    return store_->commit({repository::TakeSnapshot{instance, repository::kRunning}});
  }
  Result<bool> may_be_running(const fmri::Fmri&) override { return false; }
  Result<> take_down(const fmri::Fmri&) override { return {}; }

 private:
  std::unique_ptr<repository::Repository> store_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_daemon() {
  auto client = control::Client::connect();
  if (!client) return client.error();
  return std::unique_ptr<Backend>(
      std::make_unique<Daemon>(std::make_shared<control::Client>(std::move(*client))));
}

Result<std::unique_ptr<Backend>> open_file_repository(const std::string& path) {
  repository::StoreOptions options;
  options.persistent_path = path;
  options.boot_id = boot_id();
  auto store = repository::open_store(options);
  if (!store) return store.error();
  return std::unique_ptr<Backend>(std::make_unique<File>(std::move(*store)));
}

}  // namespace vmkeep::svccfg
