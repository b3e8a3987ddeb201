// SPDX-License-Identifier: Apache-2.0
// `go tool` judges programs that the test builds, stripped as well as not.
#include "symbols/names/go_program.h"

#include <gmock/gmock.h>

#include "unit/symbols/names/commands.h"

namespace hostlens::symbols {
namespace {

constexpr const char* kProgram =
    "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"sort\"\n)\n\n"
    "//go:noinline\nfunc total(n []int) int {\n\tsum := 0\n\tfor _, x := range n {\n"
    "\t\tsum += x\n\t}\n\treturn sum\n}\n\n"
    "func main() {\n\tn := []int{3, 1}\n\tsort.Slice(n, func(i, j int) bool { return n[i] < n[j] "
    "})\n"
    "\tfmt.Println(os.Args, total(n))\n}\n";

struct Build {
  const char* name;
  const char* flags;
};

class GoProgramTest : public testing::TestWithParam<Build> {};

TEST_P(GoProgramTest, EachFunctionIsFoundInTheStrippedProgramAtItsAddress) {
  const Folder folder;
  folder.write("main.go", kProgram);
  const std::string build =
      "cd " + folder.path("") + " && GO111MODULE=off go build " + GetParam().flags;
  if (!runs(build + " -o plain main.go")) GTEST_SKIP() << "go does not build " << GetParam().name;
  ASSERT_TRUE(runs("cp " + folder.path("plain") + ' ' + folder.path("stripped") + " && strip -s " +
                   folder.path("stripped")));
  const auto elf = open_elf(folder.path("stripped"));
  ASSERT_TRUE(elf);
  const auto table = open_go_program(*elf);
  ASSERT_TRUE(table) << table.error().text();

  const auto oracle = functions_by_nm("nm --defined-only " + folder.path("plain"));
  size_t right = 0;
  size_t judged = 0;
  for (const auto& [address, names] : oracle) {
    const auto found = table->find(address);
    // Marks of the linker, C's startup code and the like are in no table of Go's.
    if (!found || found->start != address) continue;
    ++judged;
    // The linker's symbols of assembly have the ABI in their name, or abbreviated type arguments.
    std::string name(found->function);
    if (const size_t dot = name.find("·"); dot != name.npos) name.replace(dot, 2, ".");
    const auto alike = [&](const std::string& each) {
      return each == name || each.starts_with(name + ".abi") || each.find("go.shape") != each.npos;
    };
    if (std::ranges::any_of(names, alike)) {
      ++right;
    } else {
      ADD_FAILURE() << name << " is not " << *names.begin();
    }
  }
  EXPECT_EQ(right, judged);
  EXPECT_GE(judged, table->functions() * 98 / 100) << "nm has " << oracle.size();
  std::printf("%s: %zu of %u functions\n", GetParam().name, right, table->functions());
}

TEST_P(GoProgramTest, FilesAndLinesAreThoseOfGosAddr2line) {
  const Folder folder;
  folder.write("main.go", kProgram);
  const std::string build =
      "cd " + folder.path("") + " && GO111MODULE=off go build " + GetParam().flags;
  if (!runs(build + " -o plain main.go")) GTEST_SKIP() << "go does not build " << GetParam().name;
  const auto elf = open_elf(folder.path("plain"));
  ASSERT_TRUE(elf);
  const auto table = open_go_program(*elf);
  ASSERT_TRUE(table);
  std::string asked;
  std::vector<uint64_t> addresses;
  size_t index = 0;
  for (const auto& [address, names] : functions_by_nm("nm " + folder.path("plain"))) {
    if (!names.begin()->starts_with("main.") && ++index % 20 != 0) continue;
    const auto found = table->find(address);
    if (!found || found->start != address || found->line == 0) continue;
    addresses.push_back(address);
    char text[32];
    std::snprintf(text, sizeof text, "0x%llx\n", static_cast<unsigned long long>(address));
    asked += text;
  }
  ASSERT_GE(addresses.size(), 50U);
  folder.write("asked", asked);
  // A line with the function, one with the place.
  const auto answers =
      lines_of("go tool addr2line " + folder.path("plain") + " < " + folder.path("asked"));
  ASSERT_EQ(answers.size(), addresses.size() * 2);
  size_t right = 0;
  for (size_t i = 0; i < addresses.size(); ++i) {
    const auto place = table->find(addresses[i]);
    if (answers[2 * i + 1] == std::string(place->file) + ':' + std::to_string(place->line)) ++right;
  }
  std::printf("%s: %zu of %zu lines\n", GetParam().name, right, addresses.size());
  EXPECT_EQ(right, addresses.size());
}

INSTANTIATE_TEST_SUITE_P(Builds, GoProgramTest,
                         testing::Values(Build{"static", ""},
                                         Build{"position-independent", "-buildmode=pie"}),
                         [](const auto& each) {
                           return std::string(each.param.name).substr(0, 6);
                         });

TEST(GoLineTableTest, TablesOfAllVersionsGiveNameFileAndLine) {
  for (const std::string version : {"go116", "go118", "go120"}) {
    std::ifstream file(std::string(FIXTURES) + "/fuzz/go_line_table/" + version, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    const auto table = GoLineTable::parse({begin, begin + text.size()}, 0x401000);
    ASSERT_TRUE(table) << version;
    const auto found = table->find(0x401000 + 64 + 9);
    ASSERT_TRUE(found) << version;
    EXPECT_EQ(found->function, "main.total");
    EXPECT_EQ(found->file, "/src/main.go");
    EXPECT_EQ(found->line, 25U);
    EXPECT_EQ(found->start, 0x401000U + 64);
    EXPECT_FALSE(table->find(0x401000 - 1)) << version;
    EXPECT_FALSE(table->find(0x401000 + 112)) << "behind the last function of " << version;
    for (size_t size = 0; size < text.size(); ++size) {
      const auto cut = GoLineTable::parse({begin, begin + size}, 0x401000);
      if (cut) (void)cut->find(0x401000 + 64);
    }
  }
}

}  // namespace
}  // namespace hostlens::symbols
