# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of tests/story.d
# A VM is started, switched off, renamed, deleted or made unreadable by its owner, behind our back.

# vm4's settings cannot be read from the beginning: a VBoxSVC that has read them once does not look again.
before_bringing_up() {
  if [[ $driver == simulated ]]; then
    as_owner "$work/bin/vmkeep-simulated-vm" --state vm4 --set inaccessible --home "$home"
    return
  fi
  until_true 30 "the VBoxSVC that made the VMs should end" '! is_served'
  settings=$(find "$home" -name vm4.vbox)
  mv "$settings" "$settings.away" || wrong "vm4's settings could not be taken away"
}

is_served() {
  local pid
  for pid in $(our_processes); do
    [[ $(cat "/proc/$pid/comm" 2>/dev/null) != VBoxSVC ]] || return 0
  done
  return 1
}

behind() {
  unreadable
  started_by_its_user
  switched_off_by_its_user
  renamed
  deleted
}

unreadable() {
  say "== vm4's settings cannot be read: its start waits for them, and says so."
  ok "svcadm enable vbox:vm4"
  until_true 20 "svcs -x should say why vm4 does not come up" \
    "svcs -x vbox:vm4 2>&1 | grep -q 'cannot read the VM.s files'"
  explained vm4 'State: offline' "cannot read the VM's files"
  cmd "vmkeep status vbox:vm4"
  shows 'inaccessible'
  shows 'under way: the start method'
  ((rc == 125)) || wrong "the exit status of an inaccessible VM is 125, not $rc"
  untouched
  if [[ $driver == simulated ]]; then
    as_owner "$work/bin/vmkeep-simulated-vm" --state vm4 --set poweroff --home "$home"
  else
    mv "$settings.away" "$settings"
  fi
  until_state vbox:vm4 online 60
}

started_by_its_user() {
  say "== Its owner starts vm1 while its instance is disabled: nothing is started on top of it."
  local pid starts
  ok "svcadm disable -s vbox:vm1"
  ok "start_by_hand vm1"
  until_true 20 "vm1 should run" '[[ $(vm_state vm1) == running ]]'
  ok "vmkeep status vbox:vm1"
  shows 'State +running, process [0-9]+'
  shows 'Service +disabled'
  pid=$(sed -n 's/^ *State *running, process \([0-9]*\).*/\1/p' <<<"$out")
  [[ $(state_of vbox:vm1) == disabled ]] || wrong "vm1's instance should be disabled still"
  ok "svcadm enable -s vbox:vm1"
  [[ $(vm_pid vbox:vm1) == "$pid" ]] || wrong "process $pid should have been adopted, it is $(vm_pid vbox:vm1)"
  is_alive "$pid" || wrong "process $pid should live"
  untouched
}

switched_off_by_its_user() {
  say "== Its owner switches vm3 off: it stays off, and svcs -x knows why."
  case $driver in
    simulated) ok "as_owner $work/bin/vmkeep-simulated-vm --say poweroff ${uuids[vm3]} --home $home" ;;
    *) ok "manage controlvm vm3 poweroff" ;;
  esac
  until_state vbox:vm3 disabled 40
  explained vm3 'State: disabled' 'the VM is powered off'
  untouched
}

renamed() {
  say "== vm3 is renamed: it is followed by its UUID, and its new name is told."
  local new='Berta "the second"'
  case $driver in
    simulated) as_owner "$work/bin/vmkeep-simulated-vm" --rename vm3 "$new" --home "$home" ;;
    # With the name goes the folder, in which its serial port was a file.
    *) manage modifyvm "${uuids[vm3]}" --uart1 off --name "$new" ;;
  esac || wrong "vm3 could not be renamed"
  ok "svcadm enable -s vbox:vm3"
  ok "vmkeep status vbox:vm3"
  shows 'VM +"Berta "the second""'
  until_true 10 "vm/name should follow" '[[ $(svcprop -p vm/name vbox:vm3) == *Berta* ]]'
  ok "grep renamed $(log_of vm3)"
  [[ $(vm_pid vbox:vm3) ]] || wrong "vm3 should run"
  # Another daemon, and another guard, know it too.
  ok "kill -9 $daemon"
  until_true 5 "vmkeepd should be gone" "! is_alive $daemon"
  start_daemon
  until_state vbox:vm3 online
  ok "vmkeep status vbox:vm3"
  shows 'Berta'
  ok "svcadm disable -s vbox:vm3"
  ok "svcadm enable -s vbox:vm3"
}

deleted() {
  say "== vm1 is deleted: its instance says so, and nobody tries again."
  ok "svcadm disable -s vbox:vm1"
  case $driver in
    simulated) as_owner "$work/bin/vmkeep-simulated-vm" --state vm1 --set missing --home "$home" ;;
    *) manage discardstate vm1 && manage unregistervm "${uuids[vm1]}" --delete ;;
  esac || wrong "vm1 could not be deleted"
  ok "svcadm enable vbox:vm1"
  until_state vbox:vm1 maintenance 40
  explained vm1 'State: maintenance' 'knows no such VM|knows no VM'
  cmd "vmkeep status vbox:vm1"
  shows 'not registered'
}
