# The story, step by step.

register() {
  say "== 1. Two VMs of $owner become two instances of a service."
  make_vm vm1 && make_vm vm2 || wrong "the VMs could not be made"
  # An aborted VM is started again, but not a fourth time in twenty minutes.
  manifest site/xvm/vbox \
    "$(vm_group start_aborted_vm=true restart_aborted_vm=true restart_aborted_vm_failures_maxcount=3 \
      restart_aborted_vm_failures_timeframe=1200)" \
    "$(instance vm1 stop_method=savestate)$(instance vm2 stop_method=savestate)" >"$work/vbox.xml"
  start_daemon
  root=$(sed -n 's/.*tracked by cgroups in //p' "$work/log/vmkeepd.log" | tail -n 1)
  ok "svccfg validate $work/vbox.xml"
  ok "svccfg import $work/vbox.xml"
  ok "svcs vbox"
  shows '^disabled .*svc:/site/xvm/vbox:vm1$'
  shows '^disabled .*svc:/site/xvm/vbox:vm2$'
  until_state milestone/network online
  ok "svcs network filesystem/local"
  shows '^online .*svc:/milestone/network:default$'
  shows '^online .*svc:/system/filesystem/local:default$'
}

come_up() {
  say "== 2. Enabled, both run, each in its own contract."
  ok "svcadm -v enable -s vbox:vm1"
  shows '^svc:/site/xvm/vbox:vm1 enabled\.$'
  ok "svcadm -v enable -s vbox:vm2"
  ok "svcs -pv vbox"
  [[ $(grep -cE 'VBoxHeadless|vmkeep-simulate' <<<"$out") == 2 ]] || wrong "each instance should show one VM process"
  hides 'VBoxSVC'
  [[ $(vm_pid vbox:vm1) && $(vm_pid vbox:vm1) != "$(vm_pid vbox:vm2)" ]] || wrong "each should show its own"
  [[ $(vm_state vm1) == running && $(vm_state vm2) == running ]] || wrong "the hypervisor should say running"
  ok "svcs -l vbox:vm1"
  shows '^state        online$'
  shows '^dependency   require_all/none svc:/milestone/network:default \(online\)$'
  ok "svcs -x"
  ok "cat $work/log/site-xvm-vbox:vm1.log"
  shows 'Enabled\. \]$'
  shows 'Executing start method \(".*vmkeep method start"\)\. \]$'
  shows 'Method "start" exited with status 0\. \]$'
}

# Kills vm2's process and waits until it runs again; prints what that took.
kill_vm2() {
  local before killed
  before=$(vm_pid vbox:vm2)
  killed=$(now_ns)
  ok "kill -9 $before   # vm2's process"
  until_true 30 "vm2 should run again" "runs_anew vbox:vm2 $before"
  [[ ! $show ]] || printf 'death to seen: %s ms; to the restart issued: %s ms; to running again: %s ms\n' \
    "$(milliseconds "$killed" "$(stamp vbox:vm2 process_ended)")" \
    "$(milliseconds "$killed" "$(stamp vbox:vm2 restart_issued)")" \
    "$(milliseconds "$killed" "$(stamp vbox:vm2 running_again)")"
}

come_back() {
  say "== 3. Somebody kills vm2. It comes back; at the fourth time it is left for an administrator."
  local vm1
  vm1=$(vm_pid vbox:vm1)
  kill_vm2
  ok "tail -n 10 $work/log/site-xvm-vbox:vm2.log"
  shows 'died on signal KILL \(9\)'
  shows 'Stopping because .*aborted'
  kill_vm2
  kill_vm2
  ok "kill -9 $(vm_pid vbox:vm2)   # the fourth time"
  until_state vbox:vm2 maintenance
  ok "svcs -xv vbox:vm2"
  shows '^ State: maintenance since '
  shows '^Reason: .*more often than.* 4 aborts in 1200 s'
  shows "^   See: $work/log/site-xvm-vbox:vm2.log$"
  [[ $(vm_state vm2) == aborted ]] || wrong "vm2 should be aborted, it is $(vm_state vm2)"
  ok "svcadm clear vbox:vm2"
  until_state vbox:vm2 online
  [[ $(vm_pid vbox:vm1) == "$vm1" && $(state_of vbox:vm1) == online ]] || wrong "vm1 should not have noticed"
}

go_down_each_its_way() {
  say "== 4. Stopped each in its own way: vm1 shuts itself down, vm2 is saved and restored."
  ok "svccfg -s vbox:vm1 setprop vm/stop_method = astring: acpipowerbutton"
  ok "svcadm refresh vbox:vm1"
  ok "svcadm disable -st vbox:vm1"
  ok "svcs vbox:vm1"
  shows '^disabled '
  [[ $(vm_state vm1) == poweroff ]] || wrong "vm1 should be powered off, it is $(vm_state vm1)"
  ok "svcadm disable -s vbox:vm2"
  [[ $(vm_state vm2) == saved ]] || wrong "vm2 should be saved, it is $(vm_state vm2)"
  ok "svcadm enable -s vbox:vm2"
  ok "grep -i restor $work/log/site-xvm-vbox:vm2.log"
  ok "svcadm enable -s vbox:vm1"
}

outlive_the_daemon() {
  say "== 5. The daemon dies, the guard dies, and the VMs do not notice."
  local vm1 vm2 killed guard
  vm1=$(vm_pid vbox:vm1) vm2=$(vm_pid vbox:vm2)
  ok "kill -9 $daemon   # vmkeepd"
  until_true 5 "vmkeepd should be gone" "! kill -0 $daemon 2>/dev/null || grep -q 'State:.Z' /proc/$daemon/status"
  killed=$(now_ns)
  start_daemon
  until_true 10 "both should be online" \
    '[[ $(state_of vbox:vm1) == online && $(state_of vbox:vm2) == online ]]'
  [[ ! $show ]] || printf 'a new daemon has both online after %s ms\n' "$(milliseconds "$killed" "$(now_ns)")"
  ok "svcs -p vbox"
  [[ $(vm_pid vbox:vm1) == "$vm1" && $(vm_pid vbox:vm2) == "$vm2" ]] || wrong "the VMs should have kept running"
  kill_vm2

  until_true 10 "a guard should run" 'pgrep -P '"$daemon"' -f vmkeep-guard >/dev/null'
  guard=$(pgrep -P "$daemon" -f vmkeep-guard)
  vm2=$(vm_pid vbox:vm2)
  ok "kill -9 $guard   # the guard"
  until_true 10 "another guard should run" \
    'g=$(pgrep -P '"$daemon"' -f vmkeep-guard) && [[ $g && $g != '"$guard"' ]]'
  [[ $(vm_pid vbox:vm1) == "$vm1" && $(vm_pid vbox:vm2) == "$vm2" ]] || wrong "the VMs should have kept running"
  kill_vm2

  ok "svcadm disable -s vbox:vm1"
  ok "start_by_hand vm1   # by its owner, behind our back"
  until_true 20 "vm1 should run" '[[ $(vm_state vm1) == running ]]'
  ok "svcadm enable -s vbox:vm1"
  ok "svcs -p vbox:vm1"
  [[ $(vm_pid vbox:vm1) ]] || wrong "vm1's process should be in its instance's contract"
  ok "grep adopted $work/log/site-xvm-vbox:vm1.log"
}

shut_down_and_boot() {
  say "== 6. As at a shutdown of the host, and the boot after it."
  ok "svcadm disable -s vbox:vm1"
  ok "svcadm enable -st vbox:vm1   # for this boot only"
  ok "vmkeep shutdown"
  shows 'svc:/site/xvm/vbox:vm1'
  shows 'svc:/site/xvm/vbox:vm2'
  [[ $(vm_state vm2) == saved ]] || wrong "vm2 should be saved, it is $(vm_state vm2)"
  kill "$daemon"
  until_true 5 "vmkeepd should be gone" "! kill -0 $daemon 2>/dev/null || grep -q 'State:.Z' /proc/$daemon/status"
  say "(vmkeepd is started again, with another boot id)"
  start_daemon --boot-id another-boot
  until_state vbox:vm2 online
  ok "svcs vbox"
  shows '^online .*svc:/site/xvm/vbox:vm2$'
  shows '^disabled .*svc:/site/xvm/vbox:vm1$'
  [[ $(vm_state vm2) == running ]] || wrong "vm2 should be running, it is $(vm_state vm2)"
}

epilogue() {
  if [[ $keep ]]; then
    say "Everything stays up (--keep)."
    return
  fi
  say "== That was it. Everything goes down."
  ok "vmkeep shutdown"
  printf '%s\n' "The story is complete: every step showed what it should."
}

keep_up() {
  printf '%s\n' \
    "vmkeepd ($daemon) and the VMs are up. To play with them:" \
    "  export VMKEEP_RUN=$work/run PATH=$work/bin:\$PATH" \
    "  svcs -pv vbox" \
    "The logs are in $work/log. To end it all:" \
    "  vmkeep shutdown; kill $daemon; rm -rf $work"
}
