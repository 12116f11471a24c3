// The file that gives authorizations to users and groups (vmkeep-authorizations(5)), as text.  Pure.
//
//   # a comment
//   alice        solaris.smf.manage.vm, solaris.smf.modify.application
//   %operators   solaris.smf.manage
//   1000         solaris.smf.*
//
// A line gives to a user, by name or number, or to a group with % before it; the rest are authorizations with
// blanks or commas between them, "*" at the end of one stands for whatever follows.  Several lines may speak
// of the same one.  A line that is wrong gives nothing, and says so.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmkeep::restarter {

struct Grant {
  std::string who;  // without the %
  bool group = false;
  std::vector<std::string> authorizations;
};

struct Grants {
  std::vector<Grant> grants;
  std::vector<std::string> complaints;  // "line 3: ..."
};

Grants parse_grants(std::string_view text);

// What somebody has, who goes by these names (numbers among them).
std::vector<std::string> granted_to(const Grants& grants, const std::vector<std::string>& user,
                                    const std::vector<std::string>& groups);

}  // namespace vmkeep::restarter
