// SPDX-License-Identifier: Apache-2.0
#include "symbols/hotspot/compiled_code.h"

#include <gmock/gmock.h>

#include "unit/symbols/hotspot/fake_machine.h"

namespace hostlens::symbols {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kNmethod = 0x20000;
constexpr uint32_t kBegin = 0x80;

/// Of a method (0) that has inlined another one (1) at its bytecode 5, and that one a third (2).
CompiledCode code_of(int32_t major) {
  CompiledCode code;
  code.major = major;
  code.begin = kBegin;
  code.methods = {0x100, 0x200, 0x300};
  const int excluded = major >= 20 ? 1 : 0;
  const auto put = [&](std::initializer_list<int> numbers) {
    for (const int number : numbers) {
      code.scopes.push_back(static_cast<std::byte>(number + excluded));
    }
  };
  put({0});         // nothing is described at 0
  put({0, 1, 6});   // 1: method 0, bytecode 5
  put({1, 2, 8});   // 4: in it method 1, bytecode 7
  put({4, 3, 1});   // 7: in that method 2, bytecode 0
  put({1, 2, 10});  // 10: method 1 at bytecode 9 in the same call
  put({0, 1, 0});   // 13: method 0, before its first bytecode
  code.places = {{-1, 0}, {0, 13}, {0x10, 7}, {0x20, 10}, {0x30, 1}, {0x40, 7}, {0x7fffffff, 0}};
  return code;
}

class CompiledCodeTest : public testing::TestWithParam<int32_t> {};

TEST_P(CompiledCodeTest, AReturnAddressTellsEachMethod) {
  const CompiledCode code = code_of(GetParam());
  EXPECT_THAT(code.scopes_at(kBegin + 0x10),
              ElementsAre(CodeScope{2, 0}, CodeScope{1, 7}, CodeScope{0, 5}));
  EXPECT_THAT(code.scopes_at(kBegin + 0x30), ElementsAre(CodeScope{0, 5}));
  EXPECT_THAT(code.scopes_at(kBegin + 0x00), ElementsAre(CodeScope{0, -1}));
}

TEST_P(CompiledCodeTest, CodeBeforeAPlaceIsTakenForIts) {
  const CompiledCode code = code_of(GetParam());
  EXPECT_THAT(code.scopes_at(kBegin + 0x18), ElementsAre(CodeScope{1, 9}, CodeScope{0, 5}));
  EXPECT_THAT(code.scopes_at(kBegin + 0x28), ElementsAre(CodeScope{0, 5}));
}

TEST_P(CompiledCodeTest, BesidesAllPlacesNothingIsKnown) {
  const CompiledCode code = code_of(GetParam());
  EXPECT_THAT(code.scopes_at(kBegin + 0x50), IsEmpty());
  EXPECT_THAT(code.scopes_at(0), IsEmpty()) << "before the code";
  EXPECT_THAT(CompiledCode().scopes_at(5), IsEmpty());
}

TEST_P(CompiledCodeTest, DescriptionsThatContradictThemselvesAreNone) {
  CompiledCode code = code_of(GetParam());
  code.methods.resize(1);
  EXPECT_THAT(code.scopes_at(kBegin + 0x10), IsEmpty()) << "a method that is not there";
  code = code_of(GetParam());
  code.scopes.resize(8);
  EXPECT_THAT(code.scopes_at(kBegin + 0x10), IsEmpty()) << "cut off";
  code = code_of(GetParam());
  code.scopes[7] = static_cast<std::byte>(GetParam() >= 20 ? 8 : 7);  // its own caller
  EXPECT_THAT(code.scopes_at(kBegin + 0x10), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Encodings, CompiledCodeTest, testing::Values(17, 21));

class ReadCompiledCodeTest : public ::testing::Test {
 protected:
  ReadCompiledCodeTest() {
    machine_.zero(kNmethod, layout_.nmethod_bytes);
    machine_.put(kNmethod + layout_.nmethod_method, uint64_t{0x100});
    machine_.put(kNmethod + layout_.nmethod_compile_id, uint32_t{42});
    machine_.put(kNmethod + layout_.blob_code_begin, kNmethod + kBegin);
    machine_.put(kNmethod + layout_.metadata_offset, uint32_t{0x200});
    machine_.put(kNmethod + layout_.scopes_data_begin, kNmethod + 0x210);
    machine_.put(kNmethod + layout_.scopes_pcs_offset, uint32_t{0x220});
    machine_.put(kNmethod + layout_.dependencies_offset, uint32_t{0x240});
    machine_.put(kNmethod + 0x200, uint64_t{0x100});
    machine_.put(kNmethod + 0x208, uint64_t{0x200});
    machine_.put_bytes(kNmethod + 0x210, {0, 0, 1, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    machine_.put(kNmethod + 0x220, std::array<int32_t, 4>{-1, 0, 0, 0});
    machine_.put(kNmethod + 0x230, std::array<int32_t, 4>{0x10, 1, 0, 0});
  }
  FakeMachine machine_;
  HotspotLayout layout_ = fake_layout();
  ProcessWords words_{machine_, kProcess};
};

TEST_F(ReadCompiledCodeTest, AllOfItsPartsAreRead) {
  const auto code = read_compiled_code(layout_, kNmethod, 42, words_);
  ASSERT_TRUE(code);
  EXPECT_EQ(code->method, 0x100U);
  EXPECT_THAT(code->methods, ElementsAre(0x100, 0x200));
  EXPECT_THAT(code->scopes_at(kBegin + 0x10), ElementsAre(CodeScope{0, 5}));
}

TEST_F(ReadCompiledCodeTest, PartsElsewhereAreReadToo) {
  layout_.scopes_data_begin = layout_.dependencies_offset = layout_.metadata_offset = 0;
  layout_.blob_code_begin = 0;
  layout_.blob_code_offset = 64;
  layout_.immutable_data = 72;
  layout_.immutable_bytes = 80;
  layout_.scopes_data_offset = 84;
  layout_.mutable_data = 88;
  layout_.mutable_bytes = 96;
  layout_.relocation_bytes = 100;
  machine_.put(kNmethod + 64, kBegin);
  machine_.put(kNmethod + 72, uint64_t{kNmethod + 0x200});
  machine_.put(kNmethod + 80, uint32_t{0x50});
  machine_.put(kNmethod + 84, uint32_t{0x40});
  machine_.put(kNmethod + 88, uint64_t{kNmethod + 0x300});
  machine_.put(kNmethod + 96, uint32_t{0x10});
  machine_.put(kNmethod + 100, uint32_t{5});
  machine_.put(kNmethod + layout_.scopes_pcs_offset, uint32_t{0x20});
  machine_.put_bytes(kNmethod + 0x240, {0, 0, 1, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  machine_.put(kNmethod + 0x308, uint64_t{0x100});
  const auto code = read_compiled_code(layout_, kNmethod, 42, words_);
  ASSERT_TRUE(code);
  EXPECT_THAT(code->methods, ElementsAre(0x100));
  EXPECT_THAT(code->scopes_at(kBegin + 0x10), ElementsAre(CodeScope{0, 5}));
}

TEST_F(ReadCompiledCodeTest, AnotherCompilationAtThePlaceIsNone) {
  EXPECT_FALSE(read_compiled_code(layout_, kNmethod, 43, words_));
  EXPECT_FALSE(read_compiled_code(layout_, kNmethod + 0x1000, 42, words_));
}

TEST_F(ReadCompiledCodeTest, PartsThatAreTooLargeOrAbsurdLeaveTheMethod) {
  CompiledCodeLimits limits;
  limits.scopes_bytes = 8;
  auto code = read_compiled_code(layout_, kNmethod, 42, words_, limits);
  ASSERT_TRUE(code);
  EXPECT_EQ(code->method, 0x100U);
  EXPECT_THAT(code->places, IsEmpty());
  machine_.put(kNmethod + layout_.dependencies_offset, uint32_t{0});
  code = read_compiled_code(layout_, kNmethod, 42, words_);
  ASSERT_TRUE(code);
  EXPECT_THAT(code->scopes_at(kBegin + 0x10), IsEmpty());
}

}  // namespace
}  // namespace hostlens::symbols
