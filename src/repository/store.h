// The repository on SQLite: one persistent file and one volatile file that lives as long as the boot.
//
// Reads are served from memory; a commit is one SQLite transaction (WAL, synchronous FULL in the persistent
// store, but for `start` snapshots, which a power cut may take) and is applied to memory only after SQLite
// has it.  A change-set that touches both stores writes the persistent one first: after kill -9 in between,
// the override is what is missing.  The volatile store is emptied when it was written in another boot.
#pragma once

#include <memory>
#include <string>

#include "repository/repository.h"

namespace vmkeep::repository {

struct StoreOptions {
  std::string persistent_path;
  std::string volatile_path;  // empty: volatile groups live in memory only (svccfg on a file)
  std::string boot_id;
  bool create = true;
};

// Errors: ErrorKind::busy if another process has it open for writing, io or invalid if the file is damaged or
// of an unknown schema version: the message names the file and what to do.
Result<std::unique_ptr<Repository>> open_store(const StoreOptions& options);

}  // namespace vmkeep::repository
