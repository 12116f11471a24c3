#include "base/xml_text.h"

#include <gtest/gtest.h>

namespace vmkeep {
namespace {

TEST(XmlText, WhatMeansSomethingToXmlIsEscaped) {
  EXPECT_EQ(xml_escaped("plain"), "plain");
  EXPECT_EQ(xml_escaped("a < b && c > 'd' \"e\""), "a &lt; b &amp;&amp; c &gt; &apos;d&apos; &quot;e&quot;");
  EXPECT_EQ(xml_escaped("a\tb\r\nc"), "a&#9;b&#13;&#10;c");
  EXPECT_EQ(xml_escaped("B\xc3\xbcro"), "B\xc3\xbcro");
}

}  // namespace
}  // namespace vmkeep
