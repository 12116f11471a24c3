# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of tests/story.d
# A hypervisor that says "powered off" of a VM whose process lives; a VBoxSVC that is killed, with which that happens
# for about 14 s, until the processes of its VMs end themselves; and a host that goes down under its VMs.

service() {
  said_to_be_off
  vboxsvc_is_killed
  host_goes_down
}

said_to_be_off() {
  [[ $driver == simulated ]] || return 0
  say "== The hypervisor says that vm1 is off, and its process lives: nothing is started on top of it."
  local pid starts
  pid=$(vm_pid vbox:vm1) starts=$(starts_of vm1)
  fault vm1 look poweroff
  ok "vmkeep release vbox:vm1"
  until_state vbox:vm1 degraded 40
  explained vm1 'do not agree' 'says that the VM is poweroff, but its process is present'
  cmd "vmkeep status vbox:vm1"
  shows "process $pid"
  shows 'its process is present'
  [[ $(starts_of vm1) == "$starts" ]] || wrong "nothing should have been started"
  is_alive "$pid" || wrong "process $pid should live"
  untouched
  heal vm1
  until_state vbox:vm1 online 60
}

# All VMs of this owner lose it together.
vboxsvc_is_killed() {
  [[ $driver != simulated ]] || return 0
  say "== VBoxSVC is killed: its VMs are lost with it, not before; then they come back."
  local vm svc
  declare -A before=() starts=()
  for vm in vm1 vm2 vm3 vm4; do
    before[$vm]=$(vm_pid "vbox:$vm")
    starts[$vm]=$(starts_of "$vm")
  done
  svc=$(vboxsvc)
  [[ $svc ]] || wrong "no VBoxSVC was found"
  service_is_killed=yes
  ok "kill -9 $svc   # VBoxSVC"
  # Asked at once, the next VBoxSVC says "powered off" of what runs.
  for vm in vm1 vm2 vm3 vm4; do ok "vmkeep release vbox:$vm"; done
  local lived=yes
  for ((i = 0; i < 400; ++i)); do
    for vm in vm1 vm2 vm3 vm4; do
      if is_alive "${before[$vm]}"; then
        [[ $(starts_of "$vm") == "${starts[$vm]}" ]] || wrong "$vm was started on top of process ${before[$vm]}"
      else
        lived=
      fi
    done
    [[ $lived ]] || break
    sleep 0.05
  done
  for vm in vm1 vm2 vm3 vm4; do
    until_true 60 "$vm should run anew" "runs_anew vbox:$vm ${before[$vm]}"
  done
  ok "grep -h 'aborted' $(log_of vm1)"
  shows 'the hypervisor only says that it is off'
  beside=$(vm_pid vbox:vm2)
  told_of_vm2=$(stat -c %s "$(log_of vm2)")
}

vboxsvc() {
  local pid
  for pid in $(our_processes); do
    [[ $(cat "/proc/$pid/comm" 2>/dev/null) != VBoxSVC ]] || echo "$pid"
  done | head -n 1
}

# Everything ends at once.
host_goes_down() {
  say "== The host goes down under all of them.  The hypervisor says that they are off; vmkeepd knows better."
  set_vm vm3 start_aborted_vm boolean false
  ok "svcadm refresh vbox:vm3"
  ok "svcadm disable -s vbox:vm4"
  local pid
  kill -STOP "$daemon"
  # VBoxSVC before them: of a VM that ends while it lives it writes down that it was aborted.
  for pid in $(vboxsvc) $(our_processes); do kill -KILL "$pid" 2>/dev/null; done
  kill -KILL "$daemon"
  until_true 10 "vmkeepd should be gone" "! is_alive $daemon"
  for vm in vm1 vm2 vm3; do make_off "$vm"; done
  start_daemon --boot-id another-boot
  root=$(sed -n 's/.*tracked by cgroups in //p' "$work/log/vmkeepd.log" | tail -n 1)
  until_state vbox:vm1 online 60
  until_state vbox:vm2 online 60
  ok "tail -n 12 $(log_of vm1)"
  shows 'aborted \(the host went down under it; the hypervisor only says that it is off\)'
  until_state vbox:vm3 maintenance 60
  explained vm3 'the host went down under it' 'start_aborted_vm is not true'
  cmd "vmkeep status vbox:vm3"
  shows 'the host went down under it'
  ((rc == 20)) || wrong "the exit status of an aborted VM is 20, not $rc"
  # What was taken down in order is known to be so.
  ok "svcadm enable -s vbox:vm4"
  ok "tail -n 8 $(log_of vm4)"
  shows 'the VM is saved'
  # An administrator who has seen it has it started.
  ok "svcadm clear vbox:vm3"
  until_state vbox:vm3 online 60
  beside=$(vm_pid vbox:vm2)
  told_of_vm2=$(stat -c %s "$(log_of vm2)")
}

# As VirtualBox has it after a power cut: what its settings say of a VM that runs is that it is off.
make_off() {
  case $driver in
    simulated) as_owner "$work/bin/vmkeep-simulated-vm" --state "$1" --set poweroff --home "$home" ;;
    *) [[ $(vm_state "$1") == poweroff ]] ;;
  esac || wrong "$1 should be said to be off, it is $(vm_state "$1")"
}
