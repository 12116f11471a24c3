#include "repository/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/fd.h"
#include "repository/schema.h"

namespace vmkeep::repository {
namespace {

constexpr std::array<const char*, 3> kSidecars = {"-wal", "-journal", "-shm"};
constexpr char kRemedy[] =
    "; nothing was changed: put a copy of the repository in its place, or move it away to begin with an "
    "empty one";

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// SQLite follows links; we do not, in a folder where others may have put one.
Result<bool> is_regular(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) {
    if (S_ISREG(info.st_mode)) return true;
    return fail(ErrorKind::invalid, "repository " + path + " is not a regular file");
  }
  if (errno == ENOENT) return false;
  return errno_error("looking for repository " + path);
}

Error is_damaged(const std::string& path, const std::string& how) {
  return fail(ErrorKind::invalid, "repository " + path + " is damaged: " + how + kRemedy);
}

Result<bool> is_there(const std::string& path) {
  auto there = is_regular(path);
  // Asked here because SQLite would begin to write a database into it.
  struct stat info {};
  if (there && *there && lstat(path.c_str(), &info) == 0 && info.st_size == 0)
    return is_damaged(path, "it is empty");
  for (const char* suffix : kSidecars) {
    if (!there) break;
    auto sidecar = is_regular(path + suffix);
    if (!sidecar) return sidecar.error();
    // It would be taken for the log of whatever comes into this place.
    if (*sidecar && !*there)
      return fail(ErrorKind::invalid,
                  "repository " + path + " is missing, but " + path + suffix +
                      " is there and may hold the last changes: bring the one back, or move "
                      "the other away; nothing was changed");
  }
  return there;
}

void remove_all(const std::string& path) {
  unlink(path.c_str());
  for (const char* suffix : kSidecars) unlink((path + suffix).c_str());
}

void fill_new(const std::string& path) {
  Database db(path, SQLITE_OPEN_READWRITE);
  db.exec("PRAGMA synchronous = FULL; BEGIN");
  db.exec(kSchema);
  db.exec(("PRAGMA application_id = " + std::to_string(kApplicationId) +
           "; PRAGMA user_version = " + std::to_string(kSchemaVersion) + "; COMMIT")
              .c_str());
}

bool move_into_place(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  return errno == EINVAL && rename(from.c_str(), to.c_str()) == 0;  // a file system that cannot be asked so
}

Result<> make_new(const std::string& path) {
  const std::string fresh = path + ".new." + std::to_string(getpid());
  remove_all(fresh);
  {
    auto made = open_file(fresh, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (!made) return in("making repository " + path, made.error());
  }
  try {
    fill_new(fresh);
  } catch (const SqliteError& error) {
    remove_all(fresh);
    return explain_sqlite(path, "making it", error);
  }
  // EEXIST: somebody else was faster, and theirs is as good as ours.
  const int problem = move_into_place(fresh, path) ? 0 : errno;
  if (problem != 0) remove_all(fresh);
  if (problem != 0 && problem != EEXIST) return errno_error("moving the new repository to " + path, problem);
  auto folder = open_file(folder_of(path), O_RDONLY | O_DIRECTORY);
  if (folder && fsync(folder->get()) != 0) return errno_error("syncing the folder of repository " + path);
  return {};
}

}  // namespace

Error explain_sqlite(const std::string& path, const std::string& doing, const SqliteError& error) {
  const std::string text = "repository " + path + ": " + doing + ": " + error.message;
  switch (error.code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(
          ErrorKind::busy,
          "repository " + path + " is in use by another process (a running vmkeepd, or svccfg on this file)");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fail(ErrorKind::invalid, text + kRemedy);
    case SQLITE_FULL:
      return fail(ErrorKind::io, text + "; free some space and retry");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return fail(ErrorKind::permission, text);
    case SQLITE_CANTOPEN:
      return fail(
          access(path.c_str(), R_OK | W_OK) != 0 && errno == EACCES ? ErrorKind::permission : ErrorKind::io,
          text);
    default:
      return fail(ErrorKind::io, text);
  }
}

Error File::explain(const char* doing, const SqliteError& error) const {
  return explain_sqlite(path_, doing, error);
}

Error File::damaged(const std::string& how) const {
  return is_damaged(path_, how);
}

File::File(std::string path, Kind kind)
    : path_(std::move(path)), kind_(kind), db_(path_, SQLITE_OPEN_READWRITE) {}

Result<File> File::open(const std::string& path, Kind kind, bool create) {
  auto there = is_there(path);
  if (!there) return there.error();
  if (!*there) {
    if (!create) return fail(ErrorKind::not_found, "repository " + path + " does not exist");
    if (auto made = make_new(path); !made) return made.error();
  }
  try {
    File file(path, kind);
    if (auto checked = file.check(); !checked) return checked.error();
    file.prepare();
    return file;
  } catch (const SqliteError& error) {
    return explain_sqlite(path, "opening it", error);
  }
}

Result<> File::check() {
  // Until we know that it is sound, not even its log is moved into it.
  db_.configure(SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1);
  db_.configure(SQLITE_DBCONFIG_DEFENSIVE, 1);
  db_.configure(SQLITE_DBCONFIG_ENABLE_TRIGGER, 0);
  db_.configure(SQLITE_DBCONFIG_ENABLE_VIEW, 0);
  db_.configure(SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0);
  db_.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA cell_size_check = ON; BEGIN EXCLUSIVE; COMMIT");
  const int64_t application = db_.integer("PRAGMA application_id");
  if (application != kApplicationId)
    return fail(ErrorKind::invalid, "file " + path_ + " is a database, but no repository of vmkeep");
  const int64_t version = db_.integer("PRAGMA user_version");
  if (version != kSchemaVersion)
    return fail(ErrorKind::invalid, "repository " + path_ + " has schema version " + std::to_string(version) +
                                        ", and this program knows only version " +
                                        std::to_string(kSchemaVersion) +
                                        ": use the vmkeep that wrote it; nothing was changed");
  const std::string verdict = db_.text("PRAGMA quick_check(1)");
  if (verdict != "ok") return damaged(verdict);
  db_.exec("PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 4194304");
  db_.exec(kind_ == Kind::persistent ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
  return {};
}

void File::prepare() {
  run_.begin = db_.prepare("BEGIN IMMEDIATE");
  run_.commit = db_.prepare("COMMIT");
  run_.add_entity = db_.prepare("INSERT INTO entity VALUES (?1, ?2)");
  run_.delete_entity = db_.prepare("DELETE FROM entity WHERE service = ?1 AND instance = ?2");
  run_.add_live = db_.prepare("INSERT OR REPLACE INTO live_group VALUES (?1, ?2, ?3, ?4)");
  run_.delete_live = db_.prepare("DELETE FROM live_group WHERE service = ?1 AND instance = ?2 AND name = ?3");
  run_.add_snapshot = db_.prepare("INSERT OR REPLACE INTO snapshot VALUES (?1, ?2, ?3, ?4, ?5)");
  run_.delete_snapshot =
      db_.prepare("DELETE FROM snapshot WHERE service = ?1 AND instance = ?2 AND name = ?3");
  run_.add_level_group = db_.prepare("INSERT INTO level VALUES (?1, ?2)");
  run_.delete_level = db_.prepare("DELETE FROM level WHERE id = ?1");
  run_.add_group = db_.prepare("INSERT INTO property_group VALUES (?1, ?2, ?3)");
  run_.delete_group = db_.prepare("DELETE FROM property_group WHERE generation = ?1");
  run_.add_value = db_.prepare("INSERT INTO property_value VALUES (?1, ?2, ?3, ?4, ?5)");
  run_.delete_values = db_.prepare("DELETE FROM property_value WHERE generation = ?1");
  run_.set_meta = db_.prepare("INSERT OR REPLACE INTO meta VALUES (?1, ?2)");
}

}  // namespace vmkeep::repository
