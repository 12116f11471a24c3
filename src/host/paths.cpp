#include "host/paths.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/command.h"
#include "base/fd.h"

namespace vmkeep::host {
namespace {

constexpr uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
                             IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr int kMostLinks = 40;  // as the kernel has it

// The names of a path, last one first: a stack of what is still to be passed.
void push_names(std::vector<std::string>& names, std::string_view path) {
  std::vector<std::string> these;
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const auto name = path.substr(at, end - at);
    if (!name.empty() && name != ".") these.emplace_back(name);
    at = end + 1;
  }
  names.insert(names.end(), these.rbegin(), these.rend());
}

std::optional<std::string> link_target(const std::string& path) {
  std::array<char, PATH_MAX> buffer;
  const ssize_t n = ::readlink(path.c_str(), buffer.data(), buffer.size());
  if (n <= 0) return std::nullopt;
  return std::string(buffer.data(), static_cast<size_t>(n));
}

using Step = std::pair<int, std::string>;  // the watch of a folder, and the name in it

struct Walk {
  bool present = false;
  bool blind = false;  // some folder could not be watched
  std::string remote;  // the mount that it leads into, whose answers nobody can wait for; empty: none
  std::set<Step> steps;
};

}  // namespace

struct PathWatch::State {
  struct Followed {
    bool present = false;
    bool remote = false;  // only a child may look
    std::set<Step> steps;
  };

  Fd inotify, mounts;
  Fd table;  // the same as `mounts`: each descriptor is told of a change once
  Readiness inotify_ready, mounts_ready;
  Queue<PathChange> changes;
  std::map<std::string, Followed> followed;
  std::map<int, std::map<std::string, std::set<std::string>>> interests;  // watch, name, paths through it
  std::set<std::string> blind;      // paths through a folder that cannot be watched
  std::set<std::string> unwatched;  // those folders, told once
  std::vector<std::string> trouble;
  std::weak_ptr<State> me;
  Executor executor;
  Reaper& reaper;
  const RemoteLook remote;
  std::set<std::string> remote_mounts;
  std::map<std::string, std::set<std::string>> asked;  // by mount: what a child is to look at
  bool stopped = false;

  State(const Executor& e, Reaper& r, RemoteLook how, Fd inotify_fd, Fd mounts_fd, Fd table_fd)
      : inotify(std::move(inotify_fd)),
        mounts(std::move(mounts_fd)),
        table(std::move(table_fd)),
        inotify_ready(e, inotify.get()),
        mounts_ready(e, mounts.get()),
        changes(e),
        executor(e),
        reaper(r),
        remote(std::move(how)) {}

  void watch(const std::string& folder, const std::string& name, Walk& walk);
  void read_mounts(bool changed);
  void ask(const std::string& mount, const std::string& path);
  Task<bool> take_answer(std::string path);
  static Task<> look_at_mount(std::shared_ptr<State> self, std::string mount);
  Walk walk(const std::string& path);
  void update(const std::string& path, bool tell);
  void leave(const std::string& path, const Step& step);
  void update_all();
  void note(const inotify_event& event, const std::string& name, std::set<std::string>& moved);
  void read_events();
  static Task<> follow_events(std::shared_ptr<State> self);
  static Task<> follow_mounts(std::shared_ptr<State> self);
};

void PathWatch::State::watch(const std::string& folder, const std::string& name, Walk& walk) {
  const int wd = ::inotify_add_watch(inotify.get(), folder.c_str(), kEvents);
  if (wd >= 0) {
    walk.steps.insert({wd, name});
    unwatched.erase(folder);
    return;
  }
  // One that went away since it was found is missed by the folder above it, which is watched.
  if (errno == ENOENT || errno == ENOTDIR) return;
  walk.blind = true;
  const auto why = errno_error("cannot watch " + folder + " for a dependency on a file");
  if (unwatched.insert(folder).second) {
    trouble.push_back(why.message + "; what comes and goes there is seen only when a dependent is evaluated");
  }
}

// As the table is now: one may have been mounted whose news has not come yet.
void PathWatch::State::read_mounts(bool changed) {
  pollfd news{table.get(), POLLPRI, 0};
  if (::poll(&news, 1, 0) != 1 && !changed) return;
  if (const auto text = read_file("/proc/self/mountinfo"))
    remote_mounts = mounts_of_types(*text, remote.types);
}

void PathWatch::State::ask(const std::string& mount, const std::string& path) {
  const auto [entry, idle] = asked.try_emplace(mount);
  entry->second.insert(path);
  if (idle) start(executor, look_at_mount(me.lock(), mount));
}

// False: nobody answered.
Task<bool> PathWatch::State::take_answer(std::string path) {
  SpawnSpec spec;
  spec.argv = {remote.program, "-e", path};
  const Instant until = now() + remote.longest;
  const auto looked = co_await run_command(reaper, std::move(spec), until);
  if (!looked || looked->timed_out || !looked->status.exited()) co_return false;
  const auto entry = followed.find(path);
  if (stopped || entry == followed.end() || !entry->second.remote) co_return true;
  const bool present = looked->status.success();
  if (std::exchange(entry->second.present, present) != present) changes.push({path, present});
  co_return true;
}

// One child a mount at a time: they would all wait for the same.
Task<> PathWatch::State::look_at_mount(std::shared_ptr<State> self, std::string mount) {
  bool told = false;
  while (!self->stopped && !self->asked.at(mount).empty()) {
    const std::string path = *self->asked.at(mount).begin();
    self->asked.at(mount).erase(path);
    const bool answered = co_await self->take_answer(path);
    if (answered || !self->followed.contains(path) || !self->remote_mounts.contains(mount)) continue;
    if (!std::exchange(told, true)) {
      self->trouble.push_back(
          "what is mounted at " + mount +
          " does not answer: whether what dependencies name there is there is not known, and "
          "taken to be as it was last; it is looked at again");
    }
    self->asked.at(mount).insert(path);
    const Instant again = now() + self->remote.again;
    co_await sleep_until(again);
  }
  self->asked.erase(mount);
}

Walk PathWatch::State::walk(const std::string& path) {
  read_mounts(false);
  Walk result;
  std::vector<std::string> names;
  push_names(names, path);
  std::string at;  // a folder, without links; empty: the root
  for (int links = 0; !names.empty();) {
    const std::string name = std::move(names.back());
    names.pop_back();
    if (name == "..") {
      at.erase(std::min(at.rfind('/'), at.size()));
      continue;
    }
    watch(at.empty() ? "/" : at, name, result);
    const std::string next = at + "/" + name;
    if (remote_mounts.contains(next)) {
      result.remote = next;
      result.blind = true;
      return result;
    }
    struct stat found {};
    if (::lstat(next.c_str(), &found) != 0) return result;
    if (S_ISLNK(found.st_mode)) {
      const auto target = link_target(next);
      if (!target || ++links > kMostLinks) return result;
      if (target->front() == '/') at.clear();
      push_names(names, *target);
      continue;
    }
    if (!names.empty() && !S_ISDIR(found.st_mode)) return result;
    at = next;
  }
  result.present = true;
  return result;
}

// Walks anew.  The new watches come before the old ones go, so that those on both ways stay.
void PathWatch::State::update(const std::string& path, bool tell) {
  auto& entry = followed.at(path);
  auto now = walk(path);
  for (const auto& [wd, name] : now.steps) interests[wd][name].insert(path);
  for (const auto& step : entry.steps) {
    if (!now.steps.contains(step)) leave(path, step);
  }
  if (!now.remote.empty()) {
    now.present = entry.present && entry.remote;
    ask(now.remote, path);
  }
  const bool moved = entry.present != now.present;
  entry = {now.present, !now.remote.empty(), std::move(now.steps)};
  if (now.blind) {
    blind.insert(path);
  } else {
    blind.erase(path);
  }
  if (moved && tell) changes.push({path, entry.present});
}

void PathWatch::State::leave(const std::string& path, const Step& step) {
  const auto watched = interests.find(step.first);
  if (watched == interests.end()) return;  // the kernel has dropped it already
  const auto name = watched->second.find(step.second);
  if (name == watched->second.end()) return;
  name->second.erase(path);
  if (name->second.empty()) watched->second.erase(name);
  if (!watched->second.empty()) return;
  interests.erase(watched);
  ::inotify_rm_watch(inotify.get(), step.first);
}

void PathWatch::State::update_all() {
  read_mounts(true);
  for (const auto& entry : followed) update(entry.first, true);
}

// Whose way an event lies on.
void PathWatch::State::note(const inotify_event& event, const std::string& name,
                            std::set<std::string>& moved) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    for (const auto& entry : followed) moved.insert(entry.first);
    return;
  }
  const auto watched = interests.find(event.wd);
  if (watched == interests.end()) return;
  for (const auto& [each, paths] : watched->second) {
    if (name.empty() || name == each) moved.insert(paths.begin(), paths.end());
  }
  if ((event.mask & IN_IGNORED) != 0) interests.erase(watched);  // the folder is gone, the watch with it
}

void PathWatch::State::read_events() {
  alignas(inotify_event) std::array<char, 16384> buffer;
  std::set<std::string> moved;
  for (;;) {
    const ssize_t n = ::read(inotify.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    for (ssize_t at = 0; at < n;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;  // padded with zeros to `len`
      note(event, event.len != 0 ? std::string(name, ::strnlen(name, event.len)) : std::string(), moved);
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  for (const auto& path : moved) update(path, true);
}

Task<> PathWatch::State::follow_events(std::shared_ptr<State> self) {
  for (;;) {
    const bool ready = co_await self->inotify_ready.readable();
    if (!ready || self->stopped) co_return;
    self->read_events();
  }
}

Task<> PathWatch::State::follow_mounts(std::shared_ptr<State> self) {
  for (;;) {
    const bool ready = co_await self->mounts_ready.exceptional();
    if (!ready || self->stopped) co_return;
    self->update_all();
  }
}

Result<std::unique_ptr<PathWatch>> PathWatch::open(const Executor& executor, Reaper& reaper,
                                                   RemoteLook remote) {
  Fd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) return errno_error("cannot watch files");
  auto mounts = open_file("/proc/self/mountinfo", O_RDONLY);
  if (!mounts) return mounts.error();
  auto table = open_file("/proc/self/mountinfo", O_RDONLY);
  if (!table) return table.error();
  auto state = std::make_shared<State>(executor, reaper, std::move(remote), std::move(inotify),
                                       std::move(*mounts), std::move(*table));
  state->me = state;
  state->read_mounts(true);
  start(executor, State::follow_events(state));
  start(executor, State::follow_mounts(state));
  return std::unique_ptr<PathWatch>(new PathWatch(std::move(state)));
}

PathWatch::PathWatch(std::shared_ptr<State> state) : state_(std::move(state)) {}

PathWatch::~PathWatch() {
  state_->stopped = true;
  state_->inotify_ready.cancel();
  state_->mounts_ready.cancel();
}

bool PathWatch::follow(const std::string& path) {
  if (state_->followed.try_emplace(path).second) state_->update(path, false);
  return state_->followed.at(path).present;
}

bool PathWatch::follows(const std::string& path) const {
  return state_->followed.contains(path);
}

void PathWatch::forget(const std::string& path) {
  const auto entry = state_->followed.find(path);
  if (entry == state_->followed.end()) return;
  for (const auto& step : entry->second.steps) state_->leave(path, step);
  state_->followed.erase(entry);
  state_->blind.erase(path);
}

void PathWatch::retry() {
  const auto paths = state_->blind;  // update() changes it
  for (const auto& path : paths) state_->update(path, true);
}

std::vector<std::string> PathWatch::trouble() {
  return std::exchange(state_->trouble, {});
}

Queue<PathChange>& PathWatch::changes() {
  return state_->changes;
}

size_t PathWatch::watches() const {
  return state_->interests.size();
}

}  // namespace vmkeep::host
