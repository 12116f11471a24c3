# What is seen of a VM that was not as it should be: it comes back, it is left as it is, or its instance goes.

# comes_back INSTANCE PID: online with another process.
comes_back() { until_true $minute "$1 should run anew" "runs_anew vbox:$1 $2"; }

# off_by_hand INSTANCE ACTION: the VM's process is gone then.
off_by_hand() {
  local pid
  pid=$(process_of "$1")
  by_hand "$1" "$2"
  until_true $minute "the process of $1 should be gone" "! kill -0 $pid 2>/dev/null"
}

declare -A lines=()

# What the log has of this before counts no more.
note_lines() { lines[$1]=$(lines_of "$1" "$2"); }

# stays INSTANCE LINE STATE: the line is once more in its log, the service is online, and the VM was told nothing.
stays() {
  until_true $minute "the log of $1 should say once more: $2" "((\$(lines_of $1 '$2') > ${lines[$1]-0}))"
  [[ $(state_of "vbox:$1") == online ]] || wrong "$1 should be online, it is $(state_of "vbox:$1")"
  did "$1" ''
  is_vm "$1" "$3" || wrong "$1 should be left $3"
  (($(lines_of "$1" "$2") == ${lines[$1]-0} + 1)) || wrong "$1 should be told of once"
}

# goes_offline INSTANCE: disabled until the next boot, and not for good.
goes_offline() {
  until_state "vbox:$1" disabled $minute
  ok "svcs -l vbox:$1"
  shows 'enabled +false \(temporary\)'
}
