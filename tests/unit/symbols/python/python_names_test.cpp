// SPDX-License-Identifier: Apache-2.0
#include "symbols/python/python_names.h"

#include <algorithm>
#include <map>

#include "unit/symbols/python/dumped.h"

namespace hostlens::symbols {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

/// Objects of one process. Behind each of them is nothing that can be read.
class FakeMemory final : public kernel::ProcessMemory {
 public:
  base::Result<std::vector<std::byte>> read_memory(model::ProcessKey process, uint64_t address,
                                                   uint32_t bytes) override {
    ++reads;
    const auto found = objects.find(address);
    if (found == objects.end() || process.pid != 7) return base::errno_error("read", ESRCH);
    auto object = found->second;
    object.resize(std::min<size_t>(bytes, object.size()));
    return object;
  }
  void add(const Dumped& code) {
    for (const auto* object : {&code.name, &code.file, &code.lines, &code.object}) {
      objects[object->address] = object->bytes;
    }
  }
  std::map<uint64_t, std::vector<std::byte>> objects;
  size_t reads = 0;
};

class PythonNamesTest : public EveryPython {
 protected:
  void SetUp() override {
    codes_ = dumped_codes(GetParam());
    for (const Dumped& code : codes_) memory_.add(code);
  }
  static decoders::PythonFrame frame_of(const Dumped& code, int32_t offset = 0) {
    return {code.object.address, offset, python_code_check(code.first_line, code.name.address),
            true};
  }
  std::vector<Dumped> codes_;
  FakeMemory memory_;
  const model::ProcessKey process_{7, 100};
};

TEST_P(PythonNamesTest, AFrameHasFunctionFileAndLine) {
  PythonNames names(memory_);
  for (const Dumped& code : codes_) {
    for (const Dumped::Line& range : code.line_of) {
      const auto frame = names.name(process_, code.version, frame_of(code, range.begin), 0);
      ASSERT_NE(frame.function, nullptr) << code.qualified_name;
      EXPECT_EQ(frame.kind, model::Frame::Kind::kPython);
      EXPECT_EQ(frame.function->name, code.qualified_name);
      EXPECT_EQ(frame.function->file, "/srv/größe/module.py");
      EXPECT_EQ(frame.line, range.line);
    }
  }
  EXPECT_EQ(names.figures().read, codes_.size());
}

TEST_P(PythonNamesTest, ACodeObjectIsReadOnce) {
  PythonNames names(memory_);
  (void)names.name(process_, codes_[1].version, frame_of(codes_[1]), 0);
  const size_t reads = memory_.reads;
  (void)names.name(process_, codes_[1].version, frame_of(codes_[1], 2), kSecond);
  EXPECT_EQ(memory_.reads, reads);
}

TEST_P(PythonNamesTest, AnotherObjectInItsPlaceIsNotTakenForIt) {
  PythonNames names(memory_);
  auto frame = frame_of(codes_[1]);
  frame.check ^= 1;
  const auto named = names.name(process_, codes_[1].version, frame, 0);
  EXPECT_EQ(named.function, nullptr);
  EXPECT_EQ(named.kind, model::Frame::Kind::kPython);
  EXPECT_EQ(named.address, codes_[1].object.address);
  EXPECT_EQ(names.figures().other, 1U);
}

TEST_P(PythonNamesTest, WhatCannotBeReadIsTriedAgainLater) {
  PythonNames names(memory_);
  const Dumped& code = codes_[1];
  memory_.objects.erase(code.object.address);
  EXPECT_EQ(names.name(process_, code.version, frame_of(code), 0).function, nullptr);
  memory_.add(code);
  EXPECT_EQ(names.name(process_, code.version, frame_of(code), kSecond / 2).function, nullptr);
  EXPECT_NE(names.name(process_, code.version, frame_of(code), kSecond).function, nullptr);
  EXPECT_EQ(names.figures().gone, 1U);
}

TEST_P(PythonNamesTest, WithoutAFileOrLinesTheNameStays) {
  PythonNames names(memory_);
  const Dumped& code = codes_[1];
  memory_.objects.erase(code.file.address);
  memory_.objects.erase(code.lines.address);
  const auto named = names.name(process_, code.version, frame_of(code, 4), 0);
  ASSERT_NE(named.function, nullptr);
  EXPECT_EQ(named.function->name, code.qualified_name);
  EXPECT_EQ(named.function->file, "");
}

TEST_P(PythonNamesTest, TheLeastRecentlyUsedGo) {
  PythonNamesLimits limits;
  limits.codes = 2;
  PythonNames names(memory_, limits);
  for (const size_t index : {0, 1, 0, 2}) {
    (void)names.name(process_, codes_[index].version, frame_of(codes_[index]), 0);
  }
  EXPECT_EQ(names.figures().evicted, 1U);
  const size_t reads = memory_.reads;
  (void)names.name(process_, codes_[0].version, frame_of(codes_[0]), 0);
  EXPECT_EQ(memory_.reads, reads);
  (void)names.name(process_, codes_[1].version, frame_of(codes_[1]), 0);
  EXPECT_GT(memory_.reads, reads);
}

TEST_P(PythonNamesTest, BytesAreBounded) {
  PythonNamesLimits limits;
  limits.bytes = 600;
  PythonNames names(memory_, limits);
  for (const Dumped& code : codes_) (void)names.name(process_, code.version, frame_of(code), 0);
  EXPECT_GE(names.figures().evicted, codes_.size() - 4);
}

INSTANTIATE_TEST_SUITE_P(All, PythonNamesTest, kEveryPython, python_test_name);

}  // namespace
}  // namespace hostlens::symbols
