// Which files were imported as they are now (3.4, item 1).  The service smf/manifest keeps for each a group
// named by its path: md5sum (a digest of what stat(2) tells, and one of the content), manifestfile, and for
// a profile apply_late.  Only asked for when SVCCFG_CHECKHASH is set, as at boot.
#pragma once

#include <string>

#include "repository/repository.h"

namespace vmkeep::svccfg {

inline constexpr char kHashService[] = "smf/manifest";

struct FileHash {
  std::string group;
  std::string file;    // absolute
  std::string digest;  // 64 hexadecimal digits
};

// ErrorKind::io: "Could not hash file FILE.".
Result<FileHash> hash_file(const std::string& path);
// The group of a file, whether it is there or not.
std::string hash_group(const std::string& absolute_path);

enum class Stored { no, other, same };  // `same`: the content is what was imported
Result<Stored> stored_hash(repository::Repository& repository, const FileHash& hash);
Result<> store_hash(repository::Repository& repository, const FileHash& hash, bool profile);
// False: there was none.
Result<bool> forget_hash(repository::Repository& repository, const std::string& absolute_path);

}  // namespace vmkeep::svccfg
