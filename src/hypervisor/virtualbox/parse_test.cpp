#include "hypervisor/virtualbox/parse.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/fd.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

std::string sample(const std::string& name) {
  auto text = read_file(std::string(VMKEEP_SOURCE_DIR) + "/src/hypervisor/virtualbox/testdata/" + name);
  EXPECT_TRUE(text) << text.error().message;
  return text ? *text : "";
}

constexpr const char* kVm1 = "bd419973-420b-435b-a7ba-2a590a615572";

TEST(ParseList, RealLists) {
  struct {
    const char* file;
    std::vector<std::string> names;
  } const rows[] = {
      {"list-vms.txt", {"vm1", "g-acpi", "g-deaf", "g-triple", "g-selfoff"}},
      {"list-vms-oddnames.txt",
       {"vm1", "g-acpi", "g-deaf", "g-selfoff", "we\"ird \\name=é", "a b", "two\nlines"}},
      {"list-vms-inaccessible.txt", {"vm1", "g-acpi", "g-deaf", "g-triple", "g-selfoff", "<inaccessible>"}},
      {"list-runningvms.txt", {"vm1"}},
  };
  for (const auto& row : rows) {
    const auto list = parse_list(sample(row.file));
    ASSERT_TRUE(list) << row.file;
    std::vector<std::string> names;
    for (const VmRef& vm : *list) {
      names.push_back(vm.name);
      EXPECT_EQ(vm.uuid, normal_uuid(vm.uuid));
      EXPECT_EQ(vm.accessible, vm.name != "<inaccessible>");
    }
    EXPECT_EQ(names, row.names) << row.file;
    EXPECT_EQ((*list)[0].uuid, kVm1);
  }
}

TEST(ParseList, TheWrappersWarningIsNoVm) {
  const auto list = parse_list(
      "WARNING: The character device /dev/vboxdrv does not exist.\n\t Please install the \"virtualbox-dkms\" "
      "package.\n\"a\" {BD419973-420b-435b-a7ba-2a590a615572}\n");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ((*list)[0].uuid, kVm1);
}

TEST(ParseList, NothingIsNoVms) {
  const auto list = parse_list("");
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->empty());
}

TEST(ParseList, AnEntryThatIsCutIsAnError) {
  for (const char* text : {"\"vm1\" {bd419973-420b-435b", "\"vm1\" {bd419973-420b-435b-a7ba-2a590a615572",
                           "\"vm1\" {bd419973-420b-435b-a7ba-2a590a615572}\n\"vm", "\""}) {
    EXPECT_FALSE(parse_list(text)) << text;
  }
}

TEST(ParseInfo, RealStates) {
  struct {
    const char* file;
    const char* state;
  } const rows[] = {
      {"showvminfo-running.txt", "running"},     {"showvminfo-paused.txt", "paused"},
      {"showvminfo-saved.txt", "saved"},         {"showvminfo-poweroff.txt", "poweroff"},
      {"showvminfo-aborted.txt", "aborted"},     {"showvminfo-aborted-saved.txt", "aborted-saved"},
      {"showvminfo-guru.txt", "gurumeditation"},
  };
  for (const auto& row : rows) {
    const auto info = parse_info(sample(row.file));
    ASSERT_TRUE(info) << row.file << ": " << info.error().message;
    EXPECT_EQ(info->state, row.state) << row.file;
    EXPECT_TRUE(vm::vm_state(info->state));
    EXPECT_FALSE(info->uuid.empty());
  }
  const auto running = parse_info(sample("showvminfo-running.txt"));
  EXPECT_EQ(running->uuid, kVm1);
  EXPECT_EQ(running->name, "vm1");
  EXPECT_EQ(running->log_folder, "/root/VirtualBox VMs/vm1/Logs");
}

TEST(ParseInfo, EscapesAreUndone) {
  const auto info = parse_info(sample("showvminfo-oddname.txt"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->name, "we\"ird \\name=é");
  EXPECT_EQ(info->log_folder, "/root/VirtualBox VMs/we_ird _name_é/Logs");
  EXPECT_EQ(info->state, "poweroff");
}

TEST(ParseInfo, OnlyAWholeLineIsAState) {
  const std::string uuid = std::string("UUID=\"") + kVm1 + "\"\n";
  EXPECT_EQ(parse_info(uuid + "VMState=\"saved\"\n")->state, "saved");
  EXPECT_EQ(parse_info(uuid + "VideoMode=\"720,400,0\"@0,0 1\nVMState=\"saved\"\n")->state, "saved");
  EXPECT_EQ(parse_info(uuid + "\"a-0-0\"=\"x\"\nVRDEClients==0\n rec_screen0\nVMState=\"saved\"\n")->state,
            "saved");
  EXPECT_EQ(parse_info("name=\"x\nVMState=\\\"running\\\"\n\"\n" + uuid + "VMState=\"saved\"\n")->state,
            "saved");
  for (const char* text :
       {"", "VMState=\"saved", "VMState=saved\n", "VMState==\"saved\"\n", " VMState=\"saved\"\n",
        "VMState=\"saved\"x\n", "VMStateFile=\"saved\"\n", "vmstate=\"saved\"\n", "VMState=\"\"\n",
        "description:\nsays VMState=\"running\"\n", "x=\"\nVMState=\\\"running\\\""}) {
    EXPECT_FALSE(parse_info(uuid + text)) << text;
  }
  EXPECT_FALSE(parse_info("VMState=\"saved\"\n"));
  EXPECT_FALSE(parse_info("UUID=\"vm1\"\nVMState=\"saved\"\n"));
}

TEST(Classify, RealErrors) {
  struct {
    const char* file;
    Trouble trouble;
    bool passing;
  } const rows[] = {
      {"showvminfo-nonexistent.err", Trouble::not_registered, false},
      {"controlvm-nonexistent.err", Trouble::not_registered, false},
      {"startvm-nonexistent.err", Trouble::not_registered, false},
      {"showvminfo-inaccessible.err", Trouble::inaccessible, false},
      {"startvm-inaccessible.err", Trouble::inaccessible, false},
      {"showvminfo-concurrent.err", Trouble::not_ready, true},
      {"showvminfo-nosvc.err", Trouble::no_service, true},
      {"startvm-badsav.err", Trouble::session_closed, false},
      {"savestate.err", Trouble::other, false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(to_string(classify(sample(row.file))), to_string(row.trouble)) << row.file;
    EXPECT_EQ(is_passing(classify(sample(row.file))), row.passing) << row.file;
  }
}

TEST(Classify, ErrorsByTheirWords) {
  struct {
    const char* text;
    Trouble trouble;
  } const rows[] = {
      {"VBoxManage: error: The machine 'a' is already locked by a session (or being locked or unlocked)",
       Trouble::locked},
      {"VBoxManage: error: An unexpected process (PID=0x1) has tried to lock the machine 'a'",
       Trouble::locked},
      {"VBoxManage: error: Machine 'a' is not currently running.", Trouble::not_running},
      {"VBoxManage: error: Details: code VBOX_E_INVALID_VM_STATE (0x80bb0002)", Trouble::invalid_state},
      {"VBoxManage: error: Failed to create the VirtualBox object!", Trouble::no_service},
      {"NS_ERROR_SOCKET_FAIL", Trouble::no_service},
      {"", Trouble::other},
      {"Segmentation fault", Trouble::other},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(to_string(classify(row.text)), to_string(row.trouble)) << row.text;
  }
}

TEST(FirstError, IsOneLineForAPerson) {
  EXPECT_EQ(first_error(sample("showvminfo-nonexistent.err")),
            "Could not find a registered machine named 'nope'");
  EXPECT_EQ(first_error(sample("showvminfo-nosvc.err")), "Failed to create the VirtualBox object!");
  EXPECT_EQ(first_error("0%...10%\nlab launcher: no such thing\n"), "lab launcher: no such thing");
  EXPECT_EQ(first_error(""), "it gave no reason");
}

// ---- garbage
// ------------------------------------------------------------------------------------------------------

const std::vector<std::string>& infos() {
  static const std::vector<std::string> texts = [] {
    std::vector<std::string> result;
    for (const char* name :
         {"running", "paused", "saved", "poweroff", "aborted", "aborted-saved", "guru", "oddname"}) {
      result.push_back(sample(std::string("showvminfo-") + name + ".txt"));
    }
    return result;
  }();
  return texts;
}

// One byte changed, removed or added, a line removed, or the end cut off: what happens to an answer on its
// way.
std::string mutated(std::string text) {
  const auto at = *rc::gen::inRange<size_t>(0, text.size());
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      text[at] = *rc::gen::arbitrary<char>();
      break;
    case 1:
      text.erase(at, 1);
      break;
    case 2:
      text.insert(at, 1, *rc::gen::arbitrary<char>());
      break;
    case 3: {
      const size_t line = text.find('\n', at);
      if (line != std::string::npos) text.erase(line, text.find('\n', line + 1) - line);
      break;
    }
    default:
      text.resize(at);
  }
  return text;
}

TEST(Garbage, IsNeverTakenForAnotherState) {
  EXPECT_TRUE(rc::check("a damaged answer gives its state, a word that is no state, or an error", [] {
    const std::string& original = *rc::gen::elementOf(infos());
    const auto truth = parse_info(original);
    const auto info = parse_info(mutated(original));
    if (info && info->state != truth->state) RC_ASSERT(!vm::vm_state(info->state));
  }));
}

TEST(Garbage, NeverCrashesAndNeverInventsVms) {
  const std::string list = sample("list-vms-oddnames.txt");
  const auto truth = parse_list(list);
  ASSERT_TRUE(truth);
  EXPECT_TRUE(rc::check("a damaged list has no more entries than the whole one", [&] {
    const auto damaged = parse_list(mutated(list));
    if (damaged) RC_ASSERT(damaged->size() <= truth->size());
  }));
  EXPECT_TRUE(rc::check("any bytes", [] {
    const auto text = *rc::gen::arbitrary<std::string>();
    (void)parse_list(text);
    (void)parse_info(text);
    (void)classify(text);
    RC_ASSERT(!first_error(text).empty() || text.find("error: ") != std::string::npos);
  }));
}

}  // namespace
}  // namespace vmkeep::hypervisor::virtualbox
