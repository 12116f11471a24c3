#include "tools/columns.h"

#include <algorithm>
#include <cctype>

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

// Below 0: a comes first.
int compare(const std::string& column, const InstanceMessage& a, const InstanceMessage& b) {
  const auto order = [](auto x, auto y) { return x < y ? -1 : (y < x ? 1 : 0); };
  const int by_state = order(graph::sort_rank(state_of(a)), graph::sort_rank(state_of(b)));
  const int by_next = order(graph::sort_rank(next_state_of(a)), graph::sort_rank(next_state_of(b)));
  if (column == "STATE" || column == "STA" || column == "S") return by_state;
  if (column == "NSTATE" || column == "NSTA" || column == "N") return by_next;
  if (column == "SN") return by_state != 0 ? by_state : by_next;
  if (column == "STIME") return order(a.state_time, b.state_time);
  if (column == "CTID") return order(a.contract, b.contract);
  return order(cell(column, a, "", 0), cell(column, b, "", 0));
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
    line += padded(cell(column, instance, star, now_), column_named(column)->width) + " ";
  }
  return trimmed(line) + "\n";
}

void Table::sort(std::vector<const InstanceMessage*>& rows, const std::vector<SortKey>& keys) const {
  std::stable_sort(rows.begin(), rows.end(), [&keys](const InstanceMessage* a, const InstanceMessage* b) {
    for (const SortKey& key : keys) {
      const int order = compare(key.column, *a, *b);
      if (order != 0) return key.reverse ? order > 0 : order < 0;
    }
    return false;
  });
}

std::string process_line(const control::ProcessMessage& process, std::time_t now) {
  const std::string pid = std::to_string(process.pid);
  std::string line(15, ' ');
  line += padded(short_time(process.start_time, now), 8) + "   ";
  line += std::string(pid.size() < 6 ? 6 - pid.size() : 0, ' ') + pid + " ";
  return line + process.command.substr(0, 16) + "\n";
}

}  // namespace vmkeep::tools
