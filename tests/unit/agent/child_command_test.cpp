// SPDX-License-Identifier: Apache-2.0
#include "agent/child_command.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "agent/signal_source.h"
#include "base/open_files.h"

namespace hostlens::agent {
namespace {

int wait_for(ChildCommand& command) {
  pollfd ended{command.pidfd(), POLLIN, 0};
  ::poll(&ended, 1, -1);
  return command.exit_code().value_or(-1);
}

std::unique_ptr<ChildCommand> start(std::vector<std::string> arguments) {
  auto command = ChildCommand::start_held(std::move(arguments), base::open_files_limit());
  EXPECT_TRUE(command);
  return *std::move(command);
}

/// A pipe whose write end a command's `>&N` can name.
struct OutputPipe {
  OutputPipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    read = base::UniqueFd(ends[0]);
    write = base::UniqueFd(ends[1]);
  }
  std::string line() const {
    std::string text;
    char c = 0;
    while (::read(read.get(), &c, 1) == 1 && c != '\n') text += c;
    return text;
  }
  [[nodiscard]] std::string to() const { return ">&" + std::to_string(write.get()); }
  base::UniqueFd read;
  base::UniqueFd write;
};

TEST(ChildCommandTest, ExitsWithTheCommandsStatus) {
  auto command = start({"sh", "-c", "exit 17"});
  ASSERT_TRUE(command->release());
  EXPECT_EQ(wait_for(*command), 17);
}

TEST(ChildCommandTest, TheCommandHasTheLimitOfOpenFilesThatIsGiven) {
  const OutputPipe output;
  const std::string script = "ulimit -Sn " + output.to();
  auto command = ChildCommand::start_held({"sh", "-c", script}, 123);
  ASSERT_TRUE(command);
  ASSERT_TRUE((*command)->release());
  EXPECT_EQ(output.line(), "123");
  EXPECT_EQ(wait_for(**command), 0);
  EXPECT_GT(base::open_files_limit(), 123U);
}

TEST(ChildCommandTest, ASignalsEndIsToldAsShellsDo) {
  auto command = start({"sh", "-c", "kill -TERM $$"});
  ASSERT_TRUE(command->release());
  EXPECT_EQ(wait_for(*command), 128 + SIGTERM);
}

TEST(ChildCommandTest, NothingOfTheCommandRunsBeforeItIsReleased) {
  const OutputPipe output;
  auto command = start({"sh", "-c", "echo ran " + output.to()});
  pollfd early{output.read.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&early, 1, 50), 0);
  EXPECT_FALSE(command->exit_code());
  ASSERT_TRUE(command->release());
  EXPECT_EQ(output.line(), "ran");
  EXPECT_EQ(wait_for(*command), 0);
}

TEST(ChildCommandTest, ACommandThatDoesNotExistIs127AndOneThatCannotRunIs126) {
  auto missing = start({"/nonexistent/program"});
  const auto no_such = missing->release();
  ASSERT_FALSE(no_such);
  EXPECT_EQ(exit_code_of_failed_exec(no_such.error().errno_value), 127);
  EXPECT_EQ(wait_for(*missing), 127);
  auto directory = start({"/"});
  const auto refused = directory->release();
  ASSERT_FALSE(refused);
  EXPECT_EQ(exit_code_of_failed_exec(refused.error().errno_value), 126);
  EXPECT_EQ(wait_for(*directory), 126);
  EXPECT_FALSE(ChildCommand::start_held({}, 16));
}

TEST(ChildCommandTest, ACommandThatIsNeverReleasedDoesNotStayBehind) {
  pid_t pid = 0;
  {
    auto command = start({"sleep", "1000"});
    pid = command->pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(ChildCommandTest, ForwardedSignalsArrive) {
  for (const int number : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGWINCH, SIGINT}) {
    const OutputPipe output;
    auto command = start({"sh", "-c",
                          "trap 'exit 9' " + std::to_string(number) + "; echo up " + output.to() +
                              "; while :; do sleep 0.01; done"});
    ASSERT_TRUE(command->release());
    EXPECT_EQ(output.line(), "up");
    command->forward(number, false);
    EXPECT_EQ(wait_for(*command), 9) << number;
  }
}

TEST(ChildCommandTest, ATerminalsSignalIsNotDeliveredTwice) {
  const OutputPipe output;
  auto command = start({"sh", "-c",
                        "trap 'echo int " + output.to() + "' INT; trap 'exit 3' TERM; echo up " +
                            output.to() + "; while :; do sleep 0.01; done"});
  ASSERT_TRUE(command->release());
  EXPECT_EQ(output.line(), "up");
  command->forward(SIGINT, true);  // same process group: the terminal has delivered it already
  command->forward(SIGTERM, false);
  EXPECT_EQ(wait_for(*command), 3);
  const_cast<base::UniqueFd&>(output.write).reset();
  EXPECT_EQ(output.line(), "") << "no INT was seen";
}

TEST(ChildCommandTest, ATerminalsSignalIsForwardedToACommandThatLeftTheGroup) {
  const OutputPipe output;
  auto command = start({"setsid", "--wait", "sh", "-c", "exit 0"});
  ASSERT_TRUE(command->release());
  EXPECT_EQ(wait_for(*command), 0);
  auto left =
      start({"setsid", "sh", "-c",
             "trap 'exit 4' INT; echo up " + output.to() + "; while :; do sleep 0.01; done"});
  // setsid(1) forks when it is a group leader; ours is not, so the pid stays.
  ASSERT_TRUE(left->release());
  EXPECT_EQ(output.line(), "up");
  left->forward(SIGINT, true);
  EXPECT_EQ(wait_for(*left), 4);
}

TEST(ChildCommandTest, TheCommandGetsUnblockedSignals) {
  auto signals = SignalSource::create({SIGUSR1});
  ASSERT_TRUE(signals);
  auto command = start({"sh", "-c", "kill -USR1 $$; exit 0"});
  ASSERT_TRUE(command->release());
  EXPECT_EQ(wait_for(*command), 128 + SIGUSR1);
}

TEST(SignalSourceTest, TellsAPersonsSignalFromATerminals) {
  auto signals = SignalSource::create({SIGUSR2});
  ASSERT_TRUE(signals);
  EXPECT_EQ((*signals)->next().number, 0);
  ::kill(::getpid(), SIGUSR2);
  const ReceivedSignal received = (*signals)->next();
  EXPECT_EQ(received.number, SIGUSR2);
  EXPECT_FALSE(received.from_terminal);
}

}  // namespace
}  // namespace hostlens::agent
