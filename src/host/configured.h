// Facts that hang on how the host is configured, wherever it gets its network and filesystems from (facts.h),
// for more of the names that manifests of old depend on:
//
//   single-user    this vmkeepd runs: its unit comes after sysinit.target; elsewhere nobody tells
//   devices        udev has nothing left to do since it was first looked at; no udev: the kernel's own /dev
//   name-services  /etc/nsswitch.conf asks somebody for hosts who can be asked: a name server of
//                  /etc/resolv.conf, systemd-resolved; of other services nothing can be seen from here
//   automounts     each mount point of /etc/auto.master, and where systemd runs each of /etc/fstab with
//                  x-systemd.automount, is under its automounter
//   iscsi          each target that open-iscsi is to log in to by itself has a session
//
// The kernel tells when to look again: inotify on the folders, the mount table, and its own events of iSCSI
// sessions.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host/facts.h"

namespace vmkeep::host {

// Pure halves.  Files that are not there are absent.
Fact name_services_fact(const std::optional<std::string>& nsswitch,
                        const std::optional<std::string>& resolv_conf, bool resolved);
// `fstab` is empty where no systemd reads it.
Fact automounts_fact(const std::string& fstab, const std::string& auto_master, const std::string& mountinfo);
Fact iscsi_fact(const std::vector<std::string>& targets, const std::set<std::string>& sessions);
Fact devices_fact(bool events_left, const Fact& before);

// The facts of `others` and these.
std::unique_ptr<HostFacts> with_configured(const Executor& executor, std::unique_ptr<HostFacts> others);

}  // namespace vmkeep::host
