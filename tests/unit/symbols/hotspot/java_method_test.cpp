// SPDX-License-Identifier: Apache-2.0
#include "symbols/hotspot/java_method.h"

#include <gtest/gtest.h>

#include "records/hotspot.h"
#include "unit/symbols/hotspot/fake_machine.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kMethod = 0x10000;
constexpr uint64_t kConst = kMethod + 0x100;

class JavaMethodTest : public ::testing::Test {
 protected:
  std::optional<JavaMethod> read(uint32_t check = hotspot_method_check(kConst)) {
    return read_java_method(layout_, kMethod, check, words_);
  }
  FakeMachine machine_;
  HotspotLayout layout_ = fake_layout();
  ProcessWords words_{machine_, kProcess};
};

TEST_F(JavaMethodTest, HasClassNameAndFile) {
  put_method(machine_, kMethod, "java/util/HashMap", "put", "HashMap.java");
  const auto method = read();
  ASSERT_TRUE(method);
  EXPECT_EQ(method->name, "java.util.HashMap.put");
  EXPECT_EQ(method->file, "java/util/HashMap.java");
  EXPECT_EQ(method->line(0), 0U);
}

TEST_F(JavaMethodTest, AnotherMethodAtThePlaceIsNoMethod) {
  put_method(machine_, kMethod, "A", "b", "");
  EXPECT_TRUE(read());
  EXPECT_FALSE(read(hotspot_method_check(kConst + 8)));
}

TEST_F(JavaMethodTest, OfAHiddenClassTheNumberIsLeftOut) {
  EXPECT_EQ(java_class_name("Main$$Lambda$14+0x0000000800c03000"), "Main$$Lambda$14");
  EXPECT_EQ(java_class_name("a/Main$$Lambda/0x00007f0000c03000"), "a.Main$$Lambda");
  EXPECT_EQ(java_class_name("[Ljava/lang/String;"), "[Ljava.lang.String;");
  EXPECT_EQ(java_class_name(""), "");
}

TEST_F(JavaMethodTest, ANameThatIsTooLongIsCutOff) {
  put_method(machine_, kMethod, "A", std::string(200, 'b'), "");
  EXPECT_EQ(read()->name, "A." + std::string(200, 'b'));
  put_method(machine_, kMethod, "A", "b", "");
  JavaMethodLimits limits;
  limits.name_bytes = 3;
  put_method(machine_, kMethod, "Abcdef", "name", "");
  const auto cut = read_java_method(layout_, kMethod, hotspot_method_check(kConst), words_, limits);
  EXPECT_EQ(cut->name, "Abc.nam");
}

TEST_F(JavaMethodTest, ANameThatIsNoTextIsMadeOne) {
  put_method(machine_, kMethod, "A\x01", "\xff", "");
  EXPECT_EQ(read()->name, "A?.\xEF\xBF\xBD");
}

TEST_F(JavaMethodTest, WhatIsMissingIsNoName) {
  EXPECT_FALSE(read());
  put_method(machine_, kMethod, "A", "b", "");
  machine_.put(kConst + layout_.const_name, uint16_t{9});  // beyond the pool
  EXPECT_FALSE(read());
  machine_.put(kConst + layout_.const_name, uint16_t{0});
  EXPECT_FALSE(read());
  put_method(machine_, kMethod, "", "b", "");
  EXPECT_FALSE(read());
  put_method(machine_, kMethod, "A", "", "");
  EXPECT_FALSE(read());
}

TEST_F(JavaMethodTest, ALineIsThatOfTheBytecodeBefore) {
  // Lines 10 at 0, 12 at 4, then by an escape 100 at 36 (+32 is 64 as a signed number).
  put_method(machine_, kMethod, "A", "b", "A.java", {0xff, 0x00, 20, 4 << 3 | 2, 0xff, 64, 176, 0});
  const auto method = read();
  ASSERT_TRUE(method);
  EXPECT_EQ(method->line(0), 10U);
  EXPECT_EQ(method->line(3), 10U);
  EXPECT_EQ(method->line(4), 12U);
  EXPECT_EQ(method->line(35), 12U);
  EXPECT_EQ(method->line(36), 100U);
  EXPECT_EQ(method->line(-1), 0U);
}

TEST_F(JavaMethodTest, NumbersOfLinesAreAsTheReleaseHasThem) {
  // 200 as a signed number is 400: 192 + 64 * 3.25, in two bytes.
  const std::vector<std::byte> old{std::byte{0xff}, std::byte{0}, std::byte{208}, std::byte{3},
                                   std::byte{0}};
  EXPECT_EQ(java_line(old, 0, 17), 200U);
  const std::vector<std::byte> later{std::byte{0xff}, std::byte{1}, std::byte{209}, std::byte{4},
                                     std::byte{0}};
  EXPECT_EQ(java_line(later, 0, 21), 200U);
}

TEST_F(JavaMethodTest, ATableThatEndsSuddenlyTellsWhatItTold) {
  const std::vector<std::byte> table{std::byte{7}, std::byte{0xff}, std::byte{200}};
  EXPECT_EQ(java_line(table, 100, 17), 7U);
  EXPECT_EQ(java_line({}, 100, 17), 0U);
}

}  // namespace
}  // namespace hostlens::symbols
