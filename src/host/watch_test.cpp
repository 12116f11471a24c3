// The watches against the kernel itself, in network and mount namespaces of their own, and in folders.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cstring>
#include <filesystem>
#include <functional>
#include <set>

#include "base/fd.h"
#include "host/facts.h"
#include "host/paths.h"

namespace vmkeep::host {
namespace {

// A namespace cannot be left again: the steps run in a child.  What it answers is what went wrong.
std::string in_child(const std::function<std::string()>& steps) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return "no pipe";
  const pid_t pid = ::fork();
  if (pid == 0) {
    const std::string answer = "said:" + steps();
    [[maybe_unused]] const ssize_t n = ::write(ends[1], answer.data(), answer.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string answer;
  std::array<char, 4096> chunk;
  for (ssize_t n = 0; (n = ::read(ends[0], chunk.data(), chunk.size())) > 0;)
    answer.append(chunk.data(), static_cast<size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return answer.compare(0, 5, "said:") == 0 ? answer.substr(5) : "the child died";
}

struct Bench {
  asio::io_context loop;
  std::unique_ptr<HostFacts> facts;

  explicit Bench(const std::string& fstab) {
    auto watched = HostFacts::watch(loop.get_executor(), fstab);
    if (watched) facts = std::move(*watched);
  }

  static Task<> keep(HostFacts* facts, std::optional<std::string>& result) {
    const auto fact = co_await facts->changes().pop(now() + Instant(10000));
    result =
        fact ? fact->name + (fact->holds ? " holds: " : " does not hold: ") + fact->why : "nothing changed";
  }

  std::string change() {
    std::optional<std::string> result;
    start(loop.get_executor(), keep(facts.get(), result));
    loop.restart();
    while (!result) loop.run_one();
    return *result;
  }

  std::string now_is(const std::string& name) {
    for (const auto& fact : facts->read()) {
      if (fact.name == name) return std::string(fact.holds ? "holds: " : "does not hold: ") + fact.why;
    }
    return "no such fact";
  }
};

struct Folder {
  std::string path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "vmkeep-host-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

// What `ip link add NAME type veth` does; the kernel makes the other end by itself.
bool add_veth(const char* name) {
  alignas(nlmsghdr) std::array<char, 256> buffer{};
  size_t length = NLMSG_LENGTH(sizeof(ifinfomsg));
  const auto attribute = [&](uint16_t type, const char* data, size_t size) {
    rtattr head{static_cast<uint16_t>(RTA_LENGTH(size)), type};
    std::memcpy(buffer.data() + length, &head, sizeof head);
    if (size != 0) std::memcpy(buffer.data() + length + RTA_LENGTH(0), data, size);
    length += RTA_ALIGN(RTA_LENGTH(size));
  };
  attribute(IFLA_IFNAME, name, std::strlen(name) + 1);
  const size_t nest = length;
  attribute(IFLA_LINKINFO, nullptr, 0);
  attribute(IFLA_INFO_KIND, "veth", 4);
  const auto nested = static_cast<uint16_t>(length - nest);
  std::memcpy(buffer.data() + nest, &nested, sizeof nested);
  nlmsghdr head{};
  head.nlmsg_len = static_cast<uint32_t>(length);
  head.nlmsg_type = RTM_NEWLINK;
  head.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
  std::memcpy(buffer.data(), &head, sizeof head);
  const Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (::send(fd.get(), buffer.data(), length, 0) < 0) return false;
  const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
  nlmsgerr answer{};
  if (n < static_cast<ssize_t>(NLMSG_LENGTH(sizeof answer))) return false;
  std::memcpy(&answer, buffer.data() + NLMSG_LENGTH(0), sizeof answer);
  return answer.error == 0;
}

bool configure(const char* name, unsigned long request, const char* address) {
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq wish{};
  std::strncpy(wish.ifr_name, name, IFNAMSIZ - 1);
  if (address != nullptr) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    ::inet_pton(AF_INET, address, &where.sin_addr);
    std::memcpy(&wish.ifr_addr, &where, sizeof where);
  } else {
    wish.ifr_flags = request == SIOCSIFFLAGS ? IFF_UP : 0;
  }
  return ::ioctl(fd.get(), request, &wish) == 0;
}

bool take_down(const char* name) {
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq wish{};
  std::strncpy(wish.ifr_name, name, IFNAMSIZ - 1);
  return ::ioctl(fd.get(), SIOCSIFFLAGS, &wish) == 0;
}

TEST(HostFacts, TheNetworkIsFollowedAsItComesAndGoes) {
  if (::geteuid() != 0) GTEST_SKIP() << "a network namespace needs root";
  const Folder folder;
  EXPECT_EQ(in_child([&]() -> std::string {
              if (::unshare(CLONE_NEWNET) != 0) return "no network namespace";
              Bench bench(folder.path + "/fstab");
              if (!bench.facts) return "not watched";
              if (bench.now_is("network") != "holds: there is no interface but loopback")
                return "at first: " + bench.now_is("network");
              if (!add_veth("vmk0")) return "cannot make a veth";
              std::string change = bench.change();
              if (change != "network does not hold: no interface has an address") return "made: " + change;
              if (!configure("vmk0", SIOCSIFADDR, "192.0.2.2") || !configure("vmk0", SIOCSIFFLAGS, nullptr) ||
                  !configure("veth0", SIOCSIFFLAGS, nullptr))
                return "cannot configure the veth";
              change = bench.change();
              if (change != "network holds: vmk0 has 192.0.2.2 and there is a route") return "up: " + change;
              if (!take_down("veth0")) return "cannot take the other end down";
              change = bench.change();
              if (change != "network does not hold: vmk0 has 192.0.2.2 but its link is down")
                return "down: " + change;
              return "";
            }),
            "");
}

TEST(HostFacts, MountsAndANewFstabAreSeen) {
  if (::geteuid() != 0) GTEST_SKIP() << "a mount namespace needs root";
  const Folder folder;
  const std::string fstab = folder.path + "/fstab";
  const std::string data = folder.path + "/data";
  ASSERT_EQ(::mkdir(data.c_str(), 0755), 0);
  EXPECT_EQ(
      in_child([&]() -> std::string {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
          return "no mount namespace";
        Bench bench(fstab);
        if (!bench.facts) return "not watched";
        if (bench.now_is("local-filesystems").compare(0, 5, "holds") != 0)
          return "no fstab: " + bench.now_is("local-filesystems");
        if (!replace_file(fstab, "none " + data + " tmpfs defaults 0 0\n")) return "cannot write";
        std::string change = bench.change();
        if (change != "local-filesystems does not hold: " + data + " of /etc/fstab is not mounted")
          return "written: " + change;
        if (::mount("none", data.c_str(), "tmpfs", 0, nullptr) != 0) return "cannot mount";
        change = bench.change();
        if (change.compare(0, 23, "local-filesystems holds") != 0) return "mounted: " + change;
        if (::umount(data.c_str()) != 0) return "cannot unmount";
        change = bench.change();
        if (change.compare(0, 31, "local-filesystems does not hold") != 0) return "unmounted: " + change;
        return "";
      }),
      "");
}

TEST(HostFacts, AnyUserMayReadThemOnThisHost) {
  asio::io_context loop;
  const auto facts = HostFacts::watch(loop.get_executor());
  ASSERT_TRUE(facts) << facts.error().message;
  const auto read = (*facts)->read();
  std::vector<std::string> names;
  for (const auto& fact : read) names.push_back(fact.name);
  std::vector<std::string> wanted;
  for (const auto& target : kTargets) wanted.emplace_back(target.fact);
  wanted.insert(wanted.end(), {"single-user", "devices", "name-services", "automounts", "iscsi"});
  EXPECT_EQ(names, wanted);
  for (const auto& fact : read) EXPECT_FALSE(fact.why.empty());
}

// ---- paths
// --------------------------------------------------------------------------------------------------------

struct Paths {
  asio::io_context loop;
  Reaper reaper{loop.get_executor()};
  std::unique_ptr<PathWatch> watch;
  Folder folder;

  explicit Paths(RemoteLook remote = {}) {
    auto opened = PathWatch::open(loop.get_executor(), reaper, std::move(remote));
    if (opened) watch = std::move(*opened);
  }

  std::string at(const std::string& name) const { return folder.path + "/" + name; }
  bool follow(const std::string& name) { return watch->follow(at(name)); }
  bool make(const std::string& name) const { return ::mkdir(at(name).c_str(), 0755) == 0; }
  bool write(const std::string& name) const { return replace_file(at(name), "x").has_value(); }
  bool move(const std::string& from, const std::string& to) const {
    return ::rename(at(from).c_str(), at(to).c_str()) == 0;
  }

  static Task<> keep(PathWatch* watch, std::optional<std::string>& result) {
    const auto change = co_await watch->changes().pop(now() + Instant(10000));
    result = "nothing changed";
    if (change) result = change->path + (change->present ? " is there" : " is gone");
  }

  // The next change, without the folder's own name.
  std::string change() {
    std::optional<std::string> result;
    start(loop.get_executor(), keep(watch.get(), result));
    loop.restart();
    while (!result) loop.run_one();
    return result->starts_with(folder.path) ? result->substr(folder.path.size() + 1) : *result;
  }
};

TEST(PathWatch, FilesComeAndGo) {
  Paths paths;
  ASSERT_TRUE(paths.watch);
  EXPECT_FALSE(paths.follow("one"));
  ASSERT_TRUE(paths.write("one"));
  EXPECT_EQ(paths.change(), "one is there");
  ASSERT_EQ(::unlink(paths.at("one").c_str()), 0);
  EXPECT_EQ(paths.change(), "one is gone");
  ASSERT_TRUE(paths.write("two"));
  EXPECT_TRUE(paths.follow("two"));
  ASSERT_TRUE(paths.move("two", "one"));
  EXPECT_EQ(paths.change(), "one is there");
  EXPECT_EQ(paths.change(), "two is gone");
}

TEST(PathWatch, FoldersAboveAppearAndMove) {
  Paths paths;
  ASSERT_TRUE(paths.watch);
  EXPECT_FALSE(paths.follow("a/b/c/file"));
  ASSERT_TRUE(std::filesystem::create_directories(paths.at("made/b/c")));
  ASSERT_TRUE(paths.write("made/b/c/file"));
  ASSERT_TRUE(paths.move("made", "a"));
  EXPECT_EQ(paths.change(), "a/b/c/file is there");
  ASSERT_TRUE(paths.move("a/b", "elsewhere"));
  EXPECT_EQ(paths.change(), "a/b/c/file is gone");
  ASSERT_TRUE(std::filesystem::create_directories(paths.at("a/b/c")));
  ASSERT_TRUE(paths.write("a/b/c/file"));
  EXPECT_EQ(paths.change(), "a/b/c/file is there");
  std::filesystem::remove_all(paths.at("a"));
  EXPECT_EQ(paths.change(), "a/b/c/file is gone");
}

TEST(PathWatch, WhatIsReplacedIsNoNews) {
  Paths paths;
  ASSERT_TRUE(paths.watch && paths.write("file") && paths.make("folder") && paths.write("folder/file"));
  EXPECT_TRUE(paths.follow("file"));
  EXPECT_TRUE(paths.follow("folder/file"));
  EXPECT_FALSE(paths.follow("mark"));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(paths.write("file"));  // by rename
  ASSERT_TRUE(paths.make("new") && paths.write("new/file"));
  ASSERT_TRUE(paths.move("folder", "old") && paths.move("new", "folder"));
  ASSERT_TRUE(paths.write("mark"));
  EXPECT_EQ(paths.change(), "mark is there") << "and nothing before it";
  // The folder that is there now is the one that is watched.
  ASSERT_EQ(::unlink(paths.at("folder/file").c_str()), 0);
  EXPECT_EQ(paths.change(), "folder/file is gone");
}

TEST(PathWatch, LinksAreFollowedByWhatTheyPointTo) {
  Paths paths;
  ASSERT_TRUE(paths.watch);
  ASSERT_EQ(::symlink("disks/current", paths.at("link").c_str()), 0);
  EXPECT_FALSE(paths.follow("link/image"));
  ASSERT_TRUE(paths.make("disks") && paths.make("disks/v1") && paths.write("disks/v1/image"));
  ASSERT_EQ(::symlink("../disks/./v1", paths.at("disks/current").c_str()), 0);
  EXPECT_EQ(paths.change(), "link/image is there");
  ASSERT_EQ(::unlink(paths.at("disks/v1/image").c_str()), 0);
  EXPECT_EQ(paths.change(), "link/image is gone");
  ASSERT_EQ(::symlink("loop", paths.at("loop").c_str()), 0);
  EXPECT_FALSE(paths.follow("loop/image")) << "it ends";
}

TEST(PathWatch, AFolderIsWatchedOnceAndNotForLongerThanNeeded) {
  Paths paths;
  ASSERT_TRUE(paths.watch && paths.make("a"));
  EXPECT_EQ(paths.watch->watches(), 0U);
  EXPECT_FALSE(paths.follow("a/one"));
  const size_t before = paths.watch->watches();
  EXPECT_FALSE(paths.follow("a/two"));
  EXPECT_EQ(paths.watch->watches(), before);
  paths.watch->forget(paths.at("a/one"));
  EXPECT_EQ(paths.watch->watches(), before);
  EXPECT_FALSE(paths.watch->follows(paths.at("a/one")));
  paths.watch->forget(paths.at("a/two"));
  EXPECT_EQ(paths.watch->watches(), 0U);
  EXPECT_TRUE(paths.watch->trouble().empty());
}

TEST(Remote, MountsByTheirTypes) {
  const std::set<std::string> found = mounts_of_types(
      "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
      "30 22 0:40 / /home rw - nfs4 filer:/home rw,hard\n"
      "31 22 0:41 / /mnt/with\\040blank\\134 rw shared:7 master:2 - cifs //x/y rw\n"
      "32 22 0:42 / /run/user/0/doc rw - fuse.portal portal rw\n"
      "33 22 8:2 / /usb rw - fuseblk /dev/sdb1 rw\n"
      "34 30 8:3 / /home rw - ext4 /dev/sdc1 rw\n"
      "35 22 0:45 / /net rw - autofs auto rw\n"
      "36 22 0:46 / /again rw - tmpfs x rw\n37 36 0:47 / /again rw - nfs a:/b rw\nnonsense - nfs\n\n",
      remote_types());
  EXPECT_EQ(found, (std::set<std::string>{"/mnt/with blank\\", "/run/user/0/doc", "/net", "/again"}));
}

// A mount of a type that counts as remote here is looked at by a child only.
std::string with_remote_mount(RemoteLook remote, const std::function<std::string(Paths&)>& steps) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return "no mount namespace";
  remote.types = {"ramfs"};
  Paths paths(std::move(remote));
  if (!paths.watch || !paths.make("data")) return "not made";
  if (paths.follow("data/image")) return "there before it is mounted";
  if (::mount("none", paths.at("data").c_str(), "ramfs", 0, nullptr) != 0) return "cannot mount";
  if (!paths.write("data/image")) return "cannot write";
  const auto problem = steps(paths);
  (void)::umount2(paths.at("data").c_str(), MNT_DETACH);  // its folder is removed with the others
  return problem;
}

TEST(PathWatch, OnARemoteFileSystemAChildLooks) {
  if (::geteuid() != 0) GTEST_SKIP() << "a mount namespace needs root";
  EXPECT_EQ(in_child([]() -> std::string {
              return with_remote_mount({}, [](Paths& paths) -> std::string {
                if (const auto first = paths.change(); first != "data/image is there")
                  return "mounted: " + first;
                if (paths.follow("data/other")) return "looked at at once";
                if (!paths.write("data/other")) return "cannot write";
                paths.watch->retry();  // what changes there is seen when somebody asks
                if (const auto other = paths.change(); other != "data/other is there")
                  return "written: " + other;
                if (::umount(paths.at("data").c_str()) != 0) return "cannot unmount";
                const std::set<std::string> gone{paths.change(), paths.change()};
                if (gone != std::set<std::string>{"data/image is gone", "data/other is gone"})
                  return "unmounted: " + *gone.begin();
                return "";
              });
            }),
            "");
}

TEST(PathWatch, ARemoteFileSystemThatDoesNotAnswerHoldsNobodyUp) {
  if (::geteuid() != 0) GTEST_SKIP() << "a mount namespace needs root";
  EXPECT_EQ(
      in_child([]() -> std::string {
        const Folder folder;
        const std::string program = folder.path + "/look";
        // Only the first child waits for ever.
        if (!replace_file(program, "#!/bin/sh\nif mkdir " + folder.path +
                                       "/first 2>/dev/null; then exec sleep 1000; fi\nexec test \"$@\"\n") ||
            ::chmod(program.c_str(), 0755) != 0)
          return "no program";
        RemoteLook remote;
        remote.program = program;
        remote.longest = remote.again = Instant(1500);
        return with_remote_mount(remote, [](Paths& paths) -> std::string {
          if (paths.follow("beside") || !paths.write("beside")) return "cannot write beside it";
          const std::set<std::string> seen{paths.change(), paths.change()};
          if (seen != std::set<std::string>{"beside is there", "data/image is there"})
            return "seen: " + *seen.begin();
          const auto trouble = paths.watch->trouble();
          return trouble.size() == 1 && trouble[0].find(" does not answer") != std::string::npos ? ""
                                                                                                 : "untold";
        });
      }),
      "");
}

TEST(PathWatch, WhatIsMountedOverAFolderIsSeen) {
  if (::geteuid() != 0) GTEST_SKIP() << "a mount namespace needs root";
  EXPECT_EQ(
      in_child([]() -> std::string {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
          return "no mount namespace";
        Paths paths;
        if (!paths.watch || !paths.make("data") || !paths.make("disk") || !paths.write("disk/image"))
          return "not made";
        if (paths.follow("data/image")) return "there before it is mounted";
        if (::mount(paths.at("disk").c_str(), paths.at("data").c_str(), nullptr, MS_BIND, nullptr) != 0)
          return "cannot mount";
        const auto mounted = paths.change();
        if (::umount(paths.at("data").c_str()) != 0) return "cannot unmount";
        return mounted == "data/image is there" && paths.change() == "data/image is gone" ? "" : mounted;
      }),
      "");
}

}  // namespace
}  // namespace vmkeep::host
