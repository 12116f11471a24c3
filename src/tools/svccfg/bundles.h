// What the commands on whole bundles share: reading one, checking it against its templates, and refreshing
// what it changed.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "manifest/validate.h"
#include "tools/svccfg/commands.h"
#include "tools/svccfg/hashes.h"

namespace vmkeep::svccfg {

// False: the problems were told.
bool parse_bundle(Session& session, const std::string& file, manifest::Bundle& bundle);

// What the repository knows of an entity, for the templates of restarters; nothing if there is none.
manifest::Lookup lookup_in(Session& session);

// Tells what breaks a template; gives whether there was nothing.
bool tell_template_problems(Session& session, const manifest::TemplateProblems& problems);

// Of services, all their instances.
Result<std::set<fmri::Fmri>> instances_of(repository::Repository& repository,
                                          const std::set<fmri::Fmri>& entities);

// One file, or every *.xml below a folder, in name order.  `each` is called with the number of the file and
// of all files.
struct Files {
  std::vector<std::string> names;
  bool folder = false;
};
// False: it was said why.
bool find_files(Session& session, const std::string& path, Files& files);

// Whether SVCCFG_CHECKHASH asks to pass over what was imported as it is.
bool checks_hashes();

// Whether a file is to be taken, and its hash for afterwards.  `once`: a profile, which is never taken a
// second time.  Nothing: it was said why not.
struct Checked {
  bool wanted = true;
  std::optional<FileHash> hash;
};
std::optional<Checked> check_hash(Session& session, const std::string& file, bool once);

}  // namespace vmkeep::svccfg
