// The serial ports of a simulated VM: UNIX sockets on which it echoes what it hears, as a guest's terminal
// does.
#pragma once

#include <poll.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace vmkeep::hypervisor::simulated {

// A listening socket in the working directory.
Result<Fd> listen_at(const std::string& name);

// Where a VM's port listens, seen from the store's folder.
std::string serial_name(const std::string& uuid, int64_t number);

class SerialPorts {
 public:
  ~SerialPorts();

  Result<> listen(const std::string& uuid, int64_t ports);
  // What to wait for; to be handed back after the wait.
  void add_to(std::vector<pollfd>& items) const;
  // `items` from where add_to() put the first of them.
  void serve(const pollfd* items);

 private:
  std::vector<std::string> names_;
  std::vector<Fd> ports_;
  std::vector<Fd> clients_;
};

}  // namespace vmkeep::hypervisor::simulated
