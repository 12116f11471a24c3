// The one table of the properties of the group vm (behaviour spec 2.2, and what vmkeep adds to it).
//
// Everything that has to know a property's name, type, default or meaning reads it here: VmConfig::read
// (config.h), `vmkeep properties`, the page vmkeep-vm(7) and the shipped manifest
// share/manifest/site/xvm/vbox.xml; tests hold the last two against this table.  To add a property: a row in
// one of the properties_*.cpp, a field in VmConfig, a line in config.cpp.  Pure.
//
// Words used here:
//  - default: what counts when neither instance nor service say anything.
//  - shipped: what the shipped manifest sets at the service, because it helps more than the default.
//  - reset: a property that is there and empty.  It inherits nothing; a boolean is then false, anything else
//    has its default.
//  - list: several values, or one value with blanks between the entries (as the original kept them); an entry
//    with a blank in it needs the first form.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "repository/types.h"

namespace vmkeep::vm {

// Whose value counts.
enum class Inheritance {
  service,      // S: the instance's, else the service's
  instance,     // IO: the instance's only; a service's has no effect
  unless_user,  // S/IO: as service, but of an interactive or dual-boot VM the instance's only
  unless_dual,  // as service, but of a dual-boot VM the instance's only
};

// What a value looks like.  Units are told by the text.
enum class Form {
  boolean,  // true, false
  integer,  // low to high
  word,     // one of the choices
  text,     // one line without control characters
  path,     // absolute
  uuid,     // with or without braces
  words,    // list of texts
  codes,    // list of exit codes, 0 to 255
  signals,  // list of signal names, with or without SIG
  cpus,     // list of CPU numbers and ranges: 0-3 8, or 0-3,8
};

// The part of the manual that tells of a property; in this order.
enum class Section { which, start, stop, monitor, check, guest, resources, snapshots, gui, diagnosis, old };

struct Choice {
  std::string_view word;
  std::string_view means;  // the first word with this meaning is the one that is shown
  std::string_view text;   // empty for another spelling
};

struct PropertyInfo {
  // NOLINTBEGIN(readability-redundant-string-init): GCC wants one of each member that a table leaves out
  std::string_view name;
  Section section = Section::which;
  Form form = Form::text;
  Inheritance inheritance = Inheritance::service;
  std::string_view standard = "";  // the default, entries of a list with blanks between; "": none
  std::string_view without = "";   // what no value means, where standard is empty: "no limit"
  const char* shipped = nullptr;   // null: the shipped manifest does not set it
  std::span<const Choice> choices = {};
  bool any_case = false;  // of the choices
  int64_t low = 0;
  int64_t high = 0;
  bool fresh = false;           // vmkeep's own: the original has no such property
  std::string_view title = "";  // a few words
  std::string_view text = "";   // a paragraph
  // NOLINTEND(readability-redundant-string-init)
};

// All, in the order of the manual.
std::span<const PropertyInfo> properties();
const PropertyInfo* find_property(std::string_view name);

std::string_view title(Section section);
// The type of the property in the repository and in a manifest.
repository::ValueType value_type(Form form);
bool is_list(Form form);
// "true or false", "a whole number from 0 to 10", "savestate, poweroff or reset".
std::string allowed(const PropertyInfo& property);
// "instance, else service" and the like.
std::string_view to_string(Inheritance inheritance);

// The values as they count: one entry each for a list, the shown word of a choice, lower case for a UUID.
// None in, or one empty one: none out.  Error: what is wrong, without the name of the property.
Result<std::vector<std::string>> normalise(const PropertyInfo& property,
                                           const std::vector<std::string>& values);

// A number that normalise() let pass.
int64_t to_integer(std::string_view value);
// The number of a signal: "SIGHUP", "HUP", "1"; 0 if there is none.
int signal_number(std::string_view name);
// The CPUs of entries such as "0-3", sorted and each once.
std::vector<int> to_cpus(const std::vector<std::string>& entries);

// The rows, by file.
std::span<const PropertyInfo> start_stop_properties();
std::span<const PropertyInfo> monitor_properties();
std::span<const PropertyInfo> check_properties();
std::span<const PropertyInfo> host_properties();

}  // namespace vmkeep::vm
