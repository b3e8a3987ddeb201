// SPDX-License-Identifier: Apache-2.0
#include "symbols/code/mapping_list.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace hostlens::symbols {
namespace {

constexpr std::string_view kMaps =
    "555555554000-555555556000 r--p 00000000 fe:01 1234                       /usr/bin/x\n"
    "555555556000-555555558000 r-xp 00002000 fe:01 1234                       /usr/bin/x\n"
    "7f0000000000-7f0000021000 rwxp 00000000 00:00 0 \n"
    "7f0000100000-7f0000200000 r-xp 00028000 00:2a 99                         /lib/with a space "
    "(deleted)\n"
    "7ffff7fc1000-7ffff7fc3000 r-xp 00000000 00:00 0                          [vdso]\n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

TEST(MappingListTest, KeepsWhatCanBeExecuted) {
  const auto mappings = parse_code_mappings(kMaps, 100);
  ASSERT_EQ(mappings.size(), 4U);
  EXPECT_EQ(mappings[0], (CodeMapping{0x555555556000, 0x555555558000, 0x2000, 0xfeULL << 32 | 1,
                                      1234, "/usr/bin/x"}));
  EXPECT_EQ(mappings[1], (CodeMapping{0x7f0000000000, 0x7f0000021000, 0, 0, 0, ""}));
  EXPECT_EQ(mappings[2], (CodeMapping{0x7f0000100000, 0x7f0000200000, 0x28000, 0x2a, 99,
                                      "/lib/with a space (deleted)"}));
  EXPECT_EQ(mappings[3].path, "[vdso]");
}

TEST(MappingListTest, LeavesOutWhatMakesNoSense) {
  for (const std::string_view line :
       {"", "x", "1000-", "1000-2000", "2000-1000 r-xp 0 0:0 0", "1000-1000 r-xp 0 0:0 0",
        "1000-2000 r-", "1000-2000 r-xp z 0:0 0", "1000-2000 r-xp 0 0 0", "1000-2000 r-xp 0 0:0 x",
        "11112222333344445-2 r-xp 0 0:0 0"}) {
    EXPECT_TRUE(parse_code_mappings(line, 100).empty()) << line;
  }
  EXPECT_EQ(parse_code_mappings("1000-2000 r-xp 0 0:0 0", 100).size(), 1U);
  EXPECT_EQ(parse_code_mappings("garbage\n\n1000-2000 r-xp 0 0:0 0\nmore", 100).size(), 1U);
}

TEST(MappingListTest, NoTwoOverlap) {
  const auto mappings = parse_code_mappings(
      "1000-3000 r-xp 0 0:0 0\n2000-4000 r-xp 0 0:0 0\n1000-2000 r-xp 0 0:0 0\n"
      "3000-4000 r-xp 0 0:0 0\n",
      100);
  ASSERT_EQ(mappings.size(), 2U);
  EXPECT_EQ(mappings[1].start, 0x3000U);
}

TEST(MappingListTest, EveryTruncationIsAPrefix) {
  const auto whole = parse_code_mappings(kMaps, 100);
  // Half of the name of the vsyscall page is another name.
  for (size_t size = 0; size <= kMaps.find("ffffffffff600000"); ++size) {
    const auto part = parse_code_mappings(kMaps.substr(0, size), 100);
    ASSERT_LE(part.size(), whole.size());
    for (size_t i = 0; i + 1 < part.size(); ++i) EXPECT_EQ(part[i], whole[i]);
  }
}

TEST(MappingListTest, KeepsItsLimit) {
  EXPECT_EQ(parse_code_mappings(kMaps, 2).size(), 2U);
  EXPECT_TRUE(parse_code_mappings(kMaps, 0).empty());
}

TEST(MappingListTest, ReadsAFileToItsEndOrRefusesIt) {
  const int fd = ::memfd_create("maps", 0);
  const std::string text(200'000, 'x');
  ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::lseek(fd, 0, SEEK_SET);
  const auto whole = read_maps(fd, 200'000);
  ASSERT_TRUE(whole);
  EXPECT_EQ(*whole, text);
  ::lseek(fd, 0, SEEK_SET);
  const auto refused = read_maps(fd, 199'999);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, base::Error::Kind::kBusy);
  ::close(fd);
}

}  // namespace
}  // namespace hostlens::symbols
