# What follows when a VM is paused or stuck; and what overrules what is set for a state.

. "$here/acceptance.d/outcomes.sh"

vms() {
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

steps() {
  together stuck paused overruled
}
