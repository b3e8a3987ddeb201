// SPDX-License-Identifier: Apache-2.0
// Memory of real programs: tests/fixtures/v8, made by its dump.py.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "kernel/process_memory.h"
#include "symbols/v8/v8_layout.h"

namespace hostlens::symbols {

/// Of one process, 7. Nothing lies between and behind its pieces.
class PiecesOfMemory final : public kernel::ProcessMemory {
 public:
  base::Result<std::vector<std::byte>> read_memory(model::ProcessKey process, uint64_t address,
                                                   uint32_t bytes) override {
    ++reads;
    auto found = pieces.upper_bound(address);
    if (found == pieces.begin() || process.pid != 7) return base::errno_error("read", ESRCH);
    --found;
    const uint64_t from = address - found->first;
    if (from >= found->second.size()) return base::errno_error("read", ENOENT);
    const uint64_t count = std::min<uint64_t>(bytes, found->second.size() - from);
    const auto begin = found->second.begin() + static_cast<ptrdiff_t>(from);
    return std::vector<std::byte>(begin, begin + static_cast<ptrdiff_t>(count));
  }
  template <typename T>
  void write(uint64_t address, T value) {
    const auto piece = std::prev(pieces.upper_bound(address));
    std::memcpy(piece->second.data() + (address - piece->first), &value, sizeof value);
  }

  std::map<uint64_t, std::vector<std::byte>> pieces;
  size_t reads = 0;
};

struct DumpedV8 {
  struct Function {
    uint64_t shared = 0;
    uint64_t name = 0;
  };
  /// What is inlined from an instruction on: SharedFunctionInfos, innermost first.
  struct Inlined {
    uint32_t offset = 0;
    std::vector<uint64_t> functions;
  };
  struct Code {
    uint64_t begin = 0;
    uint64_t size = 0;
    Function function;
    std::vector<Inlined> inlined;
  };
  V8Values values;
  PiecesOfMemory memory;
  std::vector<Function> functions;  ///< innermost first
  std::vector<Code> codes;
};

/// Written over what is there already.
inline void add_memory(PiecesOfMemory& memory, uint64_t address, std::vector<std::byte> piece) {
  auto before = memory.pieces.upper_bound(address);
  if (before != memory.pieces.begin()) {
    --before;
    const uint64_t at = address - before->first;
    if (at + piece.size() <= before->second.size()) {
      std::copy(piece.begin(), piece.end(), before->second.begin() + static_cast<ptrdiff_t>(at));
      return;
    }
  }
  memory.pieces[address] = std::move(piece);
}

inline DumpedV8 read_dumped_v8(const std::string& dump) {
  std::ifstream file(std::string(FIXTURES) + "/v8/" + dump + ".txt");
  DumpedV8 dumped;
  std::string text;
  while (std::getline(file, text)) {
    std::istringstream words(text);
    std::string word;
    words >> word;
    if (word == "value") {
      std::string name;
      int32_t value = 0;
      words >> name >> value;
      dumped.values[name] = value;
    } else if (word == "memory") {
      uint64_t address = 0;
      std::string hex;
      words >> address >> hex;
      std::vector<std::byte> piece;
      for (size_t i = 0; i + 1 < hex.size(); i += 2) {
        piece.push_back(static_cast<std::byte>(std::stoul(hex.substr(i, 2), nullptr, 16)));
      }
      add_memory(dumped.memory, address, std::move(piece));
    } else if (word == "zeros") {
      uint64_t address = 0;
      size_t size = 0;
      words >> address >> size;
      add_memory(dumped.memory, address, std::vector<std::byte>(size));
    } else if (word == "code") {
      auto& code = dumped.codes.emplace_back();
      words >> code.begin >> code.size >> code.function.shared >> code.function.name;
    } else if (word == "inlined") {
      auto& inlined = dumped.codes.back().inlined.emplace_back();
      words >> inlined.offset;
      for (uint64_t function = 0; words >> function;) inlined.functions.push_back(function);
    } else {
      DumpedV8::Function function;
      words >> function.shared >> function.name;
      dumped.functions.push_back(function);
    }
  }
  return dumped;
}

inline DumpedV8 dumped_v8(const std::string& version) {
  DumpedV8 dumped = read_dumped_v8(version);
  EXPECT_EQ(dumped.functions.size(), 18U) << "tests/fixtures/v8/" << version << ".txt";
  return dumped;
}

/// By dump_inlined.py.
inline DumpedV8 dumped_v8_code(const std::string& version) {
  DumpedV8 dumped = read_dumped_v8(version + ".inlined");
  EXPECT_EQ(dumped.codes.size(), 2U) << "tests/fixtures/v8/" << version << ".inlined.txt";
  return dumped;
}

/// The parameter is the version of Node.js.
class EveryV8 : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    dumped_ = dumped_v8(GetParam());
    auto layout = v8_layout_of(dumped_.values);
    ASSERT_TRUE(layout) << layout.error().text();
    layout_ = *std::move(layout);
  }
  DumpedV8 dumped_;
  V8Layout layout_;
};

inline std::string v8_test_name(const testing::TestParamInfo<const char*>& parameter) {
  return std::string("Node") + parameter.param;
}

inline const auto kEveryV8 = testing::Values("16", "18", "20", "22", "24");

}  // namespace hostlens::symbols
