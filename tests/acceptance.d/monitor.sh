# What follows when a VM is not as it should be, and nobody asked for that.

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
  vm may-pause acpi ignore_paused_vm=true
  vm resumes acpi ignore_paused_vm=false restart_paused_vm=true
  vm paused acpi ignore_paused_vm=false restart_paused_vm=false
  vm sticks triple restart_stuck_vm=true
  vm stuck triple restart_stuck_vm=false start_stuck_vm=true
  vm may-stick triple restart_stuck_vm=false start_stuck_vm=false
  vm strict acpi restart_halted_vm=false offline_is_maint=true
  vm none acpi kicker_restart=Off restart_halted_vm=true
  vm all acpi kicker_restart=TRUE restart_halted_vm=false restart_saved_vm=false
  vm all-stick triple kicker_restart=all
  vm hushed acpi
  vm untouched acpi
  vm snapped acpi
}

up() {
  enable "vbox:$1"
  mark "$1"
}

# comes_back INSTANCE PID: online with another process.
comes_back() { until_true $minute "$1 should run anew" "runs_anew vbox:$1 $2"; }

# off_by_hand INSTANCE ACTION: the VM's process is gone then.
off_by_hand() {
  local pid
  pid=$(process_of "$1")
  by_hand "$1" "$2"
  until_true $minute "the process of $1 should be gone" "! kill -0 $pid 2>/dev/null"
}

declare -A lines=()

# What the log has of this before counts no more.
note_lines() { lines[$1]=$(lines_of "$1" "$2"); }

# stays INSTANCE LINE STATE: the line is once more in its log, the service is online, and the VM was told nothing.
stays() {
  until_true $minute "the log of $1 should say once more: $2" "((\$(lines_of $1 '$2') > ${lines[$1]-0}))"
  [[ $(state_of "vbox:$1") == online ]] || wrong "$1 should be online, it is $(state_of "vbox:$1")"
  did "$1" ''
  [[ $(state_of_vm "$1") == "$3" ]] || wrong "$1 should be left $3, it is $(state_of_vm "$1")"
  (($(lines_of "$1" "$2") == ${lines[$1]-0} + 1)) || wrong "$1 should be told of once"
}

# goes_offline INSTANCE: disabled until the next boot, and not for good.
goes_offline() {
  until_state "vbox:$1" disabled $minute
  ok "svcs -l vbox:$1"
  shows 'enabled +false \(temporary\)'
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

paused() {
  step "T70 Paused, ignored: online, told once."
  up may-pause
  by_hand may-pause pause
  stays may-pause 'is paused; ignore_paused_vm is true' paused
  step "T70 Not ignored, restart_paused_vm: resumed."
  up resumes
  by_hand resumes pause
  until_did resumes resume
  until_vm resumes running
  step "T70 Neither: disabled for now (and saved, as a stop does)."
  up paused
  by_hand paused pause
  goes_offline paused
  did paused savestate
}

# The guest goes into guru meditation two seconds after its boot; at the next one there is another guest.
stuck() {
  local one
  step "T71 Stuck, restart_stuck_vm: switched off, launched."
  ok "svcadm enable vbox:sticks vbox:all-stick"
  for one in sticks all-stick; do
    until_did $one launch
    until_ready $one
    guest_becomes $one acpi
  done
  until_true $minute "sticks should have been switched off and launched" \
    "[[ \$(done_to sticks) == 'launch poweroff launch'* ]]"
  until_state vbox:sticks online $minute
  step "T73 kicker_restart=all: likewise."
  until_true $minute "all-stick should have been switched off and launched" \
    "[[ \$(done_to all-stick) == 'launch poweroff launch'* ]]"
  until_state vbox:all-stick online $minute
  step "T71 Only start_stuck_vm: disabled for now."
  ok "svcadm enable vbox:stuck vbox:may-stick"
  until_log stuck 'is stuck .*restart_stuck_vm is not true'
  goes_offline stuck
  did stuck "launch poweroff"
  step "T71 Neither: online, told once."
  until_log may-stick 'is stuck'
  mark may-stick
  stays may-stick 'is stuck .*leaving it as it is' gurumeditation
}

overruled() {
  local pid
  step "T72 offline_is_maint: maintenance instead."
  up strict
  off_by_hand strict poweroff
  until_state vbox:strict maintenance $minute
  did strict ''
  step "T73 kicker_restart=none: nothing comes back; only an abort counts, as maintenance."
  up none
  off_by_hand none poweroff
  stays none 'is powered off; it may be so' poweroff
  ok "vmkeep start --force vbox:none"
  kill_vm none
  until_state vbox:none maintenance $minute
  did none launch
  step "T73 kicker_restart=all: everything comes back."
  up all
  pid=$(process_of all)
  off_by_hand all poweroff
  comes_back all "$pid"
  pid=$(process_of all)
  off_by_hand all savestate
  comes_back all "$pid"
  by_hand all pause
  until_did all "launch launch resume"
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
  together aborted halted saved stuck paused overruled suppressed snapshots
  kills_daemon_and_guard
  counts_aborts
}
