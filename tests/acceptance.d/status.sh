# What status says of a VM in each state, by its exit code, and that asking does nothing.

vms() {
  vm walk acpi
  vm fatal triple
  vm torn acpi
  vm nowhere acpi name=nobody
  vm told acpi
}

# answers VM STATE CODE: in the vmkeep way and in the ancestor's, which run the same code; and nothing is done to it.
answers() {
  mark "$1"
  exits "$3" vmkeep status "vbox:$1"
  exits "$3" vmkeep vbox.sh -vm "$1" status
  exits "$3" vmkeep status --json "vbox:$1"
  shows "\"word\":\"$2\""
  did "$1" ''
}

walks() {
  local before
  step "T02 Powered off: 10."
  answers walk poweroff 10
  step "T01 Running: 0, and whoever asks tells the VM nothing."
  run_by_hand walk
  before=$(process_of walk)
  answers walk running 0
  [[ $(process_of walk) == "$before" ]] || wrong "the VM should run as it did"
  step "T02 Paused: 1; saved: 3; aborted: 20."
  by_hand walk pause
  answers walk paused 1
  by_hand walk savestate
  until_vm walk saved
  answers walk saved 3
  run_by_hand walk
  kill_vm walk
  until_vm walk aborted
  answers walk aborted 20
}

is_stuck() {
  step "T04 Stuck: 126, and the word itself for programs."
  run_by_hand fatal
  until_vm fatal gurumeditation
  answers fatal gurumeditation 126
}

is_torn() {
  step "T04 Killed while it was restored: 126."
  bring_to torn aborted-saved
  answers torn aborted-saved 126
}

is_nowhere() {
  step "T03 Not registered with the hypervisor: 125, in words."
  case $driver in
    simulated) rm "$home/${uuids[nowhere]}".* ;;
    *) manage unregistervm "${uuids[nowhere]}" --delete >/dev/null 2>&1 ;;
  esac || wrong "the VM could not be unregistered"
  exits 125 vmkeep status vbox:nowhere
  shows 'not registered'
}

tells_more() {
  local calls
  step "T05 Without a VM the ancestor's command line ends with 96, and nobody asks the hypervisor."
  calls=$(recorded | wc -l)
  exits 96 vmkeep vbox.sh status
  [[ $(recorded | wc -l) == "$calls" ]] || wrong "the hypervisor was called"
  exits 0 vmkeep vbox.sh help
  shows 'svc:/site/xvm/vbox:told'
  step "T07 An abbreviation is told in full."
  exits 10 vmkeep vbox.sh -s told status
  shows 'svc:/site/xvm/vbox:told'
  step "T13 The hook is run and shown; the exit code is the VM's."
  printf '#!/bin/sh\necho the guest is fine\nexit 7\n' >"$work/home/hook"
  chmod 755 "$work/home/hook"
  ok "svccfg -s vbox:told setprop vm/kicker_vmsvccheck_enabled = boolean: true"
  ok "svccfg -s vbox:told setprop vm/kicker_vmsvccheck_method = astring: $work/home/hook"
  ok "svcadm refresh vbox:told"
  exits 10 vmkeep status vbox:told
  shows 'Hook +exit code 7'
  shows 'the guest is fine'
  step "T14 State, service, monitor, last changes and what comes next, for programs."
  enable vbox:told
  exits 0 vmkeep status --json vbox:told
  for member in word service monitor transitions next; do shows "\"$member\":"; done
}

steps() {
  is_nowhere
  tells_more
  together walks is_stuck is_torn
}
