# shellcheck shell=bash
# The two VMs, real ones of the lab or simulated ones, of an owner that both hosts know.

shown='' lab_root='' home=''

prepare_machines() {
  case $driver in
    simulated)
      owner=keeper group=keeper home=/home/keeper/vms tools=/nonexistent
      chroot "$work/root" useradd -m -u 2001 keeper || wrong "useradd"
      chroot "$work/root" install -d -o keeper -g keeper "$home"
      ;;
    lab)
      "$here/../lab/virtualbox" available >&2 || exit 77
      "$here/../lab/virtualbox" up >/dev/null || wrong "the lab did not come up"
      tools=$("$here/../lab/virtualbox" path)
      owner=vmkeep-lab1
      group=$(id -gn "$owner")
      local lab
      lab=$(dirname "$tools")
      # Shown at the same place, with the chroot's own mounts, so that every path in a VM's settings stays right.
      shown=$lab lab_root=$lab/root
      chroot "$work/root" groupadd -g "$(id -g "$owner")" "$group" &&
        chroot "$work/root" useradd -u "$(id -u "$owner")" -g "$group" -d "$(home_of "$owner")" "$owner" ||
        wrong "useradd"
      home=$(home_of "$owner")/boot-$$
      ipc=vmkeep-boot-$$
      uuid1=$(lab_vm vm1) && uuid2=$(lab_vm vm2) || wrong "the VMs could not be made"
      # Two VBoxSVC must not meet on one registry.
      local pid
      for pid in $(pgrep -u "$owner" -f VBoxSVC); do
        ! tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx "VBOX_IPC_SOCKETID=$ipc" || kill "$pid"
      done
      until_true 20 "the VBoxSVC outside should end" \
        '! pgrep -u "$owner" VBoxSVC | xargs -rI{} sh -c "tr \"\\0\" \"\\n\" </proc/{}/environ" 2>/dev/null | grep -qx "VBOX_IPC_SOCKETID=$ipc"'
      ;;
    *) wrong "no such driver: $driver" ;;
  esac
}

home_of() { getent passwd "$1" | cut -d: -f6; }

lab_vm() { "$here/../lab/virtualbox" createvm "$owner" "$1" --guest acpi --home "$home" --ipc "$ipc"; }

# Runs a command on the host as the owner, with the environment that the manifest gives the methods.
as_owner() {
  inside setpriv --reuid "$owner" --regid "$group" --init-groups env "HOME=$(inside getent passwd "$owner" | cut -d: -f6)" \
    "VBOX_USER_HOME=$home" "VBOX_IPC_SOCKETID=${ipc-}" "PATH=$tools:/usr/bin:/bin" "VMKEEP_SIMULATED_HOME=$home" "$@"
}

vm_state() {
  case $driver in
    simulated) as_owner /usr/lib/vmkeep/vmkeep-simulated-vm --state "$1" --home "$home" ;;
    lab) as_owner VBoxManage showvminfo "$1" --machinereadable 2>/dev/null | sed -n 's/^VMState="\(.*\)"$/\1/p' ;;
  esac
}

vm_pid() { inside svcs -Hp "$1" 2>/dev/null | awk '/VBoxHeadless|vmkeep-simulate/ {print $2; exit}'; }

write_manifest() {
  local environment="<envvar name='PATH' value='$tools:/usr/bin:/bin' /><envvar name='VBOX_USER_HOME' value='$home' />"
  case $driver in
    lab) environment+="<envvar name='VBOX_IPC_SOCKETID' value='$ipc' />" ;;
    simulated) environment+="<envvar name='VMKEEP_DRIVER' value='simulated' />
      <envvar name='VMKEEP_SIMULATED_HOME' value='$home' />" ;;
  esac
  cat >"$1" <<XML
<?xml version="1.0"?>
<!DOCTYPE service_bundle SYSTEM "/usr/share/lib/xml/dtd/service_bundle.dtd.1">
<service_bundle type='manifest' name='boot'>
<service name='test/vm' type='service' version='1'>
  <dependency name='multi-user' grouping='require_all' restart_on='none' type='service'>
    <service_fmri value='svc:/milestone/multi-user:default' />
  </dependency>
  <method_context working_directory='/'>
    <method_credential user='$owner' group='$group' />
    <method_environment>$environment</method_environment>
  </method_context>
  <exec_method type='method' name='start' exec='/usr/bin/vmkeep method start' timeout_seconds='60' />
  <exec_method type='method' name='stop' exec='/usr/bin/vmkeep method stop' timeout_seconds='60' />
  <property_group name='vm' type='application'>
    <propval name='stop_method' type='astring' value='savestate' />
    <propval name='start_halted_vm' type='boolean' value='true' />
    <propval name='start_aborted_vm' type='boolean' value='true' />
  </property_group>
  <instance name='vm1' enabled='true' />
  <instance name='vm2' enabled='true'>
    <dependency name='vm1' grouping='require_all' restart_on='none' type='service'>
      <service_fmri value='svc:/test/vm:vm1' />
    </dependency>
    <dependency name='nfs' grouping='require_all' restart_on='none' type='service'>
      <service_fmri value='svc:/network/nfs/client:default' />
    </dependency>
  </instance>
  <stability value='Evolving' />
</service>
</service_bundle>
XML
}
