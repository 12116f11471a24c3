# shellcheck shell=bash
# The story, step by step.

readonly SCOPE=vmkeep.slice/vmkeep-vms.scope

state_of() { inside svcs -H -o STATE "$1" 2>/dev/null; }

until_state() {
  until_true "${3-60}" "$1 should be $2" "[[ \$(state_of $1) == '$2' ]]"
}

both_online() {
  until_state vm:vm1 online
  until_state vm:vm2 online
}

# The pids that the host's own namespace knows, of both VMs.
pids() { echo "$(vm_pid vm:vm1) $(vm_pid vm:vm2)"; }

daemon_pid() { inside systemctl show -P MainPID vmkeepd.service; }

install_package() {
  say "== The package is installed, before the host's first boot."
  install -m 644 "$deb" "$work/root/var/tmp/vmkeep.deb"
  out=$(chroot "$work/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    dpkg -i /var/tmp/vmkeep.deb 2>&1) || wrong "dpkg"
}

register() {
  say "== Two VMs, one of which depends on the other and on the host's network filesystems."
  on systemctl is-active vmkeepd.service vmkeep.service multi-user.target
  on systemctl show -P Type vmkeepd.service
  shows '^notify$'
  [[ $driver != simulated ]] || for name in vm1 vm2; do
    as_owner /usr/lib/vmkeep/vmkeep-simulated-vm --create "$name" --home "$home" >/dev/null || wrong "no VM could be made"
  done
  write_manifest "$work/root/var/tmp/boot.xml"
  on svccfg import /var/tmp/boot.xml
  both_online
  on svcs -p vm
  # A question of the guard's that meets ours ends it.
  until_true 10 "the hypervisor should say running" '[[ $(vm_state vm1) == running && $(vm_state vm2) == running ]]'
  on svcs milestone/multi-user network/nfs/client milestone/network filesystem/local
  [[ $(grep -c '^online' <<<"$out") == 4 ]] || wrong "the host's own services should be online"
  lives_in_the_scope
}

# VMs, and VBoxSVC, are no business of the service's.
lives_in_the_scope() {
  local pid
  for pid in $(pids); do
    on cat "/proc/$pid/cgroup"
    shows "^0::/$SCOPE/vmkeep-[0-9a-f]+/contract-[0-9]+$"
  done
  if [[ $driver == lab ]]; then
    on sh -c 'cat /proc/$(pgrep VBoxSVC | head -n 1)/cgroup'
    shows "^0::/$SCOPE/vmkeep-[0-9a-f]+/owner-"
  fi
  on systemctl show -P ControlGroup vmkeepd.service
  on cat "/sys/fs/cgroup$out/cgroup.procs"
  [[ $out == "$(daemon_pid)" ]] || wrong "only vmkeepd should live in the service's cgroup"
  on systemctl show -P Delegate vmkeep-vms.scope
  shows '^yes$'
}

live_targets() {
  say "== Milestones and filesystem services follow systemd's targets."
  local before
  before=$(pids)
  on systemctl stop remote-fs.target
  until_state network/nfs/client offline 20
  on svcs -x network/nfs/client
  shows 'remote-fs.target is inactive'
  on systemctl start remote-fs.target
  until_state network/nfs/client online 20
  [[ $(pids) == "$before" ]] || wrong "the VMs should not have noticed"
}

lose_the_daemon() {
  say "== vmkeepd is restarted, killed, and stops turning: the VMs do not notice."
  local before daemon
  before=$(pids)
  daemon=$(daemon_pid)
  on systemctl restart vmkeepd.service
  both_online
  [[ $(daemon_pid) != "$daemon" && $(pids) == "$before" ]] || wrong "VMs before: $before, now: $(pids)"
  daemon=$(daemon_pid)
  on kill -KILL "$daemon"
  until_true 20 "vmkeepd should come back" '[[ $(daemon_pid) != "$daemon" && $(state_of vm:vm1) == online ]]'
  both_online
  [[ $(pids) == "$before" ]] || wrong "VMs before: $before, now: $(pids)"
  # What keeps the scope alive is replaced, and a stop of the service alone is no shutdown.
  on pkill -KILL -x vmkeep-hold
  until_true 10 "vmkeep-hold should be replaced" 'inside pgrep -x vmkeep-hold >/dev/null'
  on systemctl stop vmkeepd.service
  on systemctl start vmkeepd.service
  both_online
  [[ $(pids) == "$before" ]] || wrong "VMs before: $before, now: $(pids)"
}

upgrade() {
  say "== The package is upgraded under running VMs."
  local before daemon
  before=$(pids)
  daemon=$(daemon_pid)
  on dpkg -i /var/tmp/vmkeep.deb
  until_true 20 "vmkeepd should have been restarted" '[[ $(daemon_pid) != "$daemon" && $(daemon_pid) != 0 ]]'
  both_online
  [[ $(pids) == "$before" ]] || wrong "VMs before: $before, now: $(pids)"
}

reboot_in_order() {
  say "== The host is rebooted: both are saved, the dependent one first, and restored."
  local count1 count2
  count1=$(stops vm1) count2=$(stops vm2)
  power_off
  [[ $(stops vm1) == $((count1 + 1)) && $(stops vm2) == $((count2 + 1)) ]] ||
    wrong "each VM should have been stopped once, and that told in its log"
  boot
  both_online
  out=$(tail -n 12 "$work/disk/upper/var/log/vmkeep/test-vm:vm2.log")
  shows 'the VM is saved; start_saved_vm is true'
  # The targets go first at a shutdown; what they stand for does not.
  out=$(grep 'does not hold' "$work/disk/upper/var/log/vmkeep/vmkeepd.log" | grep -v remote-filesystems)
  [[ ! $out ]] || wrong "no fact should have changed while the host went down"
  # All boots of a namespace have the kernel's one boot id: the journal does not tell them apart.
  out=$(inside journalctl -o cat -u vmkeep.service --no-pager | grep -oE 'test/vm:vm[12] is offline' | tail -n 2)
  local order
  order=$(grep -oE 'vm[12]' <<<"$out" | tr '\n' ' ')
  [[ $order == 'vm2 vm1 ' ]] || wrong "vm2 should be down before vm1, it was: $order"
}

stops() { grep -c 'Method "stop" exited with status 0' "$work/disk/upper/var/log/vmkeep/test-vm:$1.log" || true; }

cut_the_power() {
  say "== The power fails. What was enabled comes up again, and it is known how it went down."
  power_cut
  said_to_be_off vm1
  said_to_be_off vm2
  boot
  both_online
  for name in vm1 vm2; do
    out=$(tail -n 12 "$work/disk/upper/var/log/vmkeep/test-vm:$name.log")
    shows 'aborted \(the host went down under it; the hypervisor only says that it is off\); .*starting it'
  done
  lives_in_the_scope
}

# What VirtualBox has on record of a VM that runs is that it is off.
said_to_be_off() {
  [[ $driver == simulated ]] || return 0
  # There is no /proc in there now, without which a sanitised build reads none of its options.
  mount -t proc proc "$work/root/proc" || wrong "mount"
  chroot --userspec="$owner:$group" "$work/root" /usr/lib/vmkeep/vmkeep-simulated-vm --state "$1" --set poweroff \
    --home "$home" || wrong "$1 could not be put off"
  umount "$work/root/proc"
}

remove_package() {
  say "== The package is removed: that alone stops what it keeps."
  local count
  count=$(stops vm1)
  on dpkg -r vmkeep
  [[ $(stops vm1) == $((count + 1)) ]] || wrong "vm1 should have been stopped"
  ! inside pgrep -f 'VBoxHeadless|vmkeep-simulated-vm|vmkeepd' >/dev/null || wrong "something of vmkeep's still runs"
  on dpkg -P vmkeep
  on sh -c '! ls /var/lib/vmkeep /etc/default/vmkeep 2>/dev/null'
  power_off
}
