// SPDX-License-Identifier: Apache-2.0
#include "symbols/hotspot/vm_structs.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace hostlens::symbols {
namespace {

/// What a JVM exports, from tests/fixtures/hotspot: made by dump.py of real ones.
class Tables {
 public:
  explicit Tables(const std::string& version) {
    std::ifstream file(std::string(FIXTURES) + "/hotspot/" + version + ".txt");
    std::string line;
    while (std::getline(file, line)) add(line);
  }
  void add(const std::string& line) {
    std::istringstream words(line);
    std::string what, type, field, text;
    uint64_t at = 0;
    words >> what >> type;
    if (what == "size") {
      words >> at;
      put(types, text_of(type));
      put(types, uint64_t{0});
      put(types, std::array<uint32_t, 4>{});
      put(types, at);
      return;
    }
    words >> field >> text >> at;
    put(structs, text_of(type));
    put(structs, text_of(field));
    put(structs, text_of(text));
    put(structs, std::array<uint32_t, 2>{what == "static" ? 1U : 0U, 0});
    put(structs, what == "static" ? uint64_t{0} : at);
    put(structs, what == "static" ? kBias + at : uint64_t{0});
  }
  [[nodiscard]] std::optional<HotspotLayout> read() const {
    return read_vm_structs(
        structs, types,
        [this](uint64_t address) -> std::optional<std::string> {
          for (const auto& [text, at] : texts_) {
            if (at == address) return text;
          }
          return std::nullopt;
        },
        kBias);
  }

  static constexpr uint64_t kBias = 0x7f0000000000;
  std::vector<std::byte> structs, types;

 private:
  uint64_t text_of(const std::string& text) {
    return texts_.try_emplace(text, 0x1000 + texts_.size()).first->second;
  }
  template <typename T>
  static void put(std::vector<std::byte>& to, const T& value) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(&value);
    to.insert(to.end(), bytes, bytes + sizeof value);
  }
  std::map<std::string, uint64_t> texts_;
};

class VmStructsTest : public testing::TestWithParam<const char*> {};

TEST_P(VmStructsTest, EachReleaseSaysWhereItsFieldsAre) {
  const auto layout = Tables(GetParam()).read();
  ASSERT_TRUE(layout);
  EXPECT_NE(layout->code_heaps, 0U);
  EXPECT_LT(layout->code_heaps, 64U << 20) << "an address of the file";
  EXPECT_EQ(layout->klass_name, 24U);
  EXPECT_EQ(layout->symbol_body, 6U);
  EXPECT_NE(layout->scopes_pcs_offset, 0U);
  const bool is_25 = std::string(GetParam()) == "25";
  EXPECT_EQ(layout->frame_complete_is_narrow, is_25);
  EXPECT_EQ(layout->blob_code_offset != 0, is_25);
  EXPECT_EQ(layout->immutable_data != 0 && layout->mutable_data != 0, is_25);
  EXPECT_EQ(layout->metadata_offset != 0, !is_25);
  EXPECT_EQ(layout->block_bytes, is_25 ? 8U : 16U);
}

INSTANTIATE_TEST_SUITE_P(Releases, VmStructsTest, testing::Values("11", "17", "21", "25"),
                         [](const auto& tested) { return std::string("Jdk") + tested.param; });

TEST(VmStructsTest, WithoutAFieldThatIsNeededThereIsNoLayout) {
  std::ifstream file(std::string(FIXTURES) + "/hotspot/17.txt");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  const auto without = [&](std::string_view start) {
    Tables tables("none");
    for (const std::string& line : lines) {
      if (!line.starts_with(start)) tables.add(line);
    }
    return tables.read();
  };
  EXPECT_TRUE(without("no such line"));
  for (const char* const start :
       {"field CodeBlob _frame_size", "field Method _constMethod", "static CodeCache _heaps",
        "static StubRoutines _call_stub", "size ConstMethod", "field CodeBlob _code_begin"}) {
    EXPECT_FALSE(without(start)) << start;
  }
  EXPECT_TRUE(without("field nmethod _scopes_pcs_offset")) << "inlined methods are not needed";
}

TEST(VmStructsTest, AnOffsetThatCannotBeIsRefused) {
  Tables tables("17");
  tables.add("field CodeBlob _name char* 70000");
  EXPECT_FALSE(tables.read());
}

TEST(VmStructsTest, TablesThatAreCutOffAreNoLayout) {
  const Tables tables("17");
  for (size_t size = 0; size < tables.structs.size(); size += 40) {
    const auto none = read_vm_structs(
        base::Bytes(tables.structs).first(size), {},
        [](uint64_t) { return std::optional<std::string>("CodeBlob"); }, 0);
    EXPECT_FALSE(none);
  }
}

}  // namespace
}  // namespace hostlens::symbols
