// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_layout.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include "symbols/elf/byte_source.h"
#include "unit/symbols/v8/dumped.h"

namespace hostlens::symbols {
namespace {

using testing::HasSubstr;

class V8LayoutTest : public EveryV8 {};

TEST_P(V8LayoutTest, IsWhatTheProgramTells) {
  const bool later = std::string(GetParam()) >= "22";
  EXPECT_EQ(layout_.kernel.function_shared, later ? 32 : 24);
  EXPECT_EQ(layout_.kernel.shared_name, std::string(GetParam()) == "24" ? 24 : 16);
  EXPECT_EQ(layout_.shared_script, layout_.kernel.shared_name + 16);
  EXPECT_EQ(layout_.script_name, 16);
  EXPECT_EQ(layout_.script_source.has_value(), std::string(GetParam()) > "16");
  EXPECT_FALSE(layout_.uncompiled_types.empty());
}

TEST_P(V8LayoutTest, CodeWithoutNamesHasMarks) {
  const auto mark = [&](const char* name) {
    const auto found = dumped_.values.find(std::string("frametype_") + name);
    return found == dumped_.values.end() ? "none" : layout_.frame_marks.at(found->second);
  };
  EXPECT_EQ(mark("WasmFrame"), "[wasm]");
  EXPECT_EQ(mark("EntryFrame"), "");
  if (std::string(GetParam()) >= "20") {
    EXPECT_EQ(mark("IrregexpFrame"), "[regexp]");
  }
}

TEST_P(V8LayoutTest, WithoutAFieldItIsRefusedByItsName) {
  for (const char* field : {"type_ScopeInfo__SCOPE_INFO_TYPE", "class_Script__name__Object",
                            "class_Map__instance_type__uint16_t", "IsNotStringMask"}) {
    V8Values values = dumped_.values;
    ASSERT_EQ(values.erase(field), 1U) << field;
    const auto layout = v8_layout_of(values);
    ASSERT_FALSE(layout) << field;
    EXPECT_EQ(layout.error().kind, base::Error::Kind::kUnsupported);
  }
  V8Values values = dumped_.values;
  values.erase("class_Script__name__Object");
  EXPECT_THAT(v8_layout_of(values).error().text(), HasSubstr("class_Script__name__"));
}

TEST_P(V8LayoutTest, CompressedPointersAreRefused) {
  dumped_.values["SmiShiftSize"] = 0;
  EXPECT_THAT(v8_layout_of(dumped_.values).error().text(), HasSubstr("compressed"));
}

TEST_P(V8LayoutTest, OtherFramesAreRefused) {
  dumped_.values["off_fp_function"] = -24;
  EXPECT_FALSE(v8_layout_of(dumped_.values));
}

TEST_P(V8LayoutTest, NoFieldIsTakenFarAway) {
  for (const int32_t far : {-8, 1 << 20}) {
    V8Values values = dumped_.values;
    values.lower_bound("class_JSFunction__shared__")->second = far;
    EXPECT_FALSE(v8_layout_of(values)) << far;
  }
}

TEST_P(V8LayoutTest, WithoutWhatCodeIsFunctionsHaveNamesAllTheSame) {
  V8Values values = dumped_.values;
  std::erase_if(values, [](const auto& value) {
    return value.first.starts_with("class_FixedArray") || value.first.starts_with("type_ByteArray");
  });
  const auto layout = v8_layout_of(values);
  ASSERT_TRUE(layout) << layout.error().text();
  EXPECT_FALSE(layout->code);
}

INSTANTIATE_TEST_SUITE_P(, V8LayoutTest, kEveryV8, v8_test_name);

TEST(V8LayoutOfFiles, OthersAreNone) {
  auto source = FileSource::open(base::UniqueFd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)));
  ASSERT_TRUE(source);
  const auto elf = ElfView::open(*std::move(source));
  ASSERT_TRUE(elf);
  for (const char* path : {"/usr/bin/node", "/usr/bin/python3"}) {
    const auto layout = read_v8_layout(*elf, path);
    ASSERT_TRUE(layout) << path;
    EXPECT_FALSE(*layout) << path;
  }
}

TEST(V8LayoutOfFiles, TheInstalledNodeIsKnown) {
  base::UniqueFd file(::open("/usr/bin/node", O_RDONLY | O_CLOEXEC));
  if (!file) GTEST_SKIP() << "there is no /usr/bin/node";
  auto source = FileSource::open(std::move(file));
  ASSERT_TRUE(source);
  const auto elf = ElfView::open(*std::move(source));
  ASSERT_TRUE(elf);
  EXPECT_TRUE(*read_v8_layout(*elf, "/usr/bin/node"));
  EXPECT_FALSE(*read_v8_layout(*elf, "/usr/bin/other"));
}

}  // namespace
}  // namespace hostlens::symbols
