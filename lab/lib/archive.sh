# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # capitals: lab/virtualbox's variables
# From Debian's archive to a chroot that holds VirtualBox.
#
# The chroot is built as root.new and renamed when it is complete, so a build
# that was interrupted is never mistaken for a lab: the next `up` throws it away.

# Raise this when a chroot made by an earlier version of this file will not do.
readonly RECIPE=1

make_chroot() {
    lab_is_made && return
    install_tools
    local new=$ROOT.new log=$LAB/build.log
    if [[ -e $new ]]; then
        remove_tree "$new"
        say "removed a half-built chroot"
    fi
    if [[ -e $ROOT ]]; then
        remove_tree "$ROOT"
        say "removed a chroot of an older recipe"
    fi
    : >"$log"
    use_proxy_of_apt
    find_mirror
    say "making a chroot of Debian sid (details: $log)"
    bootstrap "$new" "$log"
    install_virtualbox "$new" "$log"
    settle "$new"
    mv "$new" "$ROOT"
    say "installed VirtualBox $(virtualbox_version)"
}

# debootstrap brings wget; libc6-dev has the headers that gcc only recommends.
install_tools() {
    local missing=() tool
    for tool in debootstrap gcc binutils libc6-dev; do
        dpkg-query -W -f '${Status}' "$tool" 2>/dev/null | grep -q ' installed$' || missing+=("$tool")
    done
    ((${#missing[@]})) || return 0
    say "installing ${missing[*]}"
    apt-get update -qq >/dev/null || die $NO_ARCHIVE "the archive cannot be reached: apt-get update failed"
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null ||
        die $NO_ARCHIVE "the archive does not give ${missing[*]}"
}

# debootstrap knows nothing of apt's settings, and inside the chroot there are none.
use_proxy_of_apt() {
    local proxy=
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    if [[ $proxy && $proxy != DIRECT && -z ${http_proxy-} ]]; then export http_proxy=$proxy; fi
}

# Sets MIRROR to the place where this host's own release comes from, provided it
# has sid too; empty means debootstrap's own choice. apt itself is asked, since it
# knows both formats of its sources and all their options.
find_mirror() {
    local codename uri asked=
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
    # shellcheck disable=SC2016  # the fields are apt's
    while read -r uri; do
        asked=yes
        MIRROR=${uri%/}
        case $uri in
            http://* | https://*)
                wget -q -T 20 -t 2 -O /dev/null "$MIRROR/dists/sid/InRelease" && return
                ;;
            file:/*) [[ -e ${MIRROR#file:}/dists/sid/InRelease ]] && return ;;
        esac
    done < <(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Identifier: Packages' |
        awk -v own="$codename" '
            $3 == "main" && ($2 == own || $2 ~ /^(sid|unstable|testing|stable)$/) &&
            ($4 == "" || $4 == "Debian") && !seen[$1]++ { print $1 }')
    MIRROR=
    [[ -z $asked ]] || die $NO_ARCHIVE "the archive cannot be reached, or has no sid where this host gets its own release"
}

bootstrap() {
    local new=$1 log=$2 options=(--variant=minbase "--components=main,contrib")
    # Inside, apt needs certificates to go on where debootstrap ended.
    [[ $MIRROR == https:* ]] && options+=(--include=ca-certificates)
    debootstrap "${options[@]}" sid "$new" ${MIRROR:+"$MIRROR"} >>"$log" 2>&1 && return
    # Its words for "the network": everything else is a failure of packages here.
    if grep -qE "Failed getting release|Couldn't download|Invalid Release|Could not (find|resolve)|unable to resolve" "$log"; then
        die $NO_ARCHIVE "the archive cannot be reached, or has no complete sid: $(tail -n 1 "$log")"
    fi
    die $BROKEN "debootstrap failed, see $log: $(tail -n 1 "$log")"
}

inside() {
    local new=$1
    shift
    chroot "$new" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive \
        ${http_proxy:+"http_proxy=$http_proxy"} "$@"
}

install_virtualbox() {
    local new=$1 log=$2 install=(apt-get install -qq -y --no-install-recommends virtualbox)
    # Its scripts would start services and load modules: of the host.
    printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
    chmod 0755 "$new/usr/sbin/policy-rc.d"
    # A half-written chroot is thrown away anyway, so no fsync; nobody reads here.
    cat >"$new/etc/dpkg/dpkg.cfg.d/vmkeep-lab" <<-'EOF'
		force-unsafe-io
		path-exclude /usr/share/doc/*
		path-exclude /usr/share/man/*
		path-exclude /usr/share/locale/*
	EOF
    is_mounted "$new/proc" || { mount --bind /proc "$new/proc" && mount --make-private "$new/proc"; } ||
        die $BROKEN "cannot mount /proc in the chroot"

    # No apt-get update: debootstrap has left the lists that it verified, and apt
    # would refuse an archive whose Release file is a little past its date.
    inside "$new" apt-cache show virtualbox >>"$log" 2>&1 ||
        die $NO_ARCHIVE "Debian's archive has no such package today: virtualbox in sid/contrib"
    inside "$new" "${install[@]}" --simulate >>"$log" 2>&1 ||
        die $NO_ARCHIVE "Debian's archive has a virtualbox that cannot be installed today, see $log"
    inside "$new" "${install[@]}" --download-only >>"$log" 2>&1 ||
        die $NO_ARCHIVE "the archive did not give all of virtualbox, see $log"
    inside "$new" "${install[@]}" >>"$log" 2>&1 ||
        die $BROKEN "virtualbox does not install, see $log: $(tail -n 1 "$log")"
}

windows_are_there() { [[ -e $ROOT/usr/lib/virtualbox/VirtualBoxVM.hardened && -x $ROOT/usr/bin/Xvfb ]]; }

# VirtualBox's own front end and a display for it, in a chroot that is made already.
make_windows() {
    windows_are_there && return
    local log=$LAB/windows.log
    say "installing VirtualBox's windows (details: $log)"
    : >"$log"
    use_proxy_of_apt
    # The lists went when the chroot was finished.  A Release file a little past its date will do, as above.
    inside "$ROOT" apt-get -o Acquire::Check-Valid-Until=false update >>"$log" 2>&1 ||
        die $NO_ARCHIVE "the archive cannot be reached, see $log"
    # The same version as what is there, or VBoxSVC and the window would not know each other.
    inside "$ROOT" apt-get install -qq -y --no-install-recommends "virtualbox-qt=$(virtualbox_version)" xvfb \
        >>"$log" 2>&1 || die $NO_ARCHIVE "virtualbox-qt and xvfb cannot be installed today, see $log"
    inside "$ROOT" dpkg-divert --quiet --rename --divert /usr/lib/virtualbox/VirtualBoxVM.hardened \
        --add /usr/lib/virtualbox/VirtualBoxVM || die $BROKEN "cannot divert VirtualBoxVM"
    rm -rf "$ROOT"/var/cache/apt/archives/*.deb "$ROOT"/var/lib/apt/lists/*
}

settle() {
    local new=$1 base
    # The driverless loader takes this place, also after an upgrade by hand.
    inside "$new" dpkg-divert --quiet --rename --divert /usr/lib/virtualbox/VBoxHeadless.hardened \
        --add /usr/lib/virtualbox/VBoxHeadless || die $BROKEN "cannot divert VBoxHeadless"
    undo_mounts "$new" >/dev/null
    rm -rf "$new"/var/cache/apt/archives/*.deb "$new"/var/lib/apt/lists/*
    # Empty, so that a host's home can be shown there.
    find "$new/root" -mindepth 1 -delete
    for base in passwd group; do cp -p "$new/etc/$base" "$new/etc/$base.debian"; done
    echo "$RECIPE" >"$new/etc/vmkeep-lab"
}

# shellcheck disable=SC2016  # the field is dpkg's
virtualbox_version() { chroot "$ROOT" dpkg-query -W -f '${Version}' virtualbox; }
