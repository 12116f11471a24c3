# Where a person meets a VM: a window, in whose place a VM's process without one stands here, and the serial console.

vms() {
  write_front_end
  vm window acpi kicker_freq=1
  vm signalled acpi
  vm closed acpi kicker_freq=1
  vm one-port acpi
  vm two-ports acpi
  vm no-port acpi
}

# Takes the VM as a window does, outside of every contract, once nothing bids it wait.
write_front_end() {
  front_end=$work/window
  local take="exec $work/bin/vmkeep-simulated-vm --home $home --startvm \"\$4\" --front-end"
  # As it stands in VirtualBox's own: comment, name, startvm, UUID; a stand-in has no use for further words.  It comes
  # back where a person would, whose window says that something still holds the VM: a question of ours will do.
  ! real || take="while ! $tools/VBoxHeadless \"\$1\" \"\$2\" \"\$3\" \"\$4\" 2>\"$work/home/said-\$2\"; do
  grep -q locked \"$work/home/said-\$2\" || exit 1
  echo \"\$2\" >>\"$work/home/met-a-lock\"
  sleep 0.3
done"
  cat >"$front_end" <<SH
#!/bin/sh
echo "\$(id -un) \$DISPLAY \$*" >>"$work/home/windows"
while [ -e "$work/home/wait-\$2" ]; do sleep 0.05; done
$take
SH
  chmod 755 "$front_end"
}

# gui VM WORD...: what `vmkeep gui` does from a terminal; its output goes to a file.
gui() { DISPLAY=:7 vmkeep gui "${@:2}" "vbox:$1" >"$work/gui.$1" 2>&1 </dev/null; }

until_window() { until_true $minute "the window of $1 should have its VM" "process_of $1"; }

hands_over() {
  local headless
  step "T89 Without a display: 2, and nobody is told anything."
  enable vbox:window
  headless=$(process_of window)
  mark window
  exits 2 env -u DISPLAY vmkeep gui vbox:window
  exits 2 env -u DISPLAY vmkeep vbox.sh -vm window startgui
  did window ''
  step "T89 With one: saved, then shown as its owner, with the window's own words."
  : >"$work/home/wait-window"
  gui window --fullscreen || { out=$(<"$work/gui.window"); wrong "there should be a window"; }
  until_true $minute "the window should have been opened" "grep -q ' window --startvm' $work/home/windows"
  out=$(grep " window --startvm" "$work/home/windows")
  shows "^$owner :7 --comment window --startvm ${uuids[window]} --fullscreen$"
  ! kill -0 "$headless" 2>/dev/null || wrong "the VM without a window should be gone"
  step "T90 While the window comes up nobody else starts the VM."
  until_log window 'is handed to .* for a window'
  did window savestate
  cmd "vmkeep status vbox:window"
  shows 'Handed over +to a window of '
  [[ $(state_of vbox:window) == online ]] || wrong "window should be online"
  rm "$work/home/wait-window"
  until_window window
  until_log window 'runs in a window of'
  ! grep -qx window "$work/home/met-a-lock" 2>/dev/null || wrong "nobody should have held the VM when its window came"
  step "T69 T93 Saved in the window, it runs without one again, once."
  until_vm window running
  # By the window itself, as its user would: a call from outside could meet a look of the monitor's.
  kill -TERM "$(process_of window)"
  until_true $minute "window should run in its contract" "runs_anew vbox:window $headless"
  out=$(done_to window)
  shows '^savestate (front_end )?launch$'
  cmd "vmkeep status vbox:window"
  hides 'Handed over'
}

obeys_signals() {
  local client code=0
  step "T91 T92 In the foreground a signal stops the VM once, by the method that was asked for."
  enable vbox:signalled
  mark signalled
  DISPLAY=:7 vmkeep vbox.sh -vm signalled startgui -stop_method=poweroff -fg >"$work/gui.signalled" 2>&1 </dev/null &
  client=$!
  until_true $minute "signalled should be saved for its window" "[[ \$(done_to signalled) == savestate* ]]"
  until_true $minute "the window should be told of" "grep -q 'in a window' $work/gui.signalled"
  until_window signalled
  until_vm signalled running
  kill -TERM "$client"
  wait "$client" || code=$?
  out=$(<"$work/gui.signalled")
  ((code == 0)) || wrong "startgui -fg exited with $code"
  out=$(done_to signalled)
  shows '^savestate (front_end )?poweroff$'
  until_vm signalled poweroff
  [[ $(state_of vbox:signalled) == online ]] || wrong "signalled should be online"
}

closes() {
  local client code=0 window
  step "T91 A window that is closed by its user stops nothing more."
  enable vbox:closed
  mark closed
  gui closed --fg &
  client=$!
  until_true $minute "the window should be told of" "grep -q 'in a window' $work/gui.closed"
  until_window closed
  until_vm closed running
  window=$(process_of closed)
  # As its user would: the session is saved, and the window goes.
  kill -TERM "$window"
  wait "$client" || code=$?
  out=$(<"$work/gui.closed")
  ((code == 0)) || wrong "gui --fg exited with $code"
  until_true $minute "closed should run in its contract" "runs_anew vbox:closed $window"
  out=$(done_to closed)
  shows '^savestate (front_end )?launch$'
}

# ports VM N: serial ports that one can connect to.
ports() {
  local uuid=${uuids[$1]} n
  if ! real; then
    simulate "$1" "\"serial\":$2"
    return
  fi
  manage modifyvm "$uuid" --uart1 off || wrong "modifyvm"
  for ((n = 1; n <= $2; ++n)); do
    manage modifyvm "$uuid" "--uart$n" "$( ((n == 1)) && echo 0x3f8 || echo 0x2f8)" $((5 - n)) \
      "--uart-mode$n" server "$home/$1.port$n" || wrong "modifyvm"
  done
}

talks() {
  local console pid
  export XDG_RUNTIME_DIR=$work/runtime
  mkdir -m 700 "$XDG_RUNTIME_DIR"
  step "T94 One serial port: connected to, and heard."
  ports one-port 1
  enable vbox:one-port
  pid=$(process_of one-port)
  mkfifo "$work/typed"
  vmkeep console vbox:one-port <"$work/typed" >"$work/heard" 2>"$work/console" &
  console=$!
  exec 7>"$work/typed"
  until_true $minute "the console should be connected" "grep -q 'on serial port 1 of' $work/console"
  # The guest says R when it boots; a simulated port says what it hears.
  if real; then ok "vmkeep reset vbox:one-port"; else printf R >&7; fi
  until_true $minute "the VM should say R" "grep -q R $work/heard"
  step "T94 A second one is told who is there; --break ends that one, and not the VM."
  exits 1 "vmkeep console vbox:one-port </dev/null"
  shows "process $console"
  ok "vmkeep console --break vbox:one-port"
  exec 7>&-
  wait "$console"
  [[ $(process_of one-port) == "$pid" ]] || wrong "the VM should run on"
  exits 1 vmkeep console --break vbox:one-port

  step "T94 Two: both are told, and one is to be chosen; none: an error."
  ports two-ports 2
  ports no-port 0
  exits 1 "vmkeep console vbox:two-ports </dev/null"
  shows 'port 1: server'
  shows 'port 2: server'
  exits 1 "vmkeep console vbox:no-port </dev/null"
  shows 'no serial port'
  exits 95 "vmkeep vbox.sh -vm no-port sercon-once </dev/null"
}

steps() {
  together hands_over obeys_signals closes talks
}
