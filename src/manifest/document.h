// An XML document that may be trusted to be a service_bundle: well-formed, free of declarations of its own,
// of the right type, and valid by our DTD.  It comes from anybody, so nothing in it is followed: no entity,
// no other file, no network, no nesting deeper than libxml2's own limit.
#pragma once

#include <libxml/tree.h>

#include <memory>
#include <string>
#include <vector>

#include "manifest/manifest.h"

namespace vmkeep::manifest {

extern const char kDtd[];  // service_bundle.dtd
extern const unsigned kDtdSize;

inline constexpr char kSystemId[] = "/usr/share/lib/xml/dtd/service_bundle.dtd.1";
// More problems than anybody reads are counted, not kept.
inline constexpr size_t kMaxProblems = 100;

struct FreeDocument {
  void operator()(xmlDoc* document) const { xmlFreeDoc(document); }
};
using DocumentPtr = std::unique_ptr<xmlDoc, FreeDocument>;

// Null if there are problems.
DocumentPtr load_document(const std::string& file, const std::string& text, const ParseOptions& options,
                          std::vector<Problem>& problems);

}  // namespace vmkeep::manifest
