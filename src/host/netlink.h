// The network as the kernel tells it by rtnetlink: one dump of links, addresses and routes, and a socket that
// becomes readable when any of them changes.
#pragma once

#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "host/facts.h"

namespace vmkeep::host {

struct Network {
  std::vector<Address> addresses;
  std::vector<Route> routes;
  int other_interfaces = 0;  // neither loopback nor the kernel's own fallback tunnels
};

// Errors: ErrorKind::io, timeout.
Result<Network> read_network();

Result<Fd> open_network_changes();
// Takes what is there to read; its content does not matter, one reads the network anew.
void drain_network_changes(int fd);

}  // namespace vmkeep::host
