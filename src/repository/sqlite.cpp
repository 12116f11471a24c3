#include "repository/sqlite.h"

namespace vmkeep::repository {
namespace {

[[noreturn]] void raise(sqlite3* db, int code) {
  const int primary = static_cast<int>(static_cast<unsigned>(code) & 0xffU);
  throw SqliteError{primary, db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code)};
}

}  // namespace

Statement::Statement(sqlite3* db, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) raise(db, code);
  statement_.reset(statement);
}

void Statement::check(int code) const {
  if (code != SQLITE_OK) raise(sqlite3_db_handle(statement_.get()), code);
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) check(code);
  return false;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
}

void Statement::bind_one(int index, std::string_view text) {
  // A null pointer would bind NULL, which an empty value is not.
  const char* data = text.empty() ? "" : text.data();
  check(sqlite3_bind_text64(statement_.get(), index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind_one(int index, int64_t number) {
  check(sqlite3_bind_int64(statement_.get(), index, number));
}

void Statement::bind_one(int index, std::nullptr_t) {
  check(sqlite3_bind_null(statement_.get(), index));
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string() : std::string(data, static_cast<size_t>(size));
}

bool Statement::null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Database::Database(const std::string& path, int flags) {
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  db_.reset(db);
  if (code != SQLITE_OK) raise(db, code);
}

void Database::exec(const char* sql) {
  const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) raise(db_.get(), code);
}

int64_t Database::integer(std::string_view sql) {
  Statement statement = prepare(sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::string Database::text(std::string_view sql) {
  Statement statement = prepare(sql);
  return statement.step() ? statement.text(0) : std::string();
}

void Database::configure(int option, int value) {
  const int code = sqlite3_db_config(db_.get(), option, value, nullptr);
  if (code != SQLITE_OK) raise(db_.get(), code);
}

void Database::flush() {
  const int code = sqlite3_db_cacheflush(db_.get());
  if (code != SQLITE_OK) raise(db_.get(), code);
}

void Database::trim(int bytes) {
  int used = 0;
  int most = 0;
  const int code = sqlite3_db_status(db_.get(), SQLITE_DBSTATUS_CACHE_USED, &used, &most, 0);
  if (code == SQLITE_OK && used > bytes) sqlite3_db_release_memory(db_.get());
}

void Database::rollback() noexcept {
  if (sqlite3_get_autocommit(db_.get()) == 0) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace vmkeep::repository
