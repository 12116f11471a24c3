#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "hypervisor/virtualbox/parse.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

std::string sample(const std::string& name) {
  std::ifstream file(std::string(VMKEEP_SOURCE_DIR) + "/src/hypervisor/virtualbox/testdata/" + name);
  EXPECT_TRUE(file.good()) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Details, OfAVmWithDisksAndSerialPorts) {
  const auto details = parse_details(sample("showvminfo-rich.txt"));
  ASSERT_TRUE(details) << details.error().message;
  EXPECT_EQ(details->vm.uuid, "6a727783-a71f-4d60-a8a2-9655ac454a99");
  EXPECT_EQ(details->vm.name, "drv1");
  EXPECT_EQ(details->settings_file, "/home/alice/vms/drv1/drv1.vbox");
  EXPECT_EQ(details->log_folder, "/home/alice/vms/drv1/Logs");
  EXPECT_EQ(details->snapshot_folder, "/home/alice/vms/drv1/Snapshots");
  EXPECT_EQ(details->state_file.find("/home/alice/vms/drv1/Snapshots/2026-11-"), 0U);
  ASSERT_EQ(details->disks.size(), 2U);  // no empty ports, no UUIDs
  EXPECT_EQ(details->disks[0], "/home/alice/vms/drv1/drv1.img");
  EXPECT_EQ(details->disks[1], "/home/alice/a \"disk\".vdi");
  ASSERT_EQ(details->serial_ports.size(), 2U);
  EXPECT_EQ(details->serial_ports[0].number, 1);
  EXPECT_EQ(details->serial_ports[0].mode, "server");
  EXPECT_EQ(details->serial_ports[0].path, "/home/alice/serial.sock");
  EXPECT_EQ(details->serial_ports[1].number, 2);
  EXPECT_EQ(details->serial_ports[1].mode, "file");
  EXPECT_EQ(details->serial_ports[1].path, "/home/alice/two.txt");
}

TEST(Details, WhatTheDescriptionClaimsIsNotBelieved) {
  const std::string start = "name=\"x\"\nUUID=\"6a727783-a71f-4d60-a8a2-9655ac454a99\"\nCfgFile=\"/c\"\n";
  const auto details =
      parse_details(start +
                    "uartmode1=\"disconnected\"\n\"S-A-0-0\"=\"emptydrive\"\n"
                    "description=\"d\nVMStateFile=\\\"/etc/shadow\\\"\"\n"
                    "SnapshotName=\"\nVMStateFile=\"/etc/shadow\"\n\"S-0-0\"=\"/etc/shadow\"\n");
  ASSERT_TRUE(details);
  EXPECT_EQ(details->state_file, "");
  EXPECT_TRUE(details->disks.empty());
  ASSERT_EQ(details->serial_ports.size(), 1U);
  EXPECT_EQ(details->serial_ports[0].mode, "disconnected");
  EXPECT_EQ(details->serial_ports[0].path, "");
  EXPECT_FALSE(parse_details("name=\"x\"\nCfgFile=\"/c\"\n"));
  EXPECT_FALSE(parse_details(start.substr(0, start.size() - 3)));
}

TEST(MovedBytes, AreSummedUp) {
  EXPECT_EQ(parse_moved_bytes(sample("statistics.xml")).value(), 512U);
  EXPECT_EQ(
      parse_moved_bytes("<Statistics>\n"
                        "<Counter c=\"3\" unit=\"bytes\" name=\"/Public/NetAdapter/0/BytesReceived\"/>\n"
                        "<Counter c=\"40\" unit=\"bytes\" name=\"/Public/NetAdapter/0/BytesTransmitted\"/>\n"
                        "<Counter c=\"500\" unit=\"bytes\" name=\"/Public/Storage/A/Port0/BytesWritten\"/>\n"
                        "<Counter c=\"9\" unit=\"count\" name=\"/Public/Storage/A/Port0/ReqsRead\"/>\n"
                        "</Statistics>\n")
          .value(),
      543U);
  EXPECT_EQ(parse_moved_bytes("<Statistics>\n</Statistics>\n").value(), 0U);
  EXPECT_FALSE(parse_moved_bytes(""));
  EXPECT_FALSE(parse_moved_bytes(sample("statistics.xml").substr(0, 200)));
  EXPECT_FALSE(
      parse_moved_bytes("<Statistics>\n<Counter c=\"-\" name=\"/Public/BytesRead\"/>\n</Statistics>"));
}

TEST(Property, IsThereOrNot) {
  EXPECT_EQ(parse_property("Value: 7.2.22\n").value(), "7.2.22");
  EXPECT_EQ(parse_property("WARNING: no driver\nValue: two\nlines\n").value(), "two\nlines");
  EXPECT_EQ(parse_property("Value: \n").value(), "");
  EXPECT_EQ(parse_property("No value set!\n").value(), std::nullopt);
  for (const char* garbage : {"", "Valu", "Value: half", "hello\n"})
    EXPECT_FALSE(parse_property(garbage)) << garbage;
}

TEST(Progress, TheNewestPercentCounts) {
  EXPECT_EQ(last_percent(sample("savestate.err")), 100);
  EXPECT_EQ(last_percent(sample("restore.err")), 100);
  EXPECT_EQ(last_percent("Restoring virtual machine: 10%...2"), 10);
  EXPECT_EQ(last_percent("0%"), 0);
  EXPECT_EQ(last_percent("disk is at 999%"), std::nullopt);
  EXPECT_EQ(last_percent("%%%"), std::nullopt);
  EXPECT_EQ(last_percent(""), std::nullopt);
}

TEST(Errors, AreNamedAtTheBeginningOfALine) {
  EXPECT_TRUE(names_error("VBoxManage: error: no\n"));
  EXPECT_TRUE(names_error("0%...10%\nVBoxManage: error: no\n"));
  EXPECT_FALSE(names_error(sample("savestate.err")));
  EXPECT_FALSE(names_error("a VM named VBoxManage: error: x"));
}

TEST(News, OfTheHeartbeat) {
  EXPECT_TRUE(is_news("00:01 VMMDev: GuestHeartBeat: Guest is alive (gone 5 ns)\n"));
  EXPECT_TRUE(is_news("00:01 VMMDev: vmmDevHeartbeatFlatlinedTimer: Guest seems to be unresponsive.\n"));
  EXPECT_FALSE(is_news("00:01 VMMDev: Guest Log: hello\n"));
}

}  // namespace
}  // namespace vmkeep::hypervisor::virtualbox
