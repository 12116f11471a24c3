# A manifest of VMs.

# quoted TEXT: as the value of an attribute.
quoted() {
  local text=${1//&/\&amp;}
  text=${text//</\&lt;}
  text=${text//>/\&gt;}
  printf "'%s'" "${text//\'/\&apos;}"
}

# vm_group PROPERTY=VALUE...: the property group vm; the type of each is what its value looks like.
vm_group() {
  local entry type
  (($#)) || return 0
  echo "    <property_group name='vm' type='application'>"
  for entry; do
    case ${entry#*=} in
      true | false) type=boolean ;;
      '' | *[!0-9-]*) type=astring ;;
      *) type=integer ;;
    esac
    echo "      <propval name='${entry%%=*}' type='$type' value=$(quoted "${entry#*=}") />"
  done
  echo "    </property_group>"
}

# instance NAME PROPERTY=VALUE...
instance() {
  local name=$1
  shift
  printf "\n  <instance name='%s' enabled='false'>\n%s\n  </instance>\n" "$name" "$(vm_group "$@")"
}

environment_of_methods() {
  local entry entries=("PATH=${spied:-$tools}:/usr/bin:/bin" "VBOX_USER_HOME=$home" "VBOX_IPC_SOCKETID=$ipc")
  [[ $driver != simulated ]] || entries+=(VMKEEP_DRIVER=simulated "VMKEEP_SIMULATED_HOME=$home")
  [[ ! ${front_end-} ]] || entries+=("VMKEEP_FRONT_END=$front_end")
  for entry in "${entries[@]}"; do
    echo "      <envvar name='${entry%%=*}' value=$(quoted "${entry#*=}") />"
  done
}

# manifest SERVICE GROUPS INSTANCES: a service whose instances are VMs of $owner; the last two are elements.
# Methods call the hypervisor's programs in $spied where that is set, else those in $tools.
manifest() {
  cat <<XML
<?xml version="1.0"?>
<!DOCTYPE service_bundle SYSTEM "/usr/share/lib/xml/dtd/service_bundle.dtd.1">

<service_bundle type='manifest' name='${1##*/}'>

<service name='$1' type='service' version='1'>

  <dependency name='network' grouping='require_all' restart_on='none' type='service'>
    <service_fmri value='svc:/milestone/network:default' />
  </dependency>

  <dependency name='filesystem-local' grouping='require_all' restart_on='none' type='service'>
    <service_fmri value='svc:/system/filesystem/local:default' />
  </dependency>

  <method_context working_directory='/'>
    <method_credential user='$owner' group='$group' />
    <method_environment>
$(environment_of_methods)
    </method_environment>
  </method_context>

  <exec_method type='method' name='start' exec='$work/bin/vmkeep method start' timeout_seconds='60' />
  <exec_method type='method' name='stop' exec='$work/bin/vmkeep method stop' timeout_seconds='60' />

$2
$3
  <stability value='Evolving' />

  <template>
    <common_name>
      <loctext xml:lang='C'>VirtualBox virtual machine</loctext>
    </common_name>
  </template>

</service>

</service_bundle>
XML
}
