# The owner's check of the guest, and what follows from what it says.

# checked VM GUEST PROPERTY=VALUE...: looked at every second, by a check of its own.
checked() {
  vm "$1" "$2" kicker_vmsvccheck_enabled=true "kicker_vmsvccheck_method=$work/home/check-$1" kicker_freq=1 \
    stop_timeout=5 "${@:3}"
}

vms() {
  vm plain acpi
  checked asked acpi 'kicker_vmsvccheck_method_params=one two' kicker_vmsvccheck_startdelay=3600
  checked patient acpi kicker_vmsvccheck_startdelay=3
  checked fails acpi kicker_vmsvccheck_startdelay=0 kicker_vmsvccheck_failures_maxcount=3 \
    kicker_vmsvccheck_failures_timeframe=1200
  checked worse acpi kicker_vmsvccheck_startdelay=0 'kicker_vmsvccheck_exitcode_doreboot=7 8'
  checked worst acpi kicker_vmsvccheck_startdelay=0
  checked endless acpi kicker_vmsvccheck_startdelay=0 kicker_vmsvccheck_timeout=1 \
    kicker_vmsvccheck_failures_maxcount=1 kicker_vmsvccheck_failures_timeframe=1200 \
    kicker_vmsvccheck_reboots_maxcount=1
  bare_vm unbounded acpi kicker_vmsvccheck_enabled=true "kicker_vmsvccheck_method=$work/home/check-unbounded" \
    kicker_freq=1 kicker_vmsvccheck_startdelay=0
}

# write_check VM CODE: the check exits with what its file says, and notes when it ran, as whom, with which words.
write_check() {
  local file=$work/home/check-$1
  cat >"$file" <<END
#!/bin/sh
echo "\$(date +%s%N) \$(id -un) \$*" >>$file.runs
read -r now next <$file.code
[ -z "\$next" ] || echo "\$next" >$file.code
exit "\$now"
END
  chmod 755 "$file"
  says "$1" "$2"
  : >"$file.runs"
  ((EUID != 0)) || chown "$owner" "$file.runs"
}

# says VM CODE [NEXT]: from now on the check exits with CODE; where NEXT is given, once, and then with NEXT.
says() {
  local code=$work/home/check-$1.code
  echo "$2 ${3-}" >"$code.new"
  ((EUID != 0)) || chown "$owner" "$code.new"
  mv "$code.new" "$code"
}

runs_of() { wc -l <"$work/home/check-$1.runs"; }

is_asked_by_hand() {
  step "T12 check: the check is run once with its words, and its exit code is ours; without a check, 0."
  write_check asked 7
  enable vbox:asked
  exits 7 vmkeep check vbox:asked
  out=$(<"$work/home/check-asked.runs")
  shows "^[0-9]+ $owner one two$"
  [[ $(runs_of asked) == 1 ]] || wrong "the check should have run once"
  exits 7 vmkeep vbox.sh -vm asked vmsvccheck
  exits 0 vmkeep check vbox:plain
}

is_patient() {
  local before first
  step "T83 No check before startdelay is over, then one a cycle."
  write_check patient 0
  before=$(now_ns)
  enable vbox:patient
  until_true $minute "the check should run again and again" "(($(printf '$(runs_of patient)') >= 3))"
  first=$(cut -d' ' -f1 <"$work/home/check-patient.runs" | head -n 1)
  (((first - before) / 1000000 >= 3000)) || wrong "the first check came $(milliseconds "$before" "$first") ms after the start"
}

reboots() {
  step "T84 1: three failures are tolerated, the fourth within the window reboots the VM."
  write_check fails 1
  mark fails
  enable vbox:fails
  until_log fails '3 of 3 that are tolerated'
  [[ $(done_to fails) == launch ]] || wrong "three failures should change nothing: $(done_to fails)"
  until_log fails '4 failures in 1200 s .*rebooting the VM'
  says fails 0
  until_true $minute "fails should have been launched again" "[[ \$(done_to fails) == 'launch acpi'*launch ]]"
  until_state vbox:fails online $minute
}

reboots_at_once() {
  step "T84 T21 2, here by the map 8: rebooted at once, and that is no abort."
  write_check worse 0
  mark worse
  enable vbox:worse
  says worse 8 0
  until_log worse 'the check of the guest exited with 8; rebooting the VM'
  until_true $minute "worse should have been launched again" "[[ \$(done_to worse) == 'launch acpi'*launch ]]"
  until_state vbox:worse online $minute
  [[ $(lines_of worse 'aborted') == 0 ]] || wrong "the reboot should not be taken for an abort"
}

gives_up() {
  local pid
  step "T84 3: maintenance, and the VM runs on."
  write_check worst 0
  enable vbox:worst
  mark worst
  pid=$(process_of worst)
  says worst 3
  until_state vbox:worst maintenance $minute
  did worst ''
  [[ $(process_of worst) == "$pid" ]] || wrong "worst should run on"
}

never_reboots() {
  step "T85 Without a window failures never lead anywhere."
  write_check unbounded 1
  mark unbounded
  enable bare:unbounded
  until_true $minute "the check should fail again and again" "(($(printf '$(runs_of unbounded)') >= 6))"
  did unbounded launch
  [[ $(state_of bare:unbounded) == online ]] || wrong "unbounded should be online"
}

never_ends() {
  local file=$work/home/check-endless child
  step "T86 A check without an end is killed with all that it started, and counts as 1; reboots are capped."
  cat >"$file" <<SH
#!/bin/sh
sleep 100000 &
echo \$! >>$file.runs
wait
SH
  chmod 755 "$file"
  : >"$file.runs"
  ((EUID != 0)) || chown "$owner" "$file.runs"
  mark endless
  enable vbox:endless
  until_log endless 'ran longer than 1 s and was killed'
  until_state vbox:endless maintenance 120
  until_log endless 'rebooted 1 times in 1200 s already'
  out=$(done_to endless)
  shows '^launch acpipowerbutton( poweroff)? launch$'
  while read -r child; do
    until_true $minute "process $child of the check should be gone" "! grep -qs '^sleep' /proc/$child/cmdline"
  done <"$file.runs"
}

steps() {
  together is_asked_by_hand is_patient reboots reboots_at_once gives_up never_reboots never_ends
}
