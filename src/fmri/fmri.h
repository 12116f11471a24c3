// Names (smf(7), spec of the facility section 1).
//
//   svc-fmri := ["svc:"] ["//" scope] ["/"] service [":" instance] ["/:properties/" pg ["/" prop]]
//
// Canonical form: svc:/service[:instance][/:properties/pg[/prop]]; the scope is always localhost and is
// dropped. Every component is validated, including its last character (the original does not check it).
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vmkeep::fmri {

inline constexpr size_t kMaxName = 119;    // bytes of one name
inline constexpr size_t kMaxFmri = 720;    // bytes of a whole FMRI
inline constexpr size_t kMaxValue = 4095;  // bytes of one property value

struct Fmri {
  std::string service;         // site/xvm/vbox
  std::string instance;        // vm1; empty: the service itself
  std::string property_group;  // empty unless a property FMRI
  std::string property;

  bool is_instance() const { return !instance.empty(); }
  std::string str() const;     // canonical, whole
  std::string entity() const;  // canonical, without the property part
  Fmri service_fmri() const { return {service, {}, {}, {}}; }
  auto operator<=>(const Fmri&) const = default;

  // Errors: ErrorKind::invalid with a message that says what is wrong and where.
  static Result<Fmri> parse(std::string_view text);
};

// "file:/path", "file:///path", "file://localhost/path" -> "/path".  "/" alone is invalid.
Result<std::string> parse_file_fmri(std::string_view text);

// ident := ALPHA *(ALPHA | DIGIT | "-" | "_"), optionally with a vendor prefix "vendor,".
bool valid_name(std::string_view name);
// Names with "/" between them; as a whole one name too, so at most kMaxName bytes.
bool valid_service(std::string_view service);

// The text in double quotes, fit for a message: control characters and other bytes outside ASCII as \xNN, and
// cut where it is absurdly long.
std::string quote(std::string_view text);

// "site-xvm-vbox:vm1" of svc:/site/xvm/vbox:vm1: the stem of its log file (section 6.14).
std::string log_stem(const Fmri& instance);

// An operand of a tool (section 1.2): an exact FMRI, a glob, or a partial name.
struct Entry {  // one service with its instances, in name order
  std::string service;
  std::vector<std::string> instances;
};

struct Match {
  std::vector<Fmri> found;  // in name order, each once
  bool exact = false;       // the operand was the name of one existing thing
  bool glob = false;        // it was a pattern; otherwise, if not exact, a partial name
};

enum class Want {
  instances,              // instances only: an exact service stands for all its instances
  services_or_instances,  // a matching service stands for itself and its instances are not listed
  instances_or_services   // the other way round (svcprop): a service only if no instance of it matches
};

// Whether a pattern (a glob, or a partial name by the rules of 1.2 items 4 and 5) matches a canonical FMRI.
bool is_glob(std::string_view operand);
bool pattern_matches(std::string_view operand, std::string_view canonical);

// An operand with a property part is never exact and matches nothing: property-aware tools parse first and
// ask here for the entity.
Match resolve(std::string_view operand, const std::vector<Entry>& entries, Want want);

}  // namespace vmkeep::fmri
