# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of tests/story.d
# A hypervisor that lies with its exit status, a full disk, a check that never ends.

lies() {
  says_done_and_is_not
  says_failed_and_is_done
  disk_is_full
  check_never_ends
}

says_done_and_is_not() {
  say "== A save that ends with 0 and did nothing is no save: the VM runs on, and that is said."
  local pid
  pid=$(vm_pid vbox:vm1)
  set_vm vm1 stop_timeout integer 3
  ok "svcadm refresh vbox:vm1"
  fault vm1 savestate error-0
  ok "svcadm disable vbox:vm1"
  until_state vbox:vm1 maintenance 40
  met vm1 error-0
  explained vm1 'State: maintenance' 'savestate'
  is_alive "$pid" || wrong "the VM should run on"
  [[ $(vm_state vm1) == running ]] || wrong "the hypervisor should say running"
  untouched
  heal vm1
  local starts
  starts=$(starts_of vm1)
  ok "svcadm enable vbox:vm1"
  ok "svcadm clear vbox:vm1"
  until_state vbox:vm1 online
  [[ $(vm_pid vbox:vm1) == "$pid" ]] || wrong "the VM that ran on should have been adopted"
  ok "tail -n 4 $(log_of vm1)"
  shows 'it was adopted'
}

says_failed_and_is_done() {
  say "== A save that ends with 1 and did its work is a save."
  fault vm3 savestate success-1
  ok "svcadm disable -s vbox:vm3"
  met vm3 success-1
  [[ $(state_of vbox:vm3) == disabled ]] || wrong "vm3 should be disabled, it is $(state_of vbox:vm3)"
  [[ $(vm_state vm3) == saved ]] || wrong "vm3 should be saved, it is $(vm_state vm3)"
  heal vm3
  ok "svcadm enable -s vbox:vm3"
}

# A disk of 64 KB for what vm4 saves.  On real VirtualBox that needs a filesystem of its own, and so root.
make_disk_small() {
  if [[ $driver == simulated ]]; then
    fault vm4 savestate full
    return
  fi
  small=$work/small
  mkdir "$small"
  mount -t tmpfs -o "size=64k,uid=$(id -u "$owner"),mode=700" tmpfs "$small" || wrong "no small disk could be made"
  if [[ $driver == lab ]]; then
    "$here/../lab/virtualbox" share "$small" >/dev/null || wrong "the small disk could not be shown to the lab"
  fi
  ok "svcadm disable -s vbox:vm4"
  manage discardstate vm4 || wrong "discardstate"
  manage modifyvm vm4 --snapshot-folder "$small" || wrong "modifyvm --snapshot-folder"
  ok "svcadm enable -s vbox:vm4"
}

make_disk_large() {
  if [[ $driver == simulated ]]; then
    heal vm4
  else
    mount -o remount,size=200m "$small" || wrong "the small disk could not be made larger"
  fi
}

disk_is_full() {
  [[ $driver == simulated ]] || ((EUID == 0)) || return 0
  say "== The disk is full while vm4 is saved: it is not lost, and VirtualBox's own words are told."
  local pid
  make_disk_small
  pid=$(vm_pid vbox:vm4)
  ok "svcadm disable vbox:vm4"
  until_state vbox:vm4 maintenance 60
  explained vm4 'State: maintenance' 'savestate was refused' 'VERR_DISK_FULL'
  is_alive "$pid" || wrong "the VM should not have been lost"
  untouched
  make_disk_large
  ok "svcadm enable vbox:vm4"
  ok "svcadm clear vbox:vm4"
  until_state vbox:vm4 online
  [[ $(vm_pid vbox:vm4) == "$pid" ]] || wrong "the VM that ran on should have been adopted"
  ok "svcadm disable -s vbox:vm4"
  [[ $(vm_state vm4) == saved ]] || wrong "vm4 should be saved now, it is $(vm_state vm4)"
}

check_never_ends() {
  say "== A check of the guest that never ends is ended with all that it started, and counts as a failure."
  cat >"$work/home/endless" <<SH
#!/bin/sh
sleep 1000 &
echo "\$\$ \$!" >>$work/home/checks
wait
SH
  chmod 755 "$work/home/endless"
  : >"$work/home/checks"
  ((EUID != 0)) || chown "$owner" "$work/home/"{endless,checks}
  local pid
  pid=$(vm_pid vbox:vm3)
  set_vm vm3 kicker_vmsvccheck_enabled boolean true
  set_vm vm3 kicker_vmsvccheck_method astring "$work/home/endless"
  set_vm vm3 kicker_vmsvccheck_startdelay integer 0
  set_vm vm3 kicker_vmsvccheck_timeout integer 1
  set_vm vm3 kicker_vmsvccheck_failures_maxcount integer 1
  set_vm vm3 kicker_vmsvccheck_failures_timeframe integer 600
  set_vm vm3 kicker_vmsvccheck_reboots_maxcount integer 1
  ok "svcadm refresh vbox:vm3"
  # Two that are killed reboot it, once; two more, and it is left to its administrator.
  until_true 60 "vm3 should run anew" "runs_anew vbox:vm3 $pid"
  until_state vbox:vm3 maintenance 40
  explained vm3 'State: maintenance' 'ran longer than 1 s and was killed'
  [[ $(vm_state vm3) == running ]] || wrong "vm3 should run on, it is $(vm_state vm3)"
  local one
  for one in $(cat "$work/home/checks"); do
    until_true 10 "process $one of a check should be gone" "! is_alive $one"
  done
}
