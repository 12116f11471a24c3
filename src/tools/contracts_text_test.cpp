#include "tools/contracts_text.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace vmkeep::tools {
namespace {

using control::ContractMessage;

ContractMessage of_debian() {
  ContractMessage contract;
  contract.id = 2154;
  contract.state = "owned";
  contract.holder = 7;
  contract.fmri = "svc:/site/xvm/vbox:debian";
  contract.creator = "svc.startd";
  contract.aux = "start";
  contract.cookie = 0x20;
  contract.critical = {"core", "signal", "hwerr", "empty"};
  contract.parameters = {"inherit", "regent"};
  contract.members = {28568, 28571, 28573};
  return contract;
}

TEST(Contracts, AWholeAnswer) {
  EXPECT_EQ(contract_header() + contract_row(of_debian()) + contract_details(of_debian()),
            "CTID    ZONEID  TYPE    STATE   HOLDER  EVENTS  QTIME   NTIME\n"
            "2154    0       process owned   7       0       -       -       \n"
            "\tcookie:                0x20\n"
            "\tinformative event set: none\n"
            "\tcritical event set:    core signal hwerr empty\n"
            "\tfatal event set:       none\n"
            "\tparameter set:         inherit regent\n"
            "\tmember processes:      28568 28571 28573 \n"
            "\tinherited contracts:   none\n"
            "\tservice fmri:          svc:/site/xvm/vbox:debian\n"
            "\tservice fmri ctid:     2154\n"
            "\tcreator:               svc.startd\n"
            "\taux:                   start\n");
}

TEST(Contracts, AnAbandonedOneThatNobodyKnows) {
  ContractMessage contract;
  contract.id = 12345678;
  contract.state = "orphan";
  contract.events = 1;
  contract.creator = "svc.startd";
  contract.aux = "stop";
  contract.cookie = 0x21;
  contract.members.emplace();
  EXPECT_EQ(contract_row(contract) + contract_details(contract),
            "12345678 0       process orphan  -       1       -       -       \n"
            "\tcookie:                0x21\n"
            "\tinformative event set: none\n"
            "\tcritical event set:    none\n"
            "\tfatal event set:       none\n"
            "\tparameter set:         none\n"
            "\tmember processes:      none\n"
            "\tinherited contracts:   none\n"
            "\tservice fmri:          unknown\n"
            "\tservice fmri ctid:     12345678\n"
            "\tcreator:               svc.startd\n"
            "\taux:                   stop\n");
}

TEST(Contracts, TheDocumentHoldsWhatTheMessageHolds) {
  const auto document = boost::json::parse(contracts_json({of_debian()}));
  EXPECT_EQ(document.at("version").as_int64(), kContractsDocument);
  EXPECT_EQ(document.at("schema"), "vmkeep/contracts/1");
  ASSERT_EQ(document.at("contracts").as_array().size(), 1U);
  const auto read = control::contract_from(document.at("contracts").as_array()[0]);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(contract_row(*read) + contract_details(*read),
            contract_row(of_debian()) + contract_details(of_debian()));
}

TEST(Contracts, AMessageIsChecked) {
  const struct {
    const char *json, *why;
  } cases[] = {
      {"[]", "object"},
      {"{}", "\"id\""},
      {R"({"id": 0})", "\"id\""},
      {R"({"id": 5})", "\"state\""},
      {R"({"id": 5, "state": "", "fmri": "", "creator": "", "aux": "", "critical": [1]})", "\"critical\""},
      {R"({"id": 5, "state": "", "fmri": "", "creator": "", "aux": "", "members": ["x"]})", "\"members\""},
      {R"({"id": 5, "state": "", "fmri": "", "creator": "", "aux": "", "members": 1})", "\"members\""},
  };
  for (const auto& test : cases) {
    const auto read = control::contract_from(boost::json::parse(test.json));
    ASSERT_FALSE(read) << test.json;
    EXPECT_NE(read.error().message.find(test.why), std::string::npos) << read.error().message;
  }
}

TEST(Signals, AreNamedOrNumbered) {
  const struct {
    const char* word;
    int number;
  } cases[] = {{"TERM", 15}, {"SIGTERM", 15}, {"15", 15},  {"KILL", 9}, {"1", 1},  {"64", 64}, {"USR1", 10},
               {"0", 0},     {"65", 0},       {"-9", 0},   {"term", 0}, {"", 0},   {"SIG", 0}, {"9x", 0},
               {"NONE", 0},  {"UNKNOWN", 0},  {"SIG9", 0}, {"33", 33},  {"HUP", 1}};
  for (const auto& test : cases) EXPECT_EQ(signal_from(test.word), test.number) << test.word;
}

}  // namespace
}  // namespace vmkeep::tools
