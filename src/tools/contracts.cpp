// `vmkeep contracts`, also under its old name ctstat: which contracts there are, and who is in them.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <set>

#include "control/client.h"
#include "tools/commands.h"
#include "tools/contracts_text.h"
#include "tools/time_text.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;
using control::ContractMessage;

struct Wanted {
  bool verbose = false, json = false;
  char stamp = 0;             // u, d, or 0: no line with the time
  bool processes = true;      // -t without "process" leaves nothing: there is no other type
  std::vector<uint64_t> ids;  // empty: all
  int64_t interval = 0;       // seconds; 0: once
  int64_t rounds = 1;         // 0: for ever
};

constexpr int64_t kLongest = 1'000'000;

std::optional<int64_t> positive(const std::string& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number <= 0) return std::nullopt;
  return number;
}

std::vector<std::string> elements(const std::string& list) {
  std::vector<std::string> all;
  for (size_t at = 0; at <= list.size();) {
    const size_t end = std::min(list.find(',', at), list.size());
    all.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

Result<> take_lists(const CommandLine& line, Wanted& wanted) {
  for (const auto& list : line.all('i')) {
    for (const auto& word : elements(list)) {
      const auto id = positive(word);
      if (!id) return fail(ErrorKind::invalid, "invalid contract id \"" + word + "\"");
      wanted.ids.push_back(static_cast<uint64_t>(*id));
    }
  }
  if (!line.has('t')) return {};
  wanted.processes = false;
  for (const auto& list : line.all('t')) {
    for (const auto& word : elements(list)) {
      if (word != "process" && word != "device")
        return fail(ErrorKind::invalid, "invalid contract type \"" + word + "\"");
      wanted.processes = wanted.processes || word == "process";
    }
  }
  return {};
}

Result<Wanted> parse(Arguments arguments) {
  Wanted wanted;
  wanted.json = std::erase(arguments, "--json") != 0;
  if (std::erase(arguments, "--help") != 0) return fail(ErrorKind::unsupported, "");
  const auto line = parse_options(arguments, "ai:t:T:v?");
  if (!line) return line.error();
  if (line->has('?')) return fail(ErrorKind::unsupported, "");
  wanted.verbose = line->has('v');
  if (auto taken = take_lists(*line, wanted); !taken) return taken.error();
  if (const auto stamp = line->last('T')) {
    if (*stamp != "u" && *stamp != "d") return fail(ErrorKind::invalid, "-T takes u or d");
    wanted.stamp = stamp->front();
  }
  if (line->operands.size() > 2) return fail(ErrorKind::invalid, "too many arguments");
  for (size_t n = 0; n < line->operands.size(); ++n) {
    const auto number = positive(line->operands[n]);
    if (!number || *number > kLongest) {
      return fail(ErrorKind::invalid,
                  "invalid " + std::string(n == 0 ? "interval" : "count") + " \"" + line->operands[n] + "\"");
    }
    (n == 0 ? wanted.interval : wanted.rounds) = *number;
  }
  if (line->operands.size() == 1) wanted.rounds = 0;
  return wanted;
}

Result<std::vector<ContractMessage>> ask(control::Client& client, bool members) {
  auto reply = client.call("Contracts", {{"members", members}});
  if (!reply) return reply.error();
  std::vector<ContractMessage> all;
  const json::value* list = reply->if_contains("contracts");
  if (list == nullptr || !list->is_array()) {
    return fail(ErrorKind::invalid, "vmkeepd answered without contracts");
  }
  for (const json::value& element : list->get_array()) {
    auto contract = control::contract_from(element);
    if (!contract) return contract.error();
    all.push_back(std::move(*contract));
  }
  return all;
}

// One look; false: it is no use to look again.
bool show(control::Client& client, const Wanted& wanted, Output& output) {
  auto contracts = ask(client, wanted.verbose || wanted.json);
  if (!contracts) {
    output.warn(contracts.error().message);
    return false;
  }
  const auto is_there = [&contracts](uint64_t id) {
    return std::any_of(contracts->begin(), contracts->end(),
                       [id](const ContractMessage& contract) { return contract.id == id; });
  };
  for (const auto id : wanted.ids) {
    if (!is_there(id)) output.warn("there is no contract " + std::to_string(id));
  }
  std::erase_if(*contracts, [&wanted](const ContractMessage& contract) {
    const auto& ids = wanted.ids;
    return !wanted.processes || (!ids.empty() && std::find(ids.begin(), ids.end(), contract.id) == ids.end());
  });
  const std::time_t now = std::time(nullptr);
  if (wanted.stamp == 'u') output.line(std::to_string(now));
  if (wanted.stamp == 'd') output.line(long_time(now));
  if (wanted.json) {
    output.print(contracts_json(*contracts));
  } else {
    output.print(contract_header());
    for (const auto& contract : *contracts) {
      output.print(contract_row(contract));
      if (wanted.verbose) output.print(contract_details(contract));
    }
  }
  return output.flush();
}

}  // namespace

int contracts_command(const std::string& name, const Arguments& arguments) {
  const bool old = name == "ctstat";
  Output output(old ? name : "vmkeep");
  const std::string usage = "Usage: " + std::string(old ? "ctstat" : "vmkeep contracts") +
                            " [-a] [-i ctid[,ctid]...] [-t type[,type]...] [-T u|d] [-v] [--json] "
                            "[interval [count]]\n";
  const auto wanted = parse(arguments);
  if (!wanted) {
    if (wanted.error().kind == ErrorKind::unsupported) {
      output.print(usage);
      return output.finish();
    }
    output.warn(wanted.error().message, kUsage);
    std::fputs(usage.c_str(), stderr);
    return output.finish();
  }
  auto client = control::Client::connect();
  if (!client) {
    output.warn(client.error().message);
    return output.finish();
  }
  for (int64_t round = 1; show(*client, *wanted, output); ++round) {
    if (round == wanted->rounds) break;
    const timespec interval{static_cast<time_t>(wanted->interval), 0};
    ::nanosleep(&interval, nullptr);
  }
  return output.finish();
}

}  // namespace vmkeep::tools
