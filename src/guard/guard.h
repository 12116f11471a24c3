// The guard: one process for each owner key, running as that owner, between vmkeepd and the owner's
// hypervisor.
//
// It has a keeper for every VM that vmkeepd told it of, and one safety net for all of them: a single list of
// what runs, once a period (vm/kicker_freq, the shortest of its VMs').  It ends when vmkeepd's side of the
// channel does; the VMs and VBoxSVC do not notice.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "guard/channel.h"
#include "guard/keeper.h"
#include "hypervisor/hypervisor.h"

namespace vmkeep::guard {

class Guard {
 public:
  Guard(Executor executor, std::unique_ptr<hypervisor::Hypervisor> driver, Fd socket, HookRunner& hooks);

  // Snapshots are taken with this from now on.
  void use_zfs(std::unique_ptr<Zfs> zfs) { zfs_ = std::move(zfs); }

  // Until the channel ends.
  Task<> run();

 private:
  Task<> safety_net();
  Instant period() const;
  void handle(boost::json::object message);
  Task<> list(int64_t call);
  Keeper& keeper(const std::string& fmri);
  void share(const std::string& fmri, repository::Groups& service);

  Executor executor_;
  std::unique_ptr<hypervisor::Hypervisor> driver_;
  Channel channel_;
  HookRunner& hooks_;
  std::unique_ptr<Zfs> zfs_;
  std::map<std::string, std::shared_ptr<Keeper>> keepers_;
  std::map<std::string, repository::GroupPtr> services_;  // by service and group, as told last
  bool over_ = false;
};

}  // namespace vmkeep::guard
