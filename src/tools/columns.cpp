#include "tools/columns.h"

#include <algorithm>
#include <cctype>
#include <variant>

#include "fmri/fmri.h"
#include "graph/state.h"
#include "tools/time_text.h"
#include "tools/world.h"

namespace vmkeep::tools {
namespace {

using control::InstanceMessage;

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string service_of(const InstanceMessage& instance) {
  auto name = fmri::Fmri::parse(instance.fmri);
  return name ? name->service : instance.fmri;
}

std::string instance_of(const InstanceMessage& instance) {
  auto name = fmri::Fmri::parse(instance.fmri);
  return name && name->is_instance() ? name->instance : "-";
}

// A state that we do not know is shown as it is, or as "?".
std::string state_text(const InstanceMessage& instance) {
  return instance.state.empty() ? "?" : instance.state;
}

std::string state_short(const InstanceMessage& instance) {
  const auto state = graph::state(instance.state);
  return state && *state != graph::State::none ? std::string(graph::abbreviation(*state)) : "?";
}

std::string state_letter(const InstanceMessage& instance) {
  const auto state = graph::state(instance.state);
  return std::string(1, state && *state != graph::State::none ? graph::letter(*state) : '?');
}

std::string next_letter(const InstanceMessage& instance) {
  return std::string(1, graph::letter(next_state_of(instance)));
}

std::string contract_text(const InstanceMessage& instance) {
  return instance.contract == 0 ? "-" : std::to_string(instance.contract);
}

std::string cell(const std::string& column, const InstanceMessage& instance, const std::string& star,
                 std::time_t now) {
  if (column == "CTID") return contract_text(instance);
  if (column == "DESC") return instance.name.value_or("-");
  if (column == "FMRI") return instance.fmri;
  if (column == "INST") return instance_of(instance);
  if (column == "N") return next_letter(instance);
  if (column == "NSTA") return std::string(graph::abbreviation(next_state_of(instance)));
  if (column == "NSTATE") {
    const graph::State next = next_state_of(instance);
    return next == graph::State::none ? "-" : std::string(graph::to_string(next));
  }
  if (column == "S") return state_letter(instance) + star;
  if (column == "SCOPE") return "localhost";
  if (column == "SN") return state_letter(instance) + next_letter(instance);
  if (column == "STA") return state_short(instance) + star;
  if (column == "STATE") return state_text(instance) + star;
  if (column == "STIME") return short_time(static_cast<std::time_t>(instance.state_time), now);
  if (column == "SVC") return service_of(instance);
  return "global";  // ZONE
}

// What a row is sorted by in one column: a number or a text.
using SortValue = std::variant<double, std::string>;

double rank_of(graph::State state) {
  return static_cast<double>(graph::sort_rank(state));
}

SortValue sort_value(const std::string& column, const InstanceMessage& instance) {
  constexpr double kMoreThanAnyRank = 100;
  if (column == "STATE" || column == "STA" || column == "S") return rank_of(state_of(instance));
  if (column == "NSTATE" || column == "NSTA" || column == "N") return rank_of(next_state_of(instance));
  if (column == "SN")
    return rank_of(state_of(instance)) * kMoreThanAnyRank + rank_of(next_state_of(instance));
  if (column == "STIME") return instance.state_time;
  if (column == "CTID") return static_cast<double>(instance.contract);
  return cell(column, instance, "", 0);
}

}  // namespace

const std::vector<Column>& all_columns() {
  static const std::vector<Column> kColumns{
      {"CTID", 6, "contract ID of the instance's processes"},
      {"DESC", 100, "human-readable name of the service"},
      {"FMRI", 50, "name of the instance"},
      {"INST", 20, "part of the FMRI that names the instance"},
      {"N", 1, "next state, one letter"},
      {"NSTA", 4, "next state, abbreviated"},
      {"NSTATE", 14, "next state"},
      {"S", 2, "state, one letter"},
      {"SCOPE", 20, "part of the FMRI that names the scope"},
      {"SN", 2, "state and next state, one letter each"},
      {"STA", 4, "state, abbreviated"},
      {"STATE", 14, "state"},
      {"STIME", 8, "when the instance entered its state"},
      {"SVC", 20, "part of the FMRI that names the service"},
      {"ZONE", 16, "always global"},
  };
  return kColumns;
}

const Column* column_named(const std::string& name) {
  std::string upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (const Column& column : all_columns()) {
    if (upper == column.name) return &column;
  }
  return nullptr;
}

namespace {

// As column_named(), of a name in upper case: asked for every cell.
size_t width_of(const std::string& name) {
  const auto& all = all_columns();
  const auto found =
      std::find_if(all.begin(), all.end(), [&name](const Column& column) { return name == column.name; });
  return found == all.end() ? 0 : found->width;
}

}  // namespace

std::string Table::header() const {
  std::string line;
  for (const std::string& column : columns_) line += padded(column, column_named(column)->width) + " ";
  return trimmed(line) + "\n";
}

std::string Table::row(const InstanceMessage& instance) const {
  // The star says that the instance is on its way, unless a column says where to.
  const bool told = std::any_of(columns_.begin(), columns_.end(), [](const std::string& column) {
    return column == "N" || column == "NSTA" || column == "NSTATE" || column == "SN";
  });
  const std::string star = !told && next_state_of(instance) != graph::State::none ? "*" : "";
  std::string line;
  for (const std::string& column : columns_) {
    line += padded(cell(column, instance, star, now_), width_of(column)) + " ";
  }
  return trimmed(line) + "\n";
}

void Table::sort(std::vector<const InstanceMessage*>& rows, const std::vector<SortKey>& keys) const {
  struct Row {
    const InstanceMessage* instance;
    std::vector<SortValue> values;
  };
  std::vector<Row> sorted;
  sorted.reserve(rows.size());
  for (const InstanceMessage* instance : rows) {
    Row row{instance, {}};
    for (const SortKey& key : keys) row.values.push_back(sort_value(key.column, *instance));
    sorted.push_back(std::move(row));
  }
  std::stable_sort(sorted.begin(), sorted.end(), [&keys](const Row& a, const Row& b) {
    for (size_t i = 0; i < keys.size(); ++i) {
      if (a.values[i] == b.values[i]) continue;
      return (a.values[i] < b.values[i]) != keys[i].reverse;
    }
    return false;
  });
  std::transform(sorted.begin(), sorted.end(), rows.begin(), [](const Row& row) { return row.instance; });
}

std::string process_line(const control::ProcessMessage& process, std::time_t now) {
  const std::string pid = std::to_string(process.pid);
  std::string line(15, ' ');
  line += padded(short_time(process.start_time, now), 8) + "   ";
  line += std::string(pid.size() < 6 ? 6 - pid.size() : 0, ' ') + pid + " ";
  return line + process.command.substr(0, 16) + "\n";
}

}  // namespace vmkeep::tools
