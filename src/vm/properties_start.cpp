// The rows that say which VM it is, and how it is started and stopped.
#include "vm/properties.h"

namespace vmkeep::vm {
namespace {

constexpr int64_t kMaxSeconds = 1'000'000'000;

constexpr Choice kTakeovers[] = {
    {"adopt", "adopt", "Take the running VM over as it is; nothing is done to it."},
    {"savestate", "savestate", "Save it, then start it again headless, as the original did."},
};

constexpr Choice kStopMethods[] = {
    {"savestate", "savestate", "Save the state; the next start restores it."},
    {"acpipowerbutton", "acpipowerbutton",
     "Press the ACPI power button and wait for the guest to shut down."},
    {"acpisleepbutton", "acpisleepbutton", "Press the ACPI sleep button. The VM stays active."},
    {"poweroff", "poweroff", "Cut the power at once."},
    {"reset", "reset", "Press the reset button. The VM stays active."},
    {"poweroff-graceful", "poweroff-graceful",
     "Press the ACPI power button; cut the power if the guest does not obey in time."},
};

constexpr Choice kStartWaits[] = {
    {"nodelay", "nodelay", "Do not wait: ready as soon as the VM runs."},
    {"off", "nodelay", ""},
    {"none", "nodelay", ""},
    {"false", "nodelay", ""},
    {"nowait", "nodelay", ""},
    {"default", "nodelay", ""},
    {"-", "nodelay", ""},
    {"timeout", "timeout", "Wait until five seconds before the start method's limit."},
    {"delay", "timeout", ""},
    {"wait", "timeout", ""},
    {"hook", "hook", "Wait for the hook to answer 0; the deadline is no failure."},
    {"hook_lax", "hook", ""},
    {"vmsvccheck", "hook", ""},
    {"on", "hook", ""},
    {"true", "hook", ""},
    {"hook_strict", "hook_strict", "Wait for the hook to answer 0; the deadline fails the start."},
    {"vmsvccheck_strict", "hook_strict", ""},
    {"guest", "guest", "Wait for vm/ready_guest_property; the deadline is no failure."},
    {"guest_strict", "guest_strict", "Wait for vm/ready_guest_property; the deadline fails the start."},
};

constexpr PropertyInfo kRows[] = {
    {.name = "uuid",
     .form = Form::uuid,
     .inheritance = Inheritance::instance,
     .without = "found by name",
     .fresh = true,
     .title = "UUID of the VM",
     .text = "Which VM this instance keeps. With a UUID the VM may be renamed, and may share its name with "
             "others; "
             "vmkeep add sets it."},
    {.name = "name",
     .form = Form::text,
     .inheritance = Inheritance::instance,
     .without = "the instance's name",
     .fresh = true,
     .title = "name of the VM",
     .text = "The VM's name in VirtualBox, which may hold blanks and other characters that the name of an "
             "instance may "
             "not. It finds the VM where vm/uuid is not set, and is for people where it is."},
    {.name = "is_interactive",
     .form = Form::boolean,
     .inheritance = Inheritance::instance,
     .standard = "false",
     .shipped = "false",
     .title = "VM of somebody at a screen",
     .text = "The VM belongs to its user: it is neither started at boot nor taken over nor brought back, "
             "unless the "
             "instance itself says so in a start_* or restart_* property. It is stopped with the host like "
             "any other."},
    {.name = "is_dualboot",
     .form = Form::boolean,
     .inheritance = Inheritance::instance,
     .standard = "false",
     .shipped = "false",
     .title = "VM whose disk is also booted without a hypervisor",
     .text = "Interactive as well. Its disk is used by a real machine at other times, where a saved state "
             "would go "
             "stale: without a vm/stop_method of the instance it is shut down, not saved."},
    {.name = "takeover",
     .section = Section::start,
     .form = Form::word,
     .inheritance = Inheritance::service,
     .standard = "adopt",
     .shipped = "adopt",
     .choices = kTakeovers,
     .fresh = true,
     .title = "what start does with a VM that runs already",
     .text =
         "A VM that runs when its service starts, because somebody started it by hand or because vmkeepd was "
         "away, is adopted without being touched. It can be saved and started again instead."},
    {.name = "start_halted_vm",
     .section = Section::start,
     .form = Form::boolean,
     .inheritance = Inheritance::unless_user,
     .standard = "true",
     .shipped = "true",
     .title = "start a VM that is powered off",
     .text = "If false, start succeeds and leaves the VM off. An interactive VM has false as its default. "
             "The monitor "
             "asks it too: a VM that should have been started, and is off, takes its service offline."},
    {.name = "start_saved_vm",
     .section = Section::start,
     .form = Form::boolean,
     .inheritance = Inheritance::unless_user,
     .standard = "true",
     .shipped = "true",
     .title = "restore a VM that is saved",
     .text =
         "If false, start succeeds and leaves the VM saved. An interactive VM has false as its default. The "
         "monitor asks it as it asks vm/start_halted_vm."},
    {.name = "start_aborted_vm",
     .section = Section::start,
     .form = Form::boolean,
     .inheritance = Inheritance::unless_user,
     .standard = "false",
     .shipped = "true",
     .title = "start a VM that was aborted",
     .text = "A VM is aborted when its process ended without a word, in a crash or with the host's power. If "
             "false, "
             "start fails and the service goes to maintenance, so that somebody looks at it first."},
    {.name = "start_paused_vm",
     .section = Section::start,
     .form = Form::boolean,
     .inheritance = Inheritance::unless_user,
     .standard = "false",
     .shipped = "true",
     .title = "resume a VM that is paused",
     .text = "If false, the start of a service whose VM is paused fails; an interactive VM is left paused."},
    {.name = "start_stuck_vm",
     .section = Section::start,
     .form = Form::boolean,
     .inheritance = Inheritance::unless_user,
     .standard = "false",
     .shipped = "false",
     .title = "power off and start a VM that is stuck",
     .text = "Stuck is a VM in guru meditation, or in a state for which the hypervisor has no name. If true, "
             "start "
             "cuts its power and starts it, and the monitor takes a stuck VM offline; if false, it is left "
             "to people."},
    {.name = "start_wait_policy",
     .section = Section::start,
     .form = Form::word,
     .inheritance = Inheritance::service,
     .standard = "nodelay",
     .shipped = "off",
     .choices = kStartWaits,
     .title = "what start waits for once the VM runs",
     .text =
         "Services that depend on this one start when it is online. With a policy it gets there only when "
         "the "
         "guest's own service answers, or after a time. The wait ends five seconds before the start method's "
         "timeout_seconds; without such a limit, or with one of five seconds or less, there is no wait."},
    {.name = "ready_guest_property",
     .section = Section::guest,
     .form = Form::text,
     .inheritance = Inheritance::service,
     .without = "none",
     .fresh = true,
     .title = "guest property that says that the guest is ready",
     .text = "For the policies guest and guest_strict: the name of a VirtualBox guest property, which the "
             "guest sets "
             "when its service is up, such as /vmkeep/ready."},
    {.name = "ready_guest_value",
     .section = Section::guest,
     .form = Form::text,
     .inheritance = Inheritance::service,
     .without = "any value",
     .fresh = true,
     .title = "value that it must have",
     .text = "The guest is ready when vm/ready_guest_property has this value; where none is given, when it "
             "has any."},
    {.name = "stop_method",
     .section = Section::stop,
     .form = Form::word,
     .inheritance = Inheritance::unless_dual,
     .standard = "savestate",
     .shipped = "savestate",
     .choices = kStopMethods,
     .title = "how the VM is stopped",
     .text = "A dual-boot VM has poweroff-graceful as its default, and its service's value does not count."},
    {.name = "stop_timeout",
     .section = Section::stop,
     .form = Form::integer,
     .inheritance = Inheritance::service,
     .without = "no limit",
     .shipped = "3600",
     .low = -kMaxSeconds,
     .high = kMaxSeconds,
     .title = "seconds that a step of stopping may take",
     .text = "0 and less are no limit. Whatever it says, the timeout_seconds of the stop method is "
             "respected: steps "
             "end before it, so that a graceful power-off still gets to its hard step."},
};

}  // namespace

std::span<const PropertyInfo> start_stop_properties() {
  return kRows;
}

}  // namespace vmkeep::vm
