// SPDX-License-Identifier: Apache-2.0
// Objects of real interpreters: tests/fixtures/python, made by its dump.py.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "records/python.h"

namespace hostlens::symbols {

struct Dumped {
  struct Object {
    uint64_t address = 0;
    std::vector<std::byte> bytes;
  };
  struct Line {
    int32_t begin = 0;
    int32_t end = 0;
    uint32_t line = 0;
  };
  python_version version = PYTHON_UNKNOWN;
  uint32_t first_line = 0;
  std::string qualified_name;
  Object name, file, lines, object;
  std::vector<Line> line_of;
};

inline std::vector<std::byte> from_hex(const std::string& text) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

/// `minor`: of the version, "9" to "13".
inline std::vector<Dumped> dumped_codes(const std::string& minor) {
  std::ifstream file(std::string(FIXTURES) + "/python/3." + minor + ".txt");
  std::vector<Dumped> codes;
  std::string text;
  while (std::getline(file, text)) {
    std::istringstream words(text);
    std::string word;
    words >> word;
    if (word == "code") {
      unsigned number = 0;
      Dumped code;
      words >> number >> code.first_line >> std::ws;
      std::getline(words, code.qualified_name);
      code.version = static_cast<python_version>(number - 9 + PYTHON_3_9);
      codes.push_back(std::move(code));
    } else if (word == "line") {
      Dumped::Line line;
      words >> line.begin >> line.end >> line.line;
      codes.back().line_of.push_back(line);
    } else {
      Dumped& code = codes.back();
      Dumped::Object& object = word == "name"    ? code.name
                               : word == "file"  ? code.file
                               : word == "lines" ? code.lines
                                                 : code.object;
      std::string hex;
      words >> object.address >> hex;
      object.bytes = from_hex(hex);
    }
  }
  EXPECT_GE(codes.size(), 10U) << "tests/fixtures/python/3." << minor << ".txt";
  return codes;
}

class EveryPython : public testing::TestWithParam<const char*> {};

inline std::string python_test_name(const testing::TestParamInfo<const char*>& parameter) {
  return std::string("Python3_") + parameter.param;
}

inline const auto kEveryPython = testing::Values("9", "10", "11", "12", "13");

}  // namespace hostlens::symbols
