#include "control/messages.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/fuzz_replay.h"
#include "control/json_text.h"
#include "control/message_fuzz.h"
#include "control/text.h"

namespace vmkeep::control {
namespace {

namespace json = boost::json;

// What comes out of the wire: written, read, parsed.
json::value through_the_wire(const json::value& value) {
  const std::string text = json::serialize(value);
  EXPECT_TRUE(is_utf8(text)) << text;
  return json::parse(text);
}

repository::PropertyGroup any_group() {
  repository::PropertyGroup group;
  group.name = "vm";
  group.type = "application";
  group.persistent = *rc::gen::arbitrary<bool>();
  group.generation = *rc::gen::arbitrary<uint64_t>();
  const int count = *rc::gen::inRange(0, 4);
  for (int i = 0; i < count; ++i) {
    repository::Property property;
    property.type = *rc::gen::element(repository::ValueType::astring, repository::ValueType::count,
                                      repository::ValueType::opaque, repository::ValueType::net_address_v6);
    property.values = *rc::gen::arbitrary<std::vector<std::string>>();
    group.properties["p" + std::to_string(i)] = property;
  }
  return group;
}

void expect_same(const repository::PropertyGroup& a, const repository::PropertyGroup& b) {
  RC_ASSERT(a.name == b.name);
  RC_ASSERT(a.type == b.type);
  RC_ASSERT(a.persistent == b.persistent);
  RC_ASSERT(a.generation == b.generation);
  RC_ASSERT(a.properties == b.properties);
}

InstanceMessage example() {
  InstanceMessage instance;
  instance.fmri = "svc:/site/xvm/vbox:vm1";
  instance.state = "maintenance";
  instance.next_state = "none";
  instance.reason = "method_failed";
  instance.why = "it would not";
  instance.state_time = 1247759375.5;
  instance.configured = true;
  instance.enabled = true;
  instance.enabled_permanent = false;
  instance.enabled_temporary = true;
  instance.contract = UINT64_MAX;
  instance.log = "/var/log/x.log";
  instance.name = "A VM";
  instance.restarter = "svc:/system/svc/restarter:default";
  instance.vm = true;
  instance.start_status = 0x5f00;
  instance.dependencies = {{"net", "require_all", "none", {"svc:/milestone/network", "file:/etc/x"}}};
  instance.satisfied = false;
  instance.comment = "for the audit";
  instance.requested_by = "svc:/a:b";
  instance.dossier = "/var/log/dossier";
  return instance;
}

// What is written at once says the same as the tree of values.
TEST(Messages, AnInstanceWrittenAsTextIsTheSame) {
  InstanceMessage plain;
  plain.fmri = "svc:/a:b";
  plain.state_time = 1763789123.25;
  InstanceMessage full = plain;
  full.why = std::string("a \"quoted\" \\ word\n\t\x01") + '\0' + "\xff caf\xc3\xa9";
  full.state = "online";
  full.configured = full.enabled = full.vm = true;
  full.contract = 18446744073709551615U;
  full.enabled_permanent = false;
  full.enabled_temporary = true;
  full.name = "Eine Maschine";
  full.dossier = "/var/\xc3\x28";
  full.start_status = -256;
  full.satisfied = true;
  full.dependencies.emplace();
  InstanceMessage none = full;
  full.dependencies->push_back({"net", "require_all", "none", {"svc:/x:y", "file:/tmp/\"z\""}});
  full.dependencies->push_back({"host", "optional_all", "refresh", {}});
  for (const InstanceMessage& message : {plain, full, none}) {
    std::string text;
    append_json(text, message);
    EXPECT_TRUE(is_utf8(text));
    const auto read = instance_from(json::parse(text));
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(json::serialize(to_json(*read)), json::serialize(to_json(message)));
  }
}

TEST(Messages, AnInstanceComesBackAsItWas) {
  const InstanceMessage sent = example();
  const auto got = instance_from(through_the_wire(to_json(sent)));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->fmri, sent.fmri);
  EXPECT_EQ(got->state, sent.state);
  EXPECT_EQ(got->next_state, sent.next_state);
  EXPECT_EQ(got->reason, sent.reason);
  EXPECT_EQ(got->why, sent.why);
  EXPECT_EQ(got->state_time, sent.state_time);
  EXPECT_EQ(got->configured, sent.configured);
  EXPECT_EQ(got->enabled, sent.enabled);
  EXPECT_EQ(got->enabled_permanent, sent.enabled_permanent);
  EXPECT_EQ(got->enabled_temporary, sent.enabled_temporary);
  EXPECT_EQ(got->contract, sent.contract);
  EXPECT_EQ(got->log, sent.log);
  EXPECT_EQ(got->name, sent.name);
  EXPECT_EQ(got->restarter, sent.restarter);
  EXPECT_EQ(got->vm, sent.vm);
  EXPECT_EQ(got->start_status, sent.start_status);
  EXPECT_EQ(got->satisfied, sent.satisfied);
  EXPECT_EQ(got->comment, sent.comment);
  EXPECT_EQ(got->requested_by, sent.requested_by);
  EXPECT_EQ(got->dossier, sent.dossier);
  ASSERT_TRUE(got->dependencies);
  ASSERT_EQ(got->dependencies->size(), 1U);
  EXPECT_EQ(got->dependencies->front().entities, sent.dependencies->front().entities);
  EXPECT_EQ(got->dependencies->front().grouping, "require_all");
}

TEST(Messages, WhatIsAbsentStaysAbsent) {
  const auto got = instance_from(through_the_wire(to_json(InstanceMessage())));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_FALSE(got->enabled_permanent || got->enabled_temporary || got->name || got->start_status ||
               got->dependencies || got->satisfied);
}

TEST(Messages, NullIsAbsent) {
  json::object object = to_json(example()).as_object();
  object["name"] = nullptr;
  object["dependencies"] = nullptr;
  const auto got = instance_from(object);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_FALSE(got->name);
  EXPECT_FALSE(got->dependencies);
}

// Every member, missing or of another type, is an error that names it.
TEST(Messages, AMissingOrMistypedMemberIsNamed) {
  const json::object whole = to_json(example()).as_object();
  for (const auto& member : whole) {
    const std::string name(member.key());
    for (const json::value& wrong : {json::value(json::array{json::array()}), json::value(json::object())}) {
      json::object broken = whole;
      broken[name] = wrong;
      const auto got = instance_from(broken);
      ASSERT_FALSE(got) << name;
      const std::string expected = name == "dependencies" ? "" : "\"" + name + "\"";
      EXPECT_NE(got.error().message.find(expected), std::string::npos) << got.error().message;
      EXPECT_EQ(got.error().kind, ErrorKind::invalid);
    }
  }
  json::object missing = whole;
  missing.erase("state");
  EXPECT_FALSE(instance_from(missing));
  EXPECT_FALSE(instance_from(json::value(7)));
}

TEST(Messages, ANumberOutOfRangeIsRefused) {
  json::object object = to_json(example()).as_object();
  object["contract"] = -1;
  EXPECT_FALSE(instance_from(object));
  object["contract"] = 1.5;
  EXPECT_FALSE(instance_from(object));
}

TEST(Messages, ValuesOfAnyBytesComeBack) {
  rc::check([](const std::string& value) {
    const auto got = value_from(through_the_wire(value_to_json(value)));
    RC_ASSERT(got.has_value());
    RC_ASSERT(*got == value);
  });
}

TEST(Messages, GroupsComeBack) {
  rc::check([] {
    const auto sent = any_group();
    const auto got = group_from(through_the_wire(to_json(sent)));
    RC_ASSERT(got.has_value());
    expect_same(sent, *got);
  });
}

TEST(Messages, LevelsComeBack) {
  repository::Levels sent;
  auto own = std::make_shared<repository::PropertyGroup>();
  own->name = "vm";
  own->type = "application";
  own->generation = 3;
  own->properties["uuid"] = {repository::ValueType::astring, {"\xff\xfe", "b"}};
  auto inherited = std::make_shared<repository::PropertyGroup>(*own);
  inherited->generation = 4;
  sent.own["vm"] = own;
  sent.service["vm"] = inherited;
  const auto got = levels_from(through_the_wire(json::value(to_json(sent))).as_object());
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_EQ(got->own.count("vm"), 1U);
  EXPECT_EQ(got->own.at("vm")->properties, own->properties);
  EXPECT_EQ(got->service.at("vm")->generation, 4U);
}

TEST(Messages, EntriesComeBack) {
  const std::vector<fmri::Entry> sent{{"site/a", {"one", "two"}}, {"site/b", {}}};
  const auto got = entries_from(through_the_wire(to_json(sent)));
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_EQ(got->size(), 2U);
  EXPECT_EQ((*got)[0].service, "site/a");
  EXPECT_EQ((*got)[0].instances, sent[0].instances);
  EXPECT_TRUE((*got)[1].instances.empty());
}

TEST(Messages, ProcessesThatAreNoUtf8CanStillBeTold) {
  const auto got = process_from(through_the_wire(to_json(ProcessMessage{12, 34, "a\xff", "b \xc3\x28"})));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->pid, 12);
  EXPECT_EQ(got->start_time, 34);
  EXPECT_EQ(got->command, "a\xEF\xBF\xBD");
}

TEST(Messages, EveryKindOfChangeComesBack) {
  using namespace repository;
  const fmri::Fmri service{"site/a", {}, {}, {}};
  const fmri::Fmri instance{"site/a", "one", {}, {}};
  PropertyGroup group;
  group.name = "vm";
  group.type = "application";
  group.properties["x"] = {ValueType::count, {"1"}};
  const ChangeSet sent{
      AddService{"site/a"},
      AddInstance{"site/a", "one"},
      DeleteEntity{instance},
      DeleteEntity{service},
      PutGroup{instance, group, 0},
      PutGroup{service, group, std::nullopt},
      DeleteGroup{instance, "vm", 7},
      SetProperty{instance, "general", "framework", false, "enabled", Property{ValueType::boolean, {"true"}}},
      SetProperty{instance, "general", "framework", true, "enabled", std::nullopt},
      TakeSnapshot{instance, "running"}};
  const auto got = changes_from(through_the_wire(to_json(sent)));
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_EQ(got->size(), sent.size());
  for (size_t i = 0; i < sent.size(); ++i) EXPECT_EQ((*got)[i].index(), sent[i].index()) << i;
  EXPECT_EQ(std::get<AddService>((*got)[0]).service, "site/a");
  EXPECT_EQ(std::get<AddInstance>((*got)[1]).instance, "one");
  EXPECT_EQ(std::get<DeleteEntity>((*got)[2]).entity, instance);
  EXPECT_EQ(std::get<DeleteEntity>((*got)[3]).entity, service);
  EXPECT_EQ(std::get<PutGroup>((*got)[4]).expected, 0U);
  EXPECT_EQ(std::get<PutGroup>((*got)[4]).group.properties, group.properties);
  EXPECT_FALSE(std::get<PutGroup>((*got)[5]).expected);
  EXPECT_EQ(std::get<DeleteGroup>((*got)[6]).expected, 7U);
  const auto& set = std::get<SetProperty>((*got)[7]);
  EXPECT_EQ(set.group, "general");
  EXPECT_EQ(set.group_type, "framework");
  EXPECT_FALSE(set.persistent);
  EXPECT_EQ(set.property, "enabled");
  ASSERT_TRUE(set.value);
  EXPECT_EQ(set.value->values, std::vector<std::string>{"true"});
  EXPECT_FALSE(std::get<SetProperty>((*got)[8]).value);
  EXPECT_EQ(std::get<TakeSnapshot>((*got)[9]).name, "running");
}

TEST(Messages, ChangesThatMeanNothingAreRefused) {
  for (const char* text : {
           R"({})",
           R"([7])",
           R"([{"kind":"explode","entity":"svc:/a"}])",
           R"([{"kind":"add_service","entity":"svc:/a:b"}])",
           R"([{"kind":"add_instance","entity":"svc:/a"}])",
           R"([{"kind":"add_service","entity":"no such thing"}])",
           R"([{"kind":"add_service","entity":"svc:/a/:properties/b"}])",
           R"([{"kind":"put_group","entity":"svc:/a"}])",
           R"([{"kind":"put_group","entity":"svc:/a","group":{"name":"x"}}])",
           R"([{"kind":"delete_group","entity":"svc:/a"}])",
           R"([{"kind":"delete_group","entity":"svc:/a","name":"b","expected":-1}])",
           R"([{"kind":"set_property","entity":"svc:/a","name":"g","group_type":"t","persistent":true}])",
           R"([{"kind":"take_snapshot","entity":"svc:/a","name":"x"}])",
       }) {
    const auto got = changes_from(json::parse(text));
    EXPECT_FALSE(got) << text;
    if (!got) {
      EXPECT_EQ(got.error().kind, ErrorKind::invalid) << text;
    }
  }
}

// Any JSON at all, in place of any message: an answer, never an exception.
json::value any_json(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 7 : 5)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::arbitrary<int64_t>();
    case 3:
      return *rc::gen::arbitrary<double>();
    case 4:
      return json::value(*rc::gen::string<std::string>());
    case 5: {
      json::array all;
      for (int i = *rc::gen::inRange(0, 3); i > 0; --i) all.push_back(any_json(depth - 1));
      return all;
    }
    default: {
      json::object all;
      for (const char* name :
           {"kind", "entity", "group", "name", "property", "own", "properties", "values", "fmri"}) {
        if (*rc::gen::arbitrary<bool>()) all[name] = any_json(depth - 1);
      }
      if (*rc::gen::arbitrary<bool>())
        all["kind"] = *rc::gen::element("set_property", "put_group", "take_snapshot");
      if (*rc::gen::arbitrary<bool>()) all["entity"] = "svc:/a:b";
      return all;
    }
  }
}

TEST(Messages, GarbageIsAnError) {
  rc::check([] {
    const json::value value = any_json(4);
    // A change can be right by chance; nothing else can.
    static_cast<void>(changes_from(json::array{value}));
    RC_ASSERT(!instance_from(value).has_value());
    RC_ASSERT(!process_from(value).has_value());
    RC_ASSERT(!group_from(value).has_value());
    static_cast<void>(entries_from(value));
    static_cast<void>(value_from(value));
    if (value.is_object()) static_cast<void>(levels_from(value.as_object()));
  });
}

TEST(Messages, ErrorNamesGoBothWays) {
  for (const ErrorKind kind :
       {ErrorKind::invalid, ErrorKind::not_found, ErrorKind::exists, ErrorKind::permission, ErrorKind::stale,
        ErrorKind::busy, ErrorKind::timeout, ErrorKind::io}) {
    EXPECT_EQ(error_kind(error_name(kind)), kind) << error_name(kind);
  }
  EXPECT_EQ(error_name(ErrorKind::unavailable), "org.vmkeep.Failed");
  EXPECT_EQ(error_kind("org.varlink.service.MethodNotFound"), ErrorKind::unsupported);
  EXPECT_EQ(error_kind("org.example.Whatever"), ErrorKind::io);
}

TEST(Text, TellsUtf8) {
  const struct {
    std::string text;
    bool good;
  } cases[] = {
      {"", true},
      {"plain", true},
      {"\xC3\xA4", true},
      {"\xE2\x82\xAC", true},
      {"\xF0\x9F\x98\x80", true},
      {"\xC0\x80", false},          // overlong
      {"\xE0\x80\x80", false},      // overlong
      {"\xED\xA0\x80", false},      // surrogate
      {"\xF4\x90\x80\x80", false},  // beyond the last
      {"\xC3", false},              // cut
      {"\x80", false},
      {"\xFF", false},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(is_utf8(test.text), test.good) << test.text;
    EXPECT_TRUE(is_utf8(as_utf8(test.text)));
    if (test.good) {
      EXPECT_EQ(as_utf8(test.text), test.text);
    }
  }
}

TEST(Text, Base64IsTheKnownOne) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(from_base64("Zg=="), "f");
  for (const char* wrong : {"Zg", "Zg=", "Z===", "Zh==", "Z!==", "=Zg=", "Zg==Zg=="})
    EXPECT_FALSE(from_base64(wrong)) << wrong;
  rc::check([](const std::string& bytes) { RC_ASSERT(from_base64(base64(bytes)) == bytes); });
}

TEST(FuzzReplay, Messages) {
  EXPECT_GT(replay_corpus(VMKEEP_SOURCE_DIR "/src/control/corpus", 4000, fuzz_message), 4000U);
}

}  // namespace
}  // namespace vmkeep::control
