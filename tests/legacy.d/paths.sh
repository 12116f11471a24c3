# shellcheck shell=bash
# The compatibility paths, for this test only: a private mount namespace with an overlay on /usr, into which the
# build's own install option puts them.

# Runs the whole test again in the namespace; returns only there.
enter_namespace() {
  [[ ! ${VMKEEP_LEGACY-} ]] || return 0
  ((EUID == 0)) || { echo "tests/legacy: only root can make a private mount namespace" >&2; exit 77; }
  unshare -m true 2>/dev/null || { echo "tests/legacy: no mount namespaces here" >&2; exit 77; }
  VMKEEP_LEGACY=yes exec unshare -m --propagation private "$0" "$@"
}

provide_paths() {
  local layer=$work/paths program
  mkdir "$layer" && mount -t tmpfs -o mode=755 tmpfs "$layer" && mkdir "$layer/upper" "$layer/work" &&
    mount -t overlay overlay -o "lowerdir=/usr,upperdir=$layer/upper,workdir=$layer/work" /usr ||
    wrong "the overlay on /usr could not be mounted"
  for program in vmkeep svcs svcprop svcadm svccfg; do ln -sf "$work/bin/$program" "/usr/bin/$program"; done
  ln -sf "$tools/VBoxManage" /usr/bin/VBoxManage
  out=$(cmake --install "$build" --component compat --prefix /usr 2>&1) ||
    wrong "cmake --install --component compat failed"
  # What is tested is found where scripts look for it.
  PATH=/usr/sbin:/usr/bin
}

remove_paths() {
  umount -l /usr "$work/paths" 2>/dev/null
  tear_down
}
