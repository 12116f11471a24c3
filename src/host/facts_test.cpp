#include "host/facts.h"

#include <gtest/gtest.h>

#include "host/configured.h"

namespace vmkeep::host {
namespace {

Address address(int interface, const std::string& text, bool up = true, bool usable = true) {
  return Address{interface, false, up, usable, text};
}

TEST(NetworkFact, NeedsALinkAnAddressAndARoute) {
  const Address lo{1, true, true, true, "lo has 127.0.0.1"};
  const Address eth0 = address(2, "eth0 has 192.0.2.2");
  const Address eth1 = address(3, "eth1 has 198.51.100.7");
  const struct {
    const char* what;
    std::vector<Address> addresses;
    std::vector<Route> routes;
    int others;
    bool holds;
    const char* why;
  } kTable[] = {
      {"loopback only", {lo}, {}, 0, true, "there is no interface but loopback"},
      {"nothing at all", {}, {}, 0, true, "there is no interface but loopback"},
      {"no address yet", {lo}, {}, 1, false, "no interface has an address"},
      {"loopback does not count", {lo}, {{1, false}}, 1, false, "no interface has an address"},
      {"no route", {lo, eth0}, {}, 1, false, "eth0 has 192.0.2.2 but no route leads over it"},
      {"route elsewhere", {lo, eth0}, {{3, true}}, 2, false, "eth0 has 192.0.2.2 but no route leads over it"},
      {"link down",
       {address(2, "eth0 has 192.0.2.2", false)},
       {{2, true}},
       1,
       false,
       "eth0 has 192.0.2.2 but its link is down"},
      {"tentative or link-local",
       {address(2, "eth0 has fe80::1", true, false)},
       {{2, false}},
       1,
       false,
       "no interface has an address"},
      {"connected route", {lo, eth0}, {{2, false}}, 1, true, "eth0 has 192.0.2.2 and there is a route"},
      {"default route",
       {lo, eth0},
       {{2, false}, {2, true}},
       1,
       true,
       "eth0 has 192.0.2.2 and there is a default route"},
      {"the one with the default route is told",
       {eth0, eth1},
       {{2, false}, {3, true}},
       2,
       true,
       "eth1 has 198.51.100.7 and there is a default route"},
  };
  for (const auto& row : kTable) {
    const Fact fact = network_fact(row.addresses, row.routes, row.others);
    EXPECT_EQ(fact.name, "network");
    EXPECT_EQ(fact.holds, row.holds) << row.what;
    EXPECT_EQ(fact.why, row.why) << row.what;
  }
}

constexpr const char* kMountinfo =
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "30 22 8:2 / /data rw - xfs /dev/sdb1 rw\n"
    "31 22 8:3 / /with\\040blank rw - ext4 /dev/sdc1 rw\n";

TEST(FilesystemsFact, EveryLocalEntryMustBeMounted) {
  const struct {
    const char* fstab;
    const char* missing;  // null: holds
  } kTable[] = {
      {"", nullptr},
      {"# a comment\n\n   \n#/dev/sdx /x ext4 defaults 0 0\n", nullptr},
      {"UUID=1 / ext4 errors=remount-ro 0 1\nUUID=2 none swap sw 0 0\nUUID=3 swap swap sw\n", nullptr},
      {"/dev/sdb1 /data xfs defaults 0 2\n", nullptr},
      {"/dev/sdb1\t/data/\txfs\n", nullptr},
      {"/dev/sdc1 /with\\040blank ext4 defaults 0 2\n", nullptr},
      {"/dev/sdd1 /srv ext4 defaults 0 2\n", "/srv"},
      {"/dev/sdd1 /srv ext4\n", "/srv"},
      {"/dev/sdd1 /srv ext4 rw,noauto,user 0 2\n", nullptr},
      {"/dev/sdd1 /srv ext4 rw,noautox 0 2\n", "/srv"},
      {"/dev/sdd1 /srv ext4 nofail 0 2\n", nullptr},
      {"server:/x /srv nfs4 defaults 0 0\n//s/y /smb cifs guest 0 0\n", nullptr},
      {"/dev/disk/by-path/iscsi /srv ext4 _netdev 0 0\n", nullptr},
      {"/dev/sdd1 /dat ext4 defaults\n", "/dat"},
      {"/dev/sdd1 /with\\040other ext4 defaults\n", "/with other"},
  };
  for (const auto& row : kTable) {
    const Fact fact = filesystems_fact(row.fstab, kMountinfo);
    EXPECT_EQ(fact.name, "local-filesystems");
    EXPECT_EQ(fact.holds, row.missing == nullptr) << row.fstab;
    EXPECT_EQ(fact.why, row.missing == nullptr ? "all local filesystems of /etc/fstab are mounted"
                                               : std::string(row.missing) + " of /etc/fstab is not mounted")
        << row.fstab;
  }
}

TEST(FilesystemsFact, TheNetworksAreAFactOfTheirOwn) {
  const struct {
    const char* fstab;
    const char* missing;  // null: holds
  } kTable[] = {
      {"", nullptr},
      {"/dev/sdd1 /srv ext4 defaults 0 2\n", nullptr},
      {"server:/x /srv nfs4 defaults 0 0\n", "/srv"},
      {"server:/x /srv nfs4 noauto 0 0\n", nullptr},
      {"server:/x /srv nfs4 nofail 0 0\n", nullptr},
      {"server:/x /data nfs4 defaults 0 0\n", nullptr},
      {"/dev/disk/by-path/iscsi /srv ext4 _netdev 0 0\n", "/srv"},
  };
  for (const auto& row : kTable) {
    const Fact fact = remote_filesystems_fact(row.fstab, kMountinfo);
    EXPECT_EQ(fact.name, "remote-filesystems");
    EXPECT_EQ(fact.holds, row.missing == nullptr) << row.fstab;
    if (row.missing == nullptr) continue;
    EXPECT_EQ(fact.why, std::string(row.missing) + " of /etc/fstab is not mounted");
  }
}

TEST(TargetFact, HoldsWhileItsTargetIsActiveAndStaysWhileTheHostGoesDown) {
  const Target target{"multi-user", "multi-user.target"};
  const Fact up{"multi-user", true, "multi-user.target is active"};
  const Fact down{"multi-user", false, "multi-user.target is inactive"};
  const struct {
    const char* active;
    const char* system;
    Fact before;
    bool holds;
    const char* why;
  } kTable[] = {
      {"inactive", "starting", down, false, "multi-user.target is inactive"},
      {"activating", "starting", down, false, "multi-user.target is activating"},
      {"active", "starting", down, true, "multi-user.target is active"},
      {"active", "running", up, true, "multi-user.target is active"},
      {"reloading", "running", up, true, "multi-user.target is reloading"},
      {"failed", "degraded", up, false, "multi-user.target is failed"},
      {"inactive", "maintenance", up, false, "multi-user.target is inactive"},
      {"inactive", "stopping", up, true, "multi-user.target is active"},
      {"deactivating", "stopping", up, true, "multi-user.target is active"},
      {"active", "stopping", down, false, "multi-user.target is inactive"},
  };
  for (const auto& row : kTable) {
    const Fact fact = target_fact(target, row.active, row.system, row.before);
    EXPECT_EQ(fact.name, "multi-user");
    EXPECT_EQ(fact.holds, row.holds) << row.active << ", " << row.system;
    EXPECT_EQ(fact.why, row.why);
  }
}

TEST(ConfiguredFacts, NameServices) {
  const struct {
    const char* nsswitch;  // null: there is no such file
    const char* resolv_conf;
    bool resolved;
    bool holds;
    const char* why;
  } kTable[] = {
      {nullptr, nullptr, false, false, "there is no name server in /etc/resolv.conf"},
      {"hosts: files dns\n", "# none\nsearch example.org\n", false, false,
       "there is no name server in /etc/resolv.conf"},
      {"hosts: files dns\n", "search x\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n", false, true,
       "/etc/resolv.conf names the server 192.0.2.1"},
      {nullptr, "nameserver 192.0.2.1\n", false, true, "/etc/resolv.conf names the server 192.0.2.1"},
      {"hosts: files resolve [!UNAVAIL=return dns] # dns\n", "nameserver 192.0.2.1\n", true, true,
       "systemd-resolved is there"},
      {"hosts: files resolve [!UNAVAIL=return] dns\n", "nameserver 192.0.2.1\n", false, true,
       "/etc/resolv.conf names the server 192.0.2.1"},
      {"hosts: files resolve\n", "nameserver 192.0.2.1\n", false, false,
       "there is no name server in /etc/resolv.conf"},
      {"passwd: dns\nhosts: files sss\n", nullptr, false, true,
       "/etc/nsswitch.conf asks no name server for hosts; of what it asks nothing can be seen from here"},
  };
  for (const auto& row : kTable) {
    const auto text = [](const char* file) {
      return file == nullptr ? std::nullopt : std::optional<std::string>(file);
    };
    const Fact fact = name_services_fact(text(row.nsswitch), text(row.resolv_conf), row.resolved);
    EXPECT_EQ(fact.name, "name-services");
    EXPECT_EQ(fact.holds, row.holds) << fact.why;
    EXPECT_EQ(fact.why, row.why);
  }
}

TEST(ConfiguredFacts, Automounts) {
  constexpr const char* kAutomounted =
      "30 22 0:40 / /home rw - autofs auto.home rw\n31 22 8:2 / /srv rw shared:1 - ext4 /dev/sdb rw\n";
  const struct {
    const char* fstab;
    const char* master;
    const char* missing;  // null: holds
  } kTable[] = {
      {"", "", nullptr},
      {"", "# x\n+auto.master\n/- auto.direct\n", nullptr},
      {"", "/home auto.home --timeout=60\n", nullptr},
      {"", "/home/ auto.home\n", nullptr},
      {"", "/srv auto.srv\n", "/srv of /etc/auto.master"},
      {"", "/home auto.home\n/net -hosts\n", "/net of /etc/auto.master"},
      {"/dev/sdb /srv ext4 noauto,x-systemd.automount 0 0\n", "", nullptr},
      {"/dev/sdc /data ext4 noauto,x-systemd.automount 0 0\n", "", "/data of /etc/fstab"},
      {"/dev/sdc /data ext4 noauto 0 0\n", "", nullptr},
  };
  for (const auto& row : kTable) {
    const Fact fact = automounts_fact(row.fstab, row.master, kAutomounted);
    EXPECT_EQ(fact.holds, row.missing == nullptr) << row.fstab << row.master;
    if (row.missing != nullptr) {
      EXPECT_EQ(fact.why, std::string(row.missing) + " is not under an automounter");
    }
  }
}

TEST(ConfiguredFacts, IscsiAndDevices) {
  EXPECT_TRUE(iscsi_fact({}, {}).holds);
  EXPECT_TRUE(iscsi_fact({"iqn.a"}, {"iqn.a", "iqn.b"}).holds);
  const Fact missing = iscsi_fact({"iqn.a", "iqn.c"}, {"iqn.a", "iqn.b"});
  EXPECT_FALSE(missing.holds);
  EXPECT_EQ(missing.why, "there is no session with iqn.c");

  const Fact busy = devices_fact(true, {"devices", false, ""});
  EXPECT_FALSE(busy.holds);
  const Fact settled = devices_fact(false, busy);
  EXPECT_TRUE(settled.holds);
  EXPECT_TRUE(devices_fact(true, settled).holds) << "a device that comes later takes nothing down";
}

}  // namespace
}  // namespace vmkeep::host
