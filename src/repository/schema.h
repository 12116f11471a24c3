// The schema of both files.  Values are rows, so that a person with the sqlite3 program can read them (of a
// copy, or when nothing runs).  A change to it raises kSchemaVersion.
#pragma once

#include <cstdint>

namespace vmkeep::repository {

inline constexpr int64_t kApplicationId = 0x766d6b70;  // "vmkp"
inline constexpr int64_t kSchemaVersion = 1;

// property_value: a property without values has one row whose value is NULL.
// level: the generations that a snapshot's level refers to; one without rows is an empty level.
// The volatile file has the same tables and leaves entity, level and snapshot empty.
inline constexpr char kSchema[] = R"sql(
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE entity (service TEXT, instance TEXT, PRIMARY KEY (service, instance)) WITHOUT ROWID;
CREATE TABLE property_group (generation INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL);
CREATE TABLE property_value (
  generation INTEGER, property TEXT, position INTEGER, type TEXT NOT NULL, value TEXT,
  PRIMARY KEY (generation, property, position)) WITHOUT ROWID;
CREATE TABLE live_group (
  service TEXT, instance TEXT, name TEXT, generation INTEGER NOT NULL,
  PRIMARY KEY (service, instance, name)) WITHOUT ROWID;
CREATE TABLE level (id INTEGER, generation INTEGER, PRIMARY KEY (id, generation)) WITHOUT ROWID;
CREATE TABLE snapshot (
  service TEXT, instance TEXT, name TEXT, own_level INTEGER NOT NULL, service_level INTEGER NOT NULL,
  PRIMARY KEY (service, instance, name)) WITHOUT ROWID;
)sql";

}  // namespace vmkeep::repository
