# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # capitals: lab/virtualbox's variables
# What the project puts beside Debian's VirtualBox: launchers, loader, guests.

readonly GUEST_NAMES="acpi deaf selfoff triple"
# What a 1.44 MB floppy holds; VirtualBox judges an image by its size.
readonly FLOPPY=1474560

# One line for all that the programs come from: sources, this file, the path
# compiled in, and the chroot they were put in.
sources_stamp() {
    (cd "$HERE" && sha256sum launcher.c vboxheadless_driverless.c guests/*.* lib/programs.sh | sha256sum | cut -d' ' -f1)
    echo "$ROOT"
    stat -c '%d:%i' "$ROOT"
    ! windows_are_there || echo windows
}

programs_are_made() {
    [[ -f $LAB/made && -x $HOST/VBoxSVC && $(<"$LAB/made") == "$(sources_stamp 2>/dev/null)" ]]
}

# Everything is put in place by a rename: VMs of another checkout may run.
make_programs() {
    programs_are_made && return
    install_tools
    local work
    work=$(mktemp -d "$LAB/make.XXXXXX")
    # shellcheck disable=SC2064  # the folder of now is meant
    trap "rm -rf '$work'" EXIT

    compile "$work/launcher" "$HERE/launcher.c" -DLAB_ROOT="\"$ROOT\""
    compile "$work/loader" "$HERE/vboxheadless_driverless.c" -ldl
    local windows=
    if windows_are_there; then
        windows=yes
        compile "$work/window" "$HERE/vboxheadless_driverless.c" -DFRONT_END='"VirtualBoxVM"' -ldl
        put 6755 "$work/window" "$ROOT/usr/lib/virtualbox/VirtualBoxVM"
    fi
    local guest
    for guest in $GUEST_NAMES; do assemble "$work/$guest" "$HERE/guests/$guest.S"; done

    install -d "$HOST" "$ROOT$GUESTS"
    # Setgid too, as Debian's own is.
    put 6755 "$work/loader" "$ROOT/usr/lib/virtualbox/VBoxHeadless"
    put 4755 "$work/launcher" "$HOST/VBoxManage"
    local name
    for name in VBoxHeadless VBoxSVC ${windows:+VirtualBoxVM Xvfb}; do
        ln -f "$HOST/VBoxManage" "$HOST/.new"
        mv -fT "$HOST/.new" "$HOST/$name"
        # mv does nothing where both are one file already.
        rm -f "$HOST/.new"
    done
    for guest in $GUEST_NAMES; do put 0644 "$work/$guest" "$ROOT$GUESTS/$guest.img"; done

    sources_stamp >"$work/made"
    mv -f "$work/made" "$LAB/made"
    rm -rf "$work"
    trap - EXIT
    say "made launchers, loader and guests"
}

compile() {
    local out=$1
    shift
    gcc -std=gnu17 -O2 -Wall -Wextra -Werror -o "$out" "$@" || die $BROKEN "cannot compile ${1##*/}"
}

assemble() {
    if ! as --32 -I "$HERE/guests" -o "$1.o" "$2" ||
        ! ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o "$1" "$1.o"; then
        die $BROKEN "cannot assemble ${2##*/}"
    fi
    [[ $(stat -c %s "$1") == 512 ]] || die $BROKEN "${2##*/} does not make a boot sector of 512 bytes"
    truncate -s $FLOPPY "$1"
}

put() {
    if ! install -m "$1" -o root -g root "$2" "$3.new" || ! mv -fT "$3.new" "$3"; then
        die $BROKEN "cannot write $3"
    fi
}

# Short of starting a VM: the launcher enters, drops, and VirtualBox's libraries
# load, as a user who is nobody special. 50 ms.
check_that_it_works() {
    local answer COMMAND
    command_as nobody VBoxManage --version
    answer=$(cd / && unlocked "${COMMAND[@]}" 2>&1) || die $BROKEN "VBoxManage does not run in the lab: $answer"
    [[ $answer == [0-9]*.[0-9]* ]] || die $BROKEN "VBoxManage says strange things in the lab: $answer"
}
