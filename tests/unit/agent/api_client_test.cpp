// SPDX-License-Identifier: Apache-2.0
#include "agent/api_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "agent/listen_socket.h"
#include "web/http_server.h"

namespace hostlens::agent {
namespace {

using base::Error;
using ::testing::HasSubstr;

class AgentAddressTest : public ::testing::Test {
 protected:
  AgentAddressTest() { ::unsetenv("HOSTLENS_ADDRESS"); }
  ~AgentAddressTest() override { ::unsetenv("HOSTLENS_ADDRESS"); }
  static void set(const char* text) { ::setenv("HOSTLENS_ADDRESS", text, 1); }
};

TEST_F(AgentAddressTest, TheOptionWinsThenTheVariableThenTheDefault) {
  EXPECT_EQ(*agent_address(""), "127.0.0.1:9464");
  set("");
  EXPECT_EQ(*agent_address(""), "127.0.0.1:9464");
  set("127.0.0.2:80");
  EXPECT_EQ(*agent_address(""), "127.0.0.2:80");
  EXPECT_EQ(*agent_address("[::1]:81"), "[::1]:81");
}

TEST_F(AgentAddressTest, ErrorsNameWhereTheTextCameFrom) {
  set("nonsense");
  const auto from_variable = agent_address("");
  ASSERT_FALSE(from_variable);
  EXPECT_EQ(from_variable.error().kind, Error::Kind::kInvalid);
  EXPECT_THAT(from_variable.error().message, HasSubstr("HOSTLENS_ADDRESS: \"nonsense\""));
  const auto given = agent_address("example.com:80/path");
  ASSERT_FALSE(given);
  EXPECT_THAT(given.error().message, HasSubstr("--address: \"example.com:80/path\""));
}

class ApiClientTest : public ::testing::Test {
 protected:
  /// Returns the address.
  std::string serve(web::Handler handler) {
    auto listen = open_listen_socket({"127.0.0.1", 0});
    EXPECT_TRUE(listen);
    const std::string address = bound_address(listen->get())->text();
    auto server = web::HttpServer::create(*std::move(listen), {}, std::move(handler));
    EXPECT_TRUE(server);
    server_ = *std::move(server);
    return address;
  }
  std::unique_ptr<web::HttpServer> server_;
};

TEST_F(ApiClientTest, GetsBodiesOverAndOver) {
  ApiClient client(serve([](const web::Request& request) {
    return web::Response{200, "text/plain", request.path};
  }));
  EXPECT_EQ(*client.get("/api/v1/one"), "/api/v1/one");
  EXPECT_EQ(*client.get("/api/v1/two"), "/api/v1/two");
}

TEST_F(ApiClientTest, AnAnswerOfAnotherStatusIsAnError) {
  ApiClient client(serve([](const web::Request&) { return web::error_response(404, "no"); }));
  const auto got = client.get("/api/v1/requests");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Error::Kind::kIo);
  EXPECT_THAT(got.error().message, HasSubstr("404"));
  EXPECT_THAT(got.error().remedy, HasSubstr("hostlens agent"));
}

TEST_F(ApiClientTest, ABodyOverTheLimitIsRefused) {
  ApiClient client(serve([](const web::Request& request) {
    const size_t size = request.path == "/fits" ? 16U << 20 : (16U << 20) + 1;
    return web::Response{200, "text/plain", std::string(size, 'x')};
  }));
  EXPECT_TRUE(client.get("/fits"));
  const auto got = client.get("/too-large");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Error::Kind::kIo);
}

TEST_F(ApiClientTest, NobodyThereIsNotFoundWithARemedy) {
  std::string address;
  {
    const auto listen = open_listen_socket({"127.0.0.1", 0});
    address = bound_address(listen->get())->text();
  }
  ApiClient client(address);
  const auto got = client.get("/");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, Error::Kind::kNotFound);
  EXPECT_THAT(got.error().message, HasSubstr(address));
  EXPECT_THAT(got.error().remedy, HasSubstr("--address"));
}

}  // namespace
}  // namespace hostlens::agent
