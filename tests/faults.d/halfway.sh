# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of tests/story.d
# vmkeepd is lost in the middle of a shutdown.

halfway() {
  local vm asked
  for vm in vm1 vm2 vm3 vm4; do fault "$vm" savestate late; done
  say "== vmkeepd is killed in the middle of a shutdown: what is started in its place goes on with it."
  vmkeep shutdown --budget 60 >"$work/shutdown.out" 2>&1 &
  asked=$!
  until_true 20 "vm1 should be on its way down" "grep -q 'Executing stop method' $(log_of vm1)"
  ok "kill -9 $daemon   # vmkeepd"
  until_true 10 "vmkeepd should be gone" "! is_alive $daemon"
  start_daemon
  until_true 90 "vmkeep shutdown should end" "! is_alive $asked"
  out=$(cat "$work/shutdown.out")
  wait "$asked" || wrong "vmkeep shutdown ended with $?"
  shows 'vmkeepd was lost in the middle of it'
  shows 'Everything is down'
  ok "tail -n 20 $work/log/vmkeepd.log"
  shows 'a shutdown was under way in this boot: it is taken up'
  for vm in vm1 vm2 vm3 vm4; do
    [[ $(vm_state "$vm") == saved ]] || wrong "$vm should be saved, it is $(vm_state "$vm")"
    [[ $(state_of "vbox:$vm") == offline ]] || wrong "$vm's instance should be offline, it is $(state_of "vbox:$vm")"
    heal "$vm"
  done
  say "== It is over: whoever is started after it brings up what is enabled."
  ok "kill -9 $daemon   # vmkeepd"
  until_true 10 "vmkeepd should be gone" "! is_alive $daemon"
  start_daemon
  for vm in vm1 vm2 vm3 vm4; do until_state "vbox:$vm" online 60; done
  beside=$(vm_pid vbox:vm2)
  told_of_vm2=$(stat -c %s "$(log_of vm2)")
}
