# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # capitals: lab/virtualbox's variables
# What the chroot shows of the host. Everything appears at the path it has on the
# host, so that a path means the same on both sides.
#
# Every mount is made private: where the host's root is shared (systemd does
# that), undoing a mount in the lab would else undo things on the host.

is_mounted() { mountpoint -q "$1"; }

# Is DIR of the host the folder that the chroot shows at that path?
is_shared() { [[ $1 -ef $ROOT$1 ]]; }

bind() {
    mkdir -p "$ROOT$1"
    if ! mount --bind "$1" "$ROOT$1" || ! mount --make-private "$ROOT$1"; then
        die $BROKEN "cannot show $1 in the chroot"
    fi
}

make_mounts() {
    local dir
    # 0711: an owner needs to pass, not to see who else there is.
    [[ -d $LAB/home ]] || install -d -m 0711 "$LAB/home"
    for dir in /proc /tmp "$LAB/home"; do
        is_shared "$dir" && continue
        # A mount of something else, say of a /tmp that was replaced since.
        if is_mounted "$ROOT$dir"; then undo_mounts "$ROOT$dir"; fi
        bind "$dir"
        say "mounted $dir"
    done
}

# Prints the mount points at or below DIR, the latest first: the order in which
# they can be undone. The kernel writes blanks and such as \040.
mounts_below() {
    local point
    while read -r _ _ _ _ point _; do
        printf -v point '%b' "$point"
        case $point in
            "$1" | "$1"/*) printf '%s\0' "$point" ;;
        esac
    done < <(tac /proc/self/mountinfo)
}

undo_mounts() {
    local point
    while IFS= read -r -d '' point; do
        # A process of the host may stand in there. Detached, the tree is out
        # of our reach, which is what matters before anything is removed.
        umount "$point" 2>/dev/null || umount --lazy "$point" || die $BROKEN "cannot unmount $point"
        say "unmounted $point"
    done < <(mounts_below "$1")
}

# The one place that removes trees: never across a mount.
remove_tree() {
    undo_mounts "$1"
    local left
    left=$(mounts_below "$1" | tr '\0' ' ')
    [[ -z $left ]] || die $BROKEN "not removing $1, it still has mounts: $left"
    rm -rf --one-file-system "$1" || die $BROKEN "cannot remove $1"
}

# Sets DIR from an argument of share and unshare.
shared_dir_argument() {
    (($# == 1)) || usage "share and unshare take one folder"
    must_be_root
    DIR=$(realpath -m "$1")
    case $DIR in
        / | "$LAB" | "$LAB"/*) usage "$DIR cannot be shared with the lab" ;;
    esac
}

share() {
    local DIR
    shared_dir_argument "$@"
    [[ -d $DIR ]] || die $FAILED "no such folder: $DIR"
    lab_is_up || die $FAILED "the lab is not up"
    lock
    is_shared "$DIR" && return
    # Nothing of the chroot's own may disappear below a share.
    if [[ -d $ROOT$DIR ]] && ! is_mounted "$ROOT$DIR" && [[ -n $(ls -A "$ROOT$DIR") ]]; then
        die $FAILED "$DIR cannot be shared: the lab has files of its own there"
    fi
    bind "$DIR"
}

unshare_dir() {
    local DIR
    shared_dir_argument "$@"
    lock
    # What only shows through another share or through /tmp has no mount of its own.
    is_mounted "$ROOT$DIR" || return 0
    case $DIR in
        /tmp | /proc) usage "$DIR belongs to the lab itself" ;;
    esac
    undo_mounts "$ROOT$DIR" >/dev/null
    rmdir --ignore-fail-on-non-empty "$ROOT$DIR"
}
