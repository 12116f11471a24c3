// Who may do what: real users against a real vmkeepd, so only as root.
#include <unistd.h>

#include "lab_service.h"

namespace vmkeep::tests {
namespace {

class Delegation : public Lab {
 protected:
  void SetUp() override {
    write("authorizations", "61001 solaris.smf.manage.lab site.lab.read\n%61100 solaris.smf.value.lab\n");
    Lab::SetUp();
    host_.import({{"vm1", "", {}, ""}});
    std::ofstream(host_.work + "/delegate")
        << "select site/lab:default\nsetprop general/action_authorization = astring: solaris.smf.manage.lab\n"
           "setprop general/value_authorization = astring: solaris.smf.value.lab\n"
           "addpg secret application\nsetprop secret/word = astring: xyzzy\n"
           "setprop secret/read_authorization = astring: site.lab.read\n"
           "select site/xvm/vbox:vm1\nsetprop general/action_authorization = astring: "
           "solaris.smf.manage.lab\n";
    ASSERT_EQ(svccfg("-f " + host_.work + "/delegate").code, 0);
    ASSERT_EQ(host_.run("svcadm refresh site/lab vbox:vm1").code, 0);
  }

  // root, the VMs' owner, one with authorizations, one with a group that has some, and one with nothing.
  Said as(const std::string& who, const std::string& command) {
    static const std::map<std::string, std::string> kUsers{
        {"operator", "--reuid 61001 --regid 61001 --clear-groups"},
        {"member", "--reuid 61002 --regid 61002 --groups 61100"},
        {"stranger", "--reuid 61003 --regid 61003 --clear-groups"},
        {"owner", "--reuid " + host_.owner + " --regid " + host_.group + " --clear-groups"}};
    const auto user = kUsers.find(who);
    return host_.run((user == kUsers.end() ? "" : "setpriv " + user->second + " ") + command + " 2>&1");
  }
  std::string everything() { return host_.run("svcprop -c site/lab:default vbox:vm1").out; }
};

constexpr const char* kLabEnable = "svcadm enable site/lab";
constexpr const char* kLabTemporary = "svcadm enable -t site/lab";
constexpr const char* kLabRefresh = "svcadm refresh site/lab";
constexpr const char* kLabWord = "svccfg -s site/lab:default setprop general/enabled = true";
constexpr const char* kLabMore = "svccfg -s site/lab:default addpg more application";
constexpr const char* kLabSecret = "svcprop -p secret/word site/lab:default";
constexpr const char* kVmRefresh = "svcadm refresh vbox:vm1";
constexpr const char* kVmHold = "vmkeep release vm1";
constexpr const char* kNew = "svccfg add site/new";

// Caller, verb and target.  What is refused names an authorization that would do.
TEST_F(Delegation, EveryCallerVerbAndTarget) {
  ASSERT_EQ(::geteuid(), 0U) << "run as root: other users are needed";
  const struct {
    const char* who;
    const char* command;
    const char* missing;  // null: allowed
  } kTable[] = {
      {"stranger", kLabEnable, "solaris.smf.value.lab"},
      {"stranger", kLabTemporary, "solaris.smf.manage.lab"},
      {"stranger", kLabRefresh, "solaris.smf.manage or solaris.smf.manage.lab"},
      {"stranger", kLabWord, "solaris.smf.modify.framework"},
      {"stranger", kLabMore, "solaris.smf.modify.application"},
      {"stranger", kLabSecret, "Permission denied."},
      {"stranger", kVmHold, "owner"},
      {"stranger", kNew, "solaris.smf.modify"},
      {"stranger", "vmkeep shutdown", "solaris.smf.manage"},
      {"operator", kLabEnable, "solaris.smf.value.lab"},
      {"operator", kLabMore, "solaris.smf.modify.application"},
      {"operator", kNew, "solaris.smf.modify"},
      {"member", kLabTemporary, "solaris.smf.manage.lab"},
      {"member", kLabRefresh, "solaris.smf.manage.lab"},
      {"member", kLabSecret, "Permission denied."},
      {"member", kVmRefresh, "solaris.smf.manage.lab"},
      {"owner", kLabTemporary, "solaris.smf.manage.lab"},
      {"owner", kVmRefresh, "solaris.smf.manage.lab"},
      {"operator", kLabTemporary, nullptr},
      {"operator", kLabRefresh, nullptr},
      {"operator", kLabSecret, nullptr},
      {"operator", kVmRefresh, nullptr},
      {"operator", kVmHold, nullptr},
      {"owner", kVmHold, nullptr},
      {"root", kLabSecret, nullptr},
      {"root", kLabEnable, nullptr},
      {"member", kLabWord, nullptr},
      {"member", kLabEnable, nullptr},
  };
  const std::string before = everything();
  bool refusing = true;
  for (const auto& row : kTable) {
    if (row.missing == nullptr && refusing) {
      EXPECT_EQ(everything(), before) << "what is refused changes nothing";
      refusing = false;
    }
    const Said said = as(row.who, row.command);
    EXPECT_EQ(said.code, row.missing == nullptr ? 0 : 1) << row.who << ": " << row.command << "\n"
                                                         << said.out;
    if (row.missing == nullptr) continue;
    EXPECT_NE(said.out.find("Permission denied"), std::string::npos) << row.who << ": " << row.command;
    EXPECT_NE(said.out.find(row.missing), std::string::npos) << row.who << ": " << said.out;
  }
  EXPECT_EQ(as("operator", kLabSecret).out, "xyzzy\n");
}

TEST_F(Delegation, TheFileCountsAsItIsNowAndOnlyIfNobodyElseMayWriteIt) {
  ASSERT_EQ(::geteuid(), 0U) << "run as root: other users are needed";
  const std::string file = host_.work + "/authorizations";
  const auto allowed = [&] { return as("stranger", kLabRefresh).code == 0; };
  EXPECT_FALSE(allowed());
  write("authorizations", "61003 solaris.smf.*\n");
  EXPECT_TRUE(allowed());
  fs::permissions(file, fs::perms(0664));
  EXPECT_FALSE(allowed());
  const auto daemon_log = file_text(host_.work + "/log/vmkeepd.log");
  EXPECT_NE(daemon_log.find("the file is ignored: others may write to " + file), std::string::npos)
      << daemon_log;
  fs::permissions(file, fs::perms(0644));
  EXPECT_TRUE(allowed());
  fs::rename(file, file + ".real");
  fs::create_symlink(file + ".real", file);
  EXPECT_FALSE(allowed()) << "through a link";
  fs::remove(file);
  fs::rename(file + ".real", file);
  ASSERT_EQ(::chown(file.c_str(), 61003, 61003), 0);
  EXPECT_FALSE(allowed()) << "his own";
  fs::remove(file);
  EXPECT_FALSE(allowed()) << "none";
}

}  // namespace
}  // namespace vmkeep::tests
