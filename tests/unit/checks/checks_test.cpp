// SPDX-License-Identifier: Apache-2.0
// Types that need no server but a socket of the test's own: tcp, dns, process, file_age, disk,
// unit, command; and the messages of grpc.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "checks/check.h"
#include "checks/grpc_health.h"

namespace hostlens::checks {
namespace {

using model::CheckResult;
using ::testing::HasSubstr;
using Outcome = CheckResult::Outcome;

constexpr uint64_t kSecond = 1'000'000'000;

CheckResult run(CheckSettings settings, uint64_t timeout_ns = 5 * kSecond,
                const CheckEnvironment& environment = {}, int cancel = -1) {
  settings.name = "x";
  return make_check(settings, environment)
      ->run(Deadline(base::monotonic_now_ns() + timeout_ns, cancel));
}
CheckResult ask(CheckType type, const std::string& target, const CheckEnvironment& env = {}) {
  CheckSettings settings;
  settings.type = type;
  settings.target = target;
  return run(settings, 5 * kSecond, env);
}
CheckResult command(std::vector<std::string> words, uint64_t timeout_ns = 5 * kSecond,
                    int cancel = -1) {
  CheckSettings settings;
  settings.type = CheckType::kCommand;
  settings.command = std::move(words);
  return run(settings, timeout_ns, {}, cancel);
}

/// A listener on loopback, and its port.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  void listen() { EXPECT_EQ(::listen(fd_.get(), 8), 0); }
  [[nodiscard]] std::string place() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  base::UniqueFd fd_;
  uint16_t port_ = 0;
};

TEST(TcpCheckTest, PassesWhenSomebodyListensAndNamesTheErrorElse) {
  Listener listener;
  const CheckResult refused = ask(CheckType::kTcp, listener.place());
  EXPECT_EQ(refused.outcome, Outcome::kFailed);
  EXPECT_EQ(refused.error_type, "ECONNREFUSED");
  listener.listen();
  EXPECT_EQ(ask(CheckType::kTcp, listener.place()).outcome, Outcome::kPassed);
}

TEST(HttpCheckTest, AServerThatSaysNothingIsATimeout) {
  Listener listener;
  listener.listen();
  for (const CheckType type : {CheckType::kHttp, CheckType::kGrpc, CheckType::kTls}) {
    CheckSettings settings;
    settings.type = type;
    settings.target = (type == CheckType::kHttp ? "http://" : "") + listener.place();
    const uint64_t begin = base::monotonic_now_ns();
    const CheckResult result = run(settings, kSecond / 5);
    EXPECT_EQ(result.error_type, "timeout") << name_of(type) << result.text;
    EXPECT_LT(base::monotonic_now_ns() - begin, 2 * kSecond);
  }
}

TEST(DnsCheckTest, KnowsLocalhostAndItsAddress) {
  EXPECT_EQ(ask(CheckType::kDns, "localhost").outcome, Outcome::kPassed);
  EXPECT_EQ(ask(CheckType::kDns, "127.0.0.1 127.0.0.1").outcome, Outcome::kPassed);
  const CheckResult wrong = ask(CheckType::kDns, "localhost 10.9.8.7");
  EXPECT_EQ(wrong.error_type, "wrong_address");
  EXPECT_THAT(wrong.text, HasSubstr("not 10.9.8.7"));
}

TEST(ProcessCheckTest, CountsByProgramName) {
  const std::string own = "checks-test-" + std::to_string(::getpid());
  const std::string proc = ::testing::TempDir() + own;
  const auto write = [&](const std::string& pid, const std::string& cmdline,
                         const std::string& comm) {
    std::filesystem::create_directories(proc + "/" + pid);
    std::ofstream(proc + "/" + pid + "/cmdline") << cmdline;
    std::ofstream(proc + "/" + pid + "/comm") << comm << '\n';
  };
  write("10", std::string("/usr/sbin/nginx\0-g\0", 19), "nginx");
  write("11", "nginx: worker process", "nginx");
  write("12", "", "nginx");  // a zombie
  write("13", "/usr/bin/a-very-long-program-name", "a-very-long-pro");
  std::filesystem::create_directories(proc + "/self");
  CheckEnvironment environment;
  environment.proc = proc;
  EXPECT_EQ(ask(CheckType::kProcess, "nginx 2", environment).outcome, Outcome::kPassed);
  const CheckResult few = ask(CheckType::kProcess, "nginx 3", environment);
  EXPECT_EQ(few.error_type, "too_few");
  EXPECT_EQ(ask(CheckType::kProcess, "a-very-long-program-name", environment).outcome,
            Outcome::kPassed);
  EXPECT_EQ(ask(CheckType::kProcess, "apache2", environment).outcome, Outcome::kFailed);
  environment.proc = proc + "/none";
  EXPECT_EQ(ask(CheckType::kProcess, "nginx", environment).error_type, "ENOENT");
  std::filesystem::remove_all(proc);
}

TEST(FileAgeCheckTest, AnOldFileAndAMissingOneFail) {
  const std::string path = ::testing::TempDir() + "age-" + std::to_string(::getpid());
  EXPECT_EQ(ask(CheckType::kFileAge, path + " 1h").error_type, "ENOENT");
  std::ofstream(path) << "x";
  EXPECT_EQ(ask(CheckType::kFileAge, path + " 1h").outcome, Outcome::kPassed);
  const timeval times[2] = {{::time(nullptr) - 7200, 0}, {::time(nullptr) - 7200, 0}};
  ASSERT_EQ(::utimes(path.c_str(), times), 0);
  const CheckResult old = ask(CheckType::kFileAge, path + " 1h");
  EXPECT_EQ(old.error_type, "too_old");
  EXPECT_THAT(old.text, HasSubstr("2 h ago"));
  EXPECT_EQ(ask(CheckType::kFileAge, path + " 3h").outcome, Outcome::kPassed);
  std::filesystem::remove(path);
}

TEST(DiskCheckTest, TellsHowFullItIs) {
  EXPECT_EQ(ask(CheckType::kDisk, "/ 100%").outcome, Outcome::kPassed);
  EXPECT_THAT(ask(CheckType::kDisk, "/ 100%").text, HasSubstr("% full"));
  EXPECT_EQ(ask(CheckType::kDisk, "/no/such/path").error_type, "ENOENT");
}

class Units final : public UnitSource {
 public:
  std::optional<model::UnitState> unit(std::string_view name) override {
    asked = name;
    return state;
  }
  std::optional<model::UnitState> state;
  std::string asked;
};

TEST(UnitCheckTest, ActiveIsWellAndNobodyToAskIsUnknown) {
  EXPECT_EQ(ask(CheckType::kUnit, "web").outcome, Outcome::kUnknown);
  auto units = std::make_shared<Units>();
  CheckEnvironment environment;
  environment.units = units;
  EXPECT_EQ(ask(CheckType::kUnit, "web", environment).outcome, Outcome::kUnknown);
  units->state = model::UnitState{"web.service", "active", "running", "success", 0, 0};
  EXPECT_EQ(ask(CheckType::kUnit, "web", environment).outcome, Outcome::kPassed);
  EXPECT_EQ(units->asked, "web.service");
  units->state = model::UnitState{"web.service", "failed", "failed", "exit-code", 0, 0};
  const CheckResult failed = ask(CheckType::kUnit, "web.service", environment);
  EXPECT_EQ(failed.error_type, "failed");
  EXPECT_THAT(failed.text, HasSubstr("exit-code"));
}

TEST(CommandCheckTest, TheExitStatusDecidesAndTheOutputIsEvidence) {
  const CheckResult good = command({"/bin/echo", "all", "is well"});
  EXPECT_EQ(good.outcome, Outcome::kPassed);
  EXPECT_EQ(good.text, "all is well");
  const CheckResult bad = command({"/bin/sh", "-c", "echo lag 40 >&2; exit 3"});
  EXPECT_EQ(bad.error_type, "exit_3");
  EXPECT_THAT(bad.text, HasSubstr("lag 40"));
  EXPECT_EQ(command({"/bin/sh", "-c", "kill -SEGV $$"}).error_type, "SIGSEGV");
  EXPECT_EQ(command({"/no/such/program"}).error_type, "ENOENT");
}

TEST(CommandCheckTest, ThereIsNoShellAndNothingOfOurs) {
  EXPECT_EQ(command({"/bin/echo", "$HOME; id"}).text, "$HOME; id");
  ::setenv("HOSTLENS_TEST_SECRET", "s3cret", 1);
  const CheckResult environment = command({"/usr/bin/env"});
  ::unsetenv("HOSTLENS_TEST_SECRET");
  EXPECT_EQ(environment.text.find("s3cret"), std::string::npos) << environment.text;
  EXPECT_THAT(environment.text, HasSubstr("PATH="));
  const base::UniqueFd ours(::fcntl(0, F_DUPFD, 200));  // without O_CLOEXEC
  EXPECT_EQ(command({"/bin/sh", "-c", "echo /proc/self/fd/*"})
                .text.find("/fd/" + std::to_string(ours.get())),
            std::string::npos);
}

TEST(CommandCheckTest, OneThatHangsIsKilledWithItsGroup) {
  const std::string mark = "86399." + std::to_string(::getpid());
  const uint64_t begin = base::monotonic_now_ns();
  const CheckResult result =
      command({"/bin/sh", "-c", "sleep " + mark + " & sleep " + mark}, kSecond / 2);
  EXPECT_EQ(result.error_type, "timeout");
  EXPECT_LT(base::monotonic_now_ns() - begin, 3 * kSecond);
  // The child that was in the background is dead, too, as soon as the kernel gets to it.
  const uint64_t end = base::monotonic_now_ns() + 5 * kSecond;
  const auto count = [&] {
    CheckSettings settings;
    settings.type = CheckType::kCommand;
    settings.command = {"/usr/bin/pgrep", "-c", "-f", "^sleep " + mark};
    return run(settings).text;
  };
  std::string left = count();
  while (left.find("0") == std::string::npos && base::monotonic_now_ns() < end) left = count();
  EXPECT_THAT(left, HasSubstr("0"));
}

TEST(CommandCheckTest, WhatItLeavesBehindIsNotWaitedFor) {
  const uint64_t begin = base::monotonic_now_ns();
  const CheckResult result = command({"/bin/sh", "-c", "sleep 60 & echo started"});
  EXPECT_EQ(result.outcome, Outcome::kPassed);
  EXPECT_EQ(result.text, "started");
  EXPECT_LT(base::monotonic_now_ns() - begin, 3 * kSecond);
}

TEST(CommandCheckTest, GigabytesAreReadAndThrownAway) {
  const CheckResult result = command({"/usr/bin/head", "-c", "1G", "/dev/zero"}, 60 * kSecond);
  EXPECT_EQ(result.outcome, Outcome::kPassed) << result.error_type;
  EXPECT_LE(result.text.size(), 1024U);
  const CheckResult endless = command({"/usr/bin/yes"}, kSecond / 2);
  EXPECT_EQ(endless.error_type, "timeout");
  EXPECT_LE(endless.text.size(), 1100U);
  EXPECT_EQ(endless.text.find('\n'), std::string::npos);
}

TEST(CommandCheckTest, AnEndOfTheRunnerEndsIt) {
  const base::UniqueFd cancel(::eventfd(0, EFD_CLOEXEC));
  const uint64_t one = 1;
  ASSERT_EQ(::write(cancel.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  const uint64_t begin = base::monotonic_now_ns();
  (void)command({"/bin/sleep", "60"}, 60 * kSecond, cancel.get());
  EXPECT_LT(base::monotonic_now_ns() - begin, 3 * kSecond);
}

TEST(GrpcHealthTest, RequestsAndResponsesAreFramed) {
  EXPECT_EQ(grpc_health_request(""), std::string(5, '\0'));
  EXPECT_EQ(grpc_health_request("a"), std::string("\0\0\0\0\3\x0a\1a", 8));
  EXPECT_EQ(grpc_health_status(std::string("\0\0\0\0\2\x08\1", 7)), "SERVING");
  EXPECT_EQ(grpc_health_status(std::string("\0\0\0\0\2\x08\2", 7)), "NOT_SERVING");
  EXPECT_EQ(grpc_health_status(std::string("\0\0\0\0\0", 5)), "UNKNOWN");
  for (const auto& wrong :
       {std::string(), std::string("\0\0\0\0", 4), std::string("\1\0\0\0\0", 5),
        std::string("\0\0\0\0\3\x08\1", 7), std::string("\0\xff\xff\xff\xff", 5),
        std::string("\0\0\0\0\2\x08\xff", 7)}) {
    EXPECT_FALSE(grpc_health_status(wrong));
  }
}

}  // namespace
}  // namespace hostlens::checks
