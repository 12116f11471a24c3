#include "host/configured.h"

#include <sstream>

#include "base/mount_text.h"

namespace vmkeep::host {
namespace {

// Those of a line, up to a comment.
std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line.substr(0, line.find('#')));
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

template <class Take>
void each_line(const std::string& text, const Take& take) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto words = words_of(line);
    if (!words.empty()) take(words);
  }
}

std::string first_name_server(const std::string& resolv_conf) {
  std::string server;
  each_line(resolv_conf, [&server](const std::vector<std::string>& words) {
    if (server.empty() && words[0] == "nameserver" && words.size() > 1) server = words[1];
  });
  return server;
}

// The sources of the line "hosts:", without what is in brackets.
std::set<std::string> host_sources(const std::string& nsswitch) {
  std::set<std::string> sources;
  each_line(nsswitch, [&sources](const std::vector<std::string>& words) {
    if (words[0] != "hosts:") return;
    bool action = false;
    for (size_t n = 1; n < words.size(); ++n) {
      action = action || words[n].starts_with('[');
      if (!action) sources.insert(words[n]);
      if (words[n].ends_with(']')) action = false;
    }
  });
  return sources;
}

bool has_option(const std::string& options, const std::string& wanted) {
  return ("," + options + ",").find("," + wanted + ",") != std::string::npos;
}

}  // namespace

Fact name_services_fact(const std::optional<std::string>& nsswitch,
                        const std::optional<std::string>& resolv_conf, bool resolved) {
  Fact fact{"name-services", true, {}};
  auto sources = host_sources(nsswitch.value_or(""));
  if (sources.empty()) sources = {"files", "dns"};  // what the C library does then
  const std::string server = first_name_server(resolv_conf.value_or(""));
  if (sources.contains("resolve") && resolved) {
    fact.why = "systemd-resolved is there";
  } else if (sources.contains("dns") && !server.empty()) {
    fact.why = "/etc/resolv.conf names the server " + server;
  } else if (sources.contains("dns") || sources.contains("resolve")) {
    fact.holds = false;
    fact.why = "there is no name server in /etc/resolv.conf";
  } else {
    fact.why =
        "/etc/nsswitch.conf asks no name server for hosts; of what it asks nothing can be seen from here";
  }
  return fact;
}

Fact automounts_fact(const std::string& fstab, const std::string& auto_master, const std::string& mountinfo) {
  std::set<std::string> any, automatic;
  each_line(mountinfo, [&](const std::vector<std::string>& words) {
    if (words.size() < 5) return;
    any.insert(unescape_mount(words[4]));
    for (size_t n = 5; n + 1 < words.size(); ++n) {
      if (words[n] == "-" && words[n + 1] == "autofs") automatic.insert(unescape_mount(words[4]));
    }
  });
  Fact fact{"automounts", true, "no automatic mounts are configured"};
  const auto want = [&fact](const std::string& point, bool there, const char* file) {
    if (!fact.holds) return;
    fact.holds = there;
    fact.why = there ? "every automatic mount that is configured is there"
                     : point + " of " + file + " is not under an automounter";
  };
  each_line(fstab, [&](const std::vector<std::string>& words) {
    if (words.size() < 4 || !has_option(words[3], "x-systemd.automount")) return;
    const std::string point = unescape_mount(words[1]);
    want(point, any.contains(point), "/etc/fstab");
  });
  each_line(auto_master, [&](const std::vector<std::string>& words) {
    // "/-" is a map of direct mounts, whose points stand elsewhere; "+" includes another map.
    if (words[0] == "/-" || !words[0].starts_with('/')) return;
    std::string point = words[0];
    while (point.size() > 1 && point.ends_with('/')) point.pop_back();
    want(point, automatic.contains(point), "/etc/auto.master");
  });
  return fact;
}

Fact iscsi_fact(const std::vector<std::string>& targets, const std::set<std::string>& sessions) {
  for (const auto& target : targets) {
    if (!sessions.contains(target)) return {"iscsi", false, "there is no session with " + target};
  }
  return {"iscsi", true,
          targets.empty() ? "no iSCSI target is to be logged in to" : "each iSCSI target has its session"};
}

Fact devices_fact(bool events_left, const Fact& before) {
  if (before.holds) return before;  // what comes later is no part of coming up
  if (events_left) return {"devices", false, "udev has not yet handled all devices"};
  return {"devices", true, "udev has nothing left to do"};
}

}  // namespace vmkeep::host
