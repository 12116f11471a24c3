# What bench/measure and bench/scale read off: times, processes, memory.

# More aborts than there will be, because killing is what is measured; without a limit there would be pauses between restarts (T65).
many_aborts=(restart_aborted_vm_failures_maxcount=1000 restart_aborted_vm_failures_timeframe=1200)

# median and worst of a column of numbers
spread() { sort -n | awk '{v[NR]=$1} END {if (NR) printf "%s | %s", v[int((NR+1)/2)], v[NR]; else printf "- | -"}'; }

ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
pss() { awk '/^Pss:/ {print $2}' "/proc/$1/smaps_rollup"; }
# Microseconds of CPU that a cgroup takes in half a second.
half_second_of() {
  local usage before after
  read -r usage before <"$1/cpu.stat"
  timeout 0.5 tail -f /dev/null
  read -r usage after <"$1/cpu.stat"
  : "$usage"
  echo $((after - before))
}
guard_pid() { pgrep -P "$daemon" -f vmkeep-guard; }

# Wall clock in microseconds, without a process of its own.
now_us() { local t=$EPOCHREALTIME; echo "${t/[.,]/}"; }

# until_slowly SECONDS WHAT COMMAND...: asks again every half second, so that asking costs little of what is measured.
until_slowly() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until eval "$*"; do
    ((SECONDS < deadline)) || { out=$(svcs -xv 2>&1 | tail -n 40); wrong "timed out: $what"; }
    sleep 0.5
  done
}

# until_since VM MICROSECONDS: until the VM has begun to run again after that moment.  One property is read, five times a
# second: whoever asks for more delays what is measured.
until_since() {
  local deadline=$((SECONDS + 300)) again
  until again=$(stamp "$1" running_again) && [[ $again ]] && ((again / 1000 > $2)); do
    ((SECONDS < deadline)) || { out=$(svcs -xv "$1" 2>&1); wrong "timed out: $1 should run again"; }
    sleep 0.2
  done
}

# death_row VM MICROSECONDS: ms from the kill to seen, from seen to the restart, from the kill to running again.
death_row() {
  awk -v a="$2" -v s="$(stamp "$1" process_ended)" -v r="$(stamp "$1" restart_issued)" -v o="$(stamp "$1" running_again)" \
    'BEGIN {printf "%.1f %.1f %.1f\n", s/1e6 - a/1e3, (r-s)/1e6, o/1e6 - a/1e3}'
}

# Processes (a thread is none) born to a set of pids within $seconds: strace counts them, whatever else the machine does.
creations() {
  local pids=() pid
  command -v strace >/dev/null || { echo -; return; }
  for pid in "$@"; do pids+=(-p "$pid"); done
  timeout "$seconds" strace -f -qq -e trace=clone,clone3,fork,vfork -o "$work/strace" "${pids[@]}" 2>/dev/null
  grep -vE 'CLONE_THREAD|parent_tid=' "$work/strace" | grep -cE '(clone3?|v?fork)\(.*= [0-9]+$|resumed.*= [0-9]+$'
}
