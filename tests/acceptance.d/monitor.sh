# What follows when a VM is gone that should be up, and nobody asked for that.

. "$here/acceptance.d/outcomes.sh"

vms() {
  vm aborts acpi
  vm window acpi restart_aborted_vm_failures_maxcount=3 restart_aborted_vm_failures_timeframe=1200
  vm dead acpi restart_aborted_vm=false
  vm halts acpi restart_halted_vm=true
  vm halted acpi restart_halted_vm=false start_halted_vm=true
  vm may-halt acpi restart_halted_vm=false start_halted_vm=false
  vm saves acpi restart_saved_vm=true
  vm saved acpi restart_saved_vm=false start_saved_vm=true
  vm may-save acpi restart_saved_vm=false start_saved_vm=false
  vm hushed acpi
  vm untouched acpi
  vm snapped acpi
}

aborted() {
  local pid
  step "T63 Aborted: launched again, once."
  up aborts
  pid=$(process_of aborts)
  kill_vm aborts
  comes_back aborts "$pid"
  did aborts launch
  step "T67 If it is not to be: maintenance, no launch."
  up dead
  kill_vm dead
  until_state vbox:dead maintenance $minute
  did dead ''
}

halted() {
  local pid
  step "T68 Powered off, restart_halted_vm: launched."
  up halts
  pid=$(process_of halts)
  off_by_hand halts poweroff
  comes_back halts "$pid"
  did halts launch
  step "T68 Only start_halted_vm: disabled for now."
  up halted
  off_by_hand halted poweroff
  goes_offline halted
  did halted ''
  step "T68 Neither: online, told once."
  enable vbox:may-halt
  ok "vmkeep start --force vbox:may-halt"
  mark may-halt
  note_lines may-halt 'is powered off; it may be so'
  off_by_hand may-halt poweroff
  stays may-halt 'is powered off; it may be so' poweroff
}

saved() {
  local pid
  step "T69 Saved, restart_saved_vm: launched."
  up saves
  pid=$(process_of saves)
  off_by_hand saves savestate
  comes_back saves "$pid"
  did saves launch
  step "T69 Only start_saved_vm: disabled for now."
  up saved
  off_by_hand saved savestate
  goes_offline saved
  did saved ''
  step "T69 Neither: online, told once."
  up may-save
  off_by_hand may-save savestate
  stays may-save 'is saved; it may be so' saved
}

suppressed() {
  local pid
  step "T78 Suppressed: seen, told with whose lease it is, and nothing is done until it ends."
  up hushed
  pid=$(process_of hushed)
  ok "vmkeep suppress -d 1h -m 'moving the host' vbox:hushed"
  kill_vm hushed
  until_log hushed 'but nothing is done, as .* has it \(moving the host\)'
  did hushed ''
  cmd "vmkeep status vbox:hushed"
  shows 'Suppressed +by .* until .*: moving the host'
  ok "vmkeep release vbox:hushed"
  comes_back hushed "$pid"
  did hushed launch
}

snapshots() {
  local pid
  step "T75 A snapshot of the running VM: its passing states change nothing."
  up snapped
  pid=$(process_of snapped)
  ok "vmkeep snapshot -n before vbox:snapped"
  did snapped snapshot
  [[ $(process_of snapped) == "$pid" && $(state_of vbox:snapped) == online ]] || wrong "snapped should run on"
}

kills_daemon_and_guard() {
  local pid guard
  step "T81 vmkeepd and its guard are killed: their successors find the VM, and tell it nothing."
  up untouched
  pid=$(process_of untouched)
  guard=$(pgrep -P "$daemon" -f vmkeep-guard) || wrong "there should be a guard"
  kill -9 "$guard"
  until_true $minute "another guard should run" 'g=$(pgrep -P '"$daemon"' -f vmkeep-guard) && [[ $g != '"$guard"' ]]'
  end_daemon
  start_daemon
  until_state vbox:untouched online $minute
  in_contract vbox:untouched "$pid"
  exits 0 vmkeep status vbox:untouched
  did untouched ''
  kill_vm untouched
  comes_back untouched "$pid"
  did untouched launch
}

end_daemon() {
  kill -9 "$daemon"
  until_true $minute "vmkeepd should be gone" "! kill -0 $daemon 2>/dev/null || grep -q 'State:.Z' /proc/$daemon/status"
}

counts_aborts() {
  local pid n
  step "T64 Three aborts are answered by a launch, the fourth by maintenance; T66 whoever counts them may be killed."
  up window
  for n in 1 2 3; do
    pid=$(process_of window)
    kill_vm window
    comes_back window "$pid"
    if ((n == 2)); then
      end_daemon
      start_daemon
      until_state vbox:window online $minute
    fi
  done
  did window "launch launch launch"
  kill_vm window
  until_state vbox:window maintenance $minute
  did window "launch launch launch"
  ok "svcs -x vbox:window"
  shows '4 aborts in 1200 s'
}

steps() {
  together aborted halted saved suppressed snapshots
  kills_daemon_and_guard
  counts_aborts
}
