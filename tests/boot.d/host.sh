# shellcheck shell=bash
# A host of our own: a real systemd as PID 1 of namespaces, on an overlay over the cached root.
#
#   $work/disk   what the host writes: survives a power cut, as a disk does
#   /run, /tmp   go with the host
# The processes of the host are children of one `unshare`, whose end (kill -9) is a power cut.

boots=0

host_cgroup() { echo "$(cgroup2_mount)/vmkeep-boot-$$"; }

make_disk() {
  mkdir -p "$work/disk/upper" "$work/disk/work" "$work/root"
  mount -t overlay overlay -o "lowerdir=$CACHE/root,upperdir=$work/disk/upper,workdir=$work/disk/work" "$work/root" ||
    wrong "the overlay could not be mounted"
}

# What runs in the new namespaces up to systemd.  $1 root, $2 the folders to show at the same path, one a line.
read -r -d '' become_a_host <<'INNER'
set -e
root=$1
hostname vmkeep-boot
ip link set lo up
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755,nosuid tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs shm dev/shm
for node in null zero full random urandom tty; do
  touch "dev/$node"
  mount --bind "/dev/$node" "dev/$node"
done
ln -s /proc/self/fd dev/fd
mount -t cgroup2 cgroup2 sys/fs/cgroup
while IFS= read -r folder; do
  [ -n "$folder" ] || continue
  mkdir -p "./$folder"
  mount --rbind "$folder" "./$folder"
done <<<"$2"
if [ -n "$3" ]; then
  # The lab's chroot lives in the host's process table and shares its /tmp.
  umount "./$3/proc" "./$3/tmp" 2>/dev/null || true
  mount --bind proc "./$3/proc"
  mount --bind tmp "./$3/tmp"
fi
mkdir -p mnt
pivot_root . mnt
umount -l /mnt
exec env -i container=vmkeep-boot PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
  /lib/systemd/systemd --system --log-target=journal --show-status=false
INNER

boot() {
  local cgroup
  cgroup=$(host_cgroup)
  ((++boots))
  mkdir -p "$cgroup"
  # Born in the cgroup, which thereby becomes the root of the new cgroup namespace.
  (
    echo "$BASHPID" >"$cgroup/cgroup.procs" || exit 1
    exec unshare --pid --fork --kill-child=SIGKILL --mount --propagation private --uts --ipc --cgroup --net \
      bash -c "$become_a_host" _ "$work/root" "$shown" "$lab_root" </dev/null >>"$work/console.log" 2>&1
  ) &
  unshared=$!
  disown "$unshared"
  until_true 20 "systemd should be PID 1" 'systemd_pid >/dev/null'
  init=$(systemd_pid)
  until_true 60 "the host should be up" '[[ $(inside systemctl is-system-running 2>/dev/null) =~ ^(running|degraded)$ ]]'
}

systemd_pid() {
  local pid
  pid=$(pgrep -P "$unshared" | head -n 1) && [[ $(cat "/proc/$pid/comm" 2>/dev/null) == systemd ]] && echo "$pid"
}

# Runs a command on the host.
inside() {
  nsenter -t "$init" --mount --pid --uts --ipc --cgroup --net \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb HOME=/root "$@" </dev/null
}

gone() { ! kill -0 "$unshared" 2>/dev/null; }

# An orderly end: what `reboot` does, up to the moment at which the machine would start again.
power_off() {
  inside systemctl poweroff --no-block || wrong "systemctl poweroff"
  until_true "${1-60}" "the host should be down" gone
  wait "$unshared" 2>/dev/null
  forget_cgroup
}

# Everything ends at once, in the middle of whatever it does.
power_cut() {
  kill -KILL "$unshared"
  until_true 10 "the host should be gone" gone
  wait "$unshared" 2>/dev/null
  forget_cgroup
}

forget_cgroup() {
  local cgroup deadline=$((SECONDS + 10))
  cgroup=$(host_cgroup)
  [[ -d $cgroup ]] || return 0
  echo 1 >"$cgroup/cgroup.kill" 2>/dev/null
  until find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || ((SECONDS > deadline)); do sleep 0.05; done
}

tear_down() {
  local status=$?
  trap - EXIT
  if ((status != 0 && status != 77)) && [[ ${init-} && -d /proc/${init-} ]]; then
    echo "--- the journal of the host" >&2
    inside journalctl -b --no-pager -n 60 >&2 2>/dev/null
    inside sh -c 'tail -n 30 /var/log/vmkeep/*.log' >&2 2>/dev/null
  fi
  [[ ! ${unshared-} ]] || kill -KILL "$unshared" 2>/dev/null
  [[ ! ${work-} ]] || forget_cgroup
  if [[ -d ${work-} ]]; then
    umount "$work/root" 2>/dev/null || umount -l "$work/root" 2>/dev/null
    rm -rf --one-file-system "$work"
  fi
  [[ ! ${home-} || $driver != lab ]] || rm -rf "$home"
  [[ ! ${ipc-} ]] || rm -rf "/tmp/.vbox-$ipc-ipc"
  exit $status
}
