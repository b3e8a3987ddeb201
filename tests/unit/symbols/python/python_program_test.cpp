// SPDX-License-Identifier: Apache-2.0
#include "symbols/python/python_program.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace hostlens::symbols {
namespace {

TEST(PythonVersionTest, TheNameOfTheFileTellsIt) {
  EXPECT_EQ(python_version_of_name("/usr/bin/python3.9"), PYTHON_3_9);
  EXPECT_EQ(python_version_of_name("/usr/lib/libpython3.10.so.1.0"), PYTHON_3_10);
  EXPECT_EQ(python_version_of_name("/usr/bin/python3.13 (deleted)"), PYTHON_3_13);
}

TEST(PythonVersionTest, OtherBuildsAndVersionsAreNone) {
  for (const char* name : {"/usr/bin/python3", "/usr/bin/python3.8", "/usr/bin/python3.14",
                           "/usr/bin/python3.13t", "/usr/lib/libpython3.11d.so.1.0",
                           "/usr/lib/libpython3.so", "/usr/bin/pypy3.9", "python3."}) {
    EXPECT_EQ(python_version_of_name(name), PYTHON_UNKNOWN) << name;
  }
}

std::optional<PythonProgram> program_at(const std::string& path) {
  auto source = FileSource::open(base::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  if (!source) return std::nullopt;
  const auto elf = ElfView::open(*std::move(source));
  return elf ? read_python_program(*elf, path) : std::nullopt;
}

TEST(PythonProgramTest, AnInterpreterOfThisMachineIsKnown) {
  const std::string path = std::filesystem::canonical("/usr/bin/python3").string();
  if (python_version_of_name(path) == PYTHON_UNKNOWN) GTEST_SKIP() << path << " is another version";
  const auto program = program_at(path);
  if (!program) GTEST_SKIP() << path << " has its interpreter in a library";
  EXPECT_EQ(program->version, python_version_of_name(path));
  EXPECT_NE(program->runtime, 0U);
  ASSERT_FALSE(program->eval.empty());
  for (const CodeRange& range : program->eval) {
    EXPECT_TRUE(program->is_eval(range.start));
    EXPECT_TRUE(program->is_eval(range.limit - 1));
  }
  EXPECT_FALSE(program->is_eval(program->runtime));
}

TEST(PythonProgramTest, OtherProgramsAreNone) {
  EXPECT_FALSE(program_at("/proc/self/exe"));
  EXPECT_FALSE(program_at("/bin/sh"));
}

}  // namespace
}  // namespace hostlens::symbols
