#include "tools/console_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace vmkeep::tools {
namespace {

// The folder of the user's own runtime files; a home's where there is no such thing.
Result<std::string> lock_folder() {
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime == '/') {
    return std::string(runtime) + "/vmkeep-console";
  }
  if (::geteuid() == 0) return std::string("/run/vmkeep-console");
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return std::string(home) + "/.vmkeep-console";
  }
  return fail(ErrorKind::not_found, "no folder for the console's lock: set XDG_RUNTIME_DIR or HOME");
}

// FNV-1a: a file name for a path of any length.
std::string name_for(const std::string& path) {
  uint64_t hash = 14695981039346656037ULL;
  for (const unsigned char byte : path) hash = (hash ^ byte) * 1099511628211ULL;
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<ConsoleLock> ConsoleLock::open(const std::string& path) {
  auto folder = lock_folder();
  if (!folder) return folder.error();
  if (auto made = make_folders(*folder, 0700); !made) return made.error();
  auto directory = open_file(*folder, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();
  struct stat found {};
  if (::fstat(directory->get(), &found) != 0) return errno_error(*folder);
  if (found.st_uid != ::geteuid() || (found.st_mode & 022U) != 0) {
    return fail(ErrorKind::permission, *folder + " is not a folder that only you can write to");
  }
  auto file = open_file_at(directory->get(), name_for(path), O_RDWR | O_CREAT);
  if (!file) return in(*folder, file.error());
  return ConsoleLock(std::move(*file));
}

Result<> ConsoleLock::take() {
  struct flock lock = whole_file();
  if (::fcntl(file_.get(), F_SETLK, &lock) == 0) return {};
  if (errno == EACCES || errno == EAGAIN) return fail(ErrorKind::busy, "another console is connected");
  return errno_error("cannot lock the console");
}

pid_t ConsoleLock::holder() const {
  struct flock lock = whole_file();
  if (::fcntl(file_.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return 0;
  return lock.l_pid;
}

}  // namespace vmkeep::tools
