# How a VM is stopped, by its state, its stop_method and its guest; and what operators ask for.

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
  vm down acpi
  vm saved acpi start_saved_vm=false
  vm aborted acpi is_interactive=true
  vm guru triple
  vm again acpi stop_method=reset
  vm stubborn deaf
  vm frozen deaf
  vm neighbour deaf
  vm reboots acpi
  vm reboots-deaf deaf
  vm resets deaf
  vm sleeper acpi start_halted_vm=false restart_halted_vm=false
  vm button acpi restart_saved_vm=true start_saved_vm=true
}

# up INSTANCE: online, and what was done to it is forgotten.
up() {
  enable "vbox:$1"
  mark "$1"
}

stops_by_saving() {
  step "T45 savestate: told once, and over when it is saved."
  up saves
  disable vbox:saves
  did saves savestate
  [[ $(state_of_vm saves) == saved ]] || wrong "saves should be saved by now"
  step "T45 A paused VM too."
  up dozes
  by_hand dozes pause
  disable vbox:dozes
  did dozes savestate
  [[ $(state_of_vm dozes) == saved ]] || wrong "dozes should be saved by now"
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
  [[ $(state_of_vm polite) == poweroff ]] || wrong "polite should be off"
  step "T48 One that does not is switched off after its time."
  enable vbox:deaf
  until_ready deaf
  mark deaf
  disable vbox:deaf
  did deaf "acpipowerbutton poweroff"
  [[ $(state_of_vm deaf) == poweroff ]] || wrong "deaf should be off"
}

cannot_press() {
  step "T49 A paused VM refuses the button: it is switched off at once, an hour before its time."
  up asleep
  by_hand asleep pause
  disable vbox:asleep
  did asleep "acpipowerbutton poweroff"
  [[ $(state_of_vm asleep) == poweroff ]] || wrong "asleep should be off"
}

is_short_of_time() {
  step "T50 With less time than stop_timeout the VM is off before the method's time is over."
  ok "svccfg -s vbox:short addpg stop framework"
  ok "svccfg -s vbox:short setprop stop/timeout_seconds = count: 18"
  ok "svcadm refresh vbox:short"
  up short
  until_ready short
  disable vbox:short
  did short "acpipowerbutton poweroff"
  [[ $(state_of_vm short) == poweroff ]] || wrong "short should be off"
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
    [[ $(state_of_vm "$one") == "${one/off/poweroff}" ]] || wrong "$one should be as it was"
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

refuses_to_go_off() {
  local pid
  step "T56 Both the button and the plug refused: poweroff fails; a VM that is off is no failure."
  up stubborn
  refuse stubborn acpipowerbutton poweroff
  pid=$(process_of stubborn)
  exits 1 vmkeep poweroff -t 5 vbox:stubborn
  did stubborn "acpipowerbutton poweroff"
  [[ $(process_of stubborn) == "$pid" ]] || wrong "stubborn should run on"
  exits 0 vmkeep poweroff vbox:down
  did down ''
  step "T58 Refused for a reboot, it is reset, and not launched again."
  mark stubborn
  exits 0 vmkeep reboot -t 5 vbox:stubborn
  did stubborn "acpipowerbutton poweroff reset"
  [[ $(process_of stubborn) == "$pid" ]] || wrong "stubborn should run on in its process"
}

# Writes down which of HUP (1), INT (2), QUIT (3) and TERM (15) wait for a stopped process, as masks, until it is gone.
# It has signals of its own as well.
note_signals() {
  local mask last=''
  while mask=$(sed -n 's/^ShdPnd:\t//p' "/proc/$1/status" 2>/dev/null) && [[ $mask ]]; do
    mask=$((0x$mask & 0x4007))
    [[ $mask == "$last" ]] || echo "$mask"
    last=$mask
    sleep 0.05
  done
}

is_killed() {
  local pid neighbour noting
  step "T57 poweroff -k: a VM that hears nothing gets TERM, INT, QUIT, HUP and KILL; its neighbour none of them."
  up frozen
  up neighbour
  pid=$(process_of frozen)
  neighbour=$(process_of neighbour)
  if real; then
    kill -STOP "$pid"
    note_signals "$pid" >"$work/signals" &
    noting=$!
  else
    simulate frozen '"ignores":true,"refuse":{"poweroff":"no","acpipowerbutton":"no"}'
  fi
  ok "vmkeep poweroff -k -t 2 vbox:frozen"
  ! kill -0 "$pid" 2>/dev/null || wrong "the VM's process should be gone"
  if real; then
    wait "$noting"
    # TERM, then INT, QUIT, HUP; whoever looks seldom misses some of these moments, but sees no other.
    out=$(paste -sd ' ' "$work/signals")
    shows '^(0 )?(16384 ?)?(16386 ?)?(16390 ?)?(16391 ?)?$'
    shows '16'
  else
    out=$(grep "${uuids[frozen]}" "$home/actions.log")
    for signal in TERM INT QUIT HUP; do shows "\"signal $signal\""; done
  fi
  until_vm frozen aborted
  until_log frozen 'is off, by'
  until_state vbox:frozen online $minute
  [[ $(process_of neighbour) == "$neighbour" ]] || wrong "the neighbour should live"
  did neighbour ''
}

reboots() {
  local pid
  step "T58 reboot: the button, then a launch."
  enable vbox:reboots
  until_ready reboots
  pid=$(process_of reboots)
  mark reboots
  ok "vmkeep reboot vbox:reboots"
  did reboots "acpipowerbutton launch"
  [[ $(process_of reboots) && $(process_of reboots) != "$pid" ]] || wrong "reboots should have another process"
  step "T58 A deaf guest is switched off first."
  enable vbox:reboots-deaf
  until_ready reboots-deaf
  mark reboots-deaf
  ok "vmkeep reboot -t 2 vbox:reboots-deaf"
  did reboots-deaf "acpipowerbutton poweroff launch"
}

reboots_if_it_runs() {
  step "T59 reboot ifruns leaves a VM that is off alone, and that is no failure; reboot starts it."
  up sleeper
  exits 0 vmkeep reboot ifruns vbox:sleeper
  did sleeper ''
  exits 0 vmkeep reboot vbox:sleeper
  did sleeper launch
  until_vm sleeper running
}

obeys() {
  local pid
  step "T60 reset: once, and with the hypervisor's own success."
  up button
  pid=$(process_of button)
  exits 0 vmkeep reset vbox:button
  did button reset
  [[ $(process_of button) == "$pid" ]] || wrong "a reset should leave the process"
  step "T60 T61 save: saved; looked after still, and not started again."
  mark button
  exits 0 vmkeep save vbox:button
  did button savestate
  [[ $(state_of_vm button) == saved ]] || wrong "button should be saved"
  cmd "vmkeep status vbox:button"
  shows 'Watched +yes'
  shows 'Planned +save by '
  until_log button 'is saved, by'
  exits 0 vmkeep save vbox:button
  exits 1 vmkeep reset vbox:button
  [[ $(state_of vbox:button) == online ]] || wrong "button should be online"
  step "T61 A verb whose caller is killed in the midst of it leaves nothing behind."
  exits 0 vmkeep start vbox:button
  mark button
  vmkeep reboot vbox:button >/dev/null 2>&1 &
  kill -9 $!
  wait $! 2>/dev/null
  exits 0 vmkeep start vbox:button
  pid=$(process_of button)
  kill_vm button
  until_true $minute "button should run anew" "runs_anew vbox:button $pid"
  cmd "vmkeep status vbox:button"
  hides 'Planned|Suppressed'
}

steps() {
  together stops_by_saving cannot_save dies_meanwhile presses_the_button is_short_of_time is_killed obeys
  together cannot_press has_nothing_to_stop stops_the_stuck stays_active refuses_to_go_off reboots reboots_if_it_runs
}
