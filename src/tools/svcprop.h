// svcprop on any repository.  The one of a running vmkeepd is the usual one; with SVCCFG_REPOSITORY the
// program becomes svccfg, under the name svcprop, since that knows how to open a file (this one does not pay
// for SQLite).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fmri/fmri.h"
#include "repository/repository.h"
#include "tools/tool.h"

namespace vmkeep::tools {

struct Properties {
  std::unique_ptr<repository::Repository> repository;
  // What at least these operands match: asked for one, vmkeepd answers with one.  Absent: the repository's
  // all.
  std::function<Result<std::vector<fmri::Entry>>(const std::vector<std::string>& operands)> entries;
  // Comes back once the group of the entity itself has another generation; the Error says why that cannot be.
  std::function<Result<>(const fmri::Fmri& entity, const std::string& group, uint64_t generation)> await;
};

using OpenProperties = std::function<Result<Properties>()>;

int svcprop_of(const Arguments& arguments, const OpenProperties& open);

}  // namespace vmkeep::tools
