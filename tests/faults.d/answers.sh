# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of tests/story.d
# A hypervisor that hangs, prints half, prints garbage, answers late.

answers() {
  local pid1 pid3 pid4
  pid1=$(vm_pid vbox:vm1) pid3=$(vm_pid vbox:vm3) pid4=$(vm_pid vbox:vm4)
  no_answer_is_no_state
  [[ $(vm_pid vbox:vm1) == "$pid1" && $(vm_pid vbox:vm3) == "$pid3" && $(vm_pid vbox:vm4) == "$pid4" ]] ||
    wrong "no VM should have been touched because its hypervisor says nothing"
  untouched
  a_death_that_cannot_be_confirmed "$pid1" "$pid3" "$pid4"
  a_late_answer
}

no_answer_is_no_state() {
  say "== VBoxManage hangs (vm1), prints half (vm3), prints garbage (vm4): nobody knows, and nothing is done."
  local vm
  fault vm1 look hang
  fault vm3 look half
  fault vm4 look garbage
  # Which makes vmkeepd ask, although nothing happened.
  for vm in vm1 vm3 vm4; do ok "vmkeep release vbox:$vm"; done
  met vm1 hang
  met vm3 half
  met vm4 garbage
  for vm in vm1 vm3 vm4; do
    until_state "vbox:$vm" degraded 40
    explained "$vm" 'The hypervisor does not answer in time; what the VM does is not known'
  done
  cmd "vmkeep status vbox:vm3"
  shows 'no answer'
  ((rc == 125)) || wrong "the exit status of a VM without an answer is 125, not $rc"
}

a_death_that_cannot_be_confirmed() {
  say "== They die, and still nobody answers: not restarted on a guess; with the first answer they come back."
  local pid vm before1 before3 before4
  before1=$(starts_of vm1) before3=$(starts_of vm3) before4=$(starts_of vm4)
  for pid in "$@"; do ok "kill -9 $pid"; done
  for vm in vm1 vm3 vm4; do
    until_true 10 "the end of $vm's process should be told" "grep -q 'died on signal KILL' $(log_of "$vm")"
  done
  # Until each was asked about after its death, and no answer came.
  for vm in vm3 vm4; do until_state "vbox:$vm" degraded 40; done
  explained vm3 'does not answer'
  [[ $(starts_of vm1) == "$before1" && $(starts_of vm3) == "$before3" && $(starts_of vm4) == "$before4" ]] ||
    wrong "nothing should have been started on a guess"
  untouched
  for vm in vm1 vm3 vm4; do heal "$vm"; done
  until_true 60 "vm1 should come back" "runs_anew vbox:vm1 $1"
  until_true 60 "vm3 should come back" "runs_anew vbox:vm3 $2"
  until_true 60 "vm4 should come back" "runs_anew vbox:vm4 $3"
}

a_late_answer() {
  say "== It answers late: that is an answer."
  local pid began=$SECONDS
  pid=$(vm_pid vbox:vm1)
  fault vm1 look late
  ok "vmkeep release vbox:vm1"
  met vm1 late
  ok "vmkeep status vbox:vm1"
  shows 'State +running, process '"$pid"
  ((SECONDS - began >= 2)) || wrong "that was not late"
  [[ $(state_of vbox:vm1) == online && $(vm_pid vbox:vm1) == "$pid" ]] || wrong "vm1 should be as it was"
  heal vm1
}
