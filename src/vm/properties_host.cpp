// The rows of what a VM takes of its host, of snapshots, windows and diagnosis; and of what has no effect any
// more.
#include "vm/properties.h"

namespace vmkeep::vm {
namespace {

constexpr int64_t kMaxSeconds = 1'000'000'000;
constexpr int64_t kMaxMebibytes = int64_t{1} << 40;

constexpr PropertyInfo kRows[] = {
    {.name = "nice",
     .section = Section::resources,
     .form = Form::integer,
     .without = "as vmkeepd",
     .shipped = "0",
     .low = -20,
     .high = 19,
     .title = "nice value of the VM's process",
     .text = "Counts at the next start. 0 changes nothing; a negative one needs the privilege."},
    {.name = "timezone",
     .section = Section::resources,
     .form = Form::text,
     .without = "as vmkeepd",
     .shipped = "",
     .title = "time zone of the VM's process",
     .text = "Its TZ, such as Europe/Berlin, exactly as it is written here. It decides which local time a "
             "guest finds "
             "in its clock."},
    {.name = "cpu_set",
     .section = Section::resources,
     .form = Form::cpus,
     .without = "all",
     .fresh = true,
     .title = "CPUs on which the VM may run",
     .text = "Numbers and ranges, such as 0-3,8. It is set when the VM's process is started, for all its "
             "threads; CPUs "
             "that the host has not are told in the log."},
    {.name = "cpu_weight",
     .section = Section::resources,
     .form = Form::integer,
     .without = "as the others",
     .low = 1,
     .high = 10000,
     .fresh = true,
     .title = "share of the CPUs when they are short",
     .text = "Relative to the other VMs, whose default is 100. Needs the cpu controller of cgroups."},
    {.name = "io_weight",
     .section = Section::resources,
     .form = Form::integer,
     .without = "as the others",
     .low = 1,
     .high = 10000,
     .fresh = true,
     .title = "share of the disks when they are busy",
     .text =
         "Relative to the other VMs, whose default is 100. Needs the io controller of cgroups, and an I/O "
         "scheduler that knows weights."},
    {.name = "memory_low",
     .section = Section::resources,
     .form = Form::integer,
     .without = "no protection",
     .low = 0,
     .high = kMaxMebibytes,
     .fresh = true,
     .title = "MiB of memory that are taken from the VM last",
     .text =
         "While it uses no more than this, memory is taken from others first. Needs the memory controller of "
         "cgroups."},
    {.name = "memory_high",
     .section = Section::resources,
     .form = Form::integer,
     .without = "no limit",
     .low = 1,
     .high = kMaxMebibytes,
     .fresh = true,
     .title = "MiB of memory above which the VM is slowed down",
     .text = "It is not killed for it. Count the guest's memory and about 100 MiB for the hypervisor's "
             "process. Needs "
             "the memory controller of cgroups."},
    {.name = "zfssnap_flag",
     .section = Section::snapshots,
     .form = Form::boolean,
     .standard = "false",
     .shipped = "false",
     .title = "ZFS snapshots around start and stop",
     .text = "Snapshots of the datasets that hold the VM's files are taken before it starts or resumes and "
             "after it "
             "stopped. They are never removed by vmkeep. vmkeep snapshot --zfs takes one at any time."},
    {.name = "zfssnap_dslist",
     .section = Section::snapshots,
     .form = Form::words,
     .standard = "auto",
     .shipped = "auto",
     .title = "datasets to take snapshots of",
     .text = "Names of datasets and volumes, or mount points, which begin with a slash. auto: those that "
             "hold the "
             "VM's settings, disks and saved states. - stands for none."},
    {.name = "zfssnap_dslist_append",
     .section = Section::snapshots,
     .form = Form::words,
     .without = "none",
     .shipped = "",
     .title = "more datasets to take snapshots of",
     .text = "In addition to vm/zfssnap_dslist; each dataset is taken once."},
    {.name = "zfssnap_prefix",
     .section = Section::snapshots,
     .form = Form::text,
     .standard = "vboxsvc-auto-snap",
     .shipped = "vboxsvc-auto-snap",
     .title = "beginning of the snapshots' names",
     .text = "The VM, the occasion, its state and the time follow, with colons between."},
    {.name = "startgui_fg_trap_signals",
     .section = Section::gui,
     .form = Form::signals,
     .standard = "SIGHUP SIGINT SIGQUIT SIGTERM SIGABRT",
     .shipped = "SIGHUP SIGINT SIGQUIT SIGTERM SIGABRT",
     .title = "signals that end a session at a window",
     .text = "When vmkeep gui in the foreground gets one of them it stops the VM once, by its stop method, "
             "and exits "
             "0."},
    {.name = "debug_smf",
     .section = Section::diagnosis,
     .form = Form::boolean,
     .standard = "false",
     .shipped = "false",
     .title = "tell more in the instance's log",
     .text = "Each command that is run for the VM is written there, with its result."},
    {.name = "kicker_debug",
     .section = Section::diagnosis,
     .form = Form::boolean,
     .standard = "false",
     .shipped = "false",
     .title = "tell more of the monitor's looks",
     .text = "Each look and what came of it is written to the instance's log, not only changes."},
    {.name = "kicker_nokick_file_name",
     .section = Section::old,
     .form = Form::text,
     .without = "not used",
     .shipped = "",
     .title = "file that suspends the monitor",
     .text = "Accepted, without effect: the monitor is suspended by a lease with an owner and an end (vmkeep "
             "suppress), "
             "which vmkeep status shows."},
    {.name = "kicker_pidfile_name",
     .section = Section::old,
     .form = Form::text,
     .without = "not used",
     .shipped = "",
     .title = "pid file of the monitor",
     .text = "Accepted, without effect: vmkeep keeps no pid files."},
    {.name = "kicker_blockfile_enabled",
     .section = Section::old,
     .form = Form::boolean,
     .standard = "true",
     .shipped = "true",
     .title = "whether a failed monitor blocks the next start",
     .text = "Accepted, without effect: the monitor may always change the state of its own service."},
    {.name = "kicker_blockfile_name",
     .section = Section::old,
     .form = Form::text,
     .without = "not used",
     .shipped = "",
     .title = "file by which it does",
     .text = "Accepted, without effect."},
    {.name = "kicker_blockfile_maxage",
     .section = Section::old,
     .form = Form::integer,
     .standard = "60",
     .shipped = "60",
     .low = -kMaxSeconds,
     .high = kMaxSeconds,
     .title = "seconds for which that file counts",
     .text = "Accepted, without effect."},
};

}  // namespace

std::span<const PropertyInfo> host_properties() {
  return kRows;
}

}  // namespace vmkeep::vm
