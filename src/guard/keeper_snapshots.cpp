// ZFS snapshots at the moments that vm/snapshot.h names, and by hand.
//
// What fails is told in the instance's log and makes a verb fail; a method goes on all the same: a VM that
// did not come up because its snapshot could not be taken would be the worse surprise.
#include <algorithm>

#include "guard/keeper.h"
#include "guard/messages.h"
#include "guard/zfs.h"

namespace vmkeep::guard {
namespace {

using namespace std::chrono_literals;

constexpr int kFailed = 95;
constexpr Instant kDescribe = 30s;
constexpr Instant kByHand = 300s;

}  // namespace

Task<SnapshotOutcome> Keeper::zfs_snapshot(vm::SnapshotOccasion occasion, std::string tag, Instant deadline) {
  SnapshotOutcome outcome;
  const bool wanted = config_ && vm::wants_snapshot(*config_, occasion);
  if (!wanted || !zfs_) co_return outcome;
  const auto details = co_await driver_.describe(uuid_, std::min(deadline, now() + kDescribe));
  if (details) {
    const vm::SnapshotName name{config_->zfssnap_prefix, name_.empty() ? config_->name : name_,
                                std::move(tag), std::string(vm::to_string(seen_.state)), wall_now()};
    const auto config = config_;  // a new one may come meanwhile
    outcome = co_await zfs_->snapshot(*config, *details, name, deadline);
  } else {
    outcome.failed.push_back("the files of the VM are not known: " + details.error().message);
  }
  for (const auto& taken : outcome.taken) log("ZFS snapshot " + taken + ".");
  for (const auto& failed : outcome.failed) log("ZFS snapshot failed: " + failed + ".");
  co_return outcome;
}

Task<SnapshotOutcome> Keeper::zfs_snapshot(vm::SnapshotOccasion occasion, Instant deadline) {
  return zfs_snapshot(occasion, vm::snapshot_tag(occasion), deadline);
}

Task<Outcome> Keeper::zfs_by_hand(const boost::json::object& call) {
  Outcome result;
  std::vector<std::string> words;
  if (const std::string text = text_of(call, "text"); !text.empty()) words.push_back(text);
  co_await plain_look();
  if (!zfs_) {
    result.code = kFailed;
    result.text = "This guard takes no ZFS snapshots.";
    co_return result;
  }
  constexpr auto kOccasion = vm::SnapshotOccasion::by_hand;
  const std::string tag = vm::snapshot_tag(kOccasion, {}, 0, words);
  const auto outcome = co_await zfs_snapshot(kOccasion, tag, now() + kByHand);
  result.code = outcome.good() ? 0 : kFailed;
  for (const auto& taken : outcome.taken) result.text += (result.text.empty() ? "" : "\n") + taken;
  for (const auto& failed : outcome.failed) result.text += (result.text.empty() ? "" : "\n") + failed;
  if (result.text.empty()) result.text = "vm/zfssnap_dslist names no dataset: there was nothing to do.";
  co_return result;
}

// Behind a verb that took the VM down: what cannot be snapshotted makes the verb fail, and changes nothing
// else of how it ended.
Task<Outcome> Keeper::with_snapshot(Outcome ended, vm::TakeDown how, std::string method) {
  using vm::SnapshotOccasion;
  const bool save = how == vm::TakeDown::save;
  if (save && ended.code != 0) co_return ended;
  const auto occasion = save                            ? SnapshotOccasion::save
                        : how == vm::TakeDown::poweroff ? SnapshotOccasion::poweroff
                                                        : SnapshotOccasion::reboot;
  const std::string tag = vm::snapshot_tag(occasion, method, ended.code);
  const auto outcome = co_await zfs_snapshot(occasion, tag, now() + kByHand);
  if (outcome.good()) co_return ended;
  ended.code = ended.code != 0 ? ended.code : kFailed;
  ended.text +=
      (ended.text.empty() ? "" : "  ") + std::string("ZFS snapshot failed: ") + outcome.failed.front() + ".";
  co_return ended;
}

}  // namespace vmkeep::guard
