// SPDX-License-Identifier: Apache-2.0
#include "discovery/container_list.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "base/clock.h"
#include "discovery/answer_stream.h"
#include "discovery/container_names.h"
#include "discovery/host_resource.h"

namespace hostlens::discovery {
namespace {

const std::string kId(64, 'a');

std::string listed(const std::string& rest) { return R"([{"Id":")" + kId + "\"" + rest + "}]"; }

model::Container only(const std::string& json) {
  const auto containers = parse_container_list(json);
  EXPECT_TRUE(containers) << json;
  if (!containers || containers->size() != 1) return {};
  return containers->begin()->second;
}

TEST(ContainerListTest, TakesNameImageAndTag) {
  const model::Container container = only(listed(
      R"(,"Names":["/web-1","/other"],"Image":"registry.local:5000/shop/web:1.2","Labels":{"a":"b"})"));
  EXPECT_EQ(container.id, kId);
  EXPECT_EQ(container.name, "web-1");
  EXPECT_EQ(container.service_name, "web-1");
  EXPECT_EQ(container.image, "registry.local:5000/shop/web");
  EXPECT_EQ(container.image_tags, std::vector<std::string>{"1.2"});
  EXPECT_TRUE(container.kubernetes.empty());
}

TEST(ContainerListTest, AnImageMayLackTagOrName) {
  EXPECT_EQ(only(listed(R"(,"Image":"localhost:5000/web")")).image, "localhost:5000/web");
  EXPECT_EQ(only(listed(R"(,"Image":"web@sha256:0123")")).image, "web");
  EXPECT_EQ(only(listed(R"(,"Image":"sha256:0123")")).image, "");
}

TEST(ContainerListTest, KubernetesLabelsTellPodAndService) {
  const model::Container container = only(listed(
      R"(,"Names":["/k8s_app_pod"],"Labels":{"io.kubernetes.pod.name":"shop-7f","io.kubernetes.pod)"
      R"(.namespace":"prod","io.kubernetes.pod.uid":"u","io.kubernetes.container.name":"app"})"));
  EXPECT_EQ(container.service_name, "app");
  EXPECT_EQ(container.name, "k8s_app_pod");
  EXPECT_EQ(text_of(container.kubernetes, "k8s.pod.name"), "shop-7f");
  EXPECT_EQ(text_of(container.kubernetes, "k8s.namespace.name"), "prod");
  EXPECT_EQ(text_of(container.kubernetes, "k8s.container.name"), "app");
}

TEST(ContainerListTest, LeavesOutWhatMakesNoSense) {
  const auto containers = parse_container_list(
      R"([1,null,{"Id":7},{"Id":"short"},{"Id":")" + kId +
      R"(","Names":{"a":1},"Image":[],"Labels":[1]},{"Id":")" + std::string(64, 'B') + R"("}])");
  ASSERT_TRUE(containers);
  ASSERT_EQ(containers->size(), 1U);
  EXPECT_EQ(containers->at(kId).name, "");
}

TEST(ContainerListTest, RefusesWhatIsNoList) {
  for (const std::string text : {"", "{}", "[", "nonsense", "\xff\xfe", "[{]", "7"}) {
    EXPECT_FALSE(parse_container_list(text)) << text;
  }
}

TEST(ContainerListTest, StaysWithinItsLimits) {
  std::string json = "[";
  for (int i = 0; i < 5000; ++i) {
    char id[65];
    std::snprintf(id, sizeof id, "%064x", i);
    json += std::string(i == 0 ? "" : ",") + R"({"Id":")" + id + R"(","Names":["/)" +
            std::string(300, 'x') + R"("]})";
  }
  const auto containers = parse_container_list(json + "]");
  ASSERT_TRUE(containers);
  EXPECT_EQ(containers->size(), kMaxContainers);
  EXPECT_LE(containers->begin()->second.name.size(), 256U);
}

/// A runtime that has been asked already, and answers this.
base::Result<model::Containers> read_answer(const std::string& answer, bool ends = true,
                                            uint64_t patience_ns = 10'000'000'000) {
  std::array<int, 2> ends_of_pair{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_of_pair.data()), 0);
  base::UniqueFd runtime(ends_of_pair[1]);
  std::thread writer([&] {
    std::string_view left = answer;
    while (!left.empty()) {
      const ssize_t sent = ::send(runtime.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      left.remove_prefix(static_cast<size_t>(sent));
    }
    if (ends) ::shutdown(runtime.get(), SHUT_WR);
    char ignored[256];  // until the other side is satisfied
    while (::recv(runtime.get(), ignored, sizeof ignored, 0) > 0) {
    }
  });
  auto containers = read_container_list(base::UniqueFd(ends_of_pair[0]), patience_ns);
  writer.join();
  return containers;
}

TEST(ReadContainerListTest, ReadsTheBodyBehindTheHead) {
  const auto list =
      read_answer("HTTP/1.0 200 OK\r\nApi-Version: 1.43\r\nContent-Type: application/json\r\n\r\n" +
                  listed(R"(,"Names":["/web"])"));
  ASSERT_TRUE(list) << list.error().text();
  EXPECT_EQ(list->at(kId).name, "web");
}

TEST(ReadContainerListTest, RefusesFailureNonsenseAndSilence) {
  EXPECT_EQ(read_answer("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n[]").error().kind,
            base::Error::Kind::kInvalid);
  EXPECT_EQ(read_answer("220 mail.example ESMTP\r\n").error().kind, base::Error::Kind::kInvalid);
  EXPECT_EQ(read_answer("").error().kind, base::Error::Kind::kInvalid);
  EXPECT_EQ(read_answer("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n").error().kind,
            base::Error::Kind::kInvalid);
  EXPECT_EQ(read_answer("HTTP/1.0 200 OK\r\n\r\n{}").error().kind, base::Error::Kind::kInvalid);
  EXPECT_EQ(read_answer("HTTP/1.").error().kind, base::Error::Kind::kInvalid);
  EXPECT_EQ(read_answer("HTTP/1. 200").error().kind, base::Error::Kind::kInvalid);
  EXPECT_EQ(read_answer("HTTP/1.1 200 OK\r\n", false, 50'000'000).error().kind,
            base::Error::Kind::kBusy);
}

TEST(ReadContainerListTest, AnAnswerWithoutEndIsCut) {
  const auto list =
      read_answer("HTTP/1.1 200 OK\r\n\r\n" + std::string(kMaxContainerListBytes + 1000, ' '));
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().kind, base::Error::Kind::kInvalid);
}

}  // namespace
}  // namespace hostlens::discovery
