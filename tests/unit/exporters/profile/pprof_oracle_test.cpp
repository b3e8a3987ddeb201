// SPDX-License-Identifier: Apache-2.0
// Go's own pprof reads what we write: it checks every reference of the file, and adds up for
// itself.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>

#include "exporters/profile/folded.h"
#include "exporters/profile/pprof.h"
#include "unit/exporters/profile/scene.h"

namespace hostlens::exporters::profile {
namespace {

constexpr const char* kPprof = ORACLES "/bin/pprof";

class PprofOracleTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kPprof)) {
      GTEST_SKIP() << kPprof << " is not built: tests/oracles/build.sh --pprof, which needs Go";
    }
    std::string pattern = (std::filesystem::temp_directory_path() / "pprof.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  std::string file(const std::string& name, const base::Result<std::string>& bytes) const {
    EXPECT_TRUE(bytes);
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << *bytes;
    return path;
  }

  /// What `go tool pprof` prints; the test fails when it complains.
  std::string pprof(const std::string& arguments) const {
    // Nothing is looked up: names are those of the file.
    const std::string command = "PPROF_TMPDIR=" + folder_.string() + " " + kPprof +
                                " -symbolize=none " + arguments + " 2>&1";
    std::string output;
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) {
      ADD_FAILURE() << "popen";
      return output;
    }
    std::array<char, 4096> buffer;
    while (const size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
      output.append(buffer.data(), size);
    }
    EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << output;
    return output;
  }

  std::filesystem::path folder_;
};

void expect_line(const std::string& text, const std::string& expression) {
  EXPECT_TRUE(std::regex_search(text, std::regex(expression))) << expression << "\nin:\n" << text;
}

TEST_F(PprofOracleTest, TopOfCpuTimeIsInSeconds) {
  const std::string path = file("cpu.pb.gz", write_pprof(scene::cpu_profile()));
  const std::string top = pprof("-top " + path);
  expect_line(top, "Type: cpu");
  expect_line(top, "File: nginx");
  expect_line(top, R"(\n +3000ms 43.85%.* ngx_strlow \(inline\)\n)");
  expect_line(top, R"(\n +1000ms 14.62%.* tcp_sendmsg\n)");
  expect_line(top, R"(\n +2000ms 29.23%.* Handler.do_GET\n)");
  expect_line(pprof("-top -sample_index=samples " + path), R"(\n +57 43.8\d%.* ngx_strlow)");
}

TEST_F(PprofOracleTest, RawShowsLabelsMappingsAndInlinedLines) {
  const std::string raw = pprof("-raw " + file("cpu.pb.gz", write_pprof(scene::cpu_profile())));
  expect_line(raw, R"(samples/count cpu/nanoseconds\[dflt\])");
  expect_line(raw, "route:\\[GET /users/\\{id\\}\\]");
  expect_line(raw, "service:\\[web\\]");
  expect_line(raw, "thread:\\[nginx\\]");
  expect_line(raw, "pid:\\[10\\]");
  expect_line(raw, "0x1000/0x9000/0x1000 /usr/sbin/nginx aa11 \\[FN\\]\\[FL\\]\\[LN\\]\\[IN\\]");
  expect_line(raw, "/opt/bin/stripped cc33 *\\n");
  expect_line(raw, "0x3000 M=\\d+ ngx_strlow ngx_string.c:80");
}

TEST_F(PprofOracleTest, TracesShowOffCpuTimeByCause) {
  const std::string path = file("off.pb.gz", write_pprof(scene::off_cpu_profile()));
  const std::string tags = pprof("-tags " + path);
  expect_line(tags, "cause: Total 2.59s of 2.59s");
  expect_line(tags, "2s \\(77.31%\\): disk");
  expect_line(tags, "77ms \\( 2.98%\\): short");
  expect_line(pprof("-traces " + path), "XLogWrite\\n +main");
}

TEST_F(PprofOracleTest, HostileAndEmptyProfilesAreValid) {
  pprof("-raw " + file("hostile.pb.gz", write_pprof(scene::hostile_profile())));
  pprof("-raw " + file("empty.pb.gz", write_pprof(model::Profile({.hz = 19}))));
}

TEST_F(PprofOracleTest, OurDifferenceIsPprofsOwn) {
  const auto before = read_folded("t;main;a 50\nt;main;b 20\n");
  const auto after = read_folded("t;main;a 10\nt;main;c 30\n");
  ASSERT_TRUE(before && after);
  const auto rows = [](const std::string& top) { return top.substr(top.find("Showing nodes")); };
  const std::string theirs = pprof("-top -diff_base=" + file("a.pb.gz", write_pprof(*before)) +
                                   " " + file("b.pb.gz", write_pprof(*after)));
  const std::string ours = pprof("-top " + file("diff.pb.gz", write_pprof_diff(*before, *after)));
  EXPECT_EQ(rows(ours), rows(theirs));
  expect_line(ours, "-40 57.14%.* a\\n");
}

TEST_F(PprofOracleTest, WhatPprofWritesIsReadBack) {
  const auto profile = scene::cpu_profile();
  const std::string path = file("cpu.pb.gz", write_pprof(profile));
  const std::string copy = folder_ / "copy.pb.gz";
  pprof("-proto -output=" + copy + " " + path);
  std::ifstream in(copy, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto read = read_pprof(bytes);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(write_folded(*read), write_folded(profile));
}

}  // namespace
}  // namespace hostlens::exporters::profile
