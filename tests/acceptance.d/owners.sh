# Whose VM it is: who calls the hypervisor for it, and with what its process was born.

odd='My "best" VM $(touch was-here) `id`; & <b>'"'s"

vms() {
  vm odd acpi "name=$odd"
  vm gentle acpi nice=7
  vm normal acpi
  vm zoned acpi timezone=Europe/Moscow
}

nice_of() { ps -o ni= -p "$1" | tr -d ' '; }

environment_of() { tr '\0' '\n' <"/proc/$1/environ"; }

calls_as_owner() {
  local uid gid groups theirs
  step "T97 Every call runs with the owner's uid, gid, groups and HOME, and the VM's name is one word."
  enable vbox:odd
  ok "vmkeep status vbox:odd"
  shows 'best'
  ok "vmkeep save vbox:odd"
  ok "vmkeep start vbox:odd"
  did odd "launch savestate launch"
  disable vbox:odd
  [[ ! -e /was-here && ! -e $home/was-here && ! -e $work/home/was-here ]] || wrong "somebody let a shell read the name"
  uid=$(id -u "$owner") gid=$(id -g "$owner") groups=$(id -G "$owner" | tr ' ' '\n' | sort -n | paste -sd ' ')
  theirs=$(getent passwd "$owner" | cut -d: -f6)
  out=$(recorded)
  if real; then
    shows "\[--comment\]\[$(sed 's/[][$()"&;*.]/\\&/g' <<<"$odd")\]\[--startvm\]\[${uuids[odd]}\]"
    out=$(grep -vF "uid=$uid gid=$gid groups=$groups HOME=$theirs " <<<"$out")
  else
    out=$(grep -vE "\"uid\":$uid,\"gid\":$gid,\"groups\":\[${groups// /,}\],\"home\":\"$theirs\"" <<<"$out")
  fi
  [[ ! $out ]] || wrong "these calls were somebody else's"
}

has_its_nice() {
  local own pid
  step "T95 nice: the VM's process has it, all its threads; another VM's has what vmkeepd has."
  enable vbox:gentle vbox:normal
  own=$(nice_of "$daemon")
  pid=$(process_of gentle)
  [[ $(ps -L -o ni= -p "$pid" | sort -u | tr -d ' ') == 7 ]] || wrong "gentle has nice $(nice_of "$pid")"
  [[ $(nice_of "$(process_of normal)") == "$own" ]] || wrong "normal should have nice $own"
  step "T95 What is no number is refused."
  ok "svccfg -s vbox:normal setprop vm/nice = astring: soon"
  exits 96 vmkeep check-config vbox:normal
  shows 'vm/nice is "soon"'
}

has_its_zone() {
  step "T96 timezone: the VM's process sees exactly that TZ; without it, none."
  enable vbox:zoned vbox:normal
  out=$(environment_of "$(process_of zoned)")
  shows '^TZ=Europe/Moscow$'
  out=$(environment_of "$(process_of normal)")
  hides '^TZ='
}

steps() {
  together calls_as_owner has_its_nice
  has_its_zone
}
