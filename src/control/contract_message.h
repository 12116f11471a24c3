// What vmkeepd tells of a contract (Contracts of org.vmkeep.varlink): the facts behind ctstat's columns.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace vmkeep::control {

struct ContractMessage {
  uint64_t id = 0;
  // owned: an instance has it.  orphan: it was abandoned, and what was started in it lives on.
  std::string state;
  std::optional<int64_t> holder;  // pid of the vmkeepd that owns it; nobody holds an orphan
  int64_t events = 0;             // that were told and are not yet answered by a transition
  std::string fmri;               // of the instance that it was made for; empty: no longer known
  std::string creator;            // name of the restarter
  std::string aux;                // the method that was started in it
  uint64_t cookie = 0;
  std::vector<std::string> informative, critical, fatal, parameters;
  std::optional<std::vector<int64_t>> members;  // pids; only if they were asked for
};

boost::json::value to_json(const ContractMessage& contract);
Result<ContractMessage> contract_from(const boost::json::value& json);

}  // namespace vmkeep::control
