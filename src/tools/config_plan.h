// What `vmkeep add` writes, and under which name.  Pure.
//
// An instance is named after its VM, as far as names of instances allow it: "Web Server" becomes Web-Server,
// "Büro 1" Buro-1, and what leaves nothing is called after its UUID.  Where that name is taken, a piece of
// the UUID is added, so that two VMs of one name get two instances whose names stay the same whoever is
// first.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "repository/change_set.h"

namespace vmkeep::tools {

inline constexpr char kVmService[] = "site/xvm/vbox";

struct OwnedVm {
  std::string uuid;
  std::string name;
  bool accessible = true;
  std::string instance;  // its FMRI; empty: not registered
};

enum class Profile { headless, interactive, dualboot };
Result<Profile> profile_from(const std::string& word);

// The one VM that an operand means: by UUID (braces and case do not matter), else by its whole name.  Errors:
// not_found, with what is near; invalid: several VMs bear that name, with their UUIDs.
Result<OwnedVm> pick_vm(const std::vector<OwnedVm>& vms, const std::string& operand);

// A legal name that is not in `taken`.
std::string instance_name(const OwnedVm& vm, const std::vector<std::string>& taken);

struct Registration {
  OwnedVm vm;
  std::string instance;
  Profile profile = Profile::headless;
  std::string user;                      // of the method context; empty: as the service says
  std::string group;                     // with user
  std::vector<std::string> environment;  // of the method context; empty: as the service says
  bool enable = false;
};

struct RegistrationPlan {
  repository::ChangeSet changes;
  // "vm/uuid", "bd41..." and so on, for people.
  std::vector<std::pair<std::string, std::string>> set;
};
RegistrationPlan plan_registration(const Registration& registration);

// As one word of a shell command that is printed for people.
std::string shell_word(const std::string& text);

}  // namespace vmkeep::tools
