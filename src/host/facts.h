// What is true of the host, for the milestones and the filesystem services: four facts, and whoever knows
// them best tells when they change; nobody polls.
//
// Where systemd runs the host these are its targets, live: a fact holds while its target is active.
//   network             network-online.target      local-filesystems   local-fs.target
//   remote-filesystems  remote-fs.target           multi-user          multi-user.target
// While systemd brings the host down all facts stay as they were: the targets go first, but what they stand
// for stays until vmkeep.service has stopped the VMs, in order and within its budget.
//
// Elsewhere it is what the kernel knows: whether the network is up (addresses and routes, by rtnetlink), and
// whether the filesystems of /etc/fstab are in the mount table, local ones and those of the network.  Nothing
// then tells when a host is up for its users; multi-user holds.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/result.h"

namespace vmkeep::host {

struct Fact {
  std::string name;  // "network", "local-filesystems", "remote-filesystems", "multi-user"
  bool holds = false;
  std::string why;  // "eth0 has 192.0.2.2 and there is a default route"; "/data of /etc/fstab is not mounted"
};

// Pure halves, tested by tables.
struct Address {
  int interface = 0;
  bool loopback = false;
  bool link_up = false;
  bool usable = false;
  std::string text;
};
struct Route {
  int interface = 0;
  bool is_default = false;
};
// Up: some interface other than loopback is up with a usable address and some route leads over it.  A host
// with no such interface at all (a container with loopback only) has all the network it will ever have.
Fact network_fact(const std::vector<Address>& addresses, const std::vector<Route>& routes,
                  int other_interfaces);
// Local: not noauto, not swap, not a network filesystem, not _netdev; each must be in the mount table.  One
// that is nofail may be missing for ever: nothing waits for it.
Fact filesystems_fact(const std::string& fstab, const std::string& mountinfo);
// Remote: network filesystems and _netdev; otherwise the same.
Fact remote_filesystems_fact(const std::string& fstab, const std::string& mountinfo);
// systemd's view: the state of the target that a fact stands for.
struct Target {
  const char* fact;
  const char* unit;
};
inline constexpr std::array<Target, 4> kTargets{{{"network", "network-online.target"},
                                                 {"local-filesystems", "local-fs.target"},
                                                 {"remote-filesystems", "remote-fs.target"},
                                                 {"multi-user", "multi-user.target"}}};
// The fact of a target in `active_state` (of its unit) while the host is in `system_state` (of the manager);
// `before` is what it was.
Fact target_fact(const Target& target, const std::string& active_state, const std::string& system_state,
                 const Fact& before);

class HostFacts {
 public:
  virtual ~HostFacts() = default;
  virtual std::vector<Fact> read() = 0;
  virtual Queue<Fact>& changes() = 0;  // a fact whose `holds` changed
  // By systemd where it can be asked, else by the kernel.
  static Result<std::unique_ptr<HostFacts>> watch(Executor executor);
  // By the kernel.
  static Result<std::unique_ptr<HostFacts>> watch(const Executor& executor, const std::string& fstab);
};

}  // namespace vmkeep::host
