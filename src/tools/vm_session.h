// What every verb begins with: a connection, all instances, and the ones that the command line means.  And
// the pieces of the verbs that more than one program uses (`vmkeep`, `vbox.sh`).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/vm_arguments.h"
#include "tools/vm_batch.h"
#include "tools/vm_target.h"
#include "tools/vm_view.h"
#include "tools/world.h"

namespace vmkeep::tools {

struct VmSession {
  std::unique_ptr<control::Client> client;
  World world;
  std::vector<std::string> fmris;
};

// Operands that name nothing, or nobody who listens: an error, and nothing was done.
Result<VmSession> open_session(const Arguments& operands);

// The VM's status with its details (paths, ports, settings), no hook.
Result<VmView> look_closely(const std::string& fmri);

// status: prints; the exit code of 1.7 of the behaviour spec, the highest of several.
int print_status(const VmSession& session, bool hook, bool as_json, bool as_table, Output& output);

// The parameters of the call Vm that a command line asks for.
boost::json::object verb_parameters(const VmArguments& arguments);

// A verb to all of them: prints what came of it, and the worst of their own exit codes.
int do_verb(const VmSession& session, const std::string& verb, const boost::json::object& parameters,
            bool as_json, Output& output);

int print_explanation(const VmSession& session, bool as_json, Output& output);
int print_folders(const VmSession& session, bool as_json, Output& output);
// The last crash dossier, of its long files the last `lines`; and the list of all.
int print_last_dossier(const VmSession& session, int lines, Output& output);
int print_dossiers(const VmSession& session, bool as_json, Output& output);
int print_log(const VmSession& session, bool of_vm, int lines, bool follow, Output& output);

// Whether the standard error is a terminal, so that progress is shown.
bool shows_progress(bool as_json);

}  // namespace vmkeep::tools
