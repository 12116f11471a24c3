// What can fail returns a Result: the value, or an Error that says what was being done, to what, and why it
// did not work.  The kinds are few, because they only serve to choose an exit code or an error reply; the
// message is for a person.  Exceptions stay inside the room that uses a throwing library.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace vmkeep {

enum class ErrorKind {
  invalid,      // the request or the data makes no sense
  not_found,    // what it names does not exist
  exists,       // what it would create is there already
  permission,   // the caller may not
  stale,        // somebody else changed it meanwhile: read again, retry
  busy,         // not now
  timeout,      // the deadline passed
  io,           // the system said no
  unsupported,  // not on this host
  unavailable,  // the other side is not there
};

struct Error {
  ErrorKind kind = ErrorKind::io;
  std::string message;
};

[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::runtime_error(error.message);
}

template <class T = void>
using Result = boost::system::result<T, Error>;

// The error of the last system call, as "WHAT: No such file or directory".
Error errno_error(std::string what);
Error errno_error(std::string what, int error_number);

inline Error fail(ErrorKind kind, std::string message) {
  return {kind, std::move(message)};
}

// The same error with what was being done in front: "WHAT: message".
inline Error in(std::string what, const Error& error) {
  return {error.kind, std::move(what) + ": " + error.message};
}

}  // namespace vmkeep
