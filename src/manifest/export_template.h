// The <template> of an entity, out of the groups that keep it.
#pragma once

#include "manifest/merge.h"
#include "manifest/writer.h"

namespace vmkeep::manifest {

// Those of the groups that come out of a template's elements as they are.  None without a common name, which
// a template must have.
Content template_of(const Content& content);
void write_template(Writer& writer, const Content& content);

}  // namespace vmkeep::manifest
