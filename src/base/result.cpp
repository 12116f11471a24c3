#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace vmkeep {

Error errno_error(std::string what) {
  return errno_error(std::move(what), errno);
}

Error errno_error(std::string what, int error_number) {
  ErrorKind kind = ErrorKind::io;
  switch (error_number) {
    case ENOENT:
      kind = ErrorKind::not_found;
      break;
    case EEXIST:
      kind = ErrorKind::exists;
      break;
    case EACCES:
    case EPERM:
      kind = ErrorKind::permission;
      break;
    case EBUSY:
    case EAGAIN:
      kind = ErrorKind::busy;
      break;
    case ETIMEDOUT:
      kind = ErrorKind::timeout;
      break;
    case ENOSYS:
    case EOPNOTSUPP:
      kind = ErrorKind::unsupported;
      break;
    case ECONNREFUSED:
    case EPIPE:
    case ECONNRESET:
      kind = ErrorKind::unavailable;
      break;
    default:
      break;
  }
  return {kind, std::move(what) + ": " + std::generic_category().message(error_number)};
}

}  // namespace vmkeep
