# How an instance that is disabled stops its VM: by its state, its stop_method and its guest.

vms() {
  vm saves acpi
  vm dozes acpi
  vm full acpi
  vm dies deaf stop_method=acpipowerbutton
  vm polite acpi stop_method=poweroff-graceful
  vm deaf deaf stop_method=poweroff-graceful stop_timeout=2
  vm asleep acpi stop_method=poweroff-graceful
  vm short deaf stop_method=poweroff-graceful stop_timeout=3600
  vm off acpi start_halted_vm=false
  vm saved acpi start_saved_vm=false
  vm aborted acpi is_interactive=true
  vm guru triple
  vm again acpi stop_method=reset
}

stops_by_saving() {
  step "T45 savestate: told once, and over when it is saved."
  up saves
  disable vbox:saves
  did saves savestate
  is_vm saves saved || wrong "saves should be saved by now"
  step "T45 A paused VM too."
  up dozes
  by_hand dozes pause
  disable vbox:dozes
  did dozes savestate
  is_vm dozes saved || wrong "dozes should be saved by now"
}

cannot_save() {
  step "T46 A save that is refused is a stop that failed; nobody waits for it, and the VM runs on."
  local pid
  up full
  pid=$(process_of full)
  refuse full savestate
  ok "svcadm disable vbox:full"
  until_state vbox:full maintenance $minute
  did full savestate
  until_log full 'savestate was refused: .*does not do that today'
  [[ $(process_of full) == "$pid" ]] || wrong "the VM should run on"
}

dies_meanwhile() {
  step "T46 T55 T77 A VM that dies while it is stopped: told as that, and nobody starts it."
  up dies
  ok "svcadm disable vbox:dies"
  until_did dies acpipowerbutton
  until_true $minute "the button should have been pressed" "! pgrep -u $owner -f 'controlvm ${uuids[dies]}' >/dev/null"
  kill_vm dies
  until_state vbox:dies maintenance $minute
  until_log dies 'It died'
  did dies acpipowerbutton
  until_vm dies aborted
}

presses_the_button() {
  step "T48 poweroff-graceful: a guest that listens hears the button, and nothing else."
  enable vbox:polite
  until_ready polite
  mark polite
  disable vbox:polite
  did polite acpipowerbutton
  is_vm polite poweroff || wrong "polite should be off"
  step "T48 One that does not is switched off after its time."
  enable vbox:deaf
  until_ready deaf
  mark deaf
  disable vbox:deaf
  did deaf "acpipowerbutton poweroff"
  is_vm deaf poweroff || wrong "deaf should be off"
}

cannot_press() {
  step "T49 A paused VM refuses the button: it is switched off at once, an hour before its time."
  up asleep
  by_hand asleep pause
  disable vbox:asleep
  did asleep "acpipowerbutton poweroff"
  is_vm asleep poweroff || wrong "asleep should be off"
}

is_short_of_time() {
  step "T50 With less time than stop_timeout the VM is off before the method's time is over."
  ok "svccfg -s vbox:short addpg stop framework"
  local seconds=12
  ! real || seconds=30
  ok "svccfg -s vbox:short setprop stop/timeout_seconds = count: $seconds"
  ok "svcadm refresh vbox:short"
  up short
  until_ready short
  disable vbox:short
  did short "acpipowerbutton poweroff"
  is_vm short poweroff || wrong "short should be off"
  [[ $(lines_of short 'timed out') == 0 ]] || wrong "the stop method should have been in time"
}

has_nothing_to_stop() {
  local one
  step "T51 Off, saved, aborted: nobody is told anything."
  bring_to saved saved
  bring_to aborted aborted
  for one in off saved aborted; do
    up "$one"
    disable "vbox:$one"
    did "$one" ''
    is_vm "$one" "${one/off/poweroff}" || wrong "$one should be as it was"
  done
}

stops_the_stuck() {
  step "T53 A guru meditation is switched off."
  up guru
  until_vm guru gurumeditation
  disable vbox:guru
  did guru poweroff
  until_vm guru poweroff
}

stays_active() {
  step "T54 reset as a stop method: sent, told, and the VM runs on, out of its instance's care."
  local pid
  up again
  pid=$(process_of again)
  disable vbox:again
  until_log again 'was sent reset and stays active'
  did again reset
  [[ $(state_of vbox:again) == disabled ]] || wrong "again should be disabled, it is $(state_of vbox:again)"
  [[ $(process_of again) == "$pid" ]] || wrong "again should run on"
  step "T54 Enabled anew it is taken up as it is; vmkeep stop says it once, too."
  enable vbox:again
  in_contract vbox:again "$pid"
  exits 0 vmkeep stop vbox:again
  did again "reset reset"
  [[ $(process_of again) == "$pid" ]] || wrong "again should run on"
}

steps() {
  together stops_by_saving cannot_save dies_meanwhile presses_the_button is_short_of_time
  together cannot_press has_nothing_to_stop stops_the_stuck stays_active
}
