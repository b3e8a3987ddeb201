// SPDX-License-Identifier: Apache-2.0
#include "agent/channel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <string>
#include <thread>

#include "agent/host_request_server.h"
#include "agent/remote_host_access.h"
#include "agent/shared_memory.h"

namespace hostlens::agent {
namespace {

using base::Error;

struct Ends {
  Ends() : pair(Channel::pair()), a(std::move(pair->first)), b(std::move(pair->second)) {}
  base::Result<std::pair<Channel, Channel>> pair;
  Channel a;
  Channel b;
};

TEST(ChannelTest, CarriesAMessageWithItsDescriptors) {
  Ends ends;
  const base::UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int raw = file.get();
  ASSERT_TRUE(ends.a.send(Reply{5, true, true, {}, 0}, {&raw, 1}));
  auto received = ends.b.receive(-1);
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->message, Message(Reply{5, true, true, {}, 0}));
  ASSERT_EQ((*received)->fds.size(), 1U);
  EXPECT_NE(::fcntl((*received)->fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  struct stat sent {};
  struct stat got {};
  ::fstat(raw, &sent);
  ::fstat((*received)->fds[0].get(), &got);
  EXPECT_EQ(sent.st_rdev, got.st_rdev);
}

TEST(ChannelTest, NothingThereIsNoError) {
  Ends ends;
  const auto received = ends.b.receive();
  ASSERT_TRUE(received);
  EXPECT_FALSE(received->has_value());
}

TEST(ChannelTest, APeerThatLeftIsTold) {
  Ends ends;
  ends.a.close();
  const auto received = ends.b.receive(-1);
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().kind, Error::Kind::kNotFound);
  EXPECT_EQ(ends.b.send(Ready{}).error().kind, Error::Kind::kNotFound);
}

TEST(ChannelTest, AWrongNumberOfDescriptorsIsRefusedOnBothSides) {
  Ends ends;
  const int raw = 0;
  EXPECT_FALSE(ends.a.send(Ready{}, {&raw, 1}));
  // A hostile sender goes round our own check.
  MessageBytes bytes = encode(Reply{5, true, true, {}, 0});
  ASSERT_EQ(::send(ends.a.fd(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  const auto received = ends.b.receive(-1);
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().kind, Error::Kind::kInvalid);
}

TEST(ChannelTest, OversizedAndForeignPacketsAreRefused) {
  for (const size_t size : {size_t{1}, kMessageBytes - 1, kMessageBytes + 1, size_t{60'000}}) {
    Ends ends;
    const std::string junk(size, 'x');
    ASSERT_GT(::send(ends.a.fd(), junk.data(), junk.size(), 0), 0);
    const auto received = ends.b.receive(-1);
    ASSERT_FALSE(received) << size;
    EXPECT_EQ(received.error().kind, Error::Kind::kInvalid) << size;
  }
}

TEST(ChannelTest, SendingNeverBlocksOnAPeerThatDoesNotRead) {
  Ends ends;
  base::Result<void> sent;
  for (int i = 0; i < 100'000 && sent; ++i) sent = ends.a.send(Ready{});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, Error::Kind::kBusy);
}

class RecordingHost final : public kernel::HostAccess {
 public:
  base::Result<base::UniqueFd> open_process_file(model::ProcessKey key,
                                                 kernel::ProcessFile) override {
    if (key.pid == 404) return base::errno_error("open", ESRCH);
    return base::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  base::Result<void> set_target(model::ProcessKey key, bool is_target) override {
    target = key;
    on = is_target;
    return {};
  }
  base::Result<void> set_target_cgroup(uint64_t id, bool is_target) override {
    cgroup = id;
    on = is_target;
    return {};
  }
  model::ProcessKey target;
  uint64_t cgroup = 0;
  bool on = false;
};

/// Opens nothing but files that links name, and remembers which.
class RecordingFiles final : public kernel::CodeFiles {
 public:
  base::Result<base::UniqueFd> open_code(model::ProcessKey, uint64_t, uint64_t) override {
    return base::errno_error("open", ENOENT);
  }
  base::Result<base::UniqueFd> open_debug_symbols(const std::optional<model::ProcessKey>&,
                                                  std::string_view) override {
    return base::errno_error("open", ENOENT);
  }
  base::Result<base::UniqueFd> open_linked_debug_file(model::ProcessKey process, uint64_t start,
                                                      uint64_t limit, kernel::DebugFolder folder,
                                                      std::string_view name) override {
    linked = fmt::format("{} {:x}-{:x} {} {}", process.pid, start, limit, static_cast<int>(folder),
                         name);
    return base::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  base::Result<base::UniqueFd> open_kernel_symbols() override {
    return base::errno_error("open", EACCES);
  }
  std::string linked;
};

/// Remembers what was asked for.
class RecordingCache final : public kernel::DebugCache {
 public:
  base::Result<base::UniqueFd> open_cached(std::string_view build_id) override {
    asked += fmt::format("open {};", build_id);
    return base::errno_error("open", ENOENT);
  }
  base::Result<base::UniqueFd> new_file() override {
    asked += "new;";
    return base::UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  }
  base::Result<void> keep(std::string_view build_id) override {
    asked += fmt::format("keep {};", build_id);
    return {};
  }
  std::string asked;
};

class RecordingCapture final : public Capture {
 public:
  [[nodiscard]] int control_ring_fd() const override { return -1; }
  [[nodiscard]] int data_ring_fd() const override { return -1; }
  [[nodiscard]] int counters_fd() const override { return -1; }
  [[nodiscard]] kernel::HostAccess& host() override { return access; }
  [[nodiscard]] Profiling profiling() override { return {{}, nullptr, &files}; }
  [[nodiscard]] std::string report_json() const override { return "{}"; }
  RecordingHost access;
  RecordingFiles files;
};

/// A worker's requests answered by a server on another thread, as in another process.
class HostRequestTest : public ::testing::Test {
 protected:
  void start(HostRequestPolicy policy) {
    server_.emplace(std::move(ends_.a), capture_, policy);
    thread_ = std::thread([this] {
      for (;;) {
        wait_for_request();
        if (!server_->serve(1'000'000'000)) return;
      }
    });
    access_.emplace(std::move(ends_.b));
  }
  void TearDown() override {
    access_.reset();
    if (thread_.joinable()) thread_.join();
  }
  void wait_for_request() {
    pollfd ready{server_->fd(), POLLIN, 0};
    ::poll(&ready, 1, -1);
  }

  Ends ends_;
  RecordingCapture capture_;
  RecordingHost& host_ = capture_.access;
  std::optional<HostRequestServer> server_;
  std::optional<RemoteHostAccess> access_;
  std::thread thread_;
};

TEST_F(HostRequestTest, OpensFilesAndSetsTargetsThroughTheOtherProcess) {
  start({});
  EXPECT_TRUE(access_->open_process_file({7, 1}, kernel::ProcessFile::kCommandLine));
  EXPECT_TRUE(access_->set_target({8, 2}, true));
  EXPECT_EQ(host_.target, (model::ProcessKey{8, 2}));
  EXPECT_TRUE(access_->set_target_cgroup(99, true));
  EXPECT_EQ(host_.cgroup, 99U);
}

TEST_F(HostRequestTest, AFileThatALinkNamesIsAskedForByItsMapping) {
  start({});
  const auto open = [&](std::string_view name) {
    return access_->open_linked_debug_file({7, 1}, 0x1000, 0x2000, kernel::DebugFolder::kDotDebug,
                                           name);
  };
  EXPECT_TRUE(open("a.debug"));
  EXPECT_EQ(capture_.files.linked, "7 1000-2000 1 a.debug");
  for (const char* name : {"", "..", "a/b"}) EXPECT_FALSE(open(name)) << name;
  EXPECT_EQ(capture_.files.linked, "7 1000-2000 1 a.debug");
  EXPECT_TRUE(open(std::string(255, 'x')));
}

TEST_F(HostRequestTest, TheCacheOfDebugFilesIsAskedByBuildId) {
  RecordingCache cache;
  start({.debug_cache = &cache});
  EXPECT_EQ(access_->open_cached("00ff10").error().kind, Error::Kind::kNotFound);
  EXPECT_TRUE(access_->new_file());
  EXPECT_TRUE(access_->keep("0011223344556677889900112233445566778899"));
  const std::string asked = "open 00ff10;new;keep 0011223344556677889900112233445566778899;";
  EXPECT_EQ(cache.asked, asked);
  for (const char* id :
       {"", "00", "00f", "00FF", "../x", "001122334455667788990011223344556677889900"}) {
    EXPECT_EQ(access_->open_cached(id).error().kind, Error::Kind::kInvalid) << id;
    EXPECT_EQ(access_->keep(id).error().kind, Error::Kind::kInvalid) << id;
  }
  EXPECT_EQ(cache.asked, asked);
}

TEST_F(HostRequestTest, WithoutACacheOfDebugFilesThereIsNone) {
  start({});
  EXPECT_EQ(access_->open_cached("00ff10").error().kind, Error::Kind::kNotFound);
  EXPECT_FALSE(access_->new_file());
  EXPECT_FALSE(access_->keep("00ff10"));
}

TEST_F(HostRequestTest, ErrorsKeepTheirKind) {
  start({});
  const auto file = access_->open_process_file({404, 0}, kernel::ProcessFile::kStat);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, Error::Kind::kNotFound);
  EXPECT_EQ(file.error().errno_value, ESRCH);
}

TEST_F(HostRequestTest, TheSupervisorItselfIsNotForSale) {
  start({.own_pid = 33});
  EXPECT_EQ(access_->set_target({33, 0}, true).error().kind, Error::Kind::kDenied);
  EXPECT_EQ(access_->open_process_file({33, 0}, kernel::ProcessFile::kEnviron).error().kind,
            Error::Kind::kDenied);
  EXPECT_TRUE(access_->set_target({33, 0}, false));
}

TEST_F(HostRequestTest, RunModeRefusesOtherTargets) {
  start({.targets_may_change = false});
  EXPECT_EQ(access_->set_target({8, 2}, true).error().kind, Error::Kind::kDenied);
  EXPECT_EQ(access_->set_target_cgroup(8, true).error().kind, Error::Kind::kDenied);
  EXPECT_TRUE(access_->open_process_file({8, 2}, kernel::ProcessFile::kEnviron));
  EXPECT_FALSE(host_.on);
}

TEST_F(HostRequestTest, AFloodIsRefusedAndNotServed) {
  start({.burst = 3, .per_second = 1});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(access_->set_target({8, 2}, true)) << i;
  EXPECT_EQ(access_->set_target({8, 2}, true).error().kind, Error::Kind::kBusy);
}

TEST(HostRequestServerTest, AnythingButARequestEndsTheWorker) {
  Ends ends;
  RecordingCapture capture;
  HostRequestServer server(std::move(ends.a), capture, {});
  ASSERT_TRUE(ends.b.send(Ready{}));
  EXPECT_FALSE(server.serve(1));
}

TEST(HostRequestServerTest, TokensComeBackWithTime) {
  Ends ends;
  RecordingCapture capture;
  HostRequestServer server(std::move(ends.a), capture, {.burst = 1, .per_second = 10});
  const auto ask = [&](uint64_t now_ns) {
    EXPECT_TRUE(ends.b.send(SetTarget{1, {8, 2}, true}));
    EXPECT_TRUE(server.serve(now_ns));
    auto received = ends.b.receive(-1);
    return std::get<Reply>((*received)->message).ok;
  };
  EXPECT_TRUE(ask(1'000'000'000));
  EXPECT_FALSE(ask(1'050'000'000));
  EXPECT_TRUE(ask(1'100'000'000));
  EXPECT_EQ(server.refused_total(), 1U);
}

TEST(SharedMemoryTest, TheLedgerIsOnePageForBothProcesses) {
  auto created = LedgerMemory::create();
  ASSERT_TRUE(created);
  auto opened = LedgerMemory::open(base::UniqueFd(::dup((*created)->fd())));
  ASSERT_TRUE(opened);
  (*opened)->ledger().received(base::Stage::kDecode, 3);
  EXPECT_EQ((*created)->ledger().received_total(base::Stage::kDecode), 3U);
  EXPECT_NE(::ftruncate((*opened)->fd(), 0), 0) << "a worker must not make the supervisor fault";
}

TEST(SharedMemoryTest, WhatIsNoLedgerIsRefused) {
  auto text = share_text("short");
  ASSERT_TRUE(text);
  EXPECT_FALSE(LedgerMemory::open(*std::move(text)));
  EXPECT_FALSE(LedgerMemory::open(base::UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC))));
}

TEST(SharedMemoryTest, TextsAreReadBackAndCannotChange) {
  const std::string long_text(100'000, 'y');
  auto fd = share_text(long_text);
  ASSERT_TRUE(fd);
  EXPECT_LT(::pwrite(fd->get(), "n", 1, 0), 0);
  const auto read = read_shared_text(*fd);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, long_text);
  EXPECT_FALSE(share_text(std::string(kSharedTextBytes + 1, 'x')));
  EXPECT_FALSE(read_shared_text(base::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC))));
}

}  // namespace
}  // namespace hostlens::agent
