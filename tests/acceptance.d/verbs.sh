# What operators ask for: poweroff, reboot, reset, save.

silence_is_ours=yes  # of the VM that is frozen

vms() {
  vm down acpi
  vm stubborn deaf
  vm frozen deaf
  vm neighbour deaf
  vm reboots acpi
  vm reboots-deaf deaf
  vm sleeper acpi start_halted_vm=false restart_halted_vm=false
  vm button acpi restart_saved_vm=true start_saved_vm=true
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
  until_booted button R
  pid=$(process_of button)
  exits 0 vmkeep reset vbox:button
  did button reset
  [[ $(process_of button) == "$pid" ]] || wrong "a reset should leave the process"
  until_booted button RR  # saved while it is reset, some of a hundred VMs of VirtualBox 7.2 crash
  step "T60 T61 save: saved; looked after still, and not started again."
  mark button
  exits 0 vmkeep save vbox:button
  did button savestate
  is_vm button saved || wrong "button should be saved"
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
  together refuses_to_go_off is_killed reboots reboots_if_it_runs obeys
}
