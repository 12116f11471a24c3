// How contracts are shown: the columns and the details of ctstat, to the letter (spec of the facility, 9).
// Pure.
#pragma once

#include <string>
#include <vector>

#include "control/contract_message.h"

namespace vmkeep::tools {

inline constexpr int kContractsDocument = 1;  // "version" of the JSON document; grows when a member changes

std::string contract_header();
std::string contract_row(const control::ContractMessage& contract);
std::string contract_details(const control::ContractMessage& contract);  // of -v

// One document: {"schema": "vmkeep/contracts/1", "version": 1, "contracts": [...]}, each as in
// org.vmkeep.varlink.
std::string contracts_json(const std::vector<control::ContractMessage>& contracts);

// "TERM", "SIGTERM" or "15"; 0: no signal of that name or number.
int signal_from(const std::string& word);

}  // namespace vmkeep::tools
