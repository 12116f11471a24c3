# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154,SC2153  # capitals: lab/virtualbox's variables
# Messages, the lock, and what can be said about the lab before touching it.

say() { printf 'lab: %s\n' "$*"; }

die() {
    local status=$1
    shift
    printf 'lab: %s\n' "$*" >&2
    exit "$status"
}

usage() { die $USAGE "$* (see --help)"; }

must_be_root() {
    ((EUID == 0)) || die $NOT_HERE "only root can do this: chroot and mounts need it"
}

# Prints why the lab cannot be made on this host; nothing if it can.
why_impossible() {
    local tool
    if ((EUID != 0)); then
        echo "the lab is not up, and only root can make it"
    elif ! [[ -r /etc/os-release ]] || ! (. /etc/os-release && [[ ${ID-} == debian ]]); then
        echo "the lab is made on Debian only: it takes the archive and its keys from the host"
    elif [[ $(dpkg --print-architecture) != amd64 ]]; then
        echo "VirtualBox exists for amd64 only"
    else
        for tool in debootstrap gcc as ld; do
            command -v "$tool" apt-get >/dev/null && continue
            echo "$tool is missing and there is no apt-get to install it"
            return
        done
    fi
}

must_be_possible() {
    local reason
    reason=$(why_impossible)
    [[ -z $reason ]] || die $NOT_HERE "$reason"
}

# The chroot gets its name only when it is complete.
lab_is_made() { [[ -d $ROOT && $(cat "$ROOT/etc/vmkeep-lab" 2>/dev/null) == "$RECIPE" ]]; }

lab_is_up() {
    lab_is_made && programs_are_made && is_shared /proc && is_shared /tmp && is_shared "$LAB/home"
}

# One change at a time. `down --all` removes the file of the lock while others
# may wait for it: whoever gets a lock on a removed file tries again.
lock() {
    while :; do
        mkdir -p "$LAB"
        exec {LOCK}>"$LAB/lock"
        if ! flock -n "$LOCK"; then
            say "waiting for another change of the lab to end"
            flock -w 1200 "$LOCK" || die $FAILED "another change of the lab has not ended in 20 minutes"
        fi
        [[ $LAB/lock -ef /proc/self/fd/$LOCK ]] && return
        exec {LOCK}>&-
    done
}

# VirtualBox's daemon keeps every descriptor that it inherits, and would keep
# the lock: what may start it is called through this.
unlocked() {
    if [[ ${LOCK-} ]]; then "$@" {LOCK}>&-; else "$@"; fi
}

# Prints the processes that live in the chroot, or in one being built.
lab_processes() {
    local proc root
    while read -r proc root; do
        case $root in
            "$ROOT" | "$ROOT".*) echo "${proc##*/}" ;;
        esac
    done < <(find /proc -mindepth 2 -maxdepth 2 -path '/proc/[0-9]*/root' -printf '%h %l\n' 2>/dev/null)
}

# Those, and whatever else the users run that the lab created.
end_processes() {
    local signal deadline pids
    for signal in TERM KILL; do
        # A VM saves itself on TERM, which takes most of a second.
        deadline=$((SECONDS + 4))
        mapfile -t pids < <(lab_processes; owner_processes)
        ((${#pids[@]})) || return 0
        say "ending ${#pids[@]} processes ($signal)"
        kill -s $signal "${pids[@]}" 2>/dev/null || true
        while ((SECONDS < deadline)); do
            mapfile -t pids < <(lab_processes; owner_processes)
            ((${#pids[@]})) || return 0
            sleep 0.05
        done
    done
    die $BROKEN "these processes of the lab do not end: ${pids[*]}"
}
