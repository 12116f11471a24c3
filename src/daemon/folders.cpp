#include "daemon/folders.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace vmkeep::daemon {

Result<> own_folder(const std::string& path, unsigned mode) {
  if (auto made = make_folders(path, mode); !made) return made;
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return errno_error("cannot look at " + path);
  if (!S_ISDIR(found.st_mode)) return fail(ErrorKind::permission, path + " is no folder");
  if (found.st_uid != ::geteuid()) {
    return fail(
        ErrorKind::permission,
        fmt::format(
            "{} belongs to user {}, who could change what vmkeepd keeps there; give it to user {}, or "
            "choose another folder",
            path, found.st_uid, ::geteuid()));
  }
  if ((found.st_mode & 022U) != 0) {
    return fail(
        ErrorKind::permission,
        fmt::format("others may write to {} (mode {:04o}); take that from them with chmod go-w, or choose "
                    "another folder",
                    path, found.st_mode & 07777U));
  }
  return {};
}

}  // namespace vmkeep::daemon
