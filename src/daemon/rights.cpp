#include "daemon/rights.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "contract/context.h"
#include "daemon/milestone.h"
#include "daemon/vm_calls.h"

namespace vmkeep::daemon {
namespace {

using control::Call;
using control::Peer;
using repository::Levels;
using restarter::Ruling;

constexpr size_t kLongestFile = 1U << 20U;

bool is_trusted(const Peer& peer) {
  return peer.uid == 0 || peer.uid == ::geteuid();
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Nobody else may put a word in.
Result<> check_owner(const Fd& file, const std::string& path, mode_t type) {
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return errno_error("cannot look at " + path);
  if ((found.st_mode & S_IFMT) != type) {
    return fail(ErrorKind::invalid, path + (type == S_IFREG ? " is no file" : " is no folder"));
  }
  if (found.st_uid != 0 && found.st_uid != ::geteuid()) {
    return fail(ErrorKind::permission,
                fmt::format("{} belongs to user {}: chown it to root", path, found.st_uid));
  }
  if ((found.st_mode & 022U) != 0) {
    return fail(ErrorKind::permission, fmt::format("others may write to {} (mode {:04o}): chmod go-w it",
                                                   path, found.st_mode & 07777U));
  }
  return {};
}

// Empty if there is none.
Result<std::string> read_safely(const std::string& path) {
  const std::string folder = folder_of(path);
  const auto nothing = [](const Error& error) {
    return error.kind == ErrorKind::not_found ? Result<std::string>(std::string())
                                              : Result<std::string>(error);
  };
  auto place = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (!place) return nothing(place.error());
  // Not blocking: it may be a pipe that somebody put there.
  auto file = open_file_at(place->get(), path.substr(path.rfind('/') + 1), O_RDONLY | O_NONBLOCK);
  if (!file) return nothing(in(path, file.error()));
  if (auto safe = check_owner(*place, folder, S_IFDIR); !safe) return safe.error();
  if (auto safe = check_owner(*file, path, S_IFREG); !safe) return safe.error();
  std::string text;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t n = ::read(file->get(), part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("cannot read " + path);
    if (n == 0) return text;
    text.append(part.data(), static_cast<size_t>(n));
    if (text.size() > kLongestFile) return fail(ErrorKind::invalid, path + " is longer than 1 MB");
  }
}

std::vector<std::string> names_of(uid_t uid) {
  std::vector<std::string> names{std::to_string(uid)};
  if (const auto* entry = ::getpwuid(uid)) names.emplace_back(entry->pw_name);
  return names;
}

std::vector<std::string> group_names_of(const Peer& peer) {
  std::vector<std::string> names;
  std::set<gid_t> groups(peer.groups.begin(), peer.groups.end());
  groups.insert(peer.gid);
  for (const gid_t gid : groups) {
    names.push_back(std::to_string(gid));
    if (const auto* entry = ::getgrgid(gid)) names.emplace_back(entry->gr_name);
  }
  return names;
}

// The user that an instance's methods run as.
bool is_owner(const Record& record, uid_t uid) {
  const auto context = contract::read_context(record.running, record.fmri, "start");
  return context && context->credentials && context->credentials->uid == uid;
}

std::string verb_of(const Call& call) {
  auto verb = control::string_member(call.parameters, "verb");
  return verb ? *verb : std::string();
}

std::optional<fmri::Fmri> name_of(const Call& call) {
  auto text = control::string_member(call.parameters, "fmri");
  auto name = text ? fmri::Fmri::parse(*text) : Result<fmri::Fmri>(text.error());
  if (!name) return std::nullopt;
  return fmri::Fmri{name->service, name->instance, {}, {}};
}

}  // namespace

restarter::Grants Rights::read() {
  const std::string& path = core_.options.authorizations;
  std::string complaint;
  restarter::Grants grants;
  if (auto text = read_safely(path)) {
    grants = restarter::parse_grants(*text);
    for (const auto& each : grants.complaints) complaint += fmt::format("{}, {}; ", path, each);
  } else {
    complaint = "NO AUTHORIZATIONS ARE GIVEN, the file is ignored: " + text.error().message;
  }
  if (complaint != complained_ && !complaint.empty()) core_.logs.notice(complaint);
  complained_ = std::move(complaint);
  return grants;
}

restarter::Caller Rights::caller(const Peer& peer, const Record* record) {
  restarter::Caller caller;
  caller.trusted = is_trusted(peer);
  if (caller.trusted) return caller;
  caller.owner = record != nullptr && is_vm(*record) && is_owner(*record, peer.uid);
  const auto grants = read();
  if (!grants.grants.empty()) {
    caller.granted = restarter::granted_to(grants, names_of(peer.uid), group_names_of(peer));
  }
  return caller;
}

std::optional<Error> Rights::refusal(const Call& call) {
  if (is_trusted(call.peer)) return std::nullopt;
  const Ruling ruling = judge(call);
  if (ruling.allowed) return std::nullopt;
  core_.logs.notice(fmt::format("refused to user {}: {}", call.peer.uid, ruling.why));
  return fail(ErrorKind::permission, ruling.why + " (vmkeep-authorizations(5))");
}

Ruling Rights::judge(const Call& call) {
  if (call.method == "Act") return judge_act(call);
  if (call.method == "Vm" || call.method == "VmStatus") return judge_vm(call);
  if (call.method == "Commit") {
    const auto* list = call.parameters.if_contains("changes");
    auto changes = control::changes_from(list != nullptr ? *list : boost::json::value());
    return changes ? judge_changes(call.peer, *changes) : Ruling{};
  }
  if (call.method == "Milestone") {
    const auto name = control::string_member(call.parameters, "name");
    const bool boot = control::bool_member(call.parameters, "boot", false);
    return name ? judge_changes(call.peer, milestone_setting(*name, boot)) : Ruling{};
  }
  if (call.method == "Shutdown" || call.method == "Startup") {
    return restarter::may_operate(caller(call.peer, nullptr), call.method + " of everything", {});
  }
  return {false, call.method + " is for root"};
}

Ruling Rights::judge_act(const Call& call) {
  const auto name = name_of(call);
  const std::string verb = verb_of(call);
  if (!name) return {};
  if (verb == "enable" || verb == "disable") {
    const bool temporary = control::bool_member(call.parameters, "temporary", false);
    return judge_changes(call.peer, switching(*name, verb == "enable", temporary));
  }
  auto levels = core_.store->read(*name);
  if (!levels) return {};
  return restarter::may_operate(caller(call.peer, nullptr), fmt::format("{} of {}", verb, name->str()),
                                *levels);
}

Ruling Rights::judge_changes(const Peer& peer, const repository::ChangeSet& changes) {
  std::map<fmri::Fmri, Result<Levels>> read;
  const auto current = [this, &read](const fmri::Fmri& name) -> const Levels* {
    auto found = read.find(name);
    if (found == read.end()) found = read.emplace(name, core_.store->read(name)).first;
    return found->second ? &*found->second : nullptr;
  };
  return restarter::may_change(caller(peer, nullptr), changes, current);
}

Ruling Rights::judge_vm(const Call& call) {
  const auto name = name_of(call);
  const Record* record = name ? core_.record(name->str()) : nullptr;
  if (record == nullptr || !is_vm(*record)) return {};
  const bool runs_hook = control::bool_member(call.parameters, "hook", false);
  const std::string verb = call.method == "Vm" ? verb_of(call) : (runs_hook ? "check" : "status");
  const auto current = core_.store->read(*name);
  const Levels levels = current ? *current : record->running;  // deleted, and not yet stopped
  return restarter::may_use_vm(caller(call.peer, record), verb, fmt::format("{} of {}", verb, name->str()),
                               levels);
}

void Rights::hide(const Peer& peer, const fmri::Fmri& entity, Levels& levels) {
  if (is_trusted(peer)) return;
  const auto read = core_.store->read({entity.service, entity.instance, {}, {}});
  const Levels current = read ? *read : Levels{};
  if (!restarter::any_protected(levels) && !restarter::any_protected(current)) return;
  restarter::hide_protected(caller(peer, core_.record(entity.entity())), current, levels);
}

bool Rights::may_read(const Peer& peer, const Record& record, const std::string& group) {
  if (is_trusted(peer)) return true;
  auto current = core_.store->read(record.fmri);
  return current && restarter::may_read(caller(peer, &record), group, *current);
}

}  // namespace vmkeep::daemon
