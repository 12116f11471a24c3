# shellcheck shell=bash
# What an administrator of 2009 typed, and what he saw.

# $out with what differs from run to run replaced: dates, times, pids, the contract's id, folders.
masked() {
  sed -E -e "s|$work|WORK|g" -e "s|$home|HOME|g" -e "s/\b$owner\b/OWNER/g" \
    -e 's/^\[ [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} /[ WHEN /' \
    -e 's/[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}/DATE/' \
    -e 's/[ 0-9][0-9]:[0-9]{2}:[0-9]{2}/ TIME   /g' -e 's/( TIME   ) +[0-9]+ ([A-Z])/\1PID \2/' \
    -e '/member processes/s/[0-9]+ /PID /g' -e "s/( owned   )$daemon +/\1PID /" \
    ${ctid:+-e "s/\b$ctid\b/CTID/g"} <<<"$out"
}

# The last output must be what stands on stdin, but for what masked() replaces.
same() {
  local wanted
  wanted=$(cat)
  diff <(echo "$wanted") <(masked) >&2 || wrong "the last command should have said what stands above"
}

# fill_in FILE DURATION: a manifest for this run.
fill_in() {
  sed -e "s|@METHOD@|$work/method|; s|@OWNER@|$owner|; s|@GROUP@|$group|; s|@HOME@|$home|; s|@IPC@|$ipc|" \
    -e "s|@DURATION@|${2-}|" "$here/legacy.d/$1" >"$work/$1"
}

transient="<property_group name='startd' type='framework'><propval name='duration' type='astring' value='transient' \/><\/property_group>"

# What asks VirtualBox from outside may have started a VBoxSVC there, and a VM would be born from that.
settle() { until_true 60 "VirtualBox's processes should have ended" '[[ ! $(our_processes) ]]'; }

ctid_of() { svcs -H -o CTID "$1"; }

prepare() {
  make_vm vm1 && make_vm vm2 || wrong "the VMs could not be made"
  mkdir "$work/method"
  cp "$here"/legacy.d/{vm,worker} "$work/method/"
  provide_paths
  start_daemon
  root=$(sed -n 's/.*tracked by cgroups in //p' "$work/log/vmkeepd.log" | tail -n 1)
  until_state milestone/network online
}

import_them() {
  say "== 1. A manifest, validated and imported."
  fill_in vbox.xml
  ok "svccfg validate $work/vbox.xml"
  ok "svccfg import $work/vbox.xml"
  ok "svcs svc:/site/xvm/vbox:vm1"
  same <<'TEXT'
STATE          STIME    FMRI
disabled        TIME    svc:/site/xvm/vbox:vm1
TEXT
}

up_and_down() {
  settle
  say "== 2. Enabled for now, disabled for now; nothing of it is left."
  ok "svcadm -v enable -ts vbox:vm1"
  same <<<"svc:/site/xvm/vbox:vm1 temporarily enabled."
  [[ $(vm_state vm1) == running ]] || wrong "vm1 should run"
  ok "svcadm -v disable -ts vbox:vm1"
  same <<<"svc:/site/xvm/vbox:vm1 temporarily disabled."
  [[ ! $(our_processes) ]] || wrong "something of VirtualBox still runs: $(our_processes)"
  [[ $(vm_state vm1) == saved ]] || wrong "vm1 should be saved"
}

look_at_it() {
  settle
  say "== 3. Everything about it."
  ok "svcadm -v enable -s vbox:vm1"
  same <<<"svc:/site/xvm/vbox:vm1 enabled."
  ctid=$(ctid_of vbox:vm1)
  ok "svcs -l vbox:vm1"
  same <<'TEXT'
fmri         svc:/site/xvm/vbox:vm1
name         A VM of old
enabled      true
state        online
next_state   none
state_time   DATE
logfile      WORK/log/site-xvm-vbox:vm1.log
restarter    svc:/system/svc/restarter:default
contract_id  CTID 
dependency   require_all/none svc:/system/filesystem/local:default (online)
dependency   require_all/none svc:/milestone/network:default (online)
TEXT
  ok "svcs -vx vbox:vm1"
  same <<'TEXT'
svc:/site/xvm/vbox:vm1 (A VM of old)
 State: online since DATE
   See: man -M /usr/share/man -s 1 VBoxManage
   See: WORK/log/site-xvm-vbox:vm1.log
Impact: None.
TEXT
  ok "svcs -p vbox:vm1"
  same <<'TEXT'
STATE          STIME    FMRI
online          TIME    svc:/site/xvm/vbox:vm1
                TIME   PID VBoxSVC
                TIME   PID VBoxHeadless
TEXT
  ok "svcs -v vbox:vm1"
  shows "^online         -              .{8} $ctid +svc:/site/xvm/vbox:vm1\$"
  ok "ctstat -i $ctid -v"
  same <<'TEXT'
CTID    ZONEID  TYPE    STATE   HOLDER  EVENTS  QTIME   NTIME
CTID       0       process owned   PID 0       -       -       
	cookie:                0x20
	informative event set: none
	critical event set:    core signal hwerr empty
	fatal event set:       none
	parameter set:         inherit regent
	member processes:      PID PID 
	inherited contracts:   none
	service fmri:          svc:/site/xvm/vbox:vm1
	service fmri ctid:     CTID
	creator:               svc.startd
	aux:                   start
TEXT
}

restart_it() {
  say "== 4. Restarted: the log tells each step."
  ok "svcadm -v restart vbox:vm1"
  same <<<"Action restart set for svc:/site/xvm/vbox:vm1."
  until_true 60 "vm1 should be online in another contract" \
    '[[ $(state_of vbox:vm1) == online && $(ctid_of vbox:vm1) != '"$ctid"' ]]'
  ctid=$(ctid_of vbox:vm1)
  ok "sed -n '/service restarting/,\$p' $work/log/site-xvm-vbox:vm1.log | grep '^\['"
  same <<'TEXT'
[ WHEN Stopping because service restarting. ]
[ WHEN Executing stop method ("WORK/method/vm stop"). ]
[ WHEN Method "stop" exited with status 0. ]
[ WHEN Executing start method ("WORK/method/vm start"). ]
[ WHEN Method "start" exited with status 0. ]
TEXT
  ok "sed -n '/service restarting/,\$p' $work/log/site-xvm-vbox:vm1.log"
  shows '^0%\.\.\..*100%'
  shows 'VM "vm1" has been successfully started'
}

outlive_the_daemon() {
  say "== 4b. vmkeepd is killed: a new one has the contract, and everybody in it."
  local before members
  before=$daemon
  ok "ctstat -v -i $ctid"
  members=$(grep 'member processes' <<<"$out")
  ok "kill -9 $daemon   # vmkeepd"
  until_true 5 "vmkeepd should be gone" "! kill -0 $before 2>/dev/null || grep -q 'State:.Z' /proc/$before/status"
  start_daemon
  until_state vbox:vm1 online
  ok "ctstat -v -i $ctid"
  shows "^$ctid +0       process owned   $daemon +0 "
  [[ $(grep 'member processes' <<<"$out") == "$members" ]] || wrong "other processes than before are in the contract"
}

second_in_its_contract() {
  say "== 5. The second VM of one owner is born in the first one's contract: its own is empty."
  ok "svcadm enable vbox:vm2"
  until_state vbox:vm2 maintenance 90
  ok "grep -m 1 -A 2 'Method .start. exited' $work/log/site-xvm-vbox:vm2.log"
  same <<'TEXT'
[ WHEN Method "start" exited with status 0. ]
[ WHEN Stopping because all processes in service exited. ]
[ WHEN Executing stop method ("WORK/method/vm stop"). ]
TEXT
  ok "svcs -pv vbox"
  shows '^maintenance    -              .{8} -      svc:/site/xvm/vbox:vm2$'
  shows '^online         -              .{8} [0-9]+ +svc:/site/xvm/vbox:vm1$'
  shows ' VBoxSVC$'
  [[ $(vm_state vm1) == running ]] || wrong "vm1 should still run"
  ok "svcadm disable -s vbox:vm2"
  ok "svcadm disable -s vbox:vm1"
}

transient_works() {
  say "== 6. With a transient duration nobody looks at processes, and both run."
  fill_in vbox.xml "$transient"
  ok "svccfg import $work/vbox.xml"
  ok "svcprop -p startd/duration vbox:vm1"
  same <<<transient
  ok "svcadm enable -s vbox:vm1"
  ok "svcadm enable -s vbox:vm2"
  ok "svcs vbox"
  shows '^online .*vbox:vm1$'
  shows '^online .*vbox:vm2$'
  [[ $(vm_state vm1) == running && $(vm_state vm2) == running ]] || wrong "both should run"
  ok "ctstat"
  shows '^[0-9]+ +0       process orphan  -       0 '
  ok "svcadm disable -s vbox:vm1"
  [[ $(vm_state vm1) == saved ]] || wrong "vm1 should be saved, it is $(vm_state vm1)"
  [[ $(vm_state vm2) == running ]] || wrong "vm2 should still run, it is $(vm_state vm2)"
  ok "svcadm enable -s vbox:vm1"
}

change_the_method() {
  say "== 7. Another way to stop it, which counts after the refresh."
  ok "svccfg -s vbox:vm1 setprop vm/stop_method=acpipowerbutton"
  ok "svcprop -p vm/stop_method vbox:vm1"
  same <<<savestate
  ok "svccfg -s vbox:vm1 refresh"
  ok "svcprop -p vm/stop_method vbox:vm1"
  same <<<acpipowerbutton
  ok "svcadm disable -s vbox:vm1"
  until_true 30 "vm1 should be powered off" '[[ $(vm_state vm1) == poweroff ]]'
  ok "svccfg -s vbox:vm1 setprop vm/stop_method=savestate"
  ok "svccfg -s vbox:vm1 refresh"
  ok "svcadm enable -s vbox:vm1"
  ok "svcadm disable -s vbox:vm1"
  [[ $(vm_state vm1) == saved ]] || wrong "vm1 should be saved, it is $(vm_state vm1)"
  ok "svcadm disable -s vbox:vm2"
}

kill_contracts() {
  say "== 8. Daemons whose stop method kills their contract."
  local victim worker
  fill_in worker.xml
  ok "svccfg import $work/worker.xml"
  for worker in plain stubborn; do
    ok "svcadm enable -s worker:$worker"
    ctid=$(ctid_of "worker:$worker")
    ok "svcadm disable -s worker:$worker"
    ok "grep 'Executing stop' $work/log/site-worker:$worker.log"
    shows "worker stop $ctid"
    ok "grep 'Method .stop. exited' $work/log/site-worker:$worker.log"
    shows 'exited with status 0'
    cmd "ctstat -i $ctid"
    ((rc == 1)) || wrong "contract $ctid should be gone"
  done
  say "(a method reaches the contracts of its own instance only)"
  ok "svcadm enable -s worker:plain"
  victim=$(ctid_of worker:plain)
  ok "svccfg -s worker:intruder setprop application/victim = count: $victim"
  ok "svcadm refresh worker:intruder"
  ok "svcadm enable -s worker:intruder"
  ok "svcadm disable -s worker:intruder"
  ok "cat $work/log/site-worker:intruder.log"
  shows "contract $victim: Permission denied"
  shows "^Error, could not kill contract \"$victim\"\$"
  [[ $(state_of worker:plain) == online && $(ctid_of worker:plain) == "$victim" ]] || wrong "worker:plain was reached"
  ok "svcadm disable -s worker:plain"
}
