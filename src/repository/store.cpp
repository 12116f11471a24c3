#include "repository/store.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "repository/draft.h"
#include "repository/file.h"
#include "repository/look.h"

namespace vmkeep::repository {
namespace {

// Generations are promised to the persistent file in blocks, so that a commit to the volatile file alone,
// which is most of them, need not touch it, and none is given twice even if the volatile file is lost.
constexpr uint64_t kGenerationBlock = 1U << 16U;

void add_volatile(Groups& groups, const Groups& current) {
  for (const auto& [name, group] : current)
    if (!group->persistent) groups[name] = group;
}

class Store final : public Repository, public InMemory {
 public:
  std::optional<View> look(const fmri::Fmri& entity) const override;
  Store(File persistent, std::optional<File> fleeting)
      : persistent_(std::move(persistent)), fleeting_(std::move(fleeting)) {}

  Result<> load();

  Result<std::vector<fmri::Entry>> entries() override;
  Result<Levels> read(const fmri::Fmri& entity) override;
  Result<Levels> read_snapshot(const fmri::Fmri& instance, const std::string& snapshot) override;
  Result<std::vector<std::string>> snapshots(const fmri::Fmri& instance) override;
  Result<> commit(const ChangeSet& changes) override;

 private:
  Result<const Node*> find(const fmri::Fmri& entity) const;
  Result<const Node*> find_instance(const fmri::Fmri& instance) const;
  Result<> write(const Delta& delta, std::optional<uint64_t> reserve, bool synced);
  Result<> commit_fleeting();

  File persistent_;
  std::optional<File> fleeting_;
  Model model_;
  std::optional<Error> broken_;  // memory and files may differ: only opening it again helps
};

Result<> Store::load() {
  Model model;
  if (auto loaded = persistent_.load(model); !loaded) return loaded;
  if (fleeting_) {
    const uint64_t reserved = model.reserved_generation;
    if (auto loaded = fleeting_->load(model); !loaded) return loaded;
    model.reserved_generation = reserved;
  }
  model_ = std::move(model);
  return {};
}

Result<std::vector<fmri::Entry>> Store::entries() {
  std::vector<fmri::Entry> result;
  for (const auto& [key, node] : model_.nodes) {
    if (key.instance.empty()) {
      result.push_back({key.service, {}});
    } else {
      result.back().instances.push_back(key.instance);
    }
  }
  return result;
}

Result<const Node*> Store::find(const fmri::Fmri& entity) const {
  const Node* service = model_.find({entity.service, ""});
  if (service == nullptr)
    return fail(ErrorKind::not_found, "No such service " + fmri::quote(entity.service_fmri().str()));
  if (!entity.is_instance()) return service;
  const Node* instance = model_.find({entity.service, entity.instance});
  if (instance == nullptr)
    return fail(ErrorKind::not_found, "No such instance " + fmri::quote(entity.entity()));
  return instance;
}

Result<const Node*> Store::find_instance(const fmri::Fmri& instance) const {
  auto node = find(instance);
  if (node && !instance.is_instance())
    return fail(ErrorKind::invalid, instance.entity() + " is a service; only instances have snapshots");
  return node;
}

Result<Levels> Store::read(const fmri::Fmri& entity) {
  auto node = find(entity);
  if (!node) return node.error();
  Levels levels{(*node)->groups, {}};
  if (entity.is_instance()) levels.service = model_.find({entity.service, ""})->groups;
  return levels;
}

std::optional<View> Store::look(const fmri::Fmri& entity) const {
  const Node* service = model_.find({entity.service, ""});
  if (service == nullptr) return std::nullopt;
  if (!entity.is_instance()) return View{&service->groups, nullptr};
  const Node* instance = model_.find({entity.service, entity.instance});
  if (instance == nullptr) return std::nullopt;
  return View{&instance->groups, &service->groups};
}

Result<Levels> Store::read_snapshot(const fmri::Fmri& instance, const std::string& snapshot) {
  auto node = find_instance(instance);
  if (!node) return node.error();
  const auto found = (*node)->snapshots.find(snapshot);
  if (found == (*node)->snapshots.end())
    return fail(ErrorKind::not_found,
                "No such snapshot " + fmri::quote(snapshot) + " of " + instance.entity());
  Levels levels{found->second.own->groups, found->second.service->groups};
  add_volatile(levels.own, (*node)->groups);
  add_volatile(levels.service, model_.find({instance.service, ""})->groups);
  return levels;
}

Result<std::vector<std::string>> Store::snapshots(const fmri::Fmri& instance) {
  auto node = find_instance(instance);
  if (!node) return node.error();
  std::vector<std::string> names;
  for (const auto& [name, snapshot] : (*node)->snapshots) names.push_back(name);
  return names;
}

// The persistent part is on the disk already.  What memory says must be what the files say, so it is read
// anew.
Result<> Store::commit_fleeting() {
  try {
    fleeting_->commit();
    return {};
  } catch (const SqliteError& error) {
    fleeting_->rollback();
    Error told = in("the persistent part of the change is saved, the volatile part is not",
                    fleeting_->explain("committing", error));
    try {
      if (auto loaded = load(); !loaded) broken_ = loaded.error();
    } catch (const SqliteError& again) {
      broken_ = persistent_.explain("reading it again", again);
    }
    return told;
  }
}

// The volatile part is written first and committed last: nearly all that can go wrong with it goes wrong
// while everything can still be taken back.
Result<> Store::write(const Delta& delta, std::optional<uint64_t> reserve, bool synced) {
  const bool both = fleeting_ && !delta.fleeting.empty();
  try {
    if (both) {
      fleeting_->begin();
      fleeting_->write(delta.fleeting, {});
      fleeting_->flush();
    }
  } catch (const SqliteError& error) {
    fleeting_->rollback();
    return fleeting_->explain("writing a change", error);
  }
  try {
    if (!delta.persistent.empty() || reserve) {
      persistent_.begin(synced);
      persistent_.write(delta.persistent, reserve);
      persistent_.commit();
    }
  } catch (const SqliteError& error) {
    persistent_.rollback();
    if (both) fleeting_->rollback();
    return persistent_.explain("writing a change", error);
  }
  return both ? commit_fleeting() : Result<>();
}

// What an instance was started with is told by its snapshot `start`.  After a power cut nothing runs as it
// was started before, and a boot that starts a thousand instances does not wait for the disk a thousand
// times.
bool is_of_a_start(const ChangeSet& changes) {
  return std::all_of(changes.begin(), changes.end(), [](const Change& change) {
    const auto* taken = std::get_if<TakeSnapshot>(&change);
    return taken != nullptr && taken->name == "start";
  });
}

Result<> Store::commit(const ChangeSet& changes) {
  if (broken_) return *broken_;
  Draft draft(model_);
  if (auto applied = draft.apply(changes); !applied) return applied;
  const Delta& delta = draft.settle();
  if (delta.empty()) return {};
  std::optional<uint64_t> reserve;
  if (draft.last_generation() > model_.reserved_generation)
    reserve = draft.last_generation() + kGenerationBlock;
  if (auto written = write(delta, reserve, !is_of_a_start(changes)); !written) return written;
  std::move(draft).adopt(model_);
  if (reserve) model_.reserved_generation = *reserve;
  return {};
}

}  // namespace

std::optional<std::string_view> View::value(std::string_view group, std::string_view property) const {
  for (const Groups* level : {own, service}) {
    if (level == nullptr) continue;
    const auto found = level->find(group);
    const Property* one = found == level->end() ? nullptr : found->second->find(property);
    if (one == nullptr) continue;
    if (one->values.size() != 1) return std::nullopt;
    return one->values.front();
  }
  return std::nullopt;
}

std::optional<View> look(const Repository& repository, const fmri::Fmri& entity) {
  const auto* memory = dynamic_cast<const InMemory*>(&repository);
  return memory == nullptr ? std::nullopt : memory->look(entity);
}

Result<std::unique_ptr<Repository>> open_store(const StoreOptions& options) {
  auto persistent = File::open(options.persistent_path, File::Kind::persistent, options.create);
  if (!persistent) return persistent.error();
  std::optional<File> fleeting;
  if (!options.volatile_path.empty()) {
    auto opened = File::open(options.volatile_path, File::Kind::fleeting, true);
    if (!opened) return opened.error();
    fleeting = std::move(*opened);
  }
  try {
    if (fleeting) fleeting->begin_boot(options.boot_id);
  } catch (const SqliteError& error) {
    return fleeting->explain("emptying it for a new boot", error);
  }
  try {
    auto store = std::make_unique<Store>(std::move(*persistent), std::move(fleeting));
    if (auto loaded = store->load(); !loaded) return loaded.error();
    return std::unique_ptr<Repository>(std::move(store));
  } catch (const SqliteError& error) {
    return explain_sqlite(options.persistent_path, "reading it", error);
  }
}

}  // namespace vmkeep::repository
