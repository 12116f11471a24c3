#include "contract/context.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/fd.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): glibc declares it for GNU sources only

namespace vmkeep::contract {
namespace {

constexpr std::string_view kDefault = ":default";

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
  std::string home;
  std::string shell;
  bool in_passwd = false;
};

std::optional<unsigned> as_number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // (uid_t)-1 means "leave it" to the system calls: never what was meant.
  if (error != std::errc() || end != text.data() + text.size() || value == ~0U) return std::nullopt;
  return value;
}

User as_user(const passwd& entry) {
  return {entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir, entry.pw_shell, true};
}

// A name may be all digits; the name wins, as with chown(1).
Result<User> find_user(const std::string& text) {
  if (const passwd* entry = ::getpwnam(text.c_str())) return as_user(*entry);
  const auto uid = as_number(text);
  if (!uid)
    return fail(ErrorKind::not_found,
                "no user \"" + text + "\": correct the property user of the method context");
  if (const passwd* entry = ::getpwuid(*uid)) return as_user(*entry);
  User user;
  user.uid = *uid;
  user.name = text;
  return user;
}

User own_user() {
  if (const passwd* entry = ::getpwuid(::geteuid())) return as_user(*entry);
  User user;
  user.uid = ::geteuid();
  user.gid = ::getegid();
  user.name = std::to_string(user.uid);
  return user;
}

Result<gid_t> find_group(const std::string& text, const char* property) {
  if (const group* entry = ::getgrnam(text.c_str())) return entry->gr_gid;
  if (const auto gid = as_number(text)) return static_cast<gid_t>(*gid);
  return fail(ErrorKind::not_found,
              "no group \"" + text + "\": correct the property " + property + " of the method context");
}

std::vector<gid_t> groups_of(const User& user, gid_t primary) {
  if (!user.in_passwd) return {primary};
  std::vector<gid_t> groups(64);
  auto count = static_cast<int>(groups.size());
  if (::getgrouplist(user.name.c_str(), primary, groups.data(), &count) < 0) {
    groups.resize(static_cast<size_t>(count));
    ::getgrouplist(user.name.c_str(), primary, groups.data(), &count);
  }
  groups.resize(static_cast<size_t>(std::max(count, 0)));
  return groups;
}

bool is_root() {
  return ::geteuid() == 0;
}

// The properties of the context, from the group that decides (6.7).
class Source {
 public:
  Source(const repository::Levels& running, std::string_view method) : running_(running) {
    // Not `environment`: see the header.
    constexpr std::array kDeciding{"working_directory", "user",    "group",           "supp_groups",
                                   "privileges",        "project", "use_profile",     "limit_privileges",
                                   "resource_pool",     "profile", "corefile_pattern"};
    for (const char* property : kDeciding) {
      if (running.find(method, property) != nullptr) group_ = method;
    }
    if (group_.empty() &&
        (running.own.count("method_context") + running.service.count("method_context")) != 0)
      group_ = "method_context";
  }

  bool exists() const { return !group_.empty(); }

  const repository::Property* find(std::string_view property) const {
    return exists() ? running_.find(group_, property) : nullptr;
  }

  // Errors: more than one value.  Absent or empty: the default.
  Result<std::string> value(std::string_view property, std::string_view otherwise) const {
    const auto* found = find(property);
    if (found == nullptr || found->values.empty()) return std::string(otherwise);
    if (found->values.size() > 1)
      return fail(ErrorKind::invalid,
                  "property " + group_ + "/" + std::string(property) + " has more than one value");
    return found->values.front().empty() ? std::string(otherwise) : found->values.front();
  }

 private:
  const repository::Levels& running_;
  std::string group_;
};

Result<std::vector<gid_t>> supplementary(const Source& source, const User& user, gid_t primary) {
  const auto* property = source.find("supp_groups");
  std::vector<std::string> names;
  if (property != nullptr) {
    for (const auto& value : property->values) {
      for (size_t at = 0; at < value.size();) {
        const size_t end = std::min(value.find_first_of(", \t", at), value.size());
        if (end > at) names.push_back(value.substr(at, end - at));
        at = end + 1;
      }
    }
  }
  if (names.empty() || (names.size() == 1 && names.front() == kDefault)) return groups_of(user, primary);
  std::vector<gid_t> groups;
  for (const auto& name : names) {
    const auto gid = find_group(name, "supp_groups");
    if (!gid) return gid.error();
    if (std::find(groups.begin(), groups.end(), *gid) == groups.end()) groups.push_back(*gid);
  }
  return groups;
}

// What a daemon that is not root cannot become is refused before the method is started as somebody else.
Result<> check_own(const User& user, const Credentials& wanted, bool explicit_groups) {
  if (is_root()) return {};
  if (wanted.uid != ::geteuid())
    return fail(ErrorKind::permission, "cannot run a method as user " + user.name +
                                           ": this daemon runs as user " + own_user().name +
                                           ", who may only be itself");
  if (wanted.gid != ::getegid())
    return fail(ErrorKind::permission, "cannot run a method with group " + std::to_string(wanted.gid) +
                                           ": this daemon is not root and has group " +
                                           std::to_string(::getegid()));
  if (!explicit_groups) return {};
  std::vector<gid_t> own(static_cast<size_t>(std::max(::getgroups(0, nullptr), 0)));
  if (!own.empty())
    own.resize(static_cast<size_t>(std::max(::getgroups(static_cast<int>(own.size()), own.data()), 0)));
  own.push_back(::getegid());
  for (const gid_t gid : wanted.groups) {
    if (std::find(own.begin(), own.end(), gid) == own.end())
      return fail(ErrorKind::permission, "cannot run a method with supplementary group " +
                                             std::to_string(gid) +
                                             ": this daemon is not root and is not in it");
  }
  return {};
}

void note_what_is_not_here(const Source& source, MethodContext& context) {
  for (const char* property : {"privileges", "limit_privileges", "project", "resource_pool"}) {
    const auto* found = source.find(property);
    const bool plain =
        found == nullptr || found->values.empty() ||
        (found->values.size() == 1 && (found->values.front().empty() || found->values.front() == kDefault));
    if (!plain)
      context.notes.push_back("Ignoring method context property \"" + std::string(property) +
                              "\": Linux has none.");
  }
}

Result<User> read_user(const Source& source) {
  const auto profile = source.value("use_profile", "false");
  if (!profile) return profile.error();
  // Running as root for want of a profile would be worse than not running.
  if (*profile == "true")
    return fail(ErrorKind::invalid,
                "use_profile is true, but there are no execution profiles here: set user and group");
  const auto name = source.value("user", "");
  if (!name) return name.error();
  if (!name->empty() && *name != kDefault) return find_user(*name);
  return is_root() ? find_user("0") : Result<User>(own_user());
}

Result<std::string> read_directory(const Source& source, const User& user) {
  auto directory = source.value("working_directory", kDefault);
  if (!directory) return directory;
  if (*directory == kDefault || *directory == ":home") {
    if (user.home.empty()) return fail(ErrorKind::not_found, "Missing passwd entry for user.");
    return user.home;
  }
  if (directory->front() != '/')
    return fail(ErrorKind::invalid,
                "working_directory \"" + *directory + "\" of the method context is not absolute");
  return directory;
}

Result<> apply(const Source& source, MethodContext& context, User& user) {
  auto found = read_user(source);
  if (!found) return found.error();
  user = std::move(*found);
  Credentials credentials;
  credentials.uid = user.uid;
  const auto group = source.value("group", kDefault);
  if (!group) return group.error();
  if (*group == kDefault) {
    if (is_root() && !user.in_passwd && user.uid != 0)
      return fail(ErrorKind::not_found, "Missing passwd entry for user.");
    credentials.gid = is_root() ? user.gid : ::getegid();
  } else {
    const auto gid = find_group(*group, "group");
    if (!gid) return gid.error();
    credentials.gid = *gid;
  }
  auto groups = supplementary(source, user, credentials.gid);
  if (!groups) return groups.error();
  credentials.groups = std::move(*groups);
  const auto wanted = source.value("supp_groups", kDefault);
  if (auto allowed = check_own(user, credentials, !wanted || *wanted != kDefault); !allowed) return allowed;
  auto directory = read_directory(source, user);
  if (!directory) return directory.error();
  context.working_directory = std::move(*directory);
  context.credentials = std::move(credentials);
  note_what_is_not_here(source, context);
  return {};
}

// A later entry of the same name takes the place of the earlier one.
class Environment {
 public:
  explicit Environment(MethodContext& context) : context_(context) {}

  void set(std::string entry, bool noted) {
    const size_t equals = entry.find('=');
    for (auto& old : context_.environment) {
      if (old.compare(0, equals + 1, entry, 0, equals + 1) != 0) continue;
      if (noted) context_.notes.push_back("Ignoring duplicate environment variable \"" + old + "\".");
      old = std::move(entry);
      return;
    }
    context_.environment.push_back(std::move(entry));
  }

  void set_of_context(const std::string& entry) {
    const size_t equals = entry.find('=');
    const std::string quoted = "Invalid environment variable \"" + entry + "\"";
    if (equals == std::string::npos || equals == 0 || entry.find('\0') != std::string::npos) {
      context_.notes.push_back(quoted + ".");
    } else if (entry.compare(0, 4, "SMF_") == 0) {
      context_.notes.push_back(quoted + "; \"SMF_\" prefix is reserved.");
    } else {
      set(entry, !ours(entry));
    }
  }

 private:
  // What SMF does not set is replaced without a word.
  static bool ours(const std::string& entry) {
    for (const char* name : {"HOME=", "LOGNAME=", "USER=", "SHELL=", "VMKEEP_RUN="}) {
      if (entry.compare(0, std::strlen(name), name) == 0) return true;
    }
    return false;
  }

  MethodContext& context_;
};

void base_environment(Environment& environment) {
  environment.set("PATH=/usr/sbin:/usr/bin", false);
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (text.compare(0, 3, "TZ=") == 0 || text.compare(0, 5, "LANG=") == 0 || text.compare(0, 3, "LC_") == 0)
      environment.set(text, false);
  }
  const auto init = read_file("/etc/default/init");  // mostly there is none
  if (!init) return;
  for (const auto& entry : init_variables(*init)) environment.set(entry, false);
}

}  // namespace

std::vector<std::string> init_variables(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  std::vector<std::string> variables;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    at = end + 1;
    line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
    line = line.substr(0, line.find_last_not_of(kBlank) + 1);
    const size_t equals = line.find('=');
    if (line.empty() || line.front() == '#' || equals == 0 || equals == std::string_view::npos) continue;
    const auto name = line.substr(0, equals);
    if (name == "CMASK" || name.starts_with("SMF_") || name.find_first_of(kBlank) != std::string_view::npos ||
        line.find('\0') != std::string_view::npos)
      continue;
    auto value = line.substr(equals + 1);
    const bool quoted =
        value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
    if (quoted) value = value.substr(1, value.size() - 2);
    variables.push_back(std::string(name) + "=" + std::string(value));
  }
  return variables;
}

Result<MethodContext> read_context(const repository::Levels& running, const fmri::Fmri& instance,
                                   std::string_view method, const std::vector<std::string>& extra) {
  const Source source(running, method);
  MethodContext context;
  User user = own_user();
  if (source.exists()) {
    if (auto applied = apply(source, context, user); !applied) return applied.error();
  }
  context.user = user.name;
  context.home = user.home;

  Environment environment(context);
  base_environment(environment);
  environment.set("SMF_FMRI=" + instance.entity(), false);
  environment.set("SMF_METHOD=" + std::string(method), false);
  environment.set("SMF_RESTARTER=svc:/system/svc/restarter:default", false);
  environment.set("SMF_ZONENAME=global", false);
  if (source.exists() && user.in_passwd) {
    environment.set("HOME=" + user.home, false);
    environment.set("LOGNAME=" + user.name, false);
    environment.set("USER=" + user.name, false);
    environment.set("SHELL=" + (user.shell.empty() ? std::string("/bin/sh") : user.shell), false);
  }
  for (const auto& entry : extra) environment.set(entry, false);

  const auto* entries = running.find(method, "environment");
  if (entries == nullptr) entries = running.find("method_context", "environment");
  if (entries != nullptr) {
    for (const auto& entry : entries->values) environment.set_of_context(entry);
  }
  return context;
}

}  // namespace vmkeep::contract
