#include "daemon/dossier.h"

#include <gtest/gtest.h>

namespace vmkeep::daemon {
namespace {

using namespace std::chrono_literals;

TEST(OomLines, TakesWhatTellsOfMemoryAndIsNew) {
  const std::vector<std::string> records{
      "6,100,1000000,-;Out of memory: Killed process 7 (old)\n",
      "6,101,9000000,-;eth0: link up\n",
      "4,102,9100000,-;oom-kill:constraint=CONSTRAINT_MEMCG,task=VBoxHeadless,pid=42\n SUBSYSTEM=x\n",
      "3,103,9200000,c;Memory cgroup out of memory: Killed process 42 (VBoxHeadless)\n",
      "no record at all",
      "3,104;cut; oom-kill",
  };
  const auto lines = oom_lines(records, 5s);
  EXPECT_EQ(lines,
            (std::vector<std::string>{"oom-kill:constraint=CONSTRAINT_MEMCG,task=VBoxHeadless,pid=42",
                                      "Memory cgroup out of memory: Killed process 42 (VBoxHeadless)"}));
  EXPECT_EQ(oom_lines(std::vector<std::string>(100, "3,1,9200000,c;Out of memory\n"), 0s).size(), 20U);
}

}  // namespace
}  // namespace vmkeep::daemon
