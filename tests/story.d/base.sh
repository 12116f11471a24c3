# Telling, asking, waiting.

failures=0

say() { [[ ! $show ]] || printf '\n%s\n' "$*"; }

wrong() {
  printf 'tests/%s: %s\n' "${0##*/}" "$*" >&2
  [[ ! ${out-} ]] || printf '%s\n' "$out" | sed 's/^/    | /' >&2
  ((++failures))
  if [[ -d ${work-} && ! $show ]]; then
    tail -n 20 "$work"/log/*.log >&2
  fi
  exit 1
}

# Runs a command as a person would: prints it, prints what it says; $out and $rc keep both.
cmd() {
  [[ ! $show ]] || printf '$ %s\n' "$*"
  rc=0
  out=$(eval "$*" 2>&1) || rc=$?
  [[ ! $show || -z $out ]] || printf '%s\n' "$out"
}

# cmd, and it must succeed.
ok() {
  cmd "$@"
  ((rc == 0)) || wrong "exit status $rc: $*"
}

# The last output must (not) match an extended regular expression.
shows() { grep -qE -- "$1" <<<"$out" || wrong "the last command should have shown: $1"; }
hides() { ! grep -qE -- "$1" <<<"$out" || wrong "the last command should not have shown: $1"; }

state_of() { svcs -H -o STATE "$1" 2>/dev/null; }

# until_true SECONDS WHAT COMMAND...: asks again until it holds; at first often, then less and less, since many ask at
# once and those who are waited for need the processors.  A nap is a read that nobody answers: no process.
exec {nobody}<> <(:)
until_true() {
  local deadline=$((SECONDS + $1)) what=$2 pause=20 nap
  shift 2
  until eval "$*"; do
    ((SECONDS < deadline)) || { out=$(svcs -xv 2>&1); wrong "timed out: $what"; }
    printf -v nap '0.%03d' $pause
    read -r -t "$nap" -u "$nobody"
    ((pause >= 600)) || ((pause = pause * 2))
  done
}

until_state() { until_true "${3-30}" "$1 should be $2" "[[ \$(state_of $1) == '$2' ]]"; }

now_ns() { date +%s%N; }

# A property of type time, in nanoseconds.
stamp() { svcprop -p "vm_monitor/$2" "$1" 2>/dev/null | tr -d .; }

milliseconds() { echo $((($2 - $1) / 1000000)); }

vm_pid() { svcs -Hp "$1" 2>/dev/null | awk '/VBoxHeadless|vmkeep-simulate/ {print $2; exit}'; }

# Online with another process than before.  The pid is read once: between two readings it may go.
runs_anew() {
  local pid
  pid=$(vm_pid "$1")
  [[ $pid && $pid != "$2" && $(state_of "$1") == online ]]
}
