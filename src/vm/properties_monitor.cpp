// The rows of the monitor: what happens when a VM is not as it should be.
#include "vm/properties.h"

namespace vmkeep::vm {
namespace {

constexpr int64_t kMaxSeconds = 1'000'000'000;
constexpr int64_t kMaxCount = 1'000'000;

constexpr Choice kKickerRestarts[] = {
    {"none", "none",
     "Bring nothing back, whatever the other properties say; an aborted VM means maintenance."},
    {"no", "none", ""},
    {"off", "none", ""},
    {"false", "none", ""},
    {"all", "all", "Bring everything back: powered off, saved, aborted, paused and stuck."},
    {"on", "all", ""},
    {"true", "all", ""},
};

constexpr PropertyInfo kRows[] = {
    {.name = "kicker_restart",
     .section = Section::monitor,
     .form = Form::word,
     .without = "each state has its own property",
     .shipped = "",
     .choices = kKickerRestarts,
     .any_case = true,
     .title = "one word over all restart_* properties",
     .text = "For the monitor only; a start of the service does not ask it."},
    {.name = "restart_aborted_vm",
     .section = Section::monitor,
     .form = Form::boolean,
     .inheritance = Inheritance::unless_user,
     .standard = "false",
     .shipped = "true",
     .title = "bring back a VM that was aborted",
     .text = "If false, an aborted VM puts its service into maintenance. vm/start_aborted_vm stands in for "
             "it on each "
             "level: first both of the instance are asked, then both of the service."},
    {.name = "restart_aborted_vm_failures_maxcount",
     .section = Section::monitor,
     .form = Form::integer,
     .without = "no limit",
     .shipped = "3",
     .low = -kMaxCount,
     .high = kMaxCount,
     .title = "aborts that are answered by a restart",
     .text = "So many within vm/restart_aborted_vm_failures_timeframe; one more is maintenance. If either is "
             "0 or less "
             "there is no limit. What was counted outlives vmkeepd; clearing or disabling the service begins "
             "anew."},
    {.name = "restart_aborted_vm_failures_timeframe",
     .section = Section::monitor,
     .form = Form::integer,
     .without = "no limit",
     .shipped = "1200",
     .low = -kMaxSeconds,
     .high = kMaxSeconds,
     .title = "seconds in which aborts are counted",
     .text = "See vm/restart_aborted_vm_failures_maxcount."},
    {.name = "restart_halted_vm",
     .section = Section::monitor,
     .form = Form::boolean,
     .inheritance = Inheritance::unless_user,
     .standard = "false",
     .shipped = "false",
     .title = "bring back a VM that was powered off",
     .text = "True for a VM that must run even if its guest shuts itself down. If false, the service goes "
             "offline, or "
             "stays online with its VM off if vm/start_halted_vm is false too."},
    {.name = "restart_saved_vm",
     .section = Section::monitor,
     .form = Form::boolean,
     .inheritance = Inheritance::unless_user,
     .standard = "false",
     .shipped = "false",
     .title = "bring back a VM that was saved",
     .text = "As vm/restart_halted_vm, with vm/start_saved_vm. A VM that is saved after a session at a "
             "window comes "
             "back in any case."},
    {.name = "restart_paused_vm",
     .section = Section::monitor,
     .form = Form::boolean,
     .inheritance = Inheritance::unless_user,
     .without = "as vm/start_paused_vm",
     .shipped = "false",
     .title = "resume a VM that was paused",
     .text = "Asked only if vm/ignore_paused_vm is false."},
    {.name = "restart_stuck_vm",
     .section = Section::monitor,
     .form = Form::boolean,
     .inheritance = Inheritance::unless_user,
     .standard = "false",
     .shipped = "false",
     .title = "power off and start a VM that got stuck",
     .text = "If false, the service goes offline if vm/start_stuck_vm is true, and else stays online with a "
             "word in "
             "its log."},
    {.name = "ignore_paused_vm",
     .section = Section::monitor,
     .form = Form::boolean,
     .inheritance = Inheritance::unless_user,
     .standard = "true",
     .shipped = "true",
     .title = "a paused VM is all right",
     .text = "If false, a paused VM is resumed, or takes its service offline, as vm/restart_paused_vm says."},
    {.name = "offline_is_maint",
     .section = Section::monitor,
     .form = Form::boolean,
     .standard = "false",
     .shipped = "false",
     .title = "maintenance instead of offline",
     .text = "Wherever the monitor would take the service offline, put it into maintenance instead, where it "
             "stays "
             "until somebody clears it, and where its VM is left as it is."},
    {.name = "offline_unknown_state_maxcount",
     .section = Section::monitor,
     .form = Form::integer,
     .standard = "0",
     .shipped = "3",
     .low = -kMaxCount,
     .high = kMaxCount,
     .title = "looks at a state that nobody knows",
     .text = "How often in a row the hypervisor may answer with a word that is no known state before the "
             "service goes "
             "offline; below 0: for ever, with one line in the log. States in passing never count."},
    {.name = "kicker_freq",
     .section = Section::monitor,
     .form = Form::integer,
     .standard = "50",
     .shipped = "50",
     .low = -kMaxSeconds,
     .high = kMaxSeconds,
     .title = "seconds between two looks of the safety net",
     .text = "The end of a VM and other changes are seen at once without it. It bounds how long anything "
             "that gave no "
             "sign is missed. 0 and less are one second."},
    {.name = "heartbeat_restart_after",
     .section = Section::guest,
     .form = Form::integer,
     .without = "never",
     .low = 0,
     .high = kMaxSeconds,
     .fresh = true,
     .title = "seconds without a heartbeat until a restart",
     .text = "A guest with Guest Additions sends a heartbeat. When it stops the service is degraded; after "
             "so many "
             "seconds more the VM is restarted, unless its disk or network still move. 0: never."},
    {.name = "kicker_restart_saved_vm_once_file_name",
     .section = Section::monitor,
     .form = Form::text,
     .without = "it comes back",
     .shipped = "true",
     .title = "whether a VM comes back from a window",
     .text =
         "\"false\" leaves a VM saved that its user saved at the end of a session at a window (vmkeep gui). "
         "Anything else brings it back once. The original kept the request in a file and took its name from "
         "here; vmkeep needs no file, and a name is as good as true."},
};

}  // namespace

std::span<const PropertyInfo> monitor_properties() {
  return kRows;
}

}  // namespace vmkeep::vm
