// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <filesystem>

#include "agent/listen_socket.h"
#include "unit/discovery/fake_host.h"

namespace hostlens::agent {
namespace {

using base::Error;
using ::testing::HasSubstr;

class FakeCapture final : public Capture {
 public:
  [[nodiscard]] int control_ring_fd() const override { return null_.get(); }
  [[nodiscard]] int data_ring_fd() const override { return null_.get(); }
  [[nodiscard]] int counters_fd() const override { return null_.get(); }
  [[nodiscard]] kernel::HostAccess& host() override { return host_; }
  [[nodiscard]] std::string report_json() const override { return "{}"; }

 private:
  base::UniqueFd null_{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  discovery::FakeHost host_;
};

class RuntimeTest : public ::testing::Test {
 protected:
  RuntimeTest() { spdlog::set_level(spdlog::level::off); }
  ~RuntimeTest() override { spdlog::set_level(spdlog::level::info); }

  static LoadedConfiguration with_listen(std::optional<HostPort> listen) {
    LoadedConfiguration loaded;
    loaded.configuration.listen = std::move(listen);
    return loaded;
  }
  base::Result<std::unique_ptr<Runtime>> create(LoadedConfiguration configuration,
                                                bool any_port = false) {
    return Runtime::create(
        {std::move(configuration), false, any_port}, [this](const CaptureSettings& settings) {
          asked_ = settings;
          return base::Result<std::unique_ptr<Capture>>(std::make_unique<FakeCapture>());
        });
  }

  std::optional<CaptureSettings> asked_;
  HostPort any_{"127.0.0.1", 0};
};

TEST_F(RuntimeTest, ListensAndAttachesAsConfigured) {
  auto loaded = with_listen(any_);
  loaded.configuration.limits.data_ring_bytes = 1 << 16;
  auto runtime = create(std::move(loaded));
  ASSERT_TRUE(runtime) << runtime.error().text();
  ASSERT_TRUE((*runtime)->address());
  EXPECT_NE((*runtime)->address()->port, 0);
  EXPECT_EQ((*runtime)->address_url(), "http://" + (*runtime)->address()->text());
  EXPECT_EQ(asked_->data_ring_bytes, 65536U);
  EXPECT_TRUE(asked_->report_all_processes);
}

TEST_F(RuntimeTest, WithoutAnAddressNothingListens) {
  auto runtime = create(with_listen(std::nullopt));
  ASSERT_TRUE(runtime);
  EXPECT_FALSE((*runtime)->address());
  EXPECT_EQ((*runtime)->address_url(), "");
}

TEST_F(RuntimeTest, APortInUseIsBusyAndNothingIsAttached) {
  const auto other = open_listen_socket(any_);
  const auto taken = *bound_address(other->get());
  auto runtime = create(with_listen(taken));
  ASSERT_FALSE(runtime);
  EXPECT_EQ(runtime.error().kind, Error::Kind::kBusy);
  EXPECT_THAT(runtime.error().message, HasSubstr(taken.text()));
  EXPECT_THAT(runtime.error().remedy, HasSubstr("listen"));
  EXPECT_FALSE(asked_);
  auto elsewhere = create(with_listen(taken), true);  // nobody asked for that port
  ASSERT_TRUE(elsewhere);
  EXPECT_NE((*elsewhere)->address()->port, taken.port);
}

TEST_F(RuntimeTest, AHostThatIsNoAddressIsInvalid) {
  auto runtime = create(with_listen(HostPort{"nonsense", 1}));
  ASSERT_FALSE(runtime);
  EXPECT_EQ(runtime.error().kind, Error::Kind::kInvalid);
  EXPECT_FALSE(asked_);
}

TEST_F(RuntimeTest, AnUnwritableFileIsNamedWithItsKey) {
  auto loaded = with_listen(std::nullopt);
  loaded.configuration.otlp_json_path = "/no/such/directory/spans.json";
  auto runtime = create(std::move(loaded));
  ASSERT_FALSE(runtime);
  EXPECT_EQ(runtime.error().kind, Error::Kind::kNotFound);
  EXPECT_THAT(runtime.error().message, HasSubstr("exporters.otlp_json.path"));
  EXPECT_THAT(runtime.error().message, HasSubstr("/no/such/directory/spans.json"));
  EXPECT_FALSE(asked_);
}

TEST_F(RuntimeTest, WhatTheKernelRefusesIsPassedOn) {
  auto runtime =
      Runtime::create({with_listen(std::nullopt), false, false}, [](const CaptureSettings&) {
        return base::Result<std::unique_ptr<Capture>>(
            Error{Error::Kind::kDenied, 0, "bpf", "be root"});
      });
  ASSERT_FALSE(runtime);
  EXPECT_EQ(runtime.error().kind, Error::Kind::kDenied);
  EXPECT_EQ(runtime.error().remedy, "be root");
}

TEST_F(RuntimeTest, AnImpossibleReloadKeepsTheAddress) {
  auto runtime = create(with_listen(any_));
  ASSERT_TRUE(runtime);
  const auto before = (*runtime)->address();
  const auto other = open_listen_socket(any_);
  EXPECT_FALSE((*runtime)->reload(with_listen(bound_address(other->get()).value())));
  EXPECT_EQ((*runtime)->address(), before);
  auto wrong_file = with_listen(any_);
  wrong_file.configuration.otlp_json_path = "/no/such/directory/spans.json";
  EXPECT_FALSE((*runtime)->reload(std::move(wrong_file)));
  EXPECT_EQ((*runtime)->address(), before);
}

TEST_F(RuntimeTest, AReloadMovesTheAddress) {
  auto runtime = create(with_listen(any_));
  ASSERT_TRUE(runtime);
  ASSERT_TRUE((*runtime)->reload(with_listen(HostPort{"127.0.0.2", 0})));
  EXPECT_EQ((*runtime)->address()->host, "127.0.0.2");
  ASSERT_TRUE((*runtime)->reload(with_listen(std::nullopt)));
  EXPECT_FALSE((*runtime)->address());
}

TEST_F(RuntimeTest, AnAddressThatWasSwitchedOffCanBeTakenAgain) {
  auto runtime = create(with_listen(any_));
  ASSERT_TRUE(runtime);
  const HostPort first = *(*runtime)->address();
  ASSERT_TRUE((*runtime)->reload(with_listen(std::nullopt)));
  EXPECT_FALSE((*runtime)->address());
  const auto again = (*runtime)->reload(with_listen(first));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ((*runtime)->address(), first);
}

}  // namespace
}  // namespace hostlens::agent
