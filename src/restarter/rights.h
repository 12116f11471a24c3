// Who may do what (spec of the facility, 2.11, and smf_security(7) of the original).  Pure: the daemon asks
// in one place (daemon/rights.cpp), and what comes back is carried out there.
//
// Whoever is trusted (root, the daemon's own user) may do everything.  Anybody else needs authorizations:
// names like "solaris.smf.manage", given to users and groups in a file (grants.h).  Which ones permit a deed
// is told by the property groups that it is done to; an instance's group says it before its service's:
//
//   operate an instance: restart, refresh, clear, mark,  solaris.smf.manage, general/action_authorization
//     enable or disable it until the next boot
//   add or delete services and instances, take other     solaris.smf.modify
//     snapshots than `running`
//   make or delete a property group of type T            solaris.smf.modify, solaris.smf.modify.T
//   add, delete or retype properties of a group PG       the same, and PG/modify_authorization
//   change the values of properties of PG, but for       the same, and PG/value_authorization
//     modify_authorization (enable and disable for good
//     change general/enabled)
//   change general/action_authorization                  solaris.smf.manage besides
//   read the values of a protected PG                    any that may change it, and PG/read_authorization
//
// T is one of application, dependency, framework, method; groups of other types are solaris.smf.modify's.  A
// group of an instance that has the name of one of its service, or one that the facility gives a meaning to
// (start, general), needs the authorization for that type as well, whatever type it is given: it would be
// taken for that one.
//
// Protected is a group with a property read_authorization, unless the facility itself has to read it
// (framework, dependency, method, templates).  An authorization property counts only if it is an astring.
//
// The owner of a VM (the user of its instance's method context) may do with his VM what `vmkeep` can, and
// read what is protected of its instance; those who may operate the instance may do what `vmkeep` does to
// its state.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "repository/change_set.h"
#include "repository/types.h"

namespace vmkeep::restarter {

// Whether what was granted is that authorization: the same name, or what ends in "*" and begins it.
bool covers(std::string_view granted, std::string_view authorization);

struct Caller {
  bool trusted = false;
  bool owner = false;  // of the VM that is asked about
  std::vector<std::string> granted;
};

struct Ruling {
  bool allowed = true;
  std::string why;  // it is not: "restart of svc:/a:b takes the authorization solaris.smf.manage or ..."
};

// Levels are the editing view.  `what` is for the refusal: "restart of svc:/a:b".
Ruling may_operate(const Caller& caller, const std::string& what, const repository::Levels& target);
// A verb of VMs, "status" among them.
Ruling may_use_vm(const Caller& caller, const std::string& verb, const std::string& what,
                  const repository::Levels& target);

// The groups of an entity as they are before the change; null: there is no such entity.
using ReadLevels = std::function<const repository::Levels*(const fmri::Fmri&)>;
// All of it, or nothing: the first change that the caller may not make decides.
Ruling may_change(const Caller& caller, const repository::ChangeSet& changes, const ReadLevels& current);

// Whether anything in them is protected, for anybody: mostly there is not.
bool any_protected(const repository::Levels& levels);
bool may_read(const Caller& caller, const std::string& group, const repository::Levels& target);
// Takes the values out of the groups that the caller may not read.  `current` is the editing view, which
// counts too if `levels` are a snapshot: what was protected after it was taken is protected.
void hide_protected(const Caller& caller, const repository::Levels& current, repository::Levels& levels);
// What hide_protected() has been at: the names and types are there, and no value.
inline bool is_hidden(const repository::PropertyGroup& group) {
  return group.find("read_authorization") != nullptr &&
         std::all_of(group.properties.begin(), group.properties.end(),
                     [](const auto& each) { return each.second.values.empty(); });
}

}  // namespace vmkeep::restarter
