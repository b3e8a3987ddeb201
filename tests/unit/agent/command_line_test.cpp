// SPDX-License-Identifier: Apache-2.0
#include "agent/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/exit_codes.h"

namespace hostlens::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "command_line.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~CommandLineTest() override { std::filesystem::remove_all(directory_); }

  int run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "hostlens");
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int status = run_program(static_cast<int>(pointers.size()), pointers.data());
    std::fflush(stdout);
    out_ = testing::internal::GetCapturedStdout();
    error_ = testing::internal::GetCapturedStderr();
    return status;
  }
  std::string file(const std::string& text) {
    const std::string path = directory_ / "hostlens.yaml";
    std::ofstream(path) << text;
    return path;
  }

  std::filesystem::path directory_;
  std::string out_;
  std::string error_;
};

TEST_F(CommandLineTest, WrongUsageIsToldOnStandardError) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"nonsense"},
      {"run"},
      {"run", "--"},
      {"run", "--for", "soon", "--", "true"},
      {"run", "--for", "0s", "--", "true"},
      {"run", "--no-such-option", "--", "true"},
      {"profile", "--wakers", "--", "true"},
      {"agent"},
      {"top", "--interval", "-1"},
      {"top", "--for", "5"},
      {"doctor", "--yaml"},
      {"config"},
      {"config", "check"},
      {"worker"},
      {"worker", "--channel-fd", "-1"},
  };
  for (const auto& arguments : wrong) {
    EXPECT_EQ(run(arguments), kExitUsage) << testing::PrintToString(arguments);
    EXPECT_THAT(error_, HasSubstr("hostlens: "));
    EXPECT_THAT(out_, IsEmpty());
  }
}

TEST_F(CommandLineTest, VersionGoesToStandardOutput) {
  EXPECT_EQ(run({"version"}), kExitOk);
  EXPECT_THAT(out_, MatchesRegex("hostlens [0-9.]+\n"));
  EXPECT_EQ(run({"--version"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("hostlens "));
}

TEST_F(CommandLineTest, HelpNamesTheCommandsButNotTheWorker) {
  EXPECT_EQ(run({"--help"}), kExitOk);
  for (const char* command : {"run", "agent", "top", "doctor", "config", "version"}) {
    EXPECT_THAT(out_, HasSubstr(command));
  }
  EXPECT_THAT(out_, ::testing::Not(HasSubstr("worker")));
}

TEST_F(CommandLineTest, CheckAcceptsACorrectFile) {
  const std::string path = file("targets:\n  include:\n    - executable: nginx\n");
  EXPECT_EQ(run({"config", "check", path}), kExitOk);
  EXPECT_EQ(out_, path + ": correct\n");
  EXPECT_THAT(error_, IsEmpty());
}

TEST_F(CommandLineTest, CheckSaysWhenNothingWouldBeObserved) {
  EXPECT_EQ(run({"config", "check", file("interval: 10s\n")}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("would observe nothing"));
}

TEST_F(CommandLineTest, CheckNamesEveryMistakeWithItsLine) {
  const std::string path = file("lisen: 127.0.0.1:1\ninterval: often\n");
  EXPECT_EQ(run({"config", "check", path}), kExitUsage);
  EXPECT_THAT(error_, HasSubstr("hostlens: " + path + ":1:"));
  EXPECT_THAT(error_, HasSubstr("hostlens: " + path + ":2:"));
  EXPECT_THAT(out_, IsEmpty());
}

TEST_F(CommandLineTest, CheckOfAMissingFileFails) {
  EXPECT_EQ(run({"config", "check", directory_ / "none.yaml"}), kExitUsage);
  EXPECT_THAT(error_, HasSubstr("No such file"));
}

TEST_F(CommandLineTest, AddressesThatAreNoneAreUsageErrors) {
  EXPECT_EQ(run({"top", "--once", "--address", "example.com:80"}), kExitUsage);
  EXPECT_THAT(error_, HasSubstr("--address"));
}

TEST_F(CommandLineTest, AnAgentThatDoesNotAnswerHasItsOwnStatus) {
  EXPECT_EQ(run({"top", "--once", "--address", "127.0.0.1:1"}), kExitNoAnswer);
  EXPECT_THAT(error_, HasSubstr("127.0.0.1:1"));
}

}  // namespace
}  // namespace hostlens::agent
