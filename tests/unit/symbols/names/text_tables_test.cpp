// SPDX-License-Identifier: Apache-2.0
// Perf maps and kernel symbols.
#include <gmock/gmock.h>

#include "symbols/names/kernel_symbols.h"
#include "symbols/names/perf_map.h"

namespace hostlens::symbols {
namespace {

std::string name_at(const PerfMap& map, uint64_t address) {
  const auto found = map.find(address);
  return found ? std::string(found->name) : "";
}

TEST(PerfMapTest, NamesWhatLiesInsideAnEntry) {
  PerfMap map;
  map.feed("100 40 one\n140 80 two words\n0x200 0x10 three\r\n");
  EXPECT_EQ(name_at(map, 0xff), "");
  EXPECT_EQ(name_at(map, 0x100), "one");
  EXPECT_EQ(name_at(map, 0x140), "two words");
  EXPECT_EQ(name_at(map, 0x1bf), "two words");
  EXPECT_EQ(name_at(map, 0x1c0), "");
  EXPECT_EQ(name_at(map, 0x20f), "three");
  EXPECT_EQ(map.skipped(), 0U);
}

TEST(PerfMapTest, LaterEntriesReplaceWhatTheyCoverAndLeaveTheRest) {
  PerfMap map;
  map.feed("100 400 old\n200 100 new\n");
  EXPECT_EQ(name_at(map, 0x1ff), "old");
  EXPECT_EQ(name_at(map, 0x200), "new");
  EXPECT_EQ(name_at(map, 0x300), "old");
  EXPECT_EQ(map.find(0x300)->start, 0x100U);
  map.feed("0 1000 all\n");
  EXPECT_EQ(map.size(), 1U);
  EXPECT_EQ(name_at(map, 0x250), "all");
}

TEST(PerfMapTest, ALineCountsWhenItsEndHasCome) {
  PerfMap map;
  map.feed("100 40 on");
  EXPECT_EQ(name_at(map, 0x100), "");
  map.feed("e\n2");
  map.feed("00 40 two\n");
  EXPECT_EQ(name_at(map, 0x100), "one");
  EXPECT_EQ(name_at(map, 0x200), "two");
}

TEST(PerfMapTest, GarbageIsSkippedAndCounted) {
  PerfMap map;
  map.feed("zz\n100\n100 0 none\nffffffffffffffff 10 wraps\n100 10 \n\n");
  map.feed(std::string(100'000, 'x') + "\n");
  EXPECT_EQ(map.skipped(), 7U);
  map.feed("100 10 ok\n");
  EXPECT_EQ(name_at(map, 0x100), "ok");
}

TEST(PerfMapTest, StaysWithinItsLimits) {
  PerfMap map({.entries = 10, .bytes = 1 << 20, .file_bytes = 0, .name_bytes = 8});
  for (int i = 0; i < 100; ++i) map.feed(std::to_string(10000 + i * 100) + " 10 a_long_name\n");
  EXPECT_EQ(map.size(), 10U);
  EXPECT_EQ(map.skipped(), 90U);
  EXPECT_EQ(name_at(map, 0x10000), "a_long_n");
  PerfMap small({.entries = 1000, .bytes = 1000, .file_bytes = 0, .name_bytes = 8});
  for (int i = 0; i < 100; ++i) small.feed(std::to_string(10000 + i * 100) + " 10 name\n");
  EXPECT_LE(small.bytes(), 1000U);
  EXPECT_GT(small.skipped(), 0U);
}

TEST(KernelSymbolsTest, NamesFunctionsOfKernelAndModules) {
  KernelSymbolsBuilder builder;
  builder.feed("0000000000000000 A fixed_percpu_data\nffffffff81000000 t alias\n");
  builder.feed("ffffffff81000000 T real\nffffffff81000100 W weak\nffffffff8100");
  builder.feed("0180 D data\nffffffff81000200 T _etext\nffffffffc0000040 t f\t[nf_tables]\n");
  const auto table = builder.finish();
  ASSERT_TRUE(table);
  const KernelSymbols& symbols = **table;
  EXPECT_EQ(symbols.find(0xffffffff81000000)->name, "real");
  EXPECT_EQ(symbols.find(0xffffffff810001ff)->name, "weak");
  EXPECT_FALSE(symbols.find(0xffffffff81000300)) << "behind the kernel's text";
  EXPECT_FALSE(symbols.find(0xffffffff80ffffff));
  EXPECT_FALSE(symbols.find(0x81000000)) << "no kernel address";
  EXPECT_EQ(symbols.find(0xffffffffc0000050)->name, "f");
  EXPECT_EQ(symbols.find(0xffffffffc0000050)->module, "nf_tables");
}

TEST(KernelSymbolsTest, HiddenAddressesAreSaidToBeHidden) {
  KernelSymbolsBuilder builder;
  builder.feed("0000000000000000 T a\n0000000000000000 t b\t[x]\n");
  const auto table = builder.finish();
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().kind, base::Error::Kind::kDenied);
  EXPECT_THAT(table.error().remedy, testing::HasSubstr("kptr_restrict"));
}

TEST(KernelSymbolsTest, GarbageIsNoTable) {
  KernelSymbolsBuilder builder;
  builder.feed("hello\n\nffffffff81000000 T\n");
  const auto table = builder.finish();
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().kind, base::Error::Kind::kInvalid);
}

TEST(KernelSymbolsTest, AMillionSymbolsStayWithinTheirLimits) {
  KernelSymbolsBuilder builder({.symbols = 1000, .name_bytes = 1 << 20, .modules = 2});
  for (int i = 0; i < 5000; ++i) {
    char line[80];
    std::snprintf(line, sizeof line, "ffffffff81%06x t f\t[m%d]\n", i * 16, i % 4);
    builder.feed(line);
  }
  const auto table = builder.finish();
  ASSERT_TRUE(table);
  EXPECT_EQ((*table)->size(), 1000U);
  EXPECT_EQ((*table)->skipped(), 4000U);
}

}  // namespace
}  // namespace hostlens::symbols
