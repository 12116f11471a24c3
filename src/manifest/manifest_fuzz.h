// Any bytes as a document: they are refused, or what they describe can be checked against its templates.
#pragma once

#include <cstdlib>
#include <string>

#include "manifest/validate.h"

namespace vmkeep::manifest {

inline void fuzz_manifest(std::string_view text) {
  Bundle bundle;
  // What no DTD has looked at must not lead the reader astray.
  (void)parse("fuzz.xml", std::string(text), bundle, {false, ""});
  if (!parse("fuzz.xml", std::string(text), bundle).empty()) return;
  for (const ServiceDescription& service : bundle.services) {
    if (!fmri::valid_service(service.name)) std::abort();
  }
  for (const TemplateProblem& each :
       validate_bundle(bundle, [](const fmri::Fmri&) { return repository::Groups(); })) {
    if (each.str(false).find('\n') != std::string::npos) std::abort();
  }
  (void)without_meaning(bundle);
}

}  // namespace vmkeep::manifest
