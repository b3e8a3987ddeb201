// SPDX-License-Identifier: Apache-2.0
// nm judges: each function of a real file is found by its own address, under a name that it has.
#include "symbols/names/symbol_reader.h"

#include <gmock/gmock.h>

#include "symbols/names/debug_data.h"
#include "symbols/names/debug_link.h"
#include "unit/symbols/names/commands.h"

namespace hostlens::symbols {
namespace {

using std::string_literals::operator""s;

constexpr const char* kLibc = "/lib/x86_64-linux-gnu/libc.so.6";

void expect_names_of_nm(const SymbolTable& table, const std::string& command, size_t at_least) {
  const auto oracle = functions_by_nm(command);
  ASSERT_GE(oracle.size(), at_least) << command;
  size_t right = 0;
  std::string example;
  for (const auto& [address, names] : oracle) {
    const auto found = table.find(address);
    if (found && found->start == address && names.contains(table.name_of(found->index))) {
      ++right;
    } else {
      example = *names.begin() + " is " + (found ? table.name_of(found->index) : "nothing");
    }
  }
  EXPECT_EQ(right, oracle.size()) << example;
  std::printf("%s: %zu of %zu functions, %llu bytes\n", command.c_str(), right, oracle.size(),
              static_cast<unsigned long long>(table.bytes()));
}

void expect_dynamic_names(const std::string& path, size_t at_least) {
  const auto elf = open_elf(path);
  ASSERT_TRUE(elf) << path;
  const auto table = read_symbols(*elf);
  ASSERT_TRUE(table);
  expect_names_of_nm(*table, "nm -D --defined-only " + path, at_least);
}

TEST(SymbolReaderTest, NamesEachExportedFunctionOfLibc) { expect_dynamic_names(kLibc, 2000); }

TEST(SymbolReaderTest, NamesEachExportedFunctionOfLibstdcxx) {
  expect_dynamic_names("/usr/lib/x86_64-linux-gnu/libstdc++.so.6", 3000);
}

TEST(SymbolReaderTest, NamesEachExportedFunctionOfPython) {
  if (!std::filesystem::exists("/usr/bin/python3.11")) GTEST_SKIP() << "no /usr/bin/python3.11";
  expect_dynamic_names("/usr/bin/python3.11", 1000);
}

TEST(SymbolReaderTest, NamesEachFunctionOfTheSeparateDebugFileOfLibc) {
  const auto elf = open_elf(kLibc);
  ASSERT_TRUE(elf);
  const std::string build_id(elf->build_id());
  ASSERT_GT(build_id.size(), 2U);
  const std::string path =
      "/usr/lib/debug/.build-id/" + build_id.substr(0, 2) + '/' + build_id.substr(2) + ".debug";
  const auto debug = open_elf(path);
  if (!debug) GTEST_SKIP() << "libc6-dbg is not installed: no " << path;
  EXPECT_TRUE(is_debug_file_of(*debug, elf->build_id(), std::nullopt));
  const auto table = read_symbols(*debug);
  ASSERT_TRUE(table);
  expect_names_of_nm(*table, "nm --defined-only " + path, 3000);
}

TEST(SymbolReaderTest, NamesThatStayInTheFileAreTheSameForLessMemory) {
  const auto elf = open_elf("/usr/lib/x86_64-linux-gnu/libstdc++.so.6");
  ASSERT_TRUE(elf);
  const auto kept = read_symbols(*elf, {.kept_names = UINT32_MAX});
  const auto left = read_symbols(*elf, {.kept_names = 0});
  ASSERT_TRUE(kept && left);
  ASSERT_EQ(left->size(), kept->size());
  EXPECT_LT(left->bytes(), kept->bytes() / 2);
  for (uint32_t i = 0; i < kept->size(); ++i) ASSERT_EQ(left->name_of(i), kept->name_of(i));
}

TEST(SymbolNamesTest, APlaceOutsideOfTheTablesHasNoName) {
  const std::string text = "first\0second"s;
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  const auto source =
      std::make_shared<MemorySource>(std::vector<std::byte>(bytes, bytes + text.size()));
  const SymbolNames names({{.source = source, .offset = 0, .size = 6, .first = 0},
                           {.source = source, .offset = 6, .size = 6, .first = 6},
                           {.source = source, .offset = 100, .size = 6, .first = 12}});
  EXPECT_EQ(names.at(0, 100), "first");
  EXPECT_EQ(names.at(6, 100), "second");
  EXPECT_EQ(names.at(6, 3), "sec");
  EXPECT_EQ(names.at(13, 100), "") << "the file has shrunk";
  EXPECT_EQ(names.at(18, 100), "");
  EXPECT_EQ(SymbolNames().at(0, 100), "");
}

class BuiltFileTest : public testing::Test {
 protected:
  /// Functions by weight of their symbols: aliases, a label, a nested one without a size.
  void SetUp() override {
    folder_.write("f.c",
                  "int strong(int x) { return x * 3; }\n"
                  "int weak(int) __attribute__((weak, alias(\"strong\")));\n"
                  "static int hidden(int) __attribute__((alias(\"strong\"), used));\n"
                  "__asm__(\".text\\n.globl outer\\n.type outer,@function\\nouter: nop\\n"
                  "inner: nop\\nnop\\n.size outer,.-outer\\nbare: nop\\nnop\\n"
                  ".globl last\\n.type last,@function\\nlast: ret\\n.size last,1\\n\");\n");
    ASSERT_TRUE(runs("cc -O1 -shared -fPIC -nostdlib -Wl,--build-id -o " + folder_.path("f.so") +
                     ' ' + folder_.path("f.c")));
  }
  [[nodiscard]] uint64_t address(const std::string& name) const {
    for (const auto& [at, names] : functions_by_nm("nm " + folder_.path("f.so"))) {
      if (names.contains(name)) return at;
    }
    ADD_FAILURE() << "nm has no " << name;
    return 0;
  }
  static std::string name_at(const SymbolTable& table, uint64_t address) {
    const auto found = table.find(address);
    return found ? table.name_of(found->index) : "";
  }

  Folder folder_;
};

TEST_F(BuiltFileTest, TheGlobalNameOfSeveralWinsAndInnerLabelsDoNotSplitAFunction) {
  const auto elf = open_elf(folder_.path("f.so"));
  ASSERT_TRUE(elf);
  const auto table = read_symbols(*elf);
  ASSERT_TRUE(table);
  EXPECT_EQ(name_at(*table, address("strong")), "strong");
  EXPECT_EQ(name_at(*table, address("inner") + 1), "outer");
  EXPECT_EQ(name_at(*table, address("bare") + 1), "bare");
  EXPECT_EQ(name_at(*table, address("last")), "last");
  EXPECT_NE(name_at(*table, address("last") + 1), "last");
  EXPECT_EQ(name_at(*table, 0), "");
  EXPECT_EQ(name_at(*table, UINT64_MAX), "");
}

TEST_F(BuiltFileTest, ATableOverALimitIsRefusedAsSuch) {
  const auto elf = open_elf(folder_.path("f.so"));
  ASSERT_TRUE(elf);
  for (const SymbolLimits& limits :
       {SymbolLimits{.symbols = 2}, SymbolLimits{.records = 2}, SymbolLimits{.table_bytes = 40}}) {
    const auto table = read_symbols(*elf, limits);
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().kind, base::Error::Kind::kBusy);
  }
}

TEST_F(BuiltFileTest, CompressedSymbolsAreReadAndBombsAreNot) {
  if (!runs("command -v xz")) GTEST_SKIP() << "xz is not installed";
  const std::string so = folder_.path("f.so");
  ASSERT_TRUE(runs("cd " + folder_.path("") +
                   " && xz -k f.so && cp f.so s.so && strip -s s.so && " +
                   "objcopy --add-section .gnu_debugdata=f.so.xz s.so"));
  const auto elf = open_elf(folder_.path("s.so"));
  ASSERT_TRUE(elf);
  const auto inner = open_debug_data(*elf);
  ASSERT_TRUE(inner);
  const auto table = read_symbols(*inner);
  ASSERT_TRUE(table);
  EXPECT_EQ(name_at(*table, address("bare")), "bare");

  for (const DebugDataLimits& limits :
       {DebugDataLimits{.compressed_bytes = 16}, DebugDataLimits{.bytes = 1000},
        DebugDataLimits{.dictionary_bytes = 4096}}) {
    const auto refused = open_debug_data(*elf, limits);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, base::Error::Kind::kBusy);
  }
}

TEST_F(BuiltFileTest, ADebugLinkIsFollowedByItsChecksum) {
  ASSERT_TRUE(runs("cd " + folder_.path("") + " && objcopy --only-keep-debug f.so f.debug && " +
                   "cp f.so s.so && strip -s s.so && objcopy --add-gnu-debuglink=f.debug s.so"));
  const auto elf = open_elf(folder_.path("s.so"));
  ASSERT_TRUE(elf);
  const auto link = debug_link_of(*elf);
  ASSERT_TRUE(link);
  EXPECT_EQ(link->name, "f.debug");
  const auto debug = open_elf(folder_.path("f.debug"));
  ASSERT_TRUE(debug);
  EXPECT_TRUE(is_debug_file_of(*debug, "", link));
  EXPECT_FALSE(is_debug_file_of(*elf, "", link));
  EXPECT_FALSE(is_debug_file_of(*debug, "", link, 16)) << "over what may be read for a checksum";
  EXPECT_FALSE(is_debug_file_of(*debug, "00ff", link))
      << "the build id decides where both have one";
  const auto table = read_symbols(*debug);
  ASSERT_TRUE(table);
  EXPECT_EQ(name_at(*table, address("strong")), "strong");
}

TEST(DebugLinkTest, BuildIdsAreLookedForFirst) {
  using kernel::DebugFolder;
  EXPECT_THAT(
      debug_file_places("abcdef", DebugLink{.name = "a.debug"}),
      testing::ElementsAre(DebugFileByBuildId{"abcdef", false}, DebugFileByBuildId{"abcdef", true},
                           DebugFileByLink{DebugFolder::kBeside, "a.debug"},
                           DebugFileByLink{DebugFolder::kDotDebug, "a.debug"},
                           DebugFileByLink{DebugFolder::kDebugRoot, "a.debug"}));
  EXPECT_EQ(debug_file_places("", DebugLink{.name = "a"}).size(), 3U);
  EXPECT_THAT(debug_file_places("../../x", std::nullopt), testing::IsEmpty());
  EXPECT_THAT(debug_file_places("", DebugLink{.name = ".."}), testing::IsEmpty());
}

TEST(DebugLinkTest, LinksThatLeaveTheirFolderAreNone) {
  for (const std::string name : {"../x", "/etc/x", "..", ""}) {
    std::string bytes = name + '\0';
    bytes.resize((bytes.size() + 3) / 4 * 4);
    bytes += "abcd";
    EXPECT_FALSE(parse_debug_link(std::as_bytes(std::span(bytes)))) << name;
  }
}

}  // namespace
}  // namespace hostlens::symbols
