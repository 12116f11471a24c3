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
  mkdir "$work/stand-in"
  for program in "$tools"/*; do ln -s "$program" "$work/stand-in/"; done
  rm "$work/stand-in/VBoxManage"
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
  } >"$work/stand-in/VBoxManage"
  chmod 755 "$work/stand-in/VBoxManage"
  : >"$work/home/rules"
  : >"$work/home/told"
  ((EUID != 0)) || chown "$owner" "$work/home/rules" "$work/home/told"
}

uuid_named() {
  case $1 in
    vm1) echo "$uuid1" ;;
    vm2) echo "$uuid2" ;;
    vm3) echo "$uuid3" ;;
    vm4) echo "$uuid4" ;;
  esac
}

declare -A script=()

# fault VM VERB KIND: from now on.  VERB: look, savestate.
fault() {
  local uuid words
  uuid=$(uuid_named "$1")
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
    script[$1]=$words
    write_script
    return
  fi
  case $2 in
    look) words="*showvminfo $uuid*|$3" ;;
    savestate) words="*controlvm $uuid savestate*|$3" ;;
  esac
  echo "$words" >>"$work/home/rules"
}

heal() {
  if [[ $driver == simulated ]]; then
    unset "script[$1]"
    write_script
  else
    sed -i "/$(uuid_named "$1")/d" "$work/home/rules"
  fi
}

write_script() {
  local vm text=''
  for vm in "${!script[@]}"; do text+="${text:+, }\"$vm\": {${script[$vm]}}"; done
  echo "{\"vms\": {$text}}" >"$work/script.new"
  ((EUID != 0)) || chown "$owner" "$work/script.new"
  mv "$work/script.new" "$home/script.json"
}

# The misbehaviour was really met.
met() {
  [[ $driver != simulated ]] || return 0
  until_true 20 "VBoxManage should have been called for $1, to answer it with: $2" \
    "grep -q '^$2: .*$(uuid_named "$1")' $work/home/told"
}
