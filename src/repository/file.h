// One of the two files of a store: opening it safely, reading it whole, writing what changed.
//
// The file is ours alone while it is open: SQLite's exclusive locking keeps a lock that the kernel takes back
// when the process dies, however it dies.  A new file is made under another name and then moved into place,
// so that a file in place is always complete, and an empty or damaged one is somebody's lost data and never
// taken for a fresh start.
//
// Everything here may throw SqliteError; store.cpp turns it into an Error with explain().
#pragma once

#include <optional>
#include <string>

#include "repository/model.h"
#include "repository/sqlite.h"

namespace vmkeep::repository {

class File {
 public:
  enum class Kind { persistent, fleeting };

  // Makes the file if `create` says so, takes the lock, checks schema and integrity.
  static Result<File> open(const std::string& path, Kind kind, bool create);

  const std::string& path() const { return path_; }

  // Adds what the file holds to the model.  Errors: it contradicts itself.  Volatile groups of what the model
  // does not have are deleted: we were killed between the commits of the two files.
  Result<> load(Model& model);
  // The volatile file: empties it if it is not of this boot.
  void begin_boot(const std::string& boot_id);

  // Not synced: it survives the end of this program and everybody else's, but perhaps not a power cut.
  void begin(bool synced = true);
  void write(const FileDelta& delta, std::optional<uint64_t> reserved_generation);
  void flush() { db_.flush(); }
  void commit();
  void rollback() noexcept { db_.rollback(); }

  Error explain(const char* doing, const SqliteError& error) const;

 private:
  File(std::string path, Kind kind);
  Result<> check();
  void prepare();
  Result<> load_groups(std::map<uint64_t, GroupPtr>& groups);
  Result<> load_entities(Model& model);
  Result<> load_live(Model& model, const std::map<uint64_t, GroupPtr>& groups);
  Result<> load_snapshots(Model& model, const std::map<uint64_t, GroupPtr>& groups);
  void write_group(const PropertyGroup& group);
  void write_names(const FileDelta& delta);
  Error damaged(const std::string& how) const;

  std::string path_;
  Kind kind_;
  Database db_;
  bool synced_ = true;
  struct Statements {
    Statement begin, commit;
    Statement add_entity, delete_entity;
    Statement add_live, delete_live;
    Statement add_snapshot, delete_snapshot;
    Statement add_level_group, delete_level;
    Statement add_group, delete_group;
    Statement add_value, delete_values;
    Statement set_meta;
  } run_;
};

// As File::explain, while there is no File yet.
Error explain_sqlite(const std::string& path, const std::string& doing, const SqliteError& error);

}  // namespace vmkeep::repository
