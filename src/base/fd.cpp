#include "base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/named_file.h"

namespace vmkeep {
namespace {

Result<std::string> read_all(const Fd& fd, const std::string& path, size_t limit) {
  std::string text;
  std::array<char, 16384> chunk;
  for (;;) {
    const ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("cannot read " + path);
    if (n == 0) return text;
    text.append(chunk.data(), static_cast<size_t>(n));
    if (text.size() > limit) return fail(ErrorKind::invalid, path + " is larger than expected");
  }
}

Result<> write_all(const Fd& fd, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("cannot write " + path);
    text.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

}  // namespace

void Fd::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<Fd> Fd::duplicate() const {
  const int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return errno_error("cannot duplicate a descriptor");
  return Fd(copy);
}

Result<Fd> open_file_at(int dir, const std::string& path, int flags, unsigned mode) {
  const int fd = ::openat(dir, path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) return errno_error("cannot open " + path);
  return Fd(fd);
}

Result<Fd> open_file(const std::string& path, int flags, unsigned mode) {
  return open_file_at(AT_FDCWD, path, flags, mode);
}

Result<std::string> read_file_at(int dir, const std::string& path, size_t limit) {
  auto fd = open_file_at(dir, path, O_RDONLY);
  if (!fd) return fd.error();
  return read_all(*fd, path, limit);
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  return read_file_at(AT_FDCWD, path, limit);
}

Result<> write_existing(const std::string& path, std::string_view text) {
  auto fd = open_file(path, O_WRONLY);
  if (!fd) return fd.error();
  return write_all(*fd, path, text);
}

Result<> replace_file(const std::string& path, std::string_view text, unsigned mode) {
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());
  auto fd = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (!fd) return fd.error();
  if (auto written = write_all(*fd, temporary, text); !written) return written;
  if (::fsync(fd->get()) != 0) return errno_error("cannot sync " + temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return errno_error("cannot replace " + path);
  return {};
}

Result<std::string> read_named_file(const std::string& path, size_t limit) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return errno_error("cannot open " + path);
  return read_all(fd, path, limit);
}

Result<> write_named_file(const std::string& path, std::string_view text, unsigned mode) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, mode));
  if (!fd) return errno_error("cannot open " + path);
  if (auto written = write_all(fd, path, text); !written) return written;
  // Some filesystems tell only now that there was no room.  A pipe or a device has nothing to sync.
  const bool synced = ::fsync(fd.get()) == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS;
  if (!synced) return errno_error("cannot write " + path);
  return {};
}

Result<> make_folders(const std::string& path, unsigned mode) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string prefix = path.substr(0, end);
    if (::mkdir(prefix.c_str(), mode) != 0) {
      if (errno != EEXIST) return errno_error("cannot make the folder " + prefix);
      struct stat found {};
      // Only the last component has to be our own; what lies above belongs to the system.
      const bool last = end == std::string::npos;
      const int looked = last ? ::lstat(prefix.c_str(), &found) : ::stat(prefix.c_str(), &found);
      if (looked != 0) return errno_error("cannot look at " + prefix);
      if (!S_ISDIR(found.st_mode)) return fail(ErrorKind::invalid, prefix + " is no folder");
    }
    if (end == std::string::npos) return {};
  }
}

}  // namespace vmkeep
