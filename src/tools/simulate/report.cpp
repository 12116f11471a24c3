#include "tools/simulate/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

namespace vmkeep::simulate {

namespace json = boost::json;

std::string clock_text(Instant at) {
  const int64_t ms = at.count();
  return fmt::format("{}:{:02}:{:02}.{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60, ms % 1000);
}

std::string short_name(const std::string& fmri) {
  return fmri.starts_with("svc:/") ? fmri.substr(5) : fmri;
}

bool Report::good() const {
  return std::all_of(expectations.begin(), expectations.end(), [](const Held& e) { return e.held; });
}

std::string Report::text(bool all) const {
  size_t width = 0;
  for (const auto& line : lines) width = std::max(width, short_name(line.fmri).size());
  std::string out;
  for (const auto& line : lines) {
    if (line.kind == "log" && !all) continue;
    if (line.kind == "script") {
      out += fmt::format("{:>12}  > {}\n", clock_text(line.at), line.text);
    } else if (line.fmri.empty()) {
      out += fmt::format("{:>12}  {}\n", clock_text(line.at), line.text);
    } else {
      out +=
          fmt::format("{:>12}  {:<{}}  {}\n", clock_text(line.at), short_name(line.fmri), width, line.text);
    }
  }
  out += fmt::format("\nAfter {}:\n", clock_text(ended));
  for (const auto& e : endings) {
    out += fmt::format("  {:<{}}  {}", short_name(e.fmri), width, e.state);
    if (!e.vm.empty()) out += fmt::format(", the VM {}, launched {}x", e.vm, e.launches);
    if (!e.reason.empty() && e.reason != "none")
      out += fmt::format(" ({}{})", e.reason, e.why.empty() ? "" : ": " + e.why);
    out += '\n';
  }
  if (expectations.empty()) return out;
  const auto held =
      std::count_if(expectations.begin(), expectations.end(), [](const Held& e) { return e.held; });
  out += fmt::format("\nExpectations: {} of {} held.\n", held, expectations.size());
  for (const auto& e : expectations) {
    if (!e.held) out += fmt::format("  line {}: expected {}; it was {}\n", e.line, e.text, e.found);
  }
  return out;
}

json::object Report::json() const {
  const auto seconds = [](Instant at) { return static_cast<double>(at.count()) / 1000; };
  json::array all_lines, all_held, all_ends;
  for (const auto& line : lines) {
    json::object entry{
        {"time", seconds(line.at)}, {"kind", line.kind}, {"text", line.text}, {"fmri", nullptr}};
    if (!line.fmri.empty()) entry["fmri"] = line.fmri;
    for (const auto& member : line.more) entry[member.key()] = member.value();
    all_lines.push_back(std::move(entry));
  }
  for (const auto& e : expectations) {
    all_held.push_back(
        json::object{{"line", e.line}, {"text", e.text}, {"held", e.held}, {"found", e.found}});
  }
  for (const auto& e : endings) {
    json::object entry{{"fmri", e.fmri}, {"state", e.state}, {"reason", e.reason},
                       {"why", e.why},   {"vm", nullptr},    {"launches", nullptr}};
    if (!e.vm.empty()) {
      entry["vm"] = e.vm;
      entry["launches"] = e.launches;
    }
    all_ends.push_back(std::move(entry));
  }
  return {{"schema", "vmkeep/simulation/1"},  {"lines", std::move(all_lines)},
          {"instances", std::move(all_ends)}, {"expectations", std::move(all_held)},
          {"ended", seconds(ended)},          {"held", good()}};
}

}  // namespace vmkeep::simulate
