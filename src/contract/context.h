// The method context (spec of the facility, 6.5 to 6.7): who a method runs as, where, with which environment;
// the expansion of tokens in an exec string; and whether a shell is needed for it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/spawn.h"
#include "fmri/fmri.h"
#include "repository/types.h"

namespace vmkeep::contract {

struct MethodContext {
  std::optional<Credentials> credentials;  // absent: as the daemon
  std::string user;  // name, for messages and for the owner key; the daemon's without a context
  std::string home;
  std::string working_directory = "/";
  std::vector<std::string> environment;  // the whole of it, SMF_* included
  std::vector<std::string> notes;        // to be logged: 'Ignoring duplicate environment variable "..."'
};

// Reads the context of a method from the running view: the method's own properties if it has any, else the
// method_context group, else nothing (6.7).  `environment` of the method group stands on its own: it does not
// make the method's group the source of the rest, because that would silently turn an instance's user into
// root (6.6 looks it up by itself too).
//
// The environment is PATH, TZ, LANG and LC_* as the daemon has them, what is in /etc/default/init, SMF_*,
// then `extra` (VMKEEP_RUN), then the context's own entries. Differences to SMF: with a context there are
// HOME, LOGNAME, USER and SHELL as well (VirtualBox keeps its configuration in HOME); privileges, projects
// and pools do not exist here and are noted when they are asked for.
//
// Errors: ErrorKind::invalid or not_found: no such user or group; the message is what the log gets.
// A daemon that is not root may only be asked for its own user: ErrorKind::permission otherwise; the default
// user of a context is then that user, not root.
Result<MethodContext> read_context(const repository::Levels& running, const fmri::Fmri& instance,
                                   std::string_view method, const std::vector<std::string>& extra = {});

// Of another service or instance, what a method may see of it.
using ViewOf = std::function<Result<repository::Levels>(const fmri::Fmri&)>;

// 6.6: the variables that /etc/default/init gives to all methods: NAME=value a line, in quotes or not; not
// CMASK, not SMF_*.  They go before the daemon's own TZ, LANG and LC_*.
std::vector<std::string> init_variables(std::string_view text);

// 6.5.  A token that is the FMRI of a property of another instance is answered by its running view, one of
// another service by the service's own groups: `others` knows these.  Errors: ErrorKind::invalid, message as
// after "Could not expand method tokens in ...: ".
Result<std::string> expand_tokens(std::string_view exec, const fmri::Fmri& instance, std::string_view method,
                                  const repository::Levels& running, const ViewOf& others = {});

// Plain words are executed directly; anything a shell would treat specially goes to /bin/sh -c "exec ...".
// A first word without "/" is looked up on the PATH of `environment`, as the shell would, if that has nothing
// but the system's own folders before it is found, else by the shell; one that is not found stays as it is,
// and its execve fails.
std::vector<std::string> command_line(const std::string& exec, const std::vector<std::string>& environment);
std::vector<std::string> command_line(const std::string& exec);  // on the PATH that methods get by default

}  // namespace vmkeep::contract
