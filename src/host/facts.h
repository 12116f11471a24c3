// What the kernel knows about the host, for the milestones: whether the network is up (addresses and routes,
// by rtnetlink) and whether the local filesystems of fstab are mounted (the mount table against /etc/fstab).
// No polling: the kernel tells when either may have changed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/result.h"

namespace vmkeep::host {

struct Fact {
  std::string name;  // "network", "local-filesystems"
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

class HostFacts {
 public:
  virtual ~HostFacts() = default;
  virtual std::vector<Fact> read() = 0;
  virtual Queue<Fact>& changes() = 0;  // a fact whose `holds` changed
  static Result<std::unique_ptr<HostFacts>> watch(Executor executor);
  static Result<std::unique_ptr<HostFacts>> watch(const Executor& executor, const std::string& fstab);
};

}  // namespace vmkeep::host
