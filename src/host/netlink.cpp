#include "host/netlink.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>

#include "base/clock.h"

namespace vmkeep::host {
namespace {

Result<Fd> open_netlink(unsigned groups) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return errno_error("cannot open a netlink socket");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno_error("cannot bind a netlink socket");
  return fd;
}

// The bytes of a message, taken apart by memcpy: nothing promises that they are aligned.
template <class T>
T take(const char* at) {
  T value{};
  std::memcpy(&value, at, sizeof value);
  return value;
}

using Attributes = std::map<int, std::string_view>;

Attributes attributes(std::string_view bytes) {
  Attributes found;
  while (bytes.size() >= sizeof(rtattr)) {
    const auto head = take<rtattr>(bytes.data());
    if (head.rta_len < sizeof head || head.rta_len > bytes.size()) break;
    found[head.rta_type] = bytes.substr(sizeof head, head.rta_len - sizeof head);
    bytes.remove_prefix(std::min<size_t>(RTA_ALIGN(head.rta_len), bytes.size()));
  }
  return found;
}

using Handler = std::function<void(int type, std::string_view payload)>;

// One datagram of answers.  True: the dump is complete.
Result<bool> handle_datagram(std::string_view bytes, const Handler& handler) {
  while (bytes.size() >= sizeof(nlmsghdr)) {
    const auto head = take<nlmsghdr>(bytes.data());
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > bytes.size()) break;
    const std::string_view payload = bytes.substr(sizeof head, head.nlmsg_len - sizeof head);
    if (head.nlmsg_type == NLMSG_DONE) return true;
    if (head.nlmsg_type == NLMSG_ERROR) {
      const int error = payload.size() >= sizeof(int) ? -take<int>(payload.data()) : EIO;
      return errno_error("cannot read the network by rtnetlink", error);
    }
    handler(head.nlmsg_type, payload);
    bytes.remove_prefix(std::min<size_t>(NLMSG_ALIGN(head.nlmsg_len), bytes.size()));
  }
  return false;
}

Result<> dump(int fd, uint16_t type, const Handler& handler) {
  struct {
    nlmsghdr head;
    rtgenmsg family;
  } request{};
  request.head.nlmsg_len = NLMSG_LENGTH(sizeof(rtgenmsg));
  request.head.nlmsg_type = type;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.family.rtgen_family = AF_UNSPEC;
  if (::send(fd, &request, request.head.nlmsg_len, 0) < 0) return errno_error("cannot ask rtnetlink");
  // The kernel answers a dump from within send() and recv(): this does not wait, but a defect must not hang
  // us.
  const Instant deadline = now() + Instant(1000);
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      if (now() > deadline) return fail(ErrorKind::timeout, "rtnetlink does not answer");
      pollfd waiting{fd, POLLIN, 0};
      ::poll(&waiting, 1, 10);
      continue;
    }
    if (n < 0) return errno_error("cannot read from rtnetlink");
    const auto done = handle_datagram(std::string_view(buffer.data(), static_cast<size_t>(n)), handler);
    if (!done) return done.error();
    if (*done) return {};
  }
}

struct Link {
  std::string name;
  bool loopback = false;
  bool up = false;
};

class Reading {
 public:
  void take_message(int type, std::string_view payload) {
    if (type == RTM_NEWLINK && payload.size() >= sizeof(ifinfomsg)) take_link(payload);
    if (type == RTM_NEWADDR && payload.size() >= sizeof(ifaddrmsg)) take_address(payload);
    if (type == RTM_NEWROUTE && payload.size() >= sizeof(rtmsg)) take_route(payload);
  }

  Network network;

 private:
  void take_link(std::string_view payload) {
    const auto message = take<ifinfomsg>(payload.data());
    const auto found = attributes(payload.substr(NLMSG_ALIGN(sizeof message)));
    Link link;
    if (const auto name = found.find(IFLA_IFNAME); name != found.end())
      link.name = std::string(name->second.substr(0, name->second.find('\0')));
    link.loopback = (message.ifi_flags & IFF_LOOPBACK) != 0;
    link.up = (message.ifi_flags & IFF_UP) != 0 && (message.ifi_flags & IFF_RUNNING) != 0;
    // Devices that appear by themselves, with their modules, and that nobody brings up (tunl0, sit0, ip6tnl0,
    // ifb0) say nothing of whether this host is to have a network.
    bool own = message.ifi_type == ARPHRD_TUNNEL || message.ifi_type == ARPHRD_TUNNEL6 ||
               message.ifi_type == ARPHRD_SIT || message.ifi_type == ARPHRD_IPGRE ||
               message.ifi_type == ARPHRD_IP6GRE;
    if (const auto info = found.find(IFLA_LINKINFO); info != found.end()) {
      const auto inside = attributes(info->second);
      const auto kind = inside.find(IFLA_INFO_KIND);
      own = own || (kind != inside.end() && kind->second.substr(0, 3) == "ifb");
    }
    if (!link.loopback && (!own || link.up)) ++network.other_interfaces;
    links_[message.ifi_index] = std::move(link);
  }

  void take_address(std::string_view payload) {
    const auto message = take<ifaddrmsg>(payload.data());
    const auto found = attributes(payload.substr(NLMSG_ALIGN(sizeof message)));
    auto bytes = found.find(IFA_LOCAL);
    if (bytes == found.end()) bytes = found.find(IFA_ADDRESS);
    if (bytes == found.end()) return;
    uint32_t flags = message.ifa_flags;
    if (const auto more = found.find(IFA_FLAGS); more != found.end() && more->second.size() >= sizeof flags)
      flags = take<uint32_t>(more->second.data());
    const size_t wanted = message.ifa_family == AF_INET ? 4 : 16;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (bytes->second.size() < wanted ||
        ::inet_ntop(message.ifa_family, bytes->second.data(), text.data(), text.size()) == nullptr)
      return;
    Address address;
    address.interface = static_cast<int>(message.ifa_index);
    const Link& link = links_[address.interface];
    address.loopback = link.loopback;
    address.link_up = link.up;
    address.usable = message.ifa_scope < RT_SCOPE_LINK && (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == 0;
    address.text = link.name + " has " + text.data();
    network.addresses.push_back(std::move(address));
  }

  void take_route(std::string_view payload) {
    const auto message = take<rtmsg>(payload.data());
    const auto found = attributes(payload.substr(NLMSG_ALIGN(sizeof message)));
    // The local table says which addresses are ours, which is no way to anywhere.
    if (message.rtm_type != RTN_UNICAST || message.rtm_table == RT_TABLE_LOCAL) return;
    const bool is_default = message.rtm_dst_len == 0;
    if (const auto over = found.find(RTA_OIF); over != found.end() && over->second.size() >= sizeof(int))
      network.routes.push_back(Route{take<int>(over->second.data()), is_default});
    const auto several = found.find(RTA_MULTIPATH);
    if (several == found.end()) return;
    for (std::string_view hops = several->second; hops.size() >= sizeof(rtnexthop);) {
      const auto hop = take<rtnexthop>(hops.data());
      network.routes.push_back(Route{hop.rtnh_ifindex, is_default});
      if (hop.rtnh_len < sizeof hop) break;
      hops.remove_prefix(std::min<size_t>(RTNH_ALIGN(hop.rtnh_len), hops.size()));
    }
  }

  std::map<int, Link> links_;
};

}  // namespace

Result<Network> read_network() {
  const auto fd = open_netlink(0);
  if (!fd) return fd.error();
  Reading reading;
  const Handler handler = [&reading](int type, std::string_view payload) {
    reading.take_message(type, payload);
  };
  for (const uint16_t type : {RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE}) {
    if (auto done = dump(fd->get(), type, handler); !done) return done.error();
  }
  return std::move(reading.network);
}

Result<Fd> open_network_changes() {
  return open_netlink(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                      RTMGRP_IPV6_ROUTE);
}

void drain_network_changes(int fd) {
  std::array<char, 65536> buffer;
  // ENOBUFS says that more changed than there was room for: one reads anew in any case.
  while (::recv(fd, buffer.data(), buffer.size(), 0) >= 0 || errno == EINTR || errno == ENOBUFS) {
  }
}

}  // namespace vmkeep::host
