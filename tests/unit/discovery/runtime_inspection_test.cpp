// SPDX-License-Identifier: Apache-2.0
#include "discovery/runtime_inspection.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"
#include "discovery/elf_file.h"

namespace hostlens::discovery {
namespace {

using namespace std::string_literals;

RuntimeIdentity inspect(const std::string& path, const RuntimeHints& hints = {}) {
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(file) << path;
  return inspect_runtime(file.get(), path, hints);
}

/// What a program says of its own version; "" when it cannot be run.
std::string output_of(const std::string& command) {
  std::string text;
  FILE* const pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return text;
  char block[256];
  while (std::fgets(block, sizeof block, pipe) != nullptr) text += block;
  ::pclose(pipe);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

TEST(RuntimeInspectionTest, ReadsTheVersionThatGoPutsIntoItsPrograms) {
  const std::string header = "\xff Go buildinf:\x08\x02"s + std::string(16, '\0');
  const auto never = [](uint64_t, size_t) { return std::string(); };
  EXPECT_EQ(parse_go_version(header + "\x08go1.22.1\x00"s, never), "go1.22.1");
  EXPECT_EQ(parse_go_version(header + "\x08xx1.22.1"s, never), "");
  const std::string whole = header + "\x08go1.22.1"s;
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(parse_go_version(std::string_view(whole).substr(0, size), never), "") << size;
  }
  EXPECT_EQ(parse_go_version(header + std::string(12, '\xff'), never), "");
}

TEST(RuntimeInspectionTest, FollowsThePointersOfGoBefore118) {
  std::string section = "\xff Go buildinf:\x08\x00"s;
  section += "\x00\x10\x00\x00\x00\x00\x00\x00"s + std::string(8, '\0');
  const auto memory = [](uint64_t address, size_t size) -> std::string {
    if (address == 0x1000 && size == 16) {
      return "\x00\x20\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"s;
    }
    return address == 0x2000 && size == 6 ? "go1.17" : "";
  };
  EXPECT_EQ(parse_go_version(section, memory), "go1.17");
  EXPECT_EQ(parse_go_version(section, [](uint64_t, size_t) { return std::string(); }), "");
  section[14] = 3;  // no word has that size
  EXPECT_EQ(parse_go_version(section, memory), "");
}

TEST(RuntimeInspectionTest, ReadsTheReleaseFileOfAJvm) {
  const RuntimeIdentity debian = parse_java_release(
      "IMPLEMENTOR=\"Debian\"\nJAVA_RUNTIME_VERSION=\"17.0.15+6-Debian-1\"\n"
      "JAVA_VERSION=\"17.0.15\"\n");
  EXPECT_EQ(debian.name, "OpenJDK Runtime Environment");
  EXPECT_EQ(debian.version, "17.0.15+6-Debian-1");
  EXPECT_EQ(debian.description, "Debian");
  EXPECT_EQ(parse_java_release("JAVA_VERSION=\"1.8.0_402\"\r\n").version, "1.8.0_402");
  EXPECT_EQ(parse_java_release("JAVA_VERSION=\"21\"\nBUILD_TYPE=\"commercial\"\n").name,
            "Java(TM) SE Runtime Environment");
  EXPECT_EQ(parse_java_release("JAVA_VERSION=\n=\"\nJAVA_VERSION=\"\nx").name, "");
  EXPECT_EQ(parse_java_release("").name, "");
}

TEST(RuntimeInspectionTest, TellsTheCompilerThatIsNotOfTheStartFiles) {
  const std::string gcc = "GCC: (Debian 12.2.0-14) 12.2.0\0"s;
  EXPECT_EQ(parse_compiler_comment(gcc).name, "gcc");
  EXPECT_EQ(parse_compiler_comment(gcc).version, "12.2.0");
  const RuntimeIdentity clang = parse_compiler_comment(gcc + "Debian clang version 16.0.6 (15)\0"s);
  EXPECT_EQ(clang.name, "clang");
  EXPECT_EQ(clang.version, "16.0.6");
  const RuntimeIdentity rust =
      parse_compiler_comment(gcc + "rustc version 1.83.0 (90b35a623 2024-11-26)\0"s);
  EXPECT_EQ(rust.name, "rustc");
  EXPECT_EQ(rust.version, "1.83.0");
  EXPECT_EQ(parse_compiler_comment("").name, "");
  EXPECT_EQ(parse_compiler_comment("\0\0GCC: (x"s).name, "");
}

TEST(RuntimeInspectionTest, KnowsARuntimeByItsLoadedLibrary) {
  const auto of = [](const std::string& path) {
    return parse_runtime_maps(
        "00400000-00401000 r-xp 00000000 08:01 1 /usr/bin/app\n"
        "7f0000000000-7f0000001000 rw-p 00000000 00:00 0\n"
        "7f0000001000-7f0000002000 r-xp 00000000 08:01 2    " +
        path + "\n");
  };
  EXPECT_EQ(of("/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/libcoreclr.so").name, ".NET");
  EXPECT_EQ(of("/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/libcoreclr.so").version,
            "8.0.1");
  EXPECT_EQ(of("/opt/app/libcoreclr.so").version, "");
  EXPECT_EQ(of("/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0").version, "3.11");
  EXPECT_EQ(of("/usr/lib/x86_64-linux-gnu/libruby-3.1.so.3.1.2").version, "3.1");
  EXPECT_EQ(of("/usr/lib/jvm/x/lib/server/libjvm.so").name, "OpenJDK Runtime Environment");
  EXPECT_EQ(of("/usr/lib/libc.so.6").name, "");
  EXPECT_TRUE(of("/usr/lib/libnode.so.108").of_this_process);
}

TEST(RuntimeInspectionTest, TellsPythonAsItTellsItself) {
  const std::string path = std::filesystem::canonical("/usr/bin/python3");
  const RuntimeIdentity runtime = inspect(path);
  EXPECT_EQ(runtime.name, "cpython");
  EXPECT_EQ(runtime.version,
            output_of("/usr/bin/python3 -c 'import platform; print(platform.python_version())'"));
}

TEST(RuntimeInspectionTest, TellsNodeAsItTellsItself) {
  const std::string version = output_of("node --version");
  if (version.empty()) GTEST_SKIP() << "node is not installed";
  const RuntimeIdentity runtime = inspect(output_of("node -p process.execPath"));
  EXPECT_EQ(runtime.name, "nodejs");
  EXPECT_EQ("v" + runtime.version, version);
}

TEST(RuntimeInspectionTest, TellsAGoProgramAsItTellsItself) {
  const std::string go = output_of("command -v go || ls /usr/local/go/bin/go");
  if (go.empty()) GTEST_SKIP() << "go is not installed";
  const RuntimeIdentity runtime = inspect(std::filesystem::canonical(go));
  EXPECT_EQ(runtime.name, "go");
  EXPECT_EQ(runtime.version, output_of(go + " env GOVERSION"));
}

TEST(RuntimeInspectionTest, ANativeProgramIsToldByItsCompiler) {
  const RuntimeIdentity runtime = inspect("/proc/self/exe");
#ifdef __clang__
  EXPECT_EQ(runtime.name, "clang");
#else
  EXPECT_EQ(runtime.name, "gcc");
  EXPECT_TRUE(runtime.version.starts_with(std::to_string(__GNUC__) + ".")) << runtime.version;
#endif
  EXPECT_TRUE(runtime.description.starts_with("C++, ")) << runtime.description;
}

TEST(RuntimeInspectionTest, AProgramThatLoadedAnInterpreterIsThatInterpreter) {
  const RuntimeHints hints{[] { return "1-2 r-xp 0 0 0 /lib/libpython3.9.so.1.0\n"s; }, {}};
  const RuntimeIdentity runtime = inspect("/proc/self/exe", hints);
  EXPECT_EQ(runtime.name, "cpython");
  EXPECT_TRUE(runtime.of_this_process);
}

/// A file with the first bytes of a real program, and noise.
class BrokenElfTest : public ::testing::Test {
 protected:
  BrokenElfTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "elf.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~BrokenElfTest() override { std::filesystem::remove_all(directory_); }
  void expect_bounded(const std::string& bytes) {
    const std::string path = directory_ + "/python3.9";
    std::ofstream(path, std::ios::binary) << bytes;
    (void)inspect(path);
  }
  std::string directory_;
};

TEST_F(BrokenElfTest, EveryTruncationIsSurvived) {
  std::ifstream whole("/usr/bin/env", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(whole)), {});
  ASSERT_GT(bytes.size(), 4096U);
  for (size_t size = 0; size < bytes.size(); size += size < 1024 ? 7 : 1999) {
    expect_bounded(bytes.substr(0, size));
  }
}

TEST_F(BrokenElfTest, WildNumbersInTheTablesAreSurvived) {
  std::ifstream whole("/usr/bin/env", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(whole)), {});
  uint32_t random = 1;
  for (int round = 0; round < 200; ++round) {
    std::string broken = bytes;
    for (int i = 0; i < 40; ++i) {
      random = random * 1664525 + 1013904223;
      // Half of them where the headers are: at both ends of the file.
      const size_t near = (random >> 8) % 3000;
      broken[i % 2 == 0 ? near : broken.size() - 1 - near] = static_cast<char>(random >> 24);
    }
    broken.replace(0, 6,
                   "\x7f"
                   "ELF\x02\x01");
    expect_bounded(broken);
  }
}

}  // namespace
}  // namespace hostlens::discovery
