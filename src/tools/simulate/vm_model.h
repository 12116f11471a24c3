// A VM and its hypervisor, as far as a policy notices them: states that take their time, a guest that listens
// or does not, and whatever the scenario does to them.  Times are those that VirtualBox was measured to take,
// unless the scenario sets others.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "tools/simulate/schedule.h"
#include "vm/policy.h"

namespace vmkeep::simulate {

class VmModel {
 public:
  using Done = std::function<void(const std::optional<std::string>& trouble)>;

  // What befalls it some time after each launch.
  struct Mishap {
    vm::VmState becomes = vm::VmState::aborted;
    Instant after{};
    int times = -1;  // how often yet; -1: always
  };

  explicit VmModel(Schedule& schedule) : schedule_(schedule) {}

  // Told at every change; after the process ended, if that is what changed.
  std::function<void(const std::string& text)> on_change;
  std::function<void()> on_process_end;

  // ---- what the scenario sets
  std::map<std::string, Instant> takes{
      {"start", Instant(600)},
      {"restore", Instant(800)},
      {"save", Instant(300)},
      {"shutdown", Instant(200)},
      {"poweroff", Instant(100)},
      {"resume", Instant(100)},
      // Until the guest's service is there; a run of its check; a user's window.
      {"ready", Instant(0)},
      {"check", Instant(100)},
      {"window", Instant(3000)}};
  bool deaf = false;              // the guest does not hear the power button
  std::set<std::string> refused;  // what VirtualBox refuses: save, poweroff, acpi, resume
  int failing_launches = 0;
  std::string launch_failure = "exited with status 1";
  std::optional<Mishap> mishap;
  std::optional<vm::VmState> registry;  // missing or inaccessible, whatever else it is
  Instant silent_until{};
  int check_exits = 0;        // the check of a guest that is ready
  bool until_launch = false;  // and only until the VM is launched anew
  bool moves = false;         // its disks or its network

  void befall(vm::VmState becomes, const std::string& text);
  void hypervisor_dies();  // facts: the VMs live on for a while, and nobody knows of them

  // ---- what the guard sees and does
  bool silent() const { return schedule_.now() < silent_until; }
  bool process() const { return vm::is_up(state_); }
  vm::VmState state() const { return state_; }
  vm::Observation observe() const;
  int launches() const { return launches_; }
  bool ready() const { return state_ == vm::VmState::running && schedule_.now() >= ready_at_; }
  int check_code() const { return ready() ? check_exits : 1; }

  void launch(Done done);
  void control(vm::StopAction action, Done done);
  void resume(Done done);
  void set_initial(vm::VmState state) { state_ = state; }

 private:
  void change(vm::VmState to, const std::string& text);
  // Passes through `passing` and, if nothing else happened to it, becomes `to`.
  void pass(vm::VmState passing, vm::VmState to, const std::string& what, Done done);
  void press_button(const Done& done);

  Schedule& schedule_;
  vm::VmState state_ = vm::VmState::poweroff;
  uint64_t generation_ = 0;  // of its state: what was to come of an earlier one does not come
  bool forgotten_ = false;
  Instant ready_at_{};
  int launches_ = 0;
};

}  // namespace vmkeep::simulate
