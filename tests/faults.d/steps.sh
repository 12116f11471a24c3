# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of tests/story.d
# What all parts have in common.

set_vm() { ok "svccfg -s vbox:$1 setprop vm/$2 = $3: '\"$4\"'"; }

# The story's two VMs, and two more.
register_all() {
  register
  make_vm vm3 && make_vm vm4 || wrong "the VMs could not be made"
  sed "s/name='vm1'/name='vm3'/; s/name='vm2'/name='vm4'/" "$work/vbox.xml" >"$work/more.xml"
  ok "svccfg import $work/more.xml"
  local vm
  for vm in vm1 vm2 vm3 vm4; do
    # Whoever got no answer asks again after this.
    set_vm "$vm" kicker_freq integer 1
    # As `vmkeep add` does: known by its UUID, called by its name.
    set_vm "$vm" uuid astring "${uuids["$vm"]}"
    set_vm "$vm" name astring "$vm"
    ok "svcadm refresh vbox:$vm"
  done
  if [[ $(type -t before_bringing_up) == function ]]; then
    before_bringing_up
    bring_up vm1 vm2 vm3
  else
    bring_up vm1 vm2 vm3 vm4
  fi
  beside=$(vm_pid vbox:vm2)
  # What was told of it by now was told of its start.
  told_of_vm2=$(stat -c %s "$work/log/site-xvm-vbox:vm2.log")
}

bring_up() {
  local vm
  for vm in "$@"; do ok "svcadm enable vbox:$vm"; done
  for vm in "$@"; do until_state "vbox:$vm" online 60; done
}

# The VM beside it runs as it did, and nothing was done to it or thought of it.
untouched() {
  [[ $(vm_pid vbox:vm2) == "$beside" ]] || wrong "vm2 should have been left alone"
  [[ $(state_of vbox:vm2) == online ]] || wrong "vm2 should be online, it is $(state_of vbox:vm2)"
  # A new vmkeepd looks at it once.
  out=$(tail -c "+$((told_of_vm2 + 1))" "$work/log/site-xvm-vbox:vm2.log" | grep -v 'the VM is running \]$')
  [[ ! $out ]] || wrong "nothing should have been told of vm2"
  out=$(svcs -x vbox:vm2 2>&1)
  shows 'State: online since'
}

# How often a process was started for a VM: what must not grow while one lives.
starts_of() { grep -c 'Executing start method' "$work/log/site-xvm-vbox:$1.log"; }

log_of() { echo "$work/log/site-xvm-vbox:$1.log"; }

# explained VM PATTERN...: what svcs -x says of it.
explained() {
  local vm=$1 pattern
  shift
  ok "svcs -x vbox:$vm"
  for pattern in "$@"; do shows "$pattern"; done
}

is_alive() { kill -0 "$1" 2>/dev/null && ! grep -q 'State:.Z' "/proc/$1/status" 2>/dev/null; }

put_away() {
  local status=$?
  if [[ ${small-} ]]; then
    [[ $driver != lab ]] || "$here/../lab/virtualbox" unshare "$small" 2>/dev/null
    umount -l "$small" 2>/dev/null
  fi
  (exit $status)
  tear_down
}
