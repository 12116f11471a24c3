#include "hypervisor/simulated/serial_ports.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace vmkeep::hypervisor::simulated {
namespace {

// False when the peer is gone.
bool echo(const Fd& client) {
  std::array<char, 4096> text{};
  const ssize_t n = ::read(client.get(), text.data(), text.size());
  if (n <= 0) return false;
  return ::send(client.get(), text.data(), static_cast<size_t>(n), MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

}  // namespace

Result<Fd> listen_at(const std::string& name) {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  ::unlink(address.sun_path);  // of a VM that was killed; the lock is ours
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 16) != 0) {
    return errno_error("cannot listen on " + name);
  }
  return fd;
}

std::string serial_name(const std::string& uuid, int64_t number) {
  return uuid + ".serial" + std::to_string(number);
}

SerialPorts::~SerialPorts() {
  for (const std::string& name : names_) ::unlink(name.c_str());
}

Result<> SerialPorts::listen(const std::string& uuid, int64_t ports) {
  for (int64_t number = 1; number <= ports; ++number) {
    auto port = listen_at(serial_name(uuid, number));
    if (!port) return port.error();
    ports_.push_back(std::move(*port));
    names_.push_back(serial_name(uuid, number));
  }
  return {};
}

void SerialPorts::add_to(std::vector<pollfd>& items) const {
  for (const Fd& port : ports_) items.push_back({port.get(), POLLIN, 0});
  for (const Fd& client : clients_) items.push_back({client.get(), POLLIN, 0});
}

void SerialPorts::serve(const pollfd* items) {
  const pollfd* const clients = items + ports_.size();
  for (size_t i = 0; i < clients_.size(); ++i) {
    if (clients[i].revents != 0 && !echo(clients_[i])) clients_[i].reset();
  }
  clients_.erase(std::remove_if(clients_.begin(), clients_.end(), [](const Fd& fd) { return !fd; }),
                 clients_.end());
  for (size_t i = 0; i < ports_.size(); ++i) {
    if (items[i].revents == 0) continue;
    Fd client(::accept4(items[i].fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client) clients_.push_back(std::move(client));
  }
}

}  // namespace vmkeep::hypervisor::simulated
