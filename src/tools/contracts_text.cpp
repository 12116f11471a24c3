#include "tools/contracts_text.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "base/reaper.h"
#include "tools/json_text.h"

namespace vmkeep::tools {
namespace {

using control::ContractMessage;

constexpr int kLastSignal = 64;

std::string words_or_none(const std::vector<std::string>& words) {
  if (words.empty()) return "none";
  std::string line;
  for (const auto& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

std::string detail(const char* label, const std::string& value) {
  return fmt::format("\t{:<23}{}\n", label, value);
}

}  // namespace

std::string contract_header() {
  return "CTID    ZONEID  TYPE    STATE   HOLDER  EVENTS  QTIME   NTIME\n";
}

// There is one zone, and nobody negotiates: QTIME and NTIME are the times left for that.
std::string contract_row(const ContractMessage& contract) {
  const std::string holder = contract.holder ? std::to_string(*contract.holder) : "-";
  return fmt::format("{:<7} {:<7} {:<7} {:<7} {:<7} {:<7} {:<7} {:<8}\n", contract.id, 0, "process",
                     contract.state, holder, contract.events, "-", "-");
}

std::string contract_details(const ContractMessage& contract) {
  std::string members;
  for (const auto pid : contract.members.value_or(std::vector<int64_t>())) members += fmt::format("{} ", pid);
  return detail("cookie:", fmt::format("{:#x}", contract.cookie)) +
         detail("informative event set:", words_or_none(contract.informative)) +
         detail("critical event set:", words_or_none(contract.critical)) +
         detail("fatal event set:", words_or_none(contract.fatal)) +
         detail("parameter set:", words_or_none(contract.parameters)) +
         detail("member processes:", members.empty() ? "none" : members) +
         detail("inherited contracts:", "none") +
         detail("service fmri:", contract.fmri.empty() ? "unknown" : contract.fmri) +
         detail("service fmri ctid:", std::to_string(contract.id)) + detail("creator:", contract.creator) +
         detail("aux:", contract.aux);
}

std::string contracts_json(const std::vector<ContractMessage>& contracts) {
  boost::json::array list;
  for (const auto& contract : contracts) list.push_back(control::to_json(contract));
  boost::json::object document = json_document("contracts");
  document["version"] = kContractsDocument;
  document["contracts"] = std::move(list);
  return json_line(document);
}

int signal_from(const std::string& word) {
  int number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error == std::errc() && end == word.data() + word.size()) {
    return number > 0 && number <= kLastSignal ? number : 0;
  }
  const std::string name = word.starts_with("SIG") ? word.substr(3) : word;
  if (name == "UNKNOWN") return 0;
  for (number = 1; number <= kLastSignal; ++number) {
    if (signal_name(number) == name) return number;
  }
  return 0;
}

}  // namespace vmkeep::tools
