# A start of a VM with a user in front of it (is_interactive): his, unless somebody says otherwise.

vms() {
  vm desk acpi is_interactive=true
  for state in poweroff saved paused aborted; do
    vm "desk-$state" acpi is_interactive=true
    vm "auto-$state" acpi is_interactive=true start_halted_vm=true start_saved_vm=true start_paused_vm=true \
      start_aborted_vm=true
  done
  vm forced acpi start_halted_vm=false is_interactive=true
}

# enable_each PREFIX: its VMs are brought into their states and enabled; what is done to them after that counts.
enable_each() {
  local state
  for state in poweroff saved paused aborted; do
    bring_to "$1-$state" "$state"
    mark "$1-$state"
  done
  enable "vbox:$1-poweroff" "vbox:$1-saved" "vbox:$1-paused" "vbox:$1-aborted"
}

leaves_a_desk() {
  local pid state
  step "T33 An interactive VM that runs is its user's."
  run_by_hand desk
  pid=$(process_of desk)
  mark desk
  enable vbox:desk
  did desk ''
  [[ $(process_of desk) == "$pid" ]] || wrong "desk should run as it did"
  step "T34 So is one that is off, saved, paused, aborted (what the service says of aborted ones is not for it)."
  enable_each desk
  for state in poweroff saved paused aborted; do
    did "desk-$state" ''
    is_vm "desk-$state" "$state" || wrong "desk-$state should be left $state"
  done
}

starts_a_desk() {
  step "T35 Unless its own instance says that it is to be started."
  enable_each auto
  did auto-poweroff launch
  did auto-saved launch
  did auto-paused resume
  did auto-aborted launch
}

forces() {
  step "T37 A forced start starts it, whatever the properties say."
  mark forced
  enable vbox:forced
  did forced ''
  ok "vmkeep start --force vbox:forced"
  did forced launch
  until_vm forced running
  [[ $(state_of vbox:forced) == online ]] || wrong "forced should be online"
}

steps() {
  together leaves_a_desk starts_a_desk forces
}
