// Who is on a serial port: a record lock in the user's own runtime folder.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.h"

namespace vmkeep::tools {

class ConsoleLock {
 public:
  // Makes the folder where it is missing.  `path`: the VM's socket.
  static Result<ConsoleLock> open(const std::string& path);

  // ErrorKind::busy: somebody else has it.  Given back when this object or the process ends.
  Result<> take();
  // Who has it; 0: nobody, or we.
  pid_t holder() const;

 private:
  explicit ConsoleLock(Fd file) : file_(std::move(file)) {}
  Fd file_;
};

}  // namespace vmkeep::tools
