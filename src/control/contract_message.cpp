#include "control/contract_message.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "control/messages.h"

namespace vmkeep::control {
namespace {

namespace json = boost::json;

json::array array_of(const std::vector<std::string>& words) {
  return json::array(words.begin(), words.end());
}

Result<std::vector<int64_t>> numbers(const json::value& list) {
  std::vector<int64_t> all;
  const auto wrong = [] {
    return fail(ErrorKind::invalid, "Contract: the member \"members\" must be an array of numbers");
  };
  if (!list.is_array()) return wrong();
  for (const json::value& element : list.get_array()) {
    boost::system::error_code error;
    all.push_back(element.is_number() ? element.to_number<int64_t>(error) : 0);
    if (!element.is_number() || error) return wrong();
  }
  return all;
}

}  // namespace

json::value to_json(const ContractMessage& contract) {
  json::object object{{"id", contract.id},
                      {"state", contract.state},
                      {"events", contract.events},
                      {"fmri", contract.fmri},
                      {"creator", contract.creator},
                      {"aux", contract.aux},
                      {"cookie", contract.cookie},
                      {"informative", array_of(contract.informative)},
                      {"critical", array_of(contract.critical)},
                      {"fatal", array_of(contract.fatal)},
                      {"parameters", array_of(contract.parameters)}};
  if (contract.holder) object["holder"] = *contract.holder;
  if (contract.members) object["members"] = json::array(contract.members->begin(), contract.members->end());
  return object;
}

Result<ContractMessage> contract_from(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return fail(ErrorKind::invalid, "Contract: it must be an object");
  ContractMessage contract;
  const int64_t id = int_member(*object, "id", 0);
  if (id <= 0) return fail(ErrorKind::invalid, "Contract: the member \"id\" must be a positive number");
  contract.id = static_cast<uint64_t>(id);
  for (const auto& [name, text] :
       {std::pair("state", &contract.state), std::pair("fmri", &contract.fmri),
        std::pair("creator", &contract.creator), std::pair("aux", &contract.aux)}) {
    auto read = string_member(*object, name);
    if (!read) return in("Contract", read.error());
    *text = std::move(*read);
  }
  for (const auto& [name, words] :
       {std::pair("informative", &contract.informative), std::pair("critical", &contract.critical),
        std::pair("fatal", &contract.fatal), std::pair("parameters", &contract.parameters)}) {
    auto read = strings_member(*object, name);
    if (!read) return in("Contract", read.error());
    *words = std::move(*read);
  }
  contract.events = int_member(*object, "events", 0);
  contract.cookie = static_cast<uint64_t>(int_member(*object, "cookie", 0));
  if (const int64_t holder = int_member(*object, "holder", 0); holder > 0) contract.holder = holder;
  if (const json::value* list = object->if_contains("members"); list != nullptr && !list->is_null()) {
    auto members = numbers(*list);
    if (!members) return members.error();
    contract.members = std::move(*members);
  }
  return contract;
}

}  // namespace vmkeep::control
