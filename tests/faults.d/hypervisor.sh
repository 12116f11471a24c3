# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of tests/story.d
# A hypervisor that misbehaves on demand.
#
# On real VirtualBox a VBoxManage of our own stands before the real one, on the PATH of the methods and of the guard
# only: what the test itself asks goes to the real one.  Its rules are a file of lines PATTERN|FAULT, where PATTERN is
# matched with all its arguments.  On the simulated driver the same is said by its script.

# shellcheck disable=SC2016  # the stand-in's own variables
make_stand_in() {
  [[ $driver != simulated ]] || return 0
  local program
  spied=$work/stand-in
  mkdir "$spied"
  for program in "$tools"/*; do ln -s "$program" "$spied/"; done
  rm "$spied/VBoxManage"
  {
    printf '#!/bin/sh\nreal=%q\nrules=%q\ntold=%q\n' "$tools/VBoxManage" "$work/home/rules" "$work/home/told"
    cat <<'SH'
fault=
while IFS='|' read -r pattern what; do
  case "$*" in $pattern) fault=$what; break ;; esac
done <"$rules"
[ -z "$fault" ] || echo "$fault: $*" >>"$told"
case $fault in
  hang) exec sleep 90 ;;
  late) sleep 3 ;;
  half) "$real" "$@" | sed -n '/^VMState=/{s/^\(VMState="..\).*/\1/p;q};p'; exit 0 ;;
  garbage) head -c 5000 /dev/urandom; exit 0 ;;
  error-0) echo "VBoxManage: error: The operation fell between two stools" >&2; exit 0 ;;
  success-1) "$real" "$@" >/dev/null 2>&1; exit 1 ;;
esac
exec "$real" "$@"
SH
  } >"$spied/VBoxManage"
  chmod 755 "$spied/VBoxManage"
  : >"$work/home/rules"
  : >"$work/home/told"
  ((EUID != 0)) || chown "$owner" "$work/home/rules" "$work/home/told"
}

# fault VM VERB KIND: from now on.  VERB: look, savestate.
fault() {
  local uuid words
  uuid=${uuids["$1"]}
  if [[ $driver == simulated ]]; then
    case $2:$3 in
      look:hang) words='"silent": true' ;;
      look:late) words='"delays": {"look": 3000}' ;;
      look:half) words='"half_looks": 100000' ;;
      look:garbage) words='"say": ""' ;;
      look:poweroff) words='"say": "poweroff"' ;;
      savestate:error-0) words='"lie": {"savestate": "ok"}' ;;
      savestate:success-1) words='"lie": {"savestate": "error"}' ;;
      savestate:late) words='"delays": {"savestate": 3000}' ;;
      savestate:full) words='"full_disk": true' ;;
      *) wrong "no such fault: $*" ;;
    esac
    simulate "$1" "$words"
    return
  fi
  case $2 in
    look) words="*showvminfo $uuid*|$3" ;;
    savestate) words="*controlvm $uuid savestate*|$3" ;;
  esac
  echo "$words" >>"$work/home/rules"
}

heal() {
  case $driver in
    simulated) simulate "$1" ;;
    *) sed -i "/${uuids["$1"]}/d" "$work/home/rules" ;;
  esac
}

# The misbehaviour was really met.
met() {
  [[ $driver != simulated ]] || return 0
  until_true 20 "VBoxManage should have been called for $1, to answer it with: $2" \
    "grep -q '^$2: .*${uuids["$1"]}' $work/home/told"
}
