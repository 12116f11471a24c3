// Any text as an FMRI, a pattern, and an operand: what is taken, prints as what parses to the same.
#pragma once

#include <cstdlib>
#include <string>

#include "fmri/fmri.h"

namespace vmkeep::fmri {

inline void fuzz_fmri(std::string_view text) {
  if (const auto parsed = Fmri::parse(text)) {
    const std::string printed = parsed->str();
    const auto again = Fmri::parse(printed);
    if (!again || !(*again == *parsed) || again->str() != printed) std::abort();
    if (printed.size() > kMaxFmri || parsed->service.empty() || !valid_service(parsed->service)) std::abort();
  }
  (void)parse_file_fmri(text);
  if (quote(text).find_first_of("\n\r\x1b") != std::string::npos) std::abort();
  (void)pattern_matches(text, "svc:/site/xvm/vbox:vm1");
  static const std::vector<Entry> entries = {{"network", {"default"}}, {"site/xvm/vbox", {"vm1", "vm2"}}};
  for (const Want want : {Want::instances, Want::services_or_instances, Want::instances_or_services}) {
    const Match match = resolve(text, entries, want);
    if (match.exact && match.glob) std::abort();
    for (const Fmri& each : match.found) {
      if (!each.property_group.empty() || (want == Want::instances && !each.is_instance())) std::abort();
    }
  }
}

}  // namespace vmkeep::fmri
