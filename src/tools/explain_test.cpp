// Whole outputs of svcs -x over made-up worlds.
#include "tools/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

namespace vmkeep::tools {
namespace {

using control::InstanceMessage;

constexpr double kWhen = 1795286855;  // Sat Nov 21 18:47:35 2026 UTC

InstanceMessage instance(const std::string& fmri, const std::string& state,
                         const std::string& reason = "none") {
  InstanceMessage message;
  message.fmri = fmri;
  message.state = state;
  message.next_state = "none";
  message.reason = reason;
  message.state_time = kWhen;
  message.configured = true;
  message.enabled = state != "disabled";
  message.enabled_permanent = message.enabled;
  message.restarter = "svc:/system/svc/restarter:default";
  message.log = "/log/x.log";
  message.dependencies.emplace();
  return message;
}

InstanceMessage with(InstanceMessage message, const std::string& grouping,
                     std::vector<std::string> entities) {
  message.dependencies->push_back(
      {"dep" + std::to_string(message.dependencies->size()), grouping, "none", std::move(entities)});
  return message;
}

class Explain : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
  // The lines between the state and the first See.
  static std::string reasons(const World& world, const std::string& fmri, bool verbose = false) {
    const std::string text = Explainer(world).explain(fmri, {}, verbose);
    const size_t begin = text.find('\n', text.find(" State:")) + 1;
    return text.substr(begin, text.find("   See:") - begin);
  }
  static std::string impact(const World& world, const std::string& fmri, bool verbose = false) {
    const std::string text = Explainer(world).explain(fmri, {}, verbose);
    return text.substr(text.find("Impact:"));
  }
};

TEST_F(Explain, AWholeExplanation) {
  World world;
  world.instances = {instance("svc:/site/xvm/vbox:vm1", "maintenance", "method_failed")};
  world.instances[0].name = "Virtual machine";
  world.instances[0].start_status = 1 << 8;
  Documentation docs;
  docs.pages = {{"vbox", "8", "/usr/share/man"}};
  docs.links = {"https://example.org/vbox"};
  EXPECT_EQ(Explainer(world).explain("svc:/site/xvm/vbox:vm1", docs, false),
            "svc:/site/xvm/vbox:vm1 (Virtual machine)\n"
            " State: maintenance since Sat Nov 21 18:47:35 2026\n"
            "Reason: Start method exited with status 1.\n"
            "   See: vbox(8)\n"
            "   See: https://example.org/vbox\n"
            "   See: /log/x.log\n"
            "Impact: This service is not running.\n");
  docs.message_base = "https://example.org/msg/";
  EXPECT_EQ(Explainer(world).explain("svc:/site/xvm/vbox:vm1", docs, true),
            "svc:/site/xvm/vbox:vm1 (Virtual machine)\n"
            " State: maintenance since Sat Nov 21 18:47:35 2026\n"
            "Reason: Start method exited with status 1.\n"
            "   See: https://example.org/msg/SMF-8000-KS\n"
            "   See: man -M /usr/share/man -s 8 vbox\n"
            "   See: https://example.org/vbox\n"
            "   See: /log/x.log\n"
            "Impact: This service is not running.\n");
}

TEST_F(Explain, AnOnlineOneHasNoReason) {
  World world;
  world.instances = {instance("svc:/a:b", "online")};
  EXPECT_EQ(
      Explainer(world).explain("svc:/a:b", {}, true),
      "svc:/a:b (?)\n State: online since Sat Nov 21 18:47:35 2026\n   See: /log/x.log\nImpact: None.\n");
  EXPECT_EQ(Explainer(world).explain("svc:/gone:b", {}, true), "svc:/gone:b\n");
}

TEST_F(Explain, TheReasonsOfStates) {
  const struct {
    const char *state, *next, *reason, *why;
    int start_status;
    const char* text;
  } cases[] = {
      {"degraded", "none", "none", "", 0, "Degraded by an administrator."},
      {"degraded", "none", "bad_repo_state", "The disk is full.", 0,
       "What becomes of it cannot be written down; a vmkeepd that is started now would not know. The disk is "
       "full."},
      {"disabled", "none", "disable_request", "", 0, "Disabled by an administrator."},
      {"offline", "online", "none", "", 0, "Start method is running."},
      {"offline", "online", "none", "The files cannot be read.", 0,
       "Start method is running. The files cannot be read."},
      {"offline", "disabled", "none", "", 0, "Transitioning to state disabled."},
      {"offline", "none", "none", "", 0, "Unknown."},
      {"uninitialized", "none", "none", "", 0,
       "Restarter svc:/system/svc/restarter:default has not initialized service state."},
      {"maintenance", "none", "administrative_request", "", 0, "Maintenance requested by an administrator."},
      {"maintenance", "none", "service_request", "", 0, "Maintenance requested by another service."},
      {"maintenance", "none", "dependency_cycle", "", 0, "Completes a dependency cycle."},
      {"maintenance", "none", "invalid_dependency", "", 0, "Has invalid dependency."},
      {"maintenance", "none", "invalid_restarter", "", 0,
       "Restarter \"svc:/system/svc/restarter:default\" is invalid."},
      {"maintenance", "none", "restarting_too_quickly", "", 0, "Restarting too quickly."},
      {"maintenance", "none", "none", "", 0,
       "Restarter svc:/system/svc/restarter:default gave no explanation."},
      {"maintenance", "none", "ct_ev_exit", "", 0, "Unknown."},
      {"maintenance", "none", "method_failed", "", 0, "Method failed."},
      {"maintenance", "none", "method_failed", "", 96 << 8, "Start method exited with $SMF_EXIT_ERR_CONFIG."},
      {"maintenance", "none", "method_failed", "", 95 << 8, "Start method exited with $SMF_EXIT_ERR_FATAL."},
      {"maintenance", "none", "method_failed", "There is no such VM.", 96 << 8,
       "Start method exited with $SMF_EXIT_ERR_CONFIG. There is no such VM."},
      {"maintenance", "none", "method_failed", "", 9, "Start method died on Killed (9)."},
      {"maintenance", "none", "method_failed", "", 11 | 0x80,
       "Start method dumped core on Segmentation fault (11)."},
      {"maintenance", "none", "fault_threshold_reached", "", 0, "Method failed repeatedly."},
      {"maintenance", "none", "fault_threshold_reached", "", 3 << 8,
       "Start method failed repeatedly, last exited with status 3."},
      {"maintenance", "none", "fault_threshold_reached", "No answer.", 1 << 8,
       "Start method failed repeatedly, last exited with status 1. No answer."},
      {"maintenance", "none", "vm_stuck", "Guru.", 0,
       "The VM is stuck: the hypervisor stopped it for an error that it cannot mend. Guru."},
      {"degraded", "none", "hypervisor_silent", "", 0,
       "The hypervisor does not answer in time; what the VM does is not known."},
      {"offline", "none", "waits_turn", "At most 4 VMs start at once.", 0,
       "Waits for its turn, and starts by itself when that comes. At most 4 VMs start at once."},
      {"strange", "none", "none", "", 0, "Not in valid state (strange)."},
  };
  for (const auto& test : cases) {
    World world;
    world.instances = {instance("svc:/a:b", test.state, test.reason)};
    world.instances[0].next_state = test.next;
    world.instances[0].why = test.why;
    if (test.start_status != 0) world.instances[0].start_status = test.start_status;
    EXPECT_EQ(reasons(world, "svc:/a:b"), std::string("Reason: ") + test.text + "\n");
  }
}

TEST_F(Explain, AVmsStopThatFailedIsToldInItsOwnWords) {
  World world;
  world.instances = {instance("svc:/a:b", "maintenance", "method_failed")};
  world.instances[0].vm = true;
  world.instances[0].start_status = 0;
  const auto told = [&](const std::string& reason, const std::string& why) {
    world.instances[0].reason = reason;
    world.instances[0].why = why;
    return reasons(world, "svc:/a:b");
  };
  const std::string refused = "the stop method failed: savestate was refused: no space left";
  EXPECT_EQ(told("method_failed", refused),
            "Reason: Stop method failed: savestate was refused: no space left\n");
  EXPECT_EQ(told("fault_threshold_reached", refused),
            "Reason: Stop method failed repeatedly: savestate was refused: no space left\n");
  EXPECT_EQ(told("method_failed", "the stop method timed out"), "Reason: Stop method timed out.\n");
  EXPECT_EQ(told("method_failed", "Nobody knows."), "Reason: Method failed. Nobody knows.\n");
}

TEST_F(Explain, ATemporaryDisableIsTold) {
  World world;
  world.instances = {instance("svc:/a:b", "disabled")};
  world.instances[0].enabled_permanent = true;
  world.instances[0].enabled_temporary = false;
  EXPECT_EQ(reasons(world, "svc:/a:b"), "Reason: Temporarily disabled by an administrator.\n");
}

TEST_F(Explain, RestartersThatAreNotThere) {
  World world;
  world.instances = {instance("svc:/a:b", "uninitialized"), instance("svc:/my/restarter:r", "offline")};
  world.instances[0].restarter = "svc:/my/restarter:r";
  EXPECT_EQ(reasons(world, "svc:/a:b"), "Reason: Restarter svc:/my/restarter:r is not running.\n");
  world.instances[1].state = "online";
  EXPECT_EQ(reasons(world, "svc:/a:b"),
            "Reason: Restarter svc:/my/restarter:r has not initialized service state.\n");
  world.instances[0].restarter = "svc:/other:r";
  EXPECT_EQ(reasons(world, "svc:/a:b"), "Reason: Restarter \"svc:/other:r\" does not exist.\n");
  world.instances[0].restarter = "nonsense!";
  EXPECT_EQ(reasons(world, "svc:/a:b"), "Reason: Restarter \"nonsense!\" is invalid.\n");
}

TEST_F(Explain, MissingDependencies) {
  World world;
  world.instances = {
      with(with(with(instance("svc:/a:b", "offline"), "require_all", {"svc:/none:x", "svc:/none"}),
                "require_all", {"file:/nowhere"}),
           "require_all", {"host:network"})};
  world.files["/nowhere"] = false;
  world.facts["network"] = {false, "no route"};
  EXPECT_EQ(reasons(world, "svc:/a:b"),
            "Reason: Dependency svc:/none:x is absent.\n"
            "Reason: Dependency svc:/none is absent.\n"
            "Reason: Dependency file:/nowhere is absent.\n"
            "Reason: Dependency host:network is absent. (no route)\n");
  world.instances.push_back(with(instance("svc:/c:d", "offline"), "require_all", {"svc:/a:b"}));
  EXPECT_EQ(reasons(world, "svc:/c:d"), "Reason: Service svc:/a:b has missing dependencies.\n");
}

TEST_F(Explain, AServiceThatMustNotRun) {
  World world;
  world.instances = {with(instance("svc:/a:b", "offline"), "exclude_all", {"svc:/c"}),
                     instance("svc:/c:d", "online")};
  EXPECT_EQ(reasons(world, "svc:/a:b"), "Reason: Service svc:/c:d is running.\n");
}

TEST_F(Explain, TheCauseIsAtTheEndOfTheChain) {
  World world;
  world.instances = {instance("svc:/root:x", "disabled"),
                     with(instance("svc:/middle:x", "offline"), "require_all", {"svc:/root:x"}),
                     with(instance("svc:/leaf:x", "offline"), "require_all", {"svc:/middle"}),
                     instance("svc:/unwanted:x", "disabled"), instance("svc:/fine:x", "online")};
  EXPECT_EQ(reasons(world, "svc:/leaf:x"), "Reason: Service svc:/root:x is disabled.\n");
  EXPECT_EQ(reasons(world, "svc:/leaf:x", true),
            "Reason: Service svc:/root:x is disabled.\n"
            "  Path: svc:/leaf:x\n"
            "          svc:/middle:x\n"
            "            svc:/root:x\n");
  EXPECT_EQ(impact(world, "svc:/root:x"),
            "Impact: 2 dependent services are not running.  (Use -v for list.)\n");
  EXPECT_EQ(impact(world, "svc:/root:x", true),
            "Impact: 2 dependent services are not running:\n        svc:/middle:x\n        svc:/leaf:x\n");
  EXPECT_EQ(impact(world, "svc:/middle:x"),
            "Impact: 1 dependent service is not running.  (Use -v for list.)\n");
  EXPECT_EQ(impact(world, "svc:/leaf:x"), "Impact: This service is not running.\n");
  EXPECT_EQ(Explainer(world).causes(), std::vector<std::string>{"svc:/root:x"});
}

TEST_F(Explain, ALongReasonIsWrapped) {
  World world;
  const std::string root = "svc:/site/a-service-with-a-name-that-goes-on-for-a-while:x";
  world.instances = {instance(root, "maintenance", "administrative_request"),
                     with(instance("svc:/leaf:x", "offline"), "require_all", {root})};
  EXPECT_EQ(reasons(world, "svc:/leaf:x"),
            "Reason: Service " + root + "\n        was taken down for maintenace by an administrator.\n");
}

TEST_F(Explain, TheCauseWithTheMostVictimsComesFirst) {
  World world;
  world.instances = {instance("svc:/a:x", "maintenance", "method_failed"),
                     instance("svc:/b:x", "maintenance", "method_failed"),
                     with(instance("svc:/c:x", "offline"), "require_all", {"svc:/b:x"}),
                     with(instance("svc:/d:x", "offline"), "require_all", {"svc:/missing:x"}),
                     instance("svc:/e:x", "degraded"),
                     instance("svc:/f:x", "degraded", "hypervisor_silent")};
  EXPECT_EQ(Explainer(world).causes(),
            (std::vector<std::string>{"svc:/b:x", "svc:/a:x", "svc:/d:x", "svc:/f:x"}));
}

TEST_F(Explain, NothingIsWrong) {
  World world;
  world.instances = {instance("svc:/a:x", "online"), instance("svc:/b:x", "disabled"),
                     with(instance("svc:/c:x", "online"), "optional_all", {"svc:/b:x"})};
  EXPECT_TRUE(Explainer(world).causes().empty());
  EXPECT_TRUE(Explainer(world).complaints().empty());
}

TEST_F(Explain, OneOfSeveralIsEnough) {
  World world;
  world.instances = {instance("svc:/a:x", "disabled"), instance("svc:/a:y", "disabled"),
                     with(instance("svc:/c:x", "offline"), "require_any", {"svc:/a:x", "svc:/a:y"})};
  EXPECT_EQ(reasons(world, "svc:/c:x"),
            "Reason: Service svc:/a:x is disabled.\nReason: Service svc:/a:y is disabled.\n");
  world.instances[1].state = "online";
  EXPECT_EQ(reasons(world, "svc:/c:x"), "Reason: Unknown.\n");
}

TEST_F(Explain, OptionalOnesAreNoCauseUnlessTheyMayStillCome) {
  World world;
  world.instances = {instance("svc:/a:x", "offline"), instance("svc:/b:x", "disabled"),
                     with(instance("svc:/c:x", "offline"), "optional_all", {"svc:/a:x", "svc:/b:x"})};
  world.instances[0].next_state = "online";
  EXPECT_EQ(reasons(world, "svc:/c:x"), "Reason: Service svc:/a:x is starting.\n");
}

TEST_F(Explain, ACycleIsToldOnceAndEnds) {
  World world;
  world.instances = {with(instance("svc:/a:x", "offline"), "require_all", {"svc:/b:x"}),
                     with(instance("svc:/b:x", "offline"), "require_all", {"svc:/a:x"})};
  const Explainer explainer(world);
  EXPECT_EQ(explainer.complaints(),
            std::vector<std::string>{"Dependency cycle detected:\n  svc:/a:x\n  svc:/b:x\n  svc:/a:x"});
}

TEST_F(Explain, ADependencyThatNobodyCanReadIsTold) {
  World world;
  world.instances = {with(instance("svc:/a:x", "offline"), "require_all", {"!"})};
  EXPECT_EQ(Explainer(world).complaints(),
            std::vector<std::string>{"svc:/a:x: has invalid dependency \"!\"."});
}

// Who is blocked by a cause is found by walking up from it, and what blocks one by walking down: both ways
// lead to the same, and in the order in which they were always told.
TEST_F(Explain, BothWaysThroughAWorldTellTheSame) {
  uint32_t dice = 7;
  const auto roll = [&dice](uint32_t sides) {
    return (dice = dice * 1664525U + 1013904223U) / 65536U % sides;
  };
  for (int round = 0; round < 200; ++round) {
    World world;
    const uint32_t count = 2 + roll(12);
    for (uint32_t i = 0; i < count; ++i) {
      const std::vector<const char*> states{"offline",  "offline", "offline",
                                            "disabled", "online",  "maintenance"};
      auto one = instance("svc:/s" + std::to_string(i) + ":i", states[roll(6)]);
      for (uint32_t edges = roll(3); edges > 0; --edges) {
        const char* const groupings[] = {"require_all", "require_any", "optional_all", "exclude_all"};
        const std::string service = "svc:/s" + std::to_string(roll(count));
        one = with(std::move(one), groupings[roll(4)], {roll(2) == 0 ? service : service + ":i"});
      }
      world.instances.push_back(std::move(one));
    }
    const Explainer explainer(world);
    std::map<std::string, std::vector<std::string>> blocked;
    std::set<std::string> roots;
    for (const auto& each : world.instances) {
      const auto facts = explainer.facts(each.fmri);
      const bool missed = each.enabled && each.state != "online";
      for (const auto& blocker : facts.blockers) {
        EXPECT_EQ(blocker.path.front(), each.fmri);
        EXPECT_EQ(blocker.path.back(), blocker.fmri);
        if (!missed) continue;
        blocked[blocker.fmri].push_back(each.fmri);
        roots.insert(blocker.fmri);
      }
      if (missed && !facts.reasons.empty()) roots.insert(each.fmri);
    }
    for (const auto& root : roots) EXPECT_EQ(explainer.facts(root).victims, blocked[root]) << root;
    std::vector<std::string> order(roots.begin(), roots.end());
    std::stable_sort(order.begin(), order.end(),
                     [&](const auto& a, const auto& b) { return blocked[a].size() > blocked[b].size(); });
    EXPECT_EQ(explainer.causes(), order);
  }
}

TEST_F(Explain, DocumentationComesFromTheTemplateGroups) {
  repository::Levels levels;
  auto page = std::make_shared<repository::PropertyGroup>();
  page->name = "tm_man_vbox8";
  page->type = "template";
  page->properties["title"] = {repository::ValueType::astring, {"vbox"}};
  page->properties["section"] = {repository::ValueType::astring, {"8"}};
  page->properties["manpath"] = {repository::ValueType::astring, {":default"}};
  auto link = std::make_shared<repository::PropertyGroup>();
  link->name = "tm_doc_home";
  link->type = "template";
  link->properties["uri"] = {repository::ValueType::uri, {"https://example.org"}};
  levels.service = {{page->name, page}, {link->name, link}};
  const Documentation docs = documentation_from(levels);
  ASSERT_EQ(docs.pages.size(), 1U);
  EXPECT_EQ(docs.pages[0].manpath, "/usr/share/man");
  EXPECT_EQ(docs.pages[0].title, "vbox");
  EXPECT_EQ(docs.links, std::vector<std::string>{"https://example.org"});
}

}  // namespace
}  // namespace vmkeep::tools
