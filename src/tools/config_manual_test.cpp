// The page and the shipped manifest say what the table says.
#include "tools/config_manual.h"

#include <gtest/gtest.h>

#include "base/fd.h"

namespace vmkeep::tools {
namespace {

std::string file(const std::string& name) {
  auto text = read_file(std::string(VMKEEP_SOURCE_DIR "/") + name);
  EXPECT_TRUE(text) << text.error().message;
  return text ? *text : "";
}

// What stands between the line with one mark and the line with the other.
std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const size_t from = text.find(begin);
  const size_t to = text.find(end);
  if (from == std::string::npos || to == std::string::npos) return "no marks";
  const size_t first = text.find('\n', from) + 1;
  return text.substr(first, text.rfind('\n', to) + 1 - first);
}

TEST(Manual, PageHasEveryProperty) {
  EXPECT_EQ(between(file("man/vmkeep-vm.7"), "properties: begin", "properties: end"), manual_mdoc())
      << "put the output of `vmkeep properties --mdoc` between the marks";
}

TEST(Manual, ShippedManifestHasEveryProperty) {
  const std::string manifest = file("share/manifest/site/xvm/vbox.xml");
  EXPECT_EQ(between(manifest, "properties: begin", "properties: end"), manifest_group())
      << "put the first part of `vmkeep properties --manifest` between these marks";
  EXPECT_EQ(between(manifest, "template: begin", "template: end"), manifest_template())
      << "put the second part of `vmkeep properties --manifest` between these marks";
}

TEST(Manual, TellsAllOfOneProperty) {
  const std::string text = manual_text({vm::find_property("start_wait_policy")});
  for (const char* part :
       {"vm/start_wait_policy: ", "word; instance, else service; default nodelay; shipped off",
        "hook_strict (also vmsvccheck_strict): "}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  const std::string all = manual_text(all_properties());
  for (const auto& property : vm::properties()) {
    EXPECT_NE(all.find("vm/" + std::string(property.name) + ": "), std::string::npos);
  }
  EXPECT_EQ(manual_json(all_properties()).size(), vm::properties().size());
}

TEST(Manual, TypingErrorsAreUnderstood) {
  EXPECT_EQ(nearest_property("stop_metod"), "stop_method");
  EXPECT_EQ(nearest_property("timzone"), "timezone");
  EXPECT_EQ(nearest_property("q"), "");
}

TEST(Manual, LinesAreWrapped) {
  EXPECT_EQ(wrapped("aa bb cc", 5, ""), "aa bb\ncc\n");
  EXPECT_EQ(wrapped("aaaaaaaa bb", 5, " "), " aaaaaaaa\n bb\n");
}

}  // namespace
}  // namespace vmkeep::tools
