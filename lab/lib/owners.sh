# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # capitals: lab/virtualbox's variables
# Who owns VMs in the lab: users of the host, known to the chroot under the same
# name, uid and home.

# The users that the lab created, and so may remove.
created_owners() { [[ ! -f $LAB/owners ]] || cat "$LAB/owners"; }

home_of() { getent passwd "$1" | cut -d: -f6; }

make_owner() {
    local owner=$1 home
    if ! getent passwd "$owner" >/dev/null; then
        # Noted first: better a name too many in the list than a user left behind.
        created_owners | grep -qxF "$owner" || echo "$owner" >>"$LAB/owners"
        useradd --system --user-group --shell /bin/sh --no-create-home \
            --home-dir "$LAB/home/$owner" "$owner" || die $FAILED "cannot create the user $owner"
        say "created the user $owner"
    fi
    home=$(home_of "$owner")
    case $home in
        "$LAB"/home/*)
            # A home from before a reinstallation may belong to a uid of that time.
            if [[ $(stat -c %U "$home" 2>/dev/null) != "$owner" ]]; then
                install -d -m 0755 "$home"
                chown -R "$owner:" "$home"
                say "made $home"
            fi
            ;;
        *)
            [[ -d $home ]] || die $FAILED "$owner has no home ($home)"
            if ! is_shared "$home"; then
                # The lock is ours: share would wait for it.
                bind "$home"
                say "mounted $home"
            fi
            ;;
    esac
}

owner_processes() {
    local owner
    while read -r owner; do
        # A user that is gone has no processes under its name.
        getent passwd "$owner" >/dev/null || continue
        find /proc -maxdepth 1 -regex '/proc/[0-9]+' -user "$owner" -printf '%f\n' 2>/dev/null || true
    done < <(created_owners)
}

remove_owners() {
    local owner
    while read -r owner; do
        if getent passwd "$owner" >/dev/null; then
            # VirtualBox leaves its sockets behind.
            find /tmp -mindepth 1 -maxdepth 1 -type d -name '.vbox-*-ipc' -user "$owner" -exec rm -rf {} +
            # Its group goes with it. Its own complaint about mail is noise.
            userdel "$owner" 2>/dev/null || die $FAILED "cannot remove the user $owner"
            say "removed the user $owner"
        fi
        if [[ -d $LAB/home/$owner ]]; then remove_tree "$LAB/home/$owner"; fi
    done < <(created_owners)
    rm -f "$LAB/owners"
}

# Gives the chroot the users and groups of the host, so that whoever calls has a
# name there; the chroot's own stay unless a name or an id of theirs is taken.
tell_chroot_of_users() {
    local base known
    for base in passwd group; do
        known=$(awk -F: '!($1 in name) && !($3 in id) { print; name[$1]; id[$3] }' \
            <(getent "$base") "$ROOT/etc/$base.debian")
        [[ $known == "$(<"$ROOT/etc/$base")" ]] && continue
        printf '%s\n' "$known" >"$ROOT/etc/$base.new"
        mv -f "$ROOT/etc/$base.new" "$ROOT/etc/$base"
        say "copied the host's /etc/$base"
    done
}

# Sets COMMAND to a vector that executes the rest as OWNER. No step of it forks.
command_as() {
    local owner=$1 home
    shift
    home=$(home_of "$owner") || true
    [[ $home ]] || die $FAILED "no such user: $owner"
    COMMAND=(env -u XDG_CONFIG_HOME -u XDG_RUNTIME_DIR -u VBOX_USER_HOME -u VBOX_IPC_SOCKETID
        HOME="$home" USER="$owner" LOGNAME="$owner" PATH="$HOST:$PATH" "$@")
    if [[ $owner != "$(id -un)" ]]; then
        must_be_root
        COMMAND=(setpriv --reuid "$owner" --regid "$(id -g "$owner")" --init-groups "${COMMAND[@]}")
    fi
}

exec_as() {
    local COMMAND owner=${1-}
    [[ $owner && ${2-} == -- && ${3-} ]] || usage "exec-as OWNER -- COMMAND"
    shift 2
    command_as "$owner" "$@"
    exec "${COMMAND[@]}"
}
