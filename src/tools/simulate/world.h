// The host of a simulation: the restarter as it is, with models around it of what the daemon wires to it:
// methods, contracts, guards, VMs, and services that are no VMs.
//
// What happens is an entry of the schedule; nothing calls the restarter while it answers.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "restarter/restarter.h"
#include "restarter/script.h"
#include "tools/simulate/configuration.h"
#include "tools/simulate/keeper_model.h"
#include "tools/simulate/report.h"
#include "tools/simulate/schedule.h"

namespace vmkeep::simulate {

struct Member {
  std::string fmri;
  fmri::Fmri name;
  restarter::InstanceConfig config;
  bool enabled = true;
  restarter::SetState seen;          // the last that was told of it
  std::vector<graph::State> states;  // all that it was in
  uint64_t start_run = 0;            // methods under way; 0: none
  uint64_t other_run = 0;
  bool contract_live = false;
  bool claimed = false;
  std::unique_ptr<VmModel> vm;
  std::unique_ptr<KeeperModel> keeper;
  // Of a service that is no VM.
  std::map<std::string, Instant> takes{{"start", Instant(100)}, {"stop", Instant(100)}};
  int exits = 0;  // its start method's status
};

class World {
 public:
  explicit World(Configuration configuration);

  Schedule schedule;
  Report report;

  Configuration& configuration() { return configuration_; }
  Member* member(const std::string& fmri);
  const std::map<std::string, std::unique_ptr<Member>>& members() const { return members_; }
  void boot(const std::map<std::string, bool>& facts);
  // Until that time, or until nothing can happen any more.
  void run(Instant until);
  void tell(const char* kind, const std::string& fmri, std::string text);
  void finish();  // how everything ended

  // ---- what the script does
  void send(restarter::Event event);  // once all that is going on now is over
  void refresh(Member& member);
  void dies(Member& member);  // of a service that is no VM
  // The host's own: what is up when its patience is over is cut off.
  void shut_down(std::optional<Instant> patience);
  // vmkeep shutdown: what does not fit into the budget is forced.
  void shut_down_within(std::optional<Instant> budget);
  void start_wanted(Member& member, bool force);
  void stop_wanted(Member& member);
  void press(const std::string& resource, double percent);
  std::optional<Instant> shutdown_took() const { return took_; }

 private:
  void add(const fmri::Fmri& name, const InstanceSetup& setup);
  void add_vm(Member& member);
  void configure(Member& member);
  void configure_pace();
  void handle(const restarter::Event& event);
  void process_ended(Member& member);
  void method_over(Member& member, uint64_t run, int code, const std::string& text);
  void end_method(Member& member, uint64_t run, const restarter::MethodEnd& end);
  void empty_contract(Member& member);
  void run_service_method(Member& member, const restarter::RunMethod& action);
  void cut_off();

  void carry_out(const restarter::SetState& action);
  void carry_out(const restarter::Log& action) { tell("log", action.fmri, action.text); }
  void carry_out(const restarter::Notice&) {}
  void carry_out(const restarter::RunMethod& action);
  void carry_out(const restarter::KillMethod& action);
  void carry_out(const restarter::SignalContract& action);
  void carry_out(const restarter::ReleaseContract& action);
  void carry_out(const restarter::ArmTimer& action) { timers_.arm(action); }
  void carry_out(const restarter::CancelTimer& action) { timers_.cancel(action.timer); }
  void carry_out(const restarter::AskVerdict& action);
  void carry_out(const restarter::ReplaceGuard& action);
  void carry_out(const restarter::DisableTemporarily& action);
  void carry_out(const restarter::LiftTemporarily&) {}  // of a milestone, which is not simulated
  void carry_out(const restarter::RecordRequests&) {}
  void carry_out(const restarter::TakeStartSnapshot&) {}
  void carry_out(const restarter::StoreStartStatus&) {}
  void carry_out(const restarter::ShutDownDone& action);

  Configuration configuration_;
  restarter::Restarter restarter_;
  restarter::Timers timers_;
  std::map<std::string, std::unique_ptr<Member>> members_;
  restarter::HostPressure pressure_{0, 0, 0};
  std::optional<Instant> shutdown_began_, took_;
  bool over_ = false;
};

}  // namespace vmkeep::simulate
