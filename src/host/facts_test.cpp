#include "host/facts.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace vmkeep::host
