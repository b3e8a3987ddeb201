// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace hostlens::exporters::profile {

inline std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// `text` is the file of that name in tests/fixtures/profile. UPDATE_GOLDEN=1 writes it, to be read
/// by whoever commits it.
inline void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(FIXTURES) + "/profile/" + name;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
  EXPECT_EQ(text, file_text(path)) << path;
}

}  // namespace hostlens::exporters::profile
