# What a start makes of a VM, by the state in which it finds it.

vms() {
  vm boot acpi
  vm halted acpi start_halted_vm=false
  vm kept acpi start_saved_vm=false
  bare_vm abandoned acpi
  vm wedged triple start_stuck_vm=true
  vm left triple start_stuck_vm=false
  vm resumed acpi
  bare_vm lost acpi
  vm adopted acpi
  vm taken acpi takeover=savestate
  vm rival acpi
  vm dozing acpi
  vm twice acpi
}

# fails_to_start INSTANCE CODE: the method says so, and nobody tries again.
fails_to_start() {
  cmd "svcadm enable -s $1"
  until_state "$1" maintenance $minute
  until_log "${1#*:}" "Method .start. exited with status $2"
  ((rc != 0)) || wrong "svcadm enable -s $1 should have told that it failed"
}

boots() {
  step "T25 A VM that is off is launched once, with the remote desktop of its settings."
  mark boot
  enable vbox:boot
  did boot launch
  until_vm boot running
  [[ $(lines_of boot 'Method "start" exited with status 0') == 1 ]] || wrong "the start method should have ended well"
  if real; then
    out=$(recorded)
    shows "^VBoxHeadless .*\[--startvm\]\[${uuids[boot]}\]\[--vrde\]\[config\]$"
  fi

  step "T26 So is one that was saved, and one that was aborted."
  disable vbox:boot
  until_vm boot saved
  mark boot
  enable vbox:boot
  did boot launch
  disable vbox:boot
  bring_to boot aborted
  mark boot
  enable vbox:boot
  did boot launch
  until_vm boot running
}

stays_down() {
  step "T27 What may stay off, or saved, stays so; its service is online, and somebody looks."
  mark halted
  enable vbox:halted
  did halted ''
  exits 10 vmkeep status vbox:halted
  shows 'Watched +yes'
  bring_to kept saved
  mark kept
  enable vbox:kept
  did kept ''
  exits 3 vmkeep status vbox:kept
  shows 'Watched +yes'
  [[ $(state_of vbox:halted) == online ]] || wrong "halted should be online"
}

refuses_aborted() {
  step "T28 Aborted, and nothing says that it may be started: 95, and not touched."
  bring_to abandoned aborted
  mark abandoned
  fails_to_start bare:abandoned 95
  did abandoned ''
}

clears_the_stuck() {
  step "T29 T30 A guru meditation is powered off first, if it may be; no button is pressed."
  run_by_hand wedged
  until_vm wedged gurumeditation
  guest_becomes wedged acpi
  mark wedged
  enable vbox:wedged
  did wedged "poweroff launch"
  until_vm wedged running
}

leaves_the_stuck() {
  step "T29 T30 If it may not be, nothing is done, and that is no failure."
  run_by_hand left
  until_vm left gurumeditation
  mark left
  enable vbox:left
  did left ''
  exits 126 vmkeep status vbox:left
}

restores_the_aborted() {
  step "T31 Killed in the midst of a restore: restored again, if aborted VMs are to be started."
  bring_to resumed aborted-saved
  mark resumed
  enable vbox:resumed
  did resumed launch
  until_log resumed '[Rr]estor'
  until_vm resumed running
}

refuses_aborted_saved() {
  step "T31 If they are not: 95, and what was saved is kept."
  bring_to lost aborted-saved
  mark lost
  fails_to_start bare:lost 95
  did lost ''
  is_vm lost aborted-saved || wrong "what was saved should still be there"
}

adopts() {
  local pid
  step "T32 A VM that runs is adopted as it is: nobody tells it anything."
  run_by_hand adopted
  pid=$(process_of adopted)
  mark adopted
  enable vbox:adopted
  did adopted ''
  in_contract vbox:adopted "$pid"
  step "T32 With takeover=savestate it is saved, then launched."
  run_by_hand taken
  pid=$(process_of taken)
  mark taken
  enable vbox:taken
  did taken "savestate launch"
  [[ $(vm_pid vbox:taken) && $(vm_pid vbox:taken) != "$pid" ]] || wrong "taken should have a process of its own"
}

meets_a_rival() {
  local rival
  step "T40 Somebody else takes the VM in the last moment: VirtualBox's own words are in the log, and 95."
  if real; then
    cat >"$spied/before/${uuids[rival]}" <<SH
#!/bin/sh
: >"$work/home/about-to-launch"
tries=1200
until [ -e "$work/home/go" ] || [ \$((tries = tries - 1)) = 0 ]; do sleep 0.05; done
SH
    chmod 755 "$spied/before/${uuids[rival]}"
  else
    simulate rival "\"refuse\":{\"launch\":\"The machine 'rival' is already locked by a session (or being locked)\"}"
  fi
  mark rival
  ok "svcadm enable vbox:rival"
  if real; then
    until_true $minute "the VM should be about to be launched" "[[ -e $work/home/about-to-launch ]]"
    as_owner VBoxHeadless --startvm "${uuids[rival]}" >/dev/null 2>&1 </dev/null &
    until_true $minute "the rival should run" \
      "as_owner VBoxManage list runningvms 2>/dev/null | grep -q ${uuids[rival]}"
    rival=$(process_of rival)
    touch "$work/home/go"
  fi
  until_state vbox:rival maintenance $minute
  until_log rival 'already locked '
  until_log rival 'Method .start. exited with status 95'
  # More than once, in case that somebody was just letting go of it.
  out=$(done_to rival)
  shows '^launch( launch)*$'
  real || return 0
  [[ $(process_of rival) == "$rival" ]] || wrong "who was faster should run on"
}

resumes() {
  step "T42 A paused VM is resumed once."
  bring_to dozing paused
  mark dozing
  enable vbox:dozing
  did dozing resume
  until_vm dozing running
}

starts_once() {
  local first second
  step "T43 Two starts at once are one launch."
  mark twice
  vmkeep start vbox:twice >/dev/null 2>&1 &
  first=$!
  vmkeep start vbox:twice >/dev/null 2>&1 &
  second=$!
  enable vbox:twice
  wait "$first" || wrong "the first start failed"
  wait "$second" || wrong "the second start failed"
  did twice launch
  until_vm twice running
}

steps() {
  together boots stays_down refuses_aborted clears_the_stuck leaves_the_stuck adopts meets_a_rival
  together restores_the_aborted refuses_aborted_saved resumes starts_once
}
