# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # capitals: lab/virtualbox's variables
# Tiny VMs, and the guests in them.

guest() {
    (($# == 1)) || usage "guest NAME"
    [[ " $GUEST_NAMES " == *" $1 "* ]] || usage "no such guest: $1 (there are: $GUEST_NAMES)"
    printf '%s\n' "$GUESTS/$1.img"
}

createvm() {
    (($# >= 2)) || usage "createvm OWNER NAME [--guest GUEST] [--memory MB] [--home DIR] [--ipc ID]"
    local owner=$1 name=$2 image memory=16 home='' environment=() options=()
    shift 2
    image=$(guest acpi)
    while (($#)); do
        (($# >= 2)) || usage "$1 needs a value"
        case $1 in
            --guest) image=$(guest "$2") ;;
            --memory) memory=$2 ;;
            --home) home=$(realpath -m "$2") environment+=(VBOX_USER_HOME="$home") ;;
            --ipc) environment+=(VBOX_IPC_SOCKETID="$2") ;;
            *) usage "createvm: unknown argument: $1" ;;
        esac
        shift 2
    done
    lab_is_up || die $FAILED "the lab is not up"
    # A registry of one's own does not come with a folder for VMs of one's own:
    # without this, equal names in two registries would meet in one folder.
    [[ -z $home ]] || options+=(--basefolder "$home/vms")

    local COMMAND call uuid folder
    command_as "$owner" env "${environment[@]}" VBoxManage
    call=("${COMMAND[@]}")
    by_pattern || call_by_call
    printf '%s\n' "$uuid"
}

# As VirtualBox wrote them of a VM that was made call by call, with what is the VM's own left out: a call for each
# of dozens of VMs instead of four.  Of another VirtualBox or with other settings it is another pattern.
pattern() { echo "$LAB/patterns/$(stat -c %Y-%s "$ROOT/usr/lib/virtualbox/VBoxSVC")-$memory.vbox"; }

by_pattern() {
    local medium pattern
    pattern=$(pattern)
    folder=$home/vms/$name
    [[ $home && -f $pattern && ! -e $folder && $name =~ ^[A-Za-z0-9._-]+$ ]] || return 1
    uuid=$(</proc/sys/kernel/random/uuid)
    medium=$(</proc/sys/kernel/random/uuid)
    command_as "$owner" mkdir -p "$folder"
    "${COMMAND[@]}" && add_floppy || return 1
    command_as "$owner" tee "$folder/$name.vbox"
    sed "s|@UUID@|$uuid|; s|@MEDIUM@|$medium|; s|@NAME@|$name|; s|@FOLDER@|$folder|" "$pattern" |
        "${COMMAND[@]}" >/dev/null &&
        "${call[@]}" registervm "$folder/$name.vbox" >&2
}

keep_pattern() {
    local pattern new medium settings=$folder/$name.vbox
    pattern=$(pattern) new=$pattern.$BASHPID
    [[ $home && ! -f $pattern && $name =~ ^[A-Za-z0-9._-]+$ ]] || return 0
    medium=$(sed -n 's/.*<Image uuid="{\([^}]*\)}" location=.*/\1/p' "$settings")
    [[ $medium ]] || return 0
    mkdir -p "${pattern%/*}"
    sed "s|$uuid|@UUID@|; s|$medium|@MEDIUM@|; s|$folder|@FOLDER@|
        s|name=\"$name\"|name=\"@NAME@\"|; s|\"$name\.img\"|\"@NAME@.img\"|; s|/$name\.serial|/@NAME@.serial|" \
        "$settings" >"$new" && mv "$new" "$pattern"
}

call_by_call() {
    local said
    said=$("${call[@]}" createvm --name "$name" --ostype Other "${options[@]}" --register) ||
        die $FAILED "VirtualBox did not create the VM $name"
    uuid=$(sed -n 's/^UUID: //p' <<<"$said")
    folder=$(sed -n "s/^Settings file: '\(.*\)\/[^/]*'\$/\1/p" <<<"$said")
    [[ $uuid && $folder ]] || die $BROKEN "createvm answered in a way that is new: $said"
    add_floppy || die $FAILED "the guest's image could not be copied to $folder"
    if ! equip; then
        "${call[@]}" unregistervm "$uuid" --delete >/dev/null 2>&1 || true
        die $FAILED "VirtualBox did not take the settings of the VM $name"
    fi
    keep_pattern
}

# VirtualBox locks a medium of a running VM: each has a floppy of its own.
add_floppy() {
    command_as "$owner" cp "$ROOT$image" "$folder/$name.img"
    "${COMMAND[@]}"
}

# No driver: the interpreter. No logo: its delay swallows a press of the power
# button. No network, sound, USB or display server: nothing to wait for.
equip() {
    "${call[@]}" modifyvm "$uuid" --memory "$memory" --vm-execution-engine interpreter --nic1 none \
        --boot1 floppy --boot2 none --boot3 none --boot4 none --bios-boot-menu disabled \
        --bios-logo-display-time 0 --bios-logo-fade-in off --bios-logo-fade-out off \
        --audio-enabled off --uart1 0x3f8 4 --uart-mode1 file "$folder/$name.serial" &&
        "${call[@]}" storagectl "$uuid" --name floppy --add floppy &&
        "${call[@]}" storageattach "$uuid" --storagectl floppy --port 0 --device 0 --type fdd \
            --medium "$folder/$name.img"
}

wait_ready() {
    (($# == 1 || $# == 2)) || usage "wait-ready FILE [SECONDS]"
    local deadline=$((SECONDS + ${2-20}))
    until [[ -s $1 ]]; do
        ((SECONDS < deadline)) || die $FAILED "the guest has not written to $1 in ${2-20} s"
        sleep 0.02
    done
}
