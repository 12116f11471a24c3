// All commands with what help says about them.
#include "tools/svccfg/commands.h"

namespace vmkeep::svccfg {
namespace {

using Table = std::vector<Command>;

void add_bundles(Table& table) {
  const Table more = {
      {"validate", "Manifest", "validate [-v] [file | fmri]",
       "Checks a manifest; or an instance, the selected one by itself, against its templates.  Says nothing\n"
       "if it is good.  -v: also what means nothing on this system.",
       run_validate},
      {"import", "Manifest", "import [-Vpn] {file | directory}",
       "Brings the services of a manifest, or of every *.xml in a directory, into the repository.  What was\n"
       "customised is kept.  -V: what breaks a template is refused, not only told.  -p: shows progress.\n"
       "-n: instances that existed are not refreshed.",
       run_import},
      {"cleanup", "Manifest", "cleanup [-a]",
       "Deletes the services whose manifests are all gone.  -a: wherever these were, not only below the\n"
       "system's own directories.",
       run_cleanup},
      {"inventory", "Manifest", "inventory [--json] file",
       "Lists the instances and services that a manifest describes.", run_inventory},
      {"delhash", "Manifest", "delhash [-d] file",
       "Forgets the hash of a manifest, so that the next check imports it again.  -d: forgets the manifest,\n"
       "too, and deletes the services that came from it alone.",
       run_delhash},
      {"export", "Manifest", "export [-a] {name | fmri | pattern} [> file]",
       "Writes a service as a manifest.  -a: with the values that only some may read.", run_export},
      {"archive", "Manifest", "archive [-a] [> file]", "Writes all services.  -a: as with export.",
       run_archive},
      {"restore", "Manifest", "restore file", "Brings back what an archive holds.", run_restore},
      {"apply", "Profile", "apply [-n] {file | directory}",
       "Sets what a profile says, for services that are there.  -n: nothing is refreshed.", run_apply},
      {"extract", "Profile", "extract [> file]", "Writes which instances are enabled, as a profile.",
       run_extract},
  };
  table.insert(table.end(), more.begin(), more.end());
}

void add_entities(Table& table) {
  const Table more = {
      {"list", "Entity", "list [--json] [glob]",
       "Lists the services, or the instances of the selected service.", run_list},
      {"add", "Entity", "add name", "Adds a service, or an instance to the selected service.", run_add},
      {"delete", "Entity", "delete [-f] {name | fmri | pattern}",
       "Deletes an instance, or a service with its instances.  -f: even if it may be running.", run_delete},
      {"select", "Entity", "select {name | fmri | pattern}", "Selects a service or an instance.", run_select},
      {"unselect", "Entity", "unselect", "Selects what the selected entity belongs to.", run_unselect},
      {"describe", "Entity", "describe [-v] [-t] [pg | pg/prop]",
       "Shows property groups and properties with what their templates say.  -v: all of it, with\n"
       "constraints and choices.  -t: templates only, set or not.",
       run_describe},
      {"listcust", "Entity", "listcust [glob]",
       "Lists what was made different from what the manifest last said.", run_listcust},
      {"delcust", "Entity", "delcust [glob]",
       "Makes the selected entity again what the manifest last said, but for its enabled flag.", run_delcust},
      {"refresh", "Instance", "refresh",
       "Makes the configuration of the selected instance, or of the selected service's instances, the "
       "running one.",
       run_refresh},
      {"listsnap", "Snapshot", "listsnap [--json]", "Lists the snapshots of the selected instance.",
       run_listsnap},
      {"selectsnap", "Snapshot", "selectsnap [name]",
       "Shows the selected instance as it is in a snapshot; without a name as it is now.", run_selectsnap},
      {"revert", "Snapshot", "revert [name]",
       "Brings back what a snapshot holds, the selected one by itself, but for the enabled flag.  What was\n"
       "there before is in the snapshot previous.",
       run_revert},
  };
  table.insert(table.end(), more.begin(), more.end());
}

void add_properties(Table& table) {
  const Table more = {
      {"listpg", "Property group", "listpg [--json] [glob]",
       "Lists the property groups of the selected entity.", run_listpg},
      {"addpg", "Property group", "addpg name type [P]",
       "Adds a property group to the selected entity.  P: it is gone after a reboot.", run_addpg},
      {"delpg", "Property group", "delpg name", "Deletes a property group of the selected entity.",
       run_delpg},
      {"listprop", "Property", "listprop [--json] [glob]",
       "Lists the property groups and properties of the selected entity, with types and values.",
       run_listprop},
      {"setprop", "Property",
       "setprop pg/name = [type:] value\n"
       "       setprop pg/name = [type:] ( value ... )",
       "Sets a property.  A new one needs a type.  Values with blanks stand in double quotes, which the "
       "shell must\n"
       "leave in place.  What is set is in effect after refresh.",
       run_setprop},
      {"delprop", "Property", "delprop pg[/name]", "Deletes a property, or a property group.", run_delprop},
      {"editprop", "Property", "editprop",
       "Opens the properties of the selected entity in $EDITOR, as commands that are then executed.",
       run_editprop},
      {"addpropvalue", "Property value", "addpropvalue pg/name [type:] value",
       "Adds a value at the end of a property.", run_addpropvalue},
      {"delpropvalue", "Property value", "delpropvalue pg/name glob", "Deletes the values that match.",
       run_delpropvalue},
      {"setenv", "Property value", "setenv [-i | -s] [-m method] NAME value",
       "Sets an environment variable of the start method, or of another method.  -i, -s: of all methods of\n"
       "the selected instance, or of the service.",
       run_setenv},
      {"unsetenv", "Property value", "unsetenv [-i | -s] [-m method] NAME",
       "Takes an environment variable away, where setenv would set it.", run_unsetenv},
      {"listnotify", "Notification parameters", "listnotify [--json] [-g] [event]",
       "Lists who is told about what.  -g: of all services.", run_listnotify},
      {"setnotify", "Notification parameters", "setnotify [-g] event[,event...] parameter...",
       "Sets who is told about an event; a parameter is mailto:ADDRESS, TYPE:active or TYPE:inactive.\n"
       "-g: for all services.",
       run_setnotify},
      {"delnotify", "Notification parameters", "delnotify [-g] event[,event...]",
       "Takes the parameters of an event away.  -g: those of all services.", run_delnotify},
  };
  table.insert(table.end(), more.begin(), more.end());
}

}  // namespace

const std::vector<Command>& commands() {
  static const Table table = [] {
    Table all = {
        {"help", "General", "help [command]", "Lists the commands, or tells about one.", run_help},
        {"set", "General", "set [-v | -V]", "Says more (-v) or no more than needed (-V).", run_set},
        {"repository", "General", "repository [-f] file",
         "Works on the repository in a file, from now on, and not on that of the daemon.", run_repository},
        {"end", "General", "end", "Leaves svccfg.", run_end},
        {"exit", "General", "exit", "Leaves svccfg.", run_end},
        {"quit", "General", "quit", "Leaves svccfg.", run_end},
    };
    add_bundles(all);
    add_entities(all);
    add_properties(all);
    return all;
  }();
  return table;
}

}  // namespace vmkeep::svccfg
