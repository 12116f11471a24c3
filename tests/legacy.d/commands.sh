# shellcheck shell=bash
# The command lines of 2010, under the shipped service: an instance is called by its name alone, properties are set at
# both levels, the service is exported, edited and imported, and the method is used by hand.

instance=svc:/site/xvm/vbox:desktop
method_by_hand() { SMF_FMRI=$instance /lib/svc/method/vbox.sh "$@"; }

register_the_desktop() {
  say "== 9. The shipped service, and an instance of one's own."
  ok "svccfg delete -f svc:/site/xvm/vbox"
  until_true 30 "the instances of before should be gone" '! svcs -H vbox:vm1 >/dev/null 2>&1'
  fill_in desktop.xml
  sed -i "s|@TOOLS@|$tools|" "$work/desktop.xml"
  ok "svccfg import $here/../share/manifest/site/xvm/vbox.xml"
  ok "svccfg validate $work/desktop.xml"
  ok "svccfg import $work/desktop.xml"
}

service_commands() {
  ok "svcadm enable -s desktop"
  [[ $(vm_state vm1) == running ]] || wrong "vm1 should run"
  ok "svcadm disable -st desktop"
  [[ $(vm_state vm1) == saved ]] || wrong "vm1 should be saved"
  ok "svcadm enable -st desktop"
  local before
  before=$(ctid_of desktop)
  ok "svcadm restart desktop"
  until_true 60 "the desktop should be online in another contract" \
    '[[ $(state_of desktop) == online && $(ctid_of desktop) != '"$before"' ]]'
  ok "tail -n 20 $work/log/site-xvm-vbox\:desktop.log"
  shows 'Stopping because service restarting\. \]$'
}

property_commands() {
  say "== 10. Properties of the service and of the instance, for all of its instances."
  ok "svccfg -s vbox setprop vm/offline_is_maint = true"
  ok "svccfg -s desktop setprop vm/restart_saved_vm = true"
  ok "svccfg -s desktop addpg start framework"
  ok "svccfg -s desktop addpg stop framework"
  ok "svccfg -s desktop setprop start/timeout_seconds = integer: 120"
  ok "svccfg -s desktop setprop stop/timeout_seconds = integer: 0"
  ok 'for S in `svcs -a | grep vbox | awk '"'{ print \$3 }'"'`; do svcadm refresh "$S"; done'
  ok "svcprop -p vm/offline_is_maint desktop"
  same <<<true
  ok "svcprop -t -p vm/restart_saved_vm -p start/timeout_seconds desktop"
  shows 'vm/restart_saved_vm boolean true'
  shows 'start/timeout_seconds integer 120'
  ok "svcadm disable -s desktop"
  ok "svcadm enable -s desktop"
}

file_commands() {
  say "== 11. Exported, edited, imported."
  ok "svccfg export vbox > $work/exported.xml"
  ok "sed -i \"s/name='stop_method' type='astring' value='savestate'/name='stop_method' type='astring' value='acpipowerbutton'/\" $work/exported.xml"
  ok "svccfg validate $work/exported.xml"
  ok "svccfg import $work/exported.xml"
  ok "svcprop -p vm/stop_method desktop"
  same <<<acpipowerbutton
  ok "svcadm disable -s desktop"
  [[ $(vm_state vm1) == poweroff ]] || wrong "vm1 should be off, it is $(vm_state vm1)"
  ok "svcadm enable -s desktop"
}

method_commands() {
  say "== 12. The method, by hand."
  ok "/lib/svc/method/vbox.sh -h"
  shows "$instance"
  local verb before
  for verb in getstate state status; do
    cmd "method_by_hand $verb"
    ((rc == 0)) || wrong "exit status $rc of vbox.sh $verb"
    shows running
    shows online
  done
  ok "method_by_hand reset"
  [[ $(state_of desktop) == online ]] || wrong "the desktop should be online"
  before=$(vm_pid desktop)
  ok "method_by_hand reboot"
  until_true 60 "the desktop should run anew" "runs_anew desktop $before"
  cmd "env -u DISPLAY SMF_FMRI=$instance /lib/svc/method/vbox.sh startgui"
  ((rc != 0)) || wrong "a window without a display"
  [[ $(state_of desktop) == online ]] || wrong "the desktop should be online"
  ok "svcadm disable -s desktop"
}
