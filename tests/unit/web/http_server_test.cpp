// SPDX-License-Identifier: Apache-2.0
// The server and its pages through a real socket, asked by libcurl.
#include "web/http_server.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <future>
#include <nlohmann/json.hpp>

#include "web/api.h"
#include "web/later.h"
#include "web/request_rows.h"

namespace hostlens::web {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

struct Answer {
  long status = 0;
  std::string body;
  std::string type;
  std::string headers;
};

class Client {
 public:
  explicit Client(uint16_t port) : base_("http://127.0.0.1:" + std::to_string(port)) {}

  Answer get(const std::string& path, std::vector<std::string> headers = {},
             const char* method = nullptr, const char* body = nullptr) {
    Answer answer;
    CURL* curl = curl_easy_init();
    curl_slist* list = nullptr;
    for (const std::string& header : headers) list = curl_slist_append(list, header.c_str());
    curl_easy_setopt(curl, CURLOPT_URL, (base_ + path).c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Client::append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Client::append);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer.headers);
    if (body != nullptr) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    if (method != nullptr) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    if (method != nullptr && std::string(method) == "HEAD") {
      curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    EXPECT_EQ(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    const char* type = nullptr;
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    answer.type = type == nullptr ? "" : type;
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return answer;
  }

 private:
  static size_t append(char* data, size_t size, size_t count, void* out) {
    static_cast<std::string*>(out)->append(data, size * count);
    return size * count;
  }
  std::string base_;
};

base::UniqueFd listen_anywhere(uint16_t& port) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(fd.get(), 16), 0);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

model::ExponentialHistogram histogram() {
  model::ExponentialHistogram h;
  h.scale = 3;
  h.offset = -40;
  h.counts = {1, 0, 5};
  h.count = 6;
  h.sum = 0.25;
  h.min = 0.03;
  h.max = 0.06;
  return h;
}

std::shared_ptr<const model::MetricSnapshot> snapshot() {
  auto service = std::make_shared<model::Service>();
  service->name = "shop";
  model::MetricPoint point;
  point.service = service;
  point.attributes = {{"error.type", std::string("500")},
                      {"http.request.method", std::string("GET")},
                      {"http.response.status_code", int64_t{500}},
                      {"http.route", std::string("/items/{id}")}};
  point.value = histogram();
  model::MetricFamily family;
  family.name = "http.server.request.duration";
  family.kind = model::MetricKind::kHistogram;
  family.points = {point};
  auto made = std::make_shared<model::MetricSnapshot>();
  made->unix_ns = 1234;
  made->monotonic_ns = 34;
  made->families = {family};
  return made;
}

model::Span span(uint8_t trace, uint8_t id, uint64_t start) {
  model::Span made;
  made.context.trace_id[0] = trace;
  made.context.span_id[0] = id;
  made.name = "GET";
  made.kind = model::SpanKind::kServer;
  made.start_unix_ns = start;
  made.end_unix_ns = start + 5;
  made.attributes = {{"http.route", std::string("/x")},
                     {"http.response.status_code", int64_t{200}}};
  return made;
}

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() {
    ApiSettings settings;
    settings.version = "1.2.3";
    settings.start_unix_ns = 1;
    settings.attach_report = R"({"socket":{"hook":"tp_btf"}})";
    settings.now_ns = [this] { return now_ns_.load(); };
    settings.metrics = [](const model::MetricSnapshot& from, std::string_view accept) {
      return Response{200, "text/plain", std::string(accept) + " " + std::to_string(from.unix_ns)};
    };
    api_ = std::make_unique<Api>(settings, published_, spans_, base::Ledger(page_));
    uint16_t port = 0;
    auto fd = listen_anywhere(port);
    HttpServerSettings limits;
    limits.connections = 4;
    auto server = HttpServer::create(
        std::move(fd), limits, [this](const Request& request) { return api_->handle(request); });
    EXPECT_TRUE(server);
    server_ = *std::move(server);
    client_ = std::make_unique<Client>(port);
  }

  std::atomic<uint64_t> now_ns_{1};
  base::LedgerPage page_;
  Published published_;
  RecentSpans spans_{100, 1000};
  std::unique_ptr<Api> api_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(HttpServerTest, MetricsAreRenderedAsTheClientAccepts) {
  published_.publish(snapshot(), 1);
  const Answer answer = client_->get("/metrics", {"Accept: application/openmetrics-text"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "application/openmetrics-text 1234");
  EXPECT_EQ(answer.type, "text/plain");
  EXPECT_THAT(answer.headers, HasSubstr("nosniff"));
}

TEST_F(HttpServerTest, RequestsAreServedAndReadBackWhole) {
  published_.publish(snapshot(), 1);
  const Answer answer = client_->get("/api/v1/requests");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.type, "application/json");
  const auto rows = request_rows_from_json(answer.body);
  ASSERT_TRUE(rows) << rows.error().text();
  EXPECT_EQ(rows->unix_ns, 1234U);
  EXPECT_EQ(rows->monotonic_ns, 34U);
  ASSERT_EQ(rows->rows.size(), 1U);
  const RequestRow& row = rows->rows.front();
  EXPECT_EQ(row.service, "shop");
  EXPECT_EQ(row.side, "server");
  EXPECT_EQ(row.method, "GET");
  EXPECT_EQ(row.route, "/items/{id}");
  EXPECT_EQ(row.status, 500);
  EXPECT_EQ(row.error_type, "500");
  EXPECT_EQ(row.duration.counts, histogram().counts);
  EXPECT_EQ(row.duration.scale, 3);
  EXPECT_EQ(row.duration.offset, -40);
  EXPECT_EQ(row.duration.count, 6U);
  EXPECT_DOUBLE_EQ(row.duration.sum, 0.25);
}

TEST_F(HttpServerTest, TracesAreWholeAndNewestFirst) {
  for (uint8_t trace = 1; trace <= 3; ++trace) {
    spans_.add(span(trace, 2, 20));
    spans_.add(span(trace, 1, 10));
  }
  const json all = json::parse(client_->get("/api/v1/traces").body)["traces"];
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0]["trace_id"], "03000000000000000000000000000000");
  const json two = json::parse(client_->get("/api/v1/traces?limit=2").body)["traces"];
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[1]["spans"].size(), 2U);
  EXPECT_EQ(two[1]["spans"][0]["span_id"], "0100000000000000");
  EXPECT_EQ(two[1]["spans"][0]["kind"], "server");
  EXPECT_EQ(two[1]["spans"][0]["attributes"]["http.response.status_code"], 200);
}

TEST_F(HttpServerTest, StatusShowsBooksProbesAndVersion) {
  const base::Ledger ledger(page_);
  ledger.received(base::Stage::kMatch, 10);
  ledger.forwarded(base::Stage::kMatch, 6);
  ledger.dropped(base::Stage::kMatch, base::DropReason::kGap, 1);
  const json status = json::parse(client_->get("/api/v1/status").body);
  EXPECT_EQ(status["version"], "1.2.3");
  EXPECT_EQ(status["probes"]["socket"]["hook"], "tp_btf");
  EXPECT_EQ(status["records"]["match"]["received"], 10);
  EXPECT_EQ(status["records"]["match"]["dropped"]["gap"], 1);
  EXPECT_EQ(status["records"]["match"]["held"], 3);
}

TEST_F(HttpServerTest, WrongRequestsGetAJsonError) {
  struct Case {
    const char* path;
    const char* method;
    long status;
  };
  for (const Case& c :
       {Case{"/nope", nullptr, 404}, Case{"/api/v1/traces?limit=0", nullptr, 400},
        Case{"/api/v1/traces?limit=1001", nullptr, 400},
        Case{"/api/v1/traces?limit=2x", nullptr, 400}, Case{"/api/v1/traces?limit=", nullptr, 400},
        Case{"/metrics", "DELETE", 405}, Case{"/../etc/passwd", nullptr, 404}}) {
    const Answer answer = client_->get(c.path, {}, c.method);
    EXPECT_EQ(answer.status, c.status) << c.path;
    EXPECT_TRUE(json::parse(answer.body, nullptr, false).contains("error")) << answer.body;
  }
}

TEST_F(HttpServerTest, APostIsRefusedWithWhatIsAllowed) {
  const std::string large(200'000, 'x');
  const Answer answer = client_->get("/metrics", {"Expect:"}, "POST", large.c_str());
  EXPECT_EQ(answer.status, 405);
  EXPECT_THAT(answer.headers, HasSubstr("Allow: GET, HEAD"));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  published_.publish(snapshot(), 1);
  const Answer answer = client_->get("/api/v1/requests", {}, "HEAD");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
}

TEST_F(HttpServerTest, AReboundNameIsRefused) {
  EXPECT_EQ(client_->get("/livez", {"Host: evil.example"}).status, 403);
  EXPECT_EQ(client_->get("/livez", {"Host: 127.0.0.1.evil.example:80"}).status, 403);
  EXPECT_EQ(client_->get("/livez", {"Host: localhost:9464"}).status, 200);
  EXPECT_EQ(client_->get("/livez", {"Host: [::1]:9464"}).status, 200);
}

TEST_F(HttpServerTest, HealthFollowsThePipeline) {
  EXPECT_EQ(client_->get("/livez").status, 200);
  EXPECT_EQ(client_->get("/healthz").status, 200);
  EXPECT_EQ(client_->get("/readyz").status, 503);
  EXPECT_EQ(client_->get("/metrics").status, 503);
  published_.publish(snapshot(), 1);
  EXPECT_EQ(client_->get("/readyz").status, 200);
  EXPECT_EQ(client_->get("/healthz").status, 200);
  now_ns_ = 20'000'000'000;
  EXPECT_EQ(client_->get("/healthz").status, 200);  // the process does answer
  EXPECT_EQ(client_->get("/readyz").status, 503);
  EXPECT_EQ(client_->get("/livez").status, 503);
}

TEST_F(HttpServerTest, LongHeadersAreRefusedAndTheServerLivesOn) {
  const Answer answer = client_->get("/livez", {"X-Long: " + std::string(100'000, 'a')});
  EXPECT_EQ(answer.status, 431);
  EXPECT_EQ(client_->get("/livez").status, 200);
}

TEST(ApiTest, MetricsCanBeSwitchedOff) {
  base::LedgerPage page;
  Published published;
  RecentSpans spans(1, 1);
  const Api api({}, published, spans, base::Ledger(page));
  EXPECT_EQ(api.handle({"/metrics", "", nullptr}).status, 404);
}

TEST(RequestRowsTest, NonsenseIsNoAnswer) {
  for (const char* text : {"", "{}", "[]", "{\"unix_ns\":1,\"monotonic_ns\":1,\"requests\":[{}]}",
                           "<html>", "{\"unix_ns\":\"x\",\"monotonic_ns\":1,\"requests\":[]}",
                           "{\"unix_ns\":1,\"requests\":[]}"}) {
    EXPECT_FALSE(request_rows_from_json(text)) << text;
  }
  EXPECT_TRUE(request_rows_from_json("{\"unix_ns\":1,\"monotonic_ns\":1,\"requests\":[]}"));
}

TEST(RecentSpansTest, KeepsTheNewestWithinItsCapacity) {
  RecentSpans spans(3, 1000);
  for (uint8_t i = 1; i <= 5; ++i) spans.add(span(i, 1, i));
  EXPECT_EQ(spans.size(), 3U);
  EXPECT_EQ(spans.traces(10).front().trace_id[0], 5);
  EXPECT_EQ(spans.traces(1).size(), 1U);
  RecentSpans none(0, 1000);
  none.add(span(1, 1, 1));
  EXPECT_EQ(none.size(), 0U);
  EXPECT_FALSE(none.wants({}));
}

TEST(RecentSpansTest, UnderLoadKeepsWholeTracesAndComesBack) {
  RecentSpans spans(100'000, 100);
  const auto trace = [](uint32_t i) {
    model::TraceId id{};
    const uint32_t mixed = i * 2654435761U;
    for (size_t byte = 0; byte < 4; ++byte)
      id[12 + byte] = static_cast<uint8_t>(mixed >> (8 * byte));
    return id;
  };
  uint32_t wanted = 0;
  for (int second = 0; second < 10; ++second) {
    wanted = 0;
    for (uint32_t i = 0; i < 10'000; ++i) {
      if (!spans.wants(trace(i))) continue;
      ++wanted;
      spans.add(span(1, 1, 1));
    }
    spans.tick();
  }
  EXPECT_GT(wanted, 20U);
  EXPECT_LE(wanted, 250U);
  for (int second = 0; second < 20; ++second) spans.tick();
  EXPECT_TRUE(spans.wants(trace(77)));
}

/// Pages whose answer comes when the test gives it.
class LaterTest : public ::testing::Test {
 protected:
  LaterTest() {
    auto fd = listen_anywhere(port_);
    auto server = HttpServer::create(std::move(fd), {}, [this](const Request& request) {
      Response response;
      if (request.path == "/later") response.later = later_;
      asked_.set_value();
      return response;
    });
    EXPECT_TRUE(server);
    server_ = *std::move(server);
  }
  std::future<Answer> ask() {
    return std::async(std::launch::async, [this] { return Client(port_).get("/later"); });
  }

  std::shared_ptr<Later> later_ = std::make_shared<Later>();
  std::promise<void> asked_;
  uint16_t port_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(LaterTest, AnAnswerThatComesLaterArrivesAndOthersNeedNotWait) {
  auto answer = ask();
  asked_.get_future().wait();
  asked_ = {};
  EXPECT_EQ(Client(port_).get("/other").status, 200);
  later_->set({201, "text/plain", "at last", nullptr});
  later_->set({500, "text/plain", "too late", nullptr});
  const Answer arrived = answer.get();
  EXPECT_EQ(arrived.status, 201);
  EXPECT_EQ(arrived.body, "at last");
}

TEST_F(LaterTest, AnAnswerThatIsThereAlreadyArrives) {
  later_->set({200, "text/plain", "before", nullptr});
  EXPECT_EQ(ask().get().body, "before");
}

TEST_F(LaterTest, AServerThatEndsLeavesNobodyWaiting) {
  const base::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port_);
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  constexpr std::string_view kRequest = "GET /later HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  ASSERT_EQ(::send(client.get(), kRequest.data(), kRequest.size(), 0),
            static_cast<ssize_t>(kRequest.size()));
  asked_.get_future().wait();
  server_.reset();
  char byte = 0;
  while (::recv(client.get(), &byte, 1, 0) > 0) {
  }                 // an answer or none: it ends
  later_->set({});  // nobody is there any more
}

TEST_F(HttpServerTest, ProfilesAreRefusedWhereNothingIsProfiled) {
  EXPECT_EQ(client_->get("/debug/pprof/profile?seconds=1").status, 404);
  EXPECT_EQ(client_->get("/debug/pprof/profile?seconds=x").status, 400);
  EXPECT_EQ(client_->get("/debug/pprof/profile?type=heap").status, 400);
}

}  // namespace
}  // namespace hostlens::web
