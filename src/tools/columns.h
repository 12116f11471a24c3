// The columns of svcs (spec of the facility, 7.1): what each says of an instance, how wide it is, how one
// sorts by it.
#pragma once

#include <ctime>
#include <string>
#include <vector>

#include "control/messages.h"

namespace vmkeep::tools {

struct Column {
  const char* name;
  size_t width;
  const char* description;
};

const std::vector<Column>& all_columns();

struct SortKey {
  std::string column;
  bool reverse = false;
};

class Table {
 public:
  // Column names in upper case, all known (see column_named).
  Table(std::vector<std::string> columns, std::time_t now) : columns_(std::move(columns)), now_(now) {}

  std::string header() const;
  std::string row(const control::InstanceMessage& instance) const;
  void sort(std::vector<const control::InstanceMessage*>& rows, const std::vector<SortKey>& keys) const;

 private:
  std::vector<std::string> columns_;
  std::time_t now_;
};

// The column of that name, in whatever case; null if there is none.
const Column* column_named(const std::string& name);

// The line of one process below its instance (-p), with its newline.
std::string process_line(const control::ProcessMessage& process, std::time_t now);

}  // namespace vmkeep::tools
