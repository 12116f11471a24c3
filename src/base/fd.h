// File descriptors that close themselves, and the few ways in which we open files: always CLOEXEC, never
// through a symbolic link in the last component.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace vmkeep {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();
  Result<Fd> duplicate() const;

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC | O_NOFOLLOW added.  `mode` matters with O_CREAT only.
Result<Fd> open_file(const std::string& path, int flags, unsigned mode = 0600);
Result<Fd> open_file_at(int dir, const std::string& path, int flags, unsigned mode = 0600);

// The whole of a file; at most `limit` bytes, else ErrorKind::invalid.  Fits /proc and /sys files too.
Result<std::string> read_file(const std::string& path, size_t limit = 16U << 20U);
Result<std::string> read_file_at(int dir, const std::string& path, size_t limit = 16U << 20U);

// Writes all of `text` to a file that exists (a cgroup's control file, say) in one write(2).
Result<> write_existing(const std::string& path, std::string_view text);

// Replaces a file as a whole: written beside it, synced, renamed over it.
Result<> replace_file(const std::string& path, std::string_view text, unsigned mode = 0600);

// mkdir -p; what exists must be a folder and no link.  `mode` goes to the folders that it makes.
Result<> make_folders(const std::string& path, unsigned mode);

}  // namespace vmkeep
