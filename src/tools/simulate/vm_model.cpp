#include "tools/simulate/vm_model.h"

#include <utility>

namespace vmkeep::simulate {

using vm::VmState;

namespace {
// How long a VM process outlives its VBoxSVC.
constexpr Instant kOrphanLives{14'000};
}  // namespace

vm::Observation VmModel::observe() const {
  const auto witness = process() ? vm::Witness::present : vm::Witness::absent;
  if (registry) return {*registry, witness, {}};
  if (forgotten_) return {VmState::poweroff, witness, {}};
  return {state_, witness, {}};
}

void VmModel::change(VmState to, const std::string& text) {
  const bool was_up = process();
  state_ = to;
  ++generation_;
  if (!process()) forgotten_ = false;
  if (on_change) on_change(text);
  if (was_up && !process() && on_process_end) on_process_end();
}

void VmModel::befall(VmState becomes, const std::string& text) {
  // A process that is killed in the middle of a restore leaves its saved state behind.
  const bool kept = becomes == VmState::aborted && state_ == VmState::restoring;
  change(kept ? VmState::aborted_saved : becomes, text);
}

void VmModel::hypervisor_dies() {
  if (!process()) return;
  forgotten_ = true;
  const uint64_t generation = ++generation_;
  schedule_.after(kOrphanLives, [this, generation] {
    if (generation == generation_) change(VmState::poweroff, "the VM's process ended without its VBoxSVC");
  });
}

void VmModel::pass(VmState passing, VmState to, const std::string& what, Done done) {
  change(passing, "the VM is " + std::string(vm::to_string(passing)));
  const uint64_t generation = generation_;
  schedule_.after(takes[what], [this, generation, to, done = std::move(done)] {
    if (generation != generation_)
      return done("the VM became " + std::string(vm::to_string(state_)) + " meanwhile");
    change(to, "the VM is " + std::string(vm::in_words(to)));
    done(std::nullopt);
  });
}

void VmModel::launch(Done done) {
  const bool restores = vm::is_restorable(state_);
  ++launches_;
  // Said before the first launch it means the next one.
  if (launches_ > 1 && std::exchange(until_launch, false)) check_exits = 0;
  if (failing_launches != 0) {
    if (failing_launches > 0) --failing_launches;
    schedule_.after(takes["poweroff"], [this, done = std::move(done)] { done(launch_failure); });
    return;
  }
  pass(restores ? VmState::restoring : VmState::starting, VmState::running, restores ? "restore" : "start",
       [this, done = std::move(done)](const std::optional<std::string>& trouble) {
         if (!trouble) ready_at_ = schedule_.now() + takes["ready"];
         if (!trouble && mishap && mishap->times != 0) {
           if (mishap->times > 0) --mishap->times;
           const uint64_t generation = generation_;
           const VmState becomes = mishap->becomes;
           schedule_.after(mishap->after, [this, generation, becomes] {
             if (generation == generation_)
               befall(becomes, "the VM is " + std::string(vm::to_string(becomes)));
           });
         }
         done(trouble);
       });
}

// The command is over at once; what the guest makes of it is another matter.
void VmModel::press_button(const Done& done) {
  if (state_ == VmState::running && !deaf) {
    const uint64_t generation = generation_;
    schedule_.after(takes["shutdown"], [this, generation] {
      if (generation == generation_) change(VmState::poweroff, "the guest shut itself down");
    });
  }
  done(std::nullopt);
}

void VmModel::control(vm::StopAction action, Done done) {
  const auto refuse = [&](const char* what) {
    const bool refuses = refused.count(what) != 0 || (forgotten_ && action != vm::StopAction::emergencystop);
    if (refuses) done("the hypervisor refuses it");
    return refuses;
  };
  if (!process()) return done("the VM is not currently running");
  switch (action) {
    case vm::StopAction::savestate:
      if (!refuse("save")) pass(VmState::saving, VmState::saved, "save", std::move(done));
      break;
    case vm::StopAction::poweroff:
      if (!refuse("poweroff")) pass(VmState::stopping, VmState::poweroff, "poweroff", std::move(done));
      break;
    case vm::StopAction::emergencystop:
      change(VmState::aborted, "the VM's process was ended");
      done(std::nullopt);
      break;
    case vm::StopAction::acpipowerbutton:
      // VirtualBox refuses the button of a paused VM.
      if (state_ == VmState::paused) return done("the VM is paused");
      if (!refuse("acpi")) press_button(done);
      break;
    case vm::StopAction::acpisleepbutton:
    case vm::StopAction::reset:
      if (!refuse("acpi")) done(std::nullopt);
      break;
  }
}

void VmModel::resume(Done done) {
  if (state_ != VmState::paused || refused.count("resume") != 0) return done("the hypervisor refuses it");
  const uint64_t generation = generation_;
  schedule_.after(takes["resume"], [this, generation, done = std::move(done)] {
    if (generation != generation_) return done("the VM changed meanwhile");
    change(VmState::running, "the VM is running");
    done(std::nullopt);
  });
}

}  // namespace vmkeep::simulate
