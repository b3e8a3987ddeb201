// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <gtest/gtest.h>

namespace hostlens::base {
namespace {

std::string cleaned(std::string_view text) {
  std::string out = "before";
  assign_utf8(out, text);
  return out;
}

TEST(Utf8Test, ValidTextStaysAsItIs) {
  for (const std::string_view text :
       {"", "a", "/users/12345678/orders", "gr\xC3\xBC\xC3\x9F", "\xE2\x82\xAC", "\xED\x9F\xBF",
        "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF", "12345678\xC3\xBC"}) {
    EXPECT_EQ(cleaned(text), text);
    EXPECT_EQ(valid_utf8_prefix(text), text.size());
  }
  EXPECT_EQ(cleaned(std::string_view("a\0b", 3)), std::string_view("a\0b", 3));
}

TEST(Utf8Test, EachByteThatIsNoUtf8IsReplaced) {
  EXPECT_EQ(cleaned("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(cleaned("\x80"), "\xEF\xBF\xBD");
  EXPECT_EQ(cleaned("12345678\xC3"), "12345678\xEF\xBF\xBD") << "cut off in the middle";
  EXPECT_EQ(cleaned("\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  for (const std::string_view bad : {"\xC0\xAF", "\xC1\x81", "\xE0\x9F\xBF", "\xED\xA0\x80",
                                     "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80"}) {
    const std::string text = cleaned(bad);
    EXPECT_NE(text, bad);
    EXPECT_EQ(text.size(), bad.size() * 3);
    EXPECT_EQ(valid_utf8_prefix(text), text.size());
  }
}

}  // namespace
}  // namespace hostlens::base
