# shellcheck shell=bash
# The root that is booted: the host's own Debian release with systemd and what vmkeep's package depends on, made
# once by debootstrap and kept outside of the tree.  Nothing ever writes into it: each test lays an overlay over it.

readonly CACHE=${VMKEEP_BOOT:-/var/cache/vmkeep-boot}
# Raise this when a root made by an earlier version of this file will not do.
readonly ROOT_RECIPE=2

root_packages() {
  local packages=(systemd systemd-sysv dbus procps libboost-json1.81.0 libboost-container1.81.0 libfmt9 libxml2 libsqlite3-0 libedit2 libstdc++6
                  libasan8 libubsan1)
  local IFS=,
  echo "${packages[*]}"
}

# Prints why no systemd can be booted here; nothing if one can.
why_no_boot() {
  if ((EUID != 0)); then
    echo "only root can make namespaces, mounts and a root for it"
  elif ! (. /etc/os-release && [[ ${ID-} == debian ]]); then
    echo "the root is made on Debian only: it takes the archive and its keys from the host"
  elif [[ ! $(cgroup2_mount) ]]; then
    echo "no cgroup version 2 is mounted here"
  elif ! command -v debootstrap unshare nsenter >/dev/null; then
    echo "debootstrap, unshare or nsenter is missing (scripts/install-packages test)"
  elif ! grep -qw overlay /proc/filesystems && ! modprobe overlay 2>/dev/null; then
    echo "the kernel has no overlay filesystem"
  fi
}

cgroup2_mount() { awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo; }

# Where the host's own release comes from; apt itself is asked, since it knows both formats of its sources.
own_mirror() {
  local codename
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
    awk -v own="$codename" '$2 == own && $3 == "main" { sub("/$", "", $1); print $1; exit }'
}

make_root() {
  mkdir -p "$CACHE"
  exec {root_lock}>"$CACHE/lock"
  flock -w 600 "$root_lock" || wrong "another test has been making the root for ten minutes"
  if [[ $(cat "$CACHE/root/etc/vmkeep-boot" 2>/dev/null) != "$ROOT_RECIPE" ]]; then
    local proxy=
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    if [[ $proxy && $proxy != DIRECT ]]; then export http_proxy=${http_proxy:-$proxy}; fi
    rm -rf --one-file-system "$CACHE/root" "$CACHE/root.new"
    say "(making a root with systemd, once; details in $CACHE/build.log)"
    debootstrap --variant=minbase --include="$(root_packages)" "$(. /etc/os-release && echo "$VERSION_CODENAME")" \
      "$CACHE/root.new" "$(own_mirror)" >"$CACHE/build.log" 2>&1 || { tail -n 20 "$CACHE/build.log" >&2; wrong "debootstrap failed"; }
    rm -rf "$CACHE/root.new/var/cache/apt/archives"/*.deb "$CACHE/root.new/var/lib/apt/lists"/*
    # What a container has no use for, and what would reach out of it.
    local unit
    for unit in systemd-sysctl.service sys-kernel-debug.mount sys-kernel-tracing.mount systemd-udevd.service \
      systemd-modules-load.service systemd-firstboot.service; do
      ln -sf /dev/null "$CACHE/root.new/etc/systemd/system/$unit"
    done
    : >"$CACHE/root.new/etc/fstab"
    echo "$ROOT_RECIPE" >"$CACHE/root.new/etc/vmkeep-boot"
    mv "$CACHE/root.new" "$CACHE/root"
  fi
  exec {root_lock}>&-
}
