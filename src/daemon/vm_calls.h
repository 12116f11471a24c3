// The calls about virtual machines: VmStatus, Vm, VmList (control/org.vmkeep.varlink).
//
// Who may: the owner of a VM (the user of its instance's method context) and whoever restarter/rights.h says;
// another user's list only root.
//
// A verb goes like this: what it does to the VM is written into the instance's history, and that into the
// volatile store, before anything is done; then the owner's guard does it, and says how it ended.  A verb
// that left the VM as it was takes its entry back.  If guard or daemon die in the middle, the entry stays,
// and the monitor acts by what it finds (see vm/outage.cpp).  A VM is only ever started by its instance's
// start method, so start, and the second half of reboot, are the restarter's.
//
// Leases (a suppression, a user's window) end by themselves: see leases().
#pragma once

#include <sys/types.h>

#include <string>

#include "control/server.h"
#include "daemon/core.h"
#include "daemon/instances.h"
#include "daemon/owners.h"
#include "daemon/rights.h"

namespace vmkeep::daemon {

std::string user_name(uid_t uid);
bool is_vm(const Record& record);

class VmCalls {
 public:
  VmCalls(Core& core, Instances& instances, Owners& owners, Rights& rights)
      : core_(core),
        instances_(instances),
        owners_(owners),
        rights_(rights),
        leases_changed_(core.executor) {}

  void status(const control::Call& call);
  void verb(const control::Call& call);
  void list(const control::Call& call);
  // Ends what is over, for ever.
  Task<> leases();

 private:
  struct Ended;
  Record* vm_parameter(const control::Call& call);
  static Task<> inspect(VmCalls& self, control::Call call, std::string fmri, Owners::Answers answers);
  static Task<> perform(VmCalls& self, control::Call call, std::string fmri, std::string verb);
  static Task<> answer_list(VmCalls& self, control::Call call, std::string key, uid_t user,
                            Owners::Answers answers);
  static Task<> give_back(VmCalls& self, std::string fmri);
  Task<Ended> guarded(const control::Call& call, std::string fmri, std::string verb);
  Task<Ended> start_vm(const control::Call& call, std::string fmri, uint64_t before);
  Task<Ended> stop_vm(const control::Call& call, std::string fmri);
  Ended lease(const control::Call& call, const std::string& fmri, const std::string& verb);
  Ended renew(const control::Call& call, const std::string& fmri);
  Ended closed(const std::string& fmri);
  void begin_outage(Record& record, const control::Call& call, const std::string& verb);
  void end_outage(Record& record, const std::string& verb, const vm::History& before, const Ended& ended);
  void publish(Record& record);

  Core& core_;
  Instances& instances_;
  Owners& owners_;
  Rights& rights_;
  Signal leases_changed_;
};

}  // namespace vmkeep::daemon
