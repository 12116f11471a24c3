// vmkeepd's command line.
#pragma once

#include <string>

#include "base/result.h"

namespace vmkeep::daemon {

struct Options {
  std::string state_folder;  // the persistent store
  std::string run_folder;    // control.sock, and the volatile store in private/
  std::string log_folder;    // a log for each instance, and vmkeepd.log
  // Who may do what (rights.h): /etc/vmkeep/authorizations, or of the user's in the XDG folder.
  std::string authorizations;
  std::string boot_id;  // --boot-id: for containers and tests, where the kernel's does not change
  std::string libexec;  // folder of vmkeep-guard: beside vmkeepd, ../lib/vmkeep, ../libexec/vmkeep
  std::string scope;    // --scope: of systemd's, for all processes of contracts; empty: below our own cgroup
  bool await_startup = false;  // --await-startup: start nothing in this boot before `vmkeep startup`
  bool pids_only = false;      // --no-cgroups
  bool help = false;
  bool version = false;
};

// Defaults: as root /var/lib/vmkeep, /run/vmkeep, /var/log/vmkeep; else the XDG folders of the user.
Result<Options> parse_options(int argc, char** argv);
const char* usage();

}  // namespace vmkeep::daemon
