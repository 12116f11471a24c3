// Answers the calls of the control protocol (control/org.vmkeep.varlink).  Whether a caller may make one that
// changes something, or asks about a VM, is asked here and nowhere else (rights.h); anybody may read what is
// not protected; a method may act for its own instance.
#pragma once

#include "control/server.h"
#include "daemon/core.h"
#include "daemon/instances.h"
#include "daemon/owners.h"
#include "daemon/rights.h"
#include "daemon/vm_calls.h"

namespace vmkeep::daemon {

// Seconds that a caller may ask for at most, of a lease or a budget: a week.
inline constexpr int64_t kLongestAsked = 604'800;

class Calls {
 public:
  Calls(Core& core, Instances& instances, Owners& owners, VmCalls& vms, Rights& rights)
      : core_(core), instances_(instances), owners_(owners), vms_(vms), rights_(rights) {}

  Task<> serve(control::Server& server);

 private:
  using Handler = void (Calls::*)(const control::Call&);
  static const std::map<std::string, std::pair<Handler, bool>>&
  handlers();  // by method; true: not everybody may call it

  void entries(const control::Call& call);
  void read(const control::Call& call);
  void snapshots(const control::Call& call);
  void commit(const control::Call& call);
  void await_group(const control::Call& call);
  void instances(const control::Call& call);
  void processes(const control::Call& call);
  void contracts(const control::Call& call);
  void signal_contract(const control::Call& call);
  void await_contract(const control::Call& call);
  void act(const control::Call& call);
  void watch(const control::Call& call);
  void shutdown(const control::Call& call);
  void startup(const control::Call& call);
  void milestone(const control::Call& call);
  void vm_method(const control::Call& call);
  void vm_status(const control::Call& call) { vms_.status(call); }
  void vm(const control::Call& call) { vms_.verb(call); }
  void vm_list(const control::Call& call) { vms_.list(call); }
  void plan(const control::Call& call);
  void version(const control::Call& call);

  Result<> request(Record& record, const std::string& verb, const control::Call& call);
  Result<> dump(Record& record);
  Task<> stream(control::Call call, std::vector<std::string> fmris);
  Task<> stream_shutdown(control::Call call);

  Core& core_;
  Instances& instances_;
  Owners& owners_;
  VmCalls& vms_;
  Rights& rights_;
};

}  // namespace vmkeep::daemon
