// The rows of the hook: a program of the administrator's that says whether the guest's service works.
#include "vm/properties.h"

namespace vmkeep::vm {
namespace {

constexpr int64_t kMaxSeconds = 1'000'000'000;
constexpr int64_t kMaxCount = 1'000'000;

constexpr PropertyInfo kRows[] = {
    {.name = "kicker_vmsvccheck_enabled",
     .section = Section::check,
     .form = Form::boolean,
     .standard = "false",
     .shipped = "false",
     .title = "run the hook while the VM runs",
     .text = "The hook is run about every vm/kicker_freq seconds, as the VM's owner. Whether or not it is "
             "enabled, "
             "vmkeep check runs it, and vm/start_wait_policy may."},
    {.name = "kicker_vmsvccheck_method",
     .section = Section::check,
     .form = Form::path,
     .without = "no hook",
     .shipped = "",
     .title = "program of the hook",
     .text = "It exits 0 when the guest's service works. It must be executable by the VM's owner; what it "
             "prints goes "
             "to the instance's log."},
    {.name = "kicker_vmsvccheck_method_params",
     .section = Section::check,
     .form = Form::words,
     .without = "none",
     .shipped = "",
     .title = "arguments of the hook",
     .text = "One value is split at its blanks. Of several values each is one argument as it is, blanks "
             "included. No "
             "shell is involved."},
    {.name = "kicker_vmsvccheck_startdelay",
     .section = Section::check,
     .form = Form::integer,
     .standard = "300",
     .shipped = "300",
     .low = -kMaxSeconds,
     .high = kMaxSeconds,
     .title = "seconds from a start to the first check",
     .text = "Time for the guest to boot, after every start, restart and reboot that vmkeep makes. 0 and "
             "less: at "
             "once."},
    {.name = "kicker_vmsvccheck_failures_maxcount",
     .section = Section::check,
     .form = Form::integer,
     .without = "single failures lead nowhere",
     .shipped = "3",
     .low = -kMaxCount,
     .high = kMaxCount,
     .title = "failures of the hook that are tolerated",
     .text = "So many within vm/kicker_vmsvccheck_failures_timeframe; one more reboots the VM. A success "
             "forgets all "
             "failures. If either is 0 or less, single failures lead nowhere."},
    {.name = "kicker_vmsvccheck_failures_timeframe",
     .section = Section::check,
     .form = Form::integer,
     .without = "single failures lead nowhere",
     .shipped = "1200",
     .low = -kMaxSeconds,
     .high = kMaxSeconds,
     .title = "seconds in which failures of the hook are counted",
     .text = "See vm/kicker_vmsvccheck_failures_maxcount."},
    {.name = "kicker_vmsvccheck_exitcode_okay",
     .section = Section::check,
     .form = Form::codes,
     .inheritance = Inheritance::instance,
     .standard = "0",
     .shipped = "0",
     .title = "exit codes that mean: works",
     .text = "The four lists are searched in this order. A code in none of them keeps its own meaning from 0 "
             "to 3; any "
             "other is a single failure."},
    {.name = "kicker_vmsvccheck_exitcode_failonce",
     .section = Section::check,
     .form = Form::codes,
     .inheritance = Inheritance::instance,
     .standard = "1",
     .shipped = "1",
     .title = "exit codes that mean: a single failure",
     .text = "See vm/kicker_vmsvccheck_failures_maxcount for what becomes of it."},
    {.name = "kicker_vmsvccheck_exitcode_doreboot",
     .section = Section::check,
     .form = Form::codes,
     .inheritance = Inheritance::instance,
     .standard = "2",
     .shipped = "2",
     .title = "exit codes that mean: reboot it now",
     .text = "The VM is shut down, by the ACPI button first, and started again."},
    {.name = "kicker_vmsvccheck_exitcode_maintenance",
     .section = Section::check,
     .form = Form::codes,
     .inheritance = Inheritance::instance,
     .standard = "3",
     .shipped = "3",
     .title = "exit codes that mean: somebody must look",
     .text = "The service goes to maintenance; the VM runs on."},
    {.name = "kicker_vmsvccheck_timeout",
     .section = Section::check,
     .form = Form::integer,
     .standard = "60",
     .shipped = "60",
     .low = 1,
     .high = kMaxSeconds,
     .fresh = true,
     .title = "seconds that one run of the hook may take",
     .text =
         "A hook that takes longer is killed with all the processes that it started, and has failed once."},
    {.name = "kicker_vmsvccheck_reboots_maxcount",
     .section = Section::check,
     .form = Form::integer,
     .standard = "3",
     .shipped = "3",
     .low = 0,
     .high = kMaxCount,
     .fresh = true,
     .title = "reboots by the hook that are tolerated",
     .text = "So many within vm/kicker_vmsvccheck_failures_timeframe, or within an hour where that is not "
             "set; one "
             "more is maintenance, since rebooting does not help. 0: no cap."},
};

}  // namespace

std::span<const PropertyInfo> check_properties() {
  return kRows;
}

}  // namespace vmkeep::vm
