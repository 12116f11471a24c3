// SQLite, as thin as it can be.  Inside this room, and only here, what SQLite refuses is an exception: a
// store is written by a dozen statements in a row, and any of them failing ends the same way, in a rollback.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace vmkeep::repository {

struct SqliteError {
  int code = 0;  // SQLITE_BUSY, ... (the primary code)
  std::string message;
};

class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* db, std::string_view sql);

  // Binds the arguments in order, from ?1 on.
  template <class... Args>
  Statement& bind(const Args&... args) {
    reset();
    int index = 0;
    (bind_one(++index, args), ...);
    return *this;
  }
  bool step();  // true: there is a row
  template <class... Args>
  void run(const Args&... args) {
    bind(args...);
    step();
    reset();
  }
  void reset();

  // Columns of the current row, from 0 on.
  int64_t integer(int column) const;
  std::string text(int column) const;
  bool null(int column) const;

 private:
  // The bound text must live until the statement is stepped.
  void bind_one(int index, std::string_view text);
  void bind_one(int index, int64_t number);
  void bind_one(int index, uint64_t number) { bind_one(index, static_cast<int64_t>(number)); }
  void bind_one(int index, std::nullptr_t);
  void check(int code) const;

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  Database(const std::string& path, int flags);

  void exec(const char* sql);
  Statement prepare(std::string_view sql) { return {db_.get(), sql}; }
  int64_t integer(std::string_view sql);  // the first column of the first row
  std::string text(std::string_view sql);
  void configure(int option, int value);  // sqlite3_db_config
  // Writes what the open transaction changed to the file, still without its commit: a full disk shows here.
  void flush();
  // Gives back what can be read again of its pages, if they take more than that.
  void trim(int bytes);
  void rollback() noexcept;

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace vmkeep::repository
