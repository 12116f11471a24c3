# What the acceptance tests have beyond the story: VMs by the dozen, what reached the hypervisor, deeds behind our back.

minute=60

# Announces a step by the numbers of what it shows.
step() { printf '%s\n' "$*"; }

# ---- VMs and their instances

names=()
declare -A guests=() titles=() vbox_instances=() bare_instances=()

# vm INSTANCE GUEST PROPERTY=VALUE...: a VM with that guest, kept by vbox:INSTANCE.  Its own name is the instance's,
# or that of the property name.
vm() {
  declare_vm "$@"
  vbox_instances[$1]=$(instance "$1" "${@:3}")
}

# The same below bare:, a service without any property of VMs.
bare_vm() {
  declare_vm "$@"
  bare_instances[$1]=$(instance "$1" "${@:3}")
}

declare_vm() {
  local entry
  names+=("$1")
  guests[$1]=$2 titles[$1]=$1
  for entry in "${@:3}"; do
    [[ $entry != name=* ]] || titles[$1]=${entry#name=}
  done
}

real() { [[ $driver != simulated ]]; }

# A VBoxSVC that stays: one that comes with a call may go again between two calls.
start_service() {
  local word=''
  real && [[ -x $tools/VBoxSVC ]] || return 0
  mkfifo "$work/ready"
  as_owner "$tools/VBoxSVC" --inherit-startup-pipe 9 9<>"$work/ready" >/dev/null 2>&1 </dev/null &
  read -r -t $minute -n 5 word <>"$work/ready"
  [[ $word == READY ]] || wrong "VBoxSVC should have said that it is ready, it said: $word"
}

# Makes all VMs at once, and a vmkeepd that keeps them.
prepare() {
  local name making=()
  set_up_spy
  vms
  start_service
  for name in "${names[@]}"; do
    create_vm "${titles[$name]}" "${guests[$name]}" >"$work/uuid.$name" &
    making+=($!)
  done
  wait "${making[@]}"
  for name in "${names[@]}"; do
    uuids[$name]=$(<"$work/uuid.$name")
    [[ ${uuids[$name]} ]] || wrong "the VM of $name could not be made"
  done
  # As the shipped manifest sets it, where that is not what a property is by itself.
  manifest site/xvm/vbox "$(vm_group start_aborted_vm=true start_paused_vm=true restart_aborted_vm=true \
    restart_paused_vm=false)" "${vbox_instances[*]}" >"$work/vbox.xml"
  manifest site/xvm/bare '' "${bare_instances[*]-}" >"$work/bare.xml"
  start_daemon
  root=$(sed -n 's/.*tracked by cgroups in //p' "$work/log/vmkeepd.log" | tail -n 1)
  # Who starts when is not asked here: nobody waits for a turn.
  ok "svccfg -s system/svc/restarter addpg pace framework"
  ok "svccfg -s system/svc/restarter setprop pace/start_width = count: 0"
  ok "svccfg -s system/svc/restarter setprop pace/start_stagger = count: 0"
  ok "svccfg import $work/vbox.xml"
  ok "svccfg import $work/bare.xml"
  until_state milestone/network online
}

# Runs steps at once, and tells one after the other what they said.
together() {
  local step failed='' pids=() number=0
  for step; do
    ( "$step" ) >"$work/said.$step" 2>&1 &
    pids+=($!)
  done
  for step; do
    wait "${pids[number++]}" || failed+=" $step"
    cat "$work/said.$step"
  done
  [[ ! $failed ]] || { echo "tests/acceptance: failed:$failed" >&2; exit 1; }
}

# ---- what reached the hypervisor

# In a folder of its own before the hypervisor's: each program notes how and by whom it was called, and becomes the real
# one.  A call that a step wants to be refused is refused with VirtualBox's way of saying so (refuse/UUID/WORD); before a
# VM's process is executed somebody else may act (before/UUID).
set_up_spy() {
  real || return 0
  local programs=$tools program
  [[ $tools != /usr/bin || ! -x /usr/lib/virtualbox/VBoxManage ]] || programs=/usr/lib/virtualbox
  spied=$work/spy
  mkdir -p "$spied/refuse" "$spied/before"
  : >"$spied/calls"
  chmod 666 "$spied/calls"
  [[ ! -x $programs/VBoxSVC ]] || ln -s "$programs/VBoxSVC" "$spied/VBoxSVC"
  for program in VBoxManage VBoxHeadless; do
    cat >"$spied/$program" <<SH
#!/bin/sh
while read -r key value rest; do
  case \$key in
    Uid:) uid=\$value ;;
    Gid:) gid=\$value ;;
    Groups:) groups="\$value \$rest" ;;
  esac
done </proc/self/status
line="$program uid=\$uid gid=\$gid groups=\${groups% } HOME=\$HOME TZ=\${TZ-unset} "
for word; do line="\$line[\$word]"; done
printf '%s\n' "\$line" >>"$spied/calls"
if [ "\${2-}" = controlvm ] && [ -e "$spied/refuse/\$3/\$4" ]; then
  echo "VBoxManage: error: The VM does not do that today" >&2
  exit 1
fi
[ $program = VBoxManage ] || [ ! -x "$spied/before/\$4" ] || "$spied/before/\$4"
exec "$programs/$program" "\$@"
SH
    chmod 755 "$spied/$program"
  done
}

# refuse VM ACTION...: from now on.
refuse() {
  local action refused=''
  for action in "${@:2}"; do
    refused+=${refused:+,}"\"$action\":\"The VM does not do that today\""
    ! real || mkdir -p "$spied/refuse/${uuids[$1]}"
    ! real || : >"$spied/refuse/${uuids[$1]}/$action"
  done
  real || simulate "${titles[$1]}" "\"refuse\":{$refused}"
}

recorded() {
  if real; then cat "$spied/calls"; else cat "$home/actions.log" 2>/dev/null; fi
}

declare -A marked=()

# What is done to this VM from here on counts.
mark() { marked[$1]=$(recorded | wc -l); }

# The actions that were called for, in their order: "savestate launch".  Questions, lists and screenshots are none.
done_to() {
  local uuid=${uuids[$1]} words
  words=$(recorded | tail -n +$((${marked[$1]-0} + 1)) | if real; then
    sed -nE -e "s/^VBoxManage .*\[controlvm\]\[$uuid\]\[([a-z]+)\].*/\1/p" \
      -e "s/^VBoxHeadless .*\[--startvm\]\[$uuid\].*/launch/p" \
      -e "s/^VBoxManage .*\[snapshot\]\[$uuid\]\[take\].*/snapshot/p" \
      -e "s/^VBoxManage .*\[startvm\]\[$uuid\]\[--type\]\[emergencystop\].*/emergencystop/p"
  else
    sed -nE "/\"uuid\":\"$uuid\"/s/.*\"action\":\"([a-z_]+)\".*/\1/p"
  fi | grep -v '^screenshot')
  echo ${words//$'\n'/ }
}

did() {
  [[ $(done_to "$1") == "$2" ]] || wrong "$1's VM should have been told: ${2:-nothing}; it was told: $(done_to "$1")"
}

until_did() { until_true $minute "$1 should have been told: $2" "[[ \$(done_to $1) == '$2' ]]"; }

# ---- behind our back, as its owner might

# Not the recorder in its last moment before it becomes the VM's process.  Once found it is known: the process table is
# long, and this is asked often.
process_of() {
  local pid words=()
  if read -r pid <"$work/process.$1" && mapfile -d '' -t words <"/proc/$pid/cmdline" &&
    [[ ${words[0]-} =~ (VBoxHeadless|vmkeep-simulated-vm)$ && " ${words[*]} " == *" --startvm ${uuids[$1]} "* ]]; then
    echo "$pid"
  elif pid=$(pgrep -o -u "$owner" -f -- "^[^ ]*(VBoxHeadless|vmkeep-simulated-vm) .*--startvm ${uuids[$1]}"); then
    echo "$pid" | tee "$work/process.$1"
  else
    return 1
  fi
} 2>/dev/null

by_hand() {
  local said
  case $driver in
    simulated) as_owner "$work/bin/vmkeep-simulated-vm" --home "$home" --say "$2" "${uuids[$1]}" ;;
    *)
      said=$(manage controlvm "${uuids[$1]}" "$2")
      ! grep -q 'VBoxManage: error' <<<"$said"
      ;;
  esac || wrong "$2 of $1's VM by hand failed: ${said-}"
}

# What VirtualBox has written down, which costs no call and locks nothing: the VM's log while there is a process, its
# settings after that.  A question of ours would meet those of the guard (the VM is locked by each), and one that meets
# the end of a session may end VBoxSVC (virtualbox/driver_look.cpp).
state_of_vm() {
  local folder=$home/vms/${titles[$1]} state=poweroff
  if ! real || [[ ! -f $folder/${titles[$1]}.vbox ]]; then
    vm_state "${titles[$1]}"
  elif process_of "$1" >/dev/null; then
    sed -n "s/^[0-9:.]* Console: Machine state changed to '\(.*\)'.*/\1/p" "$folder/Logs/VBox.log" 2>/dev/null |
      tail -n 1 | sed 's/Stuck/gurumeditation/; s/.*/\L&/'
  else
    ! grep -q ' stateFile="' "$folder/${titles[$1]}.vbox" || state=saved
    ! grep -q ' aborted="true"' "$folder/${titles[$1]}.vbox" || state=aborted${state/poweroff/}
    echo "${state/dsaved/d-saved}"
  fi
}

# Its state stands in $out, for who says that this is wrong.
is_vm() {
  out=$(state_of_vm "$1")
  [[ $out == "$2" ]]
}

until_vm() {
  local out
  until_true $minute "$1's VM should be $2" "is_vm $1 $2"
}

run_by_hand() {
  start_by_hand "$1" >/dev/null 2>&1 || wrong "$1's VM could not be started by hand"
  real || until_true $minute "$1's VM should run" "[[ \$(state_of_vm $1) == running ]]"
}

# The VM's process goes without a word.
kill_vm() {
  local pid
  pid=$(process_of "$1") || wrong "$1's VM has no process"
  kill -9 "$pid"
  until_true $minute "$1's VM should have no process" "[[ \$(process_of $1) != $pid ]]"
}

# Into a state in which a start may find it.
bring_to() {
  case $2 in
    poweroff) return ;;
    aborted-saved) bring_to_aborted_saved "$1" ;;
    *) run_by_hand "$1" ;;
  esac
  case $2 in
    saved) by_hand "$1" savestate ;;
    paused) by_hand "$1" pause ;;
    aborted) kill_vm "$1" ;;
  esac
  until_vm "$1" "$2"
}

# Killed while it is being restored.  That takes a real VM some tenths of a second: it may need more than one try.
bring_to_aborted_saved() {
  local deadline=$((SECONDS + 3 * minute)) folder pid
  if ! real; then
    bring_to "$1" saved
    as_owner "$work/bin/vmkeep-simulated-vm" --home "$home" --state "${titles[$1]}" --set aborted-saved
    return
  fi
  folder=$(dirname "$(serial_of "$1")")/Logs
  while ((SECONDS < deadline)); do
    if [[ $(vm_state "${titles[$1]}") != saved ]]; then
      [[ $(vm_state "${titles[$1]}") == running ]] || run_by_hand "$1"
      by_hand "$1" savestate
      until_vm "$1" saved
    fi
    rm -f "$folder/VBox.log"
    as_owner VBoxManage startvm "${uuids[$1]}" --type headless >/dev/null 2>&1 &
    # In slices: it gets no further than to where we look next, however busy the host is.
    until grep -q "to 'LOADING'" "$folder/VBox.log" 2>/dev/null || ((SECONDS >= deadline)); do
      if pid=$(process_of "$1"); then
        kill -CONT "$pid"
        sleep 0.005
        kill -STOP "$pid"
      fi
    done 2>/dev/null
    pid=$(process_of "$1") && kill -9 "$pid"
    wait $!
    [[ $(vm_state "${titles[$1]}") != aborted-saved ]] || return 0
  done
  wrong "$1's VM was never caught while it was being restored"
}

# The guest says on its serial port that it listens; once a boot.
serial_of() {
  case $driver in
    lab) echo "$home/vms/$1/$1.serial" ;;
    *) echo "$home/$1.serial" ;;
  esac
}

# until_booted VM R...: an R for each boot.
until_booted() {
  ! real || until_true $minute "the guest of $1 should have said $2" "grep -qs '^$2' \"\$(serial_of $1)\""
}

until_ready() {
  until_booted "$1" R
  ! real || rm -f "$(serial_of "$1")"
}

# At its next boot the VM has another guest.
guest_becomes() {
  if real; then
    local floppy=$home/vms/$1/$1.img
    [[ $driver == lab ]] || floppy=$work/home/vm-$1.img
    cat "$(image_of "$2")" >"$floppy"
  else
    simulated_guest "${titles[$1]}" "$2"
  fi
}

# ---- what is told

log_of() { cat "$work"/log/site-xvm-*:"$1".log; }

# until_log VM REGEX
until_log() { until_true $minute "the log of $1 should say: $2" "log_of $1 | grep -qE -- \"$2\""; }

lines_of() { log_of "$1" | grep -cE -- "$2"; }

# enable INSTANCE...: and it must come up.
enable() { ok "svcadm enable -s $*"; }

disable() { ok "svcadm disable -s $*"; }

# up INSTANCE: online, and what was done to it is forgotten.
up() { enable "vbox:$1" && mark "$1"; }

# exits CODE COMMAND...
exits() {
  cmd "${*:2}"
  ((rc == $1)) || wrong "exit status $rc, not $1: ${*:2}"
}

in_contract() { [[ $(vm_pid "$1") == "$2" ]] || wrong "$1 should have process $2 in its contract, it has $(vm_pid "$1")"; }
