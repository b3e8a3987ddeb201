// SPDX-License-Identifier: Apache-2.0
#include "agent/messages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace hostlens::agent {
namespace {

FdMask mask(std::initializer_list<FdSlot> slots) {
  FdMask made;
  for (const FdSlot slot : slots) made.add(slot);
  return made;
}

const std::vector<Message>& every_message() {
  static const std::vector<Message> all = {
      Hello{mask({FdSlot::kRequests, FdSlot::kSettings, FdSlot::kLedger, FdSlot::kDataRing})},
      Reload{mask({FdSlot::kSettings, FdSlot::kListen}), 7},
      Stop{123'456'789'012},
      Ready{},
      Reloaded{8},
      Heartbeat{1, 2, 3, UINT64_MAX},
      OpenProcessFile{9, {4711, 55}, kernel::ProcessFile::kIo},
      SetTarget{10, {kMaxPid, 0}, true},
      SetTargetCgroup{11, 77, false},
      Reply{12, false, false, base::Error::Kind::kDenied, EPERM},
      OpenContainerList{14, 1},
      Reply{13, true, true, base::Error::Kind::kInvalid, 0},
      WatchSystemCalls{14, 5'000'000'000},
      MakeSlab{15},
      OpenCode{16, {4711, 55}, 0x400000, UINT64_MAX},
      OpenOutput{17, 3},
      OpenKernelSymbols{18},
      OpenDebugSymbols{19, {4711, 55}, false, {3, {1, 2, 255}}},
      OpenCachedSymbols{21, {3, {1, 2, 255}}},
      MakeCacheFile{22},
      KeepCacheFile{23, {2, {1, 2}}},
      TakeOneSampleIn{20, 4},
      OpenLinkedDebugFile{20,
                          {4711, 55},
                          0x400000,
                          0x500000,
                          kernel::DebugFolder::kDotDebug,
                          7,
                          {'a', '.', 'd', 'e', 'b', 'u', 'g'}},
      ReadMemory{20, {4711, 55}, UINT64_MAX, 4096},
  };
  return all;
}

TEST(MessagesTest, EveryMessageSurvivesTheWire) {
  for (const Message& message : every_message()) {
    EXPECT_EQ(decode(encode(message)), message) << message.index();
  }
}

TEST(MessagesTest, NoKindIsLeftOut) {
  std::set<size_t> kinds;
  for (const Message& message : every_message()) kinds.insert(message.index());
  EXPECT_EQ(kinds.size(), std::variant_size_v<Message>);
}

TEST(MessagesTest, EveryTruncationAndAnyExcessIsRefused) {
  for (const Message& message : every_message()) {
    const MessageBytes bytes = encode(message);
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode(base::Bytes(bytes.data(), size))) << message.index() << " " << size;
    }
    std::vector<std::byte> longer(bytes.begin(), bytes.end());
    longer.push_back(std::byte{0});
    EXPECT_FALSE(decode(longer)) << message.index();
  }
}

TEST(MessagesTest, WhatDecodesEncodesToTheSameBytes) {
  // Flip every bit of every message: either refused, or a different message of which nothing is
  // lost.
  for (const Message& message : every_message()) {
    for (size_t bit = 0; bit < kMessageBytes * 8; ++bit) {
      MessageBytes bytes = encode(message);
      bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      const auto decoded = decode(bytes);
      if (!decoded) continue;
      EXPECT_EQ(encode(*decoded), bytes) << message.index() << " " << bit;
    }
  }
}

TEST(MessagesTest, FieldsOutOfRangeAreRefused) {
  for (const uint32_t pid : {0U, kMaxPid + 1, UINT32_MAX}) {
    EXPECT_FALSE(decode(encode(OpenProcessFile{1, {pid, 0}, kernel::ProcessFile::kStat})));
    EXPECT_FALSE(decode(encode(SetTarget{1, {pid, 0}, true})));
  }
  EXPECT_FALSE(decode(encode(OpenProcessFile{1, {1, 0}, static_cast<kernel::ProcessFile>(12)})));
  EXPECT_FALSE(decode(encode(Hello{FdMask(1U << kFdSlots)})));
  EXPECT_FALSE(decode(encode(Hello{mask({FdSlot::kRequests, FdSlot::kLedger})})))
      << "settings are missing";
  EXPECT_FALSE(decode(encode(Reload{mask({FdSlot::kSettings, FdSlot::kLedger}), 1})))
      << "a reload cannot replace the ledger";
  EXPECT_FALSE(decode(encode(Reply{1, false, true, base::Error::Kind::kIo, 0})))
      << "a refusal has no descriptor";
}

TEST(MessagesTest, TheNameOfALinkedDebugFileIsOneComponent) {
  const auto request = [](std::string_view name, size_t size) {
    OpenLinkedDebugFile open{.id = 1, .process = {1, 0}, .size = static_cast<uint8_t>(size)};
    std::copy(name.begin(), name.end(), open.name.begin());
    return encode(open);
  };
  EXPECT_TRUE(decode(request(std::string(255, 'x'), 255)));
  EXPECT_TRUE(decode(request("..x", 3)));
  for (const std::string name : {"", ".", "..", "a/b", "/", "../x"}) {
    EXPECT_FALSE(decode(request(name, name.size()))) << name;
  }
  EXPECT_FALSE(decode(request("abc", 2))) << "bytes behind the name";
  EXPECT_FALSE(decode(request("abc", 4))) << "a zero within the name";
}

TEST(MessagesTest, TellsHowManyDescriptorsBelongToIt) {
  EXPECT_EQ(fd_count(every_message()[0]), 4U);
  EXPECT_EQ(fd_count(every_message()[1]), 2U);
  EXPECT_EQ(fd_count(Stop{}), 0U);
  EXPECT_EQ(fd_count(Reply{1, true, true, {}, 0}), 1U);
}

}  // namespace
}  // namespace hostlens::agent
