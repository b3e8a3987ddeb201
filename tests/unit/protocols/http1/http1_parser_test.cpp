// SPDX-License-Identifier: Apache-2.0
#include "protocols/http1/http1_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "unit/protocols/recording_sink.h"

namespace hostlens::protocols::http1 {
namespace {

using base::DropReason;
using model::CloseReason;
using model::ExchangeEnd;
using model::Side;

constexpr std::string_view kGet = "GET /a?x=1 HTTP/1.1\r\nHost: h:81\r\nUser-Agent: curl/8\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

class Http1ParserTest : public testing::Test {
 protected:
  explicit Http1ParserTest(Side side = Side::kServer, bool mid_life = false)
      : parser({side, mid_life, {}}, sink), wire(parser) {}

  const model::Exchange& only() {
    EXPECT_EQ(sink.finished.size(), 1U);
    static const model::Exchange kNone;
    return sink.finished.empty() ? kNone : sink.finished.front();
  }
  int losses() const {
    int total = 0;
    for (const auto& [reason, count] : sink.dropped) total += count;
    for (const auto& [reason, count] : sink.lost) total += count;
    return total;
  }

  RecordingSink sink;
  Http1Parser parser;
  Wire wire;
};

class Http1ClientParserTest : public Http1ParserTest {
 protected:
  Http1ClientParserTest() : Http1ParserTest(Side::kClient) {}
};

class Http1MidLifeParserTest : public Http1ParserTest {
 protected:
  Http1MidLifeParserTest() : Http1ParserTest(Side::kServer, true) {}
};

TEST_F(Http1ParserTest, FillsEveryFieldOfASimpleExchange) {
  wire.tids[0] = 41;
  wire.tids[1] = 42;
  wire.request(kGet);
  wire.response(kOk);
  const model::Exchange& exchange = only();
  EXPECT_EQ(exchange.protocol, model::Protocol::kHttp1);
  EXPECT_EQ(exchange.side, Side::kServer);
  EXPECT_EQ(exchange.end, ExchangeEnd::kComplete);
  EXPECT_EQ(exchange.http.method, "GET");
  EXPECT_EQ(exchange.http.path, "/a");
  EXPECT_EQ(exchange.http.query, "x=1");
  EXPECT_EQ(exchange.http.host, "h:81");
  EXPECT_EQ(exchange.http.user_agent, "curl/8");
  EXPECT_EQ(exchange.http.scheme, "http");
  EXPECT_EQ(exchange.http.status, 200);
  EXPECT_EQ(exchange.http.version_minor, 1);
  EXPECT_EQ(exchange.request_start_ns, 1'001'000U);
  EXPECT_EQ(exchange.request_end_ns, 1'001'000U);
  EXPECT_EQ(exchange.response_start_ns, 1'002'000U);
  EXPECT_EQ(exchange.end_ns, 1'002'000U);
  EXPECT_EQ(exchange.request_position, 5000U);
  EXPECT_EQ(exchange.request_body_bytes, 0U);
  EXPECT_EQ(exchange.response_body_bytes, 5U);
  EXPECT_TRUE(exchange.request_body_known);
  EXPECT_TRUE(exchange.response_body_known);
  EXPECT_EQ(exchange.request_tid, 41U);
  EXPECT_EQ(exchange.response_tid, 42U);
  EXPECT_EQ(parser.confidence(), Confidence::kConfirmed);
}

TEST_F(Http1ParserTest, CountsBodiesThatAreNotVisible) {
  wire.request("POST /up HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", 65000);
  wire.request({}, 5000);
  wire.response("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  wire.response({}, 400000);
  EXPECT_TRUE(sink.finished.empty());
  wire.response({}, 600000);
  EXPECT_EQ(only().request_body_bytes, 70000U);
  EXPECT_EQ(only().response_body_bytes, 1000000U);
  EXPECT_EQ(only().response_start_ns, 1'003'000U);
  EXPECT_EQ(only().end_ns, 1'005'000U);
}

TEST_F(Http1ParserTest, ReadsChunkedBodiesWithExtensionsAndTrailers) {
  wire.request(
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4;name=\"v\"\r\nWiki\r\n0005\r\npedia\r\n0\r\nTrailer: x\r\n\r\n");
  wire.response(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
      "3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(only().request_body_bytes, 9U);
  EXPECT_EQ(only().response_body_bytes, 3U);
}

TEST_F(Http1ParserTest, ReadsPipelinedRequestsInOrder) {
  wire.request("GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
  wire.response(
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 201 OK\r\nContent-Length: 9\r\n"
      "\r\nHTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(sink.finished.size(), 3U);
  EXPECT_EQ(sink.finished[0].http.path, "/1");
  EXPECT_EQ(sink.finished[0].http.status, 200);
  EXPECT_EQ(sink.finished[1].http.path, "/2");
  EXPECT_EQ(sink.finished[1].http.status, 201);
  EXPECT_EQ(sink.finished[1].response_body_bytes, 0U) << "HEAD has no body (RFC 9112 6.3)";
  EXPECT_EQ(sink.finished[2].http.status, 202);
  EXPECT_EQ(losses(), 0);
}

TEST_F(Http1ParserTest, TakesInterimResponsesForNoAnswer) {
  wire.request("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  wire.response("HTTP/1.1 100 Continue\r\n\r\n");
  wire.request("ab");
  wire.response("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  EXPECT_TRUE(sink.finished.empty());
  wire.response("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(only().http.status, 204);
  EXPECT_EQ(only().response_start_ns, 1'005'000U) << "of the final response";
}

TEST_F(Http1ParserTest, EndsACloseDelimitedBodyWithItsLastByte) {
  wire.request(kGet);
  wire.response("HTTP/1.0 200 OK\r\n\r\nabc");
  wire.response("def");
  EXPECT_TRUE(sink.finished.empty());
  wire.close();
  EXPECT_EQ(only().end, ExchangeEnd::kComplete);
  EXPECT_EQ(only().response_body_bytes, 6U);
  EXPECT_EQ(only().end_ns, 1'003'000U);
  EXPECT_EQ(only().http.version_minor, 0);
}

TEST_F(Http1ParserTest, TellsAnUpgradeAndIgnoresWhatFollows) {
  wire.request("GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  wire.response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\r\n\x81\x05hello");
  EXPECT_EQ(only().end, ExchangeEnd::kUpgraded);
  EXPECT_EQ(only().http.upgrade, "websocket");
  wire.request("GET / HTTP/1.1\r\n\r\n");
  wire.response("\x81\x7f binary", 100000);
  wire.close();
  EXPECT_EQ(sink.finished.size(), 1U);
  EXPECT_EQ(losses(), 0);
}

TEST_F(Http1ParserTest, TellsATunnel) {
  wire.request("CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\n");
  wire.response("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
  EXPECT_EQ(only().end, ExchangeEnd::kUpgraded);
  EXPECT_EQ(only().http.host, "db.example:5432");
  EXPECT_EQ(only().http.path, "");
}

TEST_F(Http1ParserTest, GoesOnAfterARefusedTunnel) {
  wire.request("CONNECT db.example:5432 HTTP/1.1\r\n\r\n");
  wire.response("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  wire.request(kGet);
  wire.response(kOk);
  ASSERT_EQ(sink.finished.size(), 2U);
  EXPECT_EQ(sink.finished[0].end, ExchangeEnd::kComplete);
}

TEST_F(Http1ParserTest, KeepsLittleOfAVeryLongHead) {
  std::string head = "GET /" + std::string(100'000, 'p') +
                     " HTTP/1.1\r\nX: " + std::string(1'000'000, 'x') + "\r\nHost: h\r\n\r\n";
  wire.request(head);
  wire.response(kOk);
  EXPECT_TRUE(only().http.target_truncated);
  EXPECT_LE(only().http.path.size(), ParserLimits{}.target_bytes);
  EXPECT_EQ(only().http.host, "h") << "fields behind the long one are still read";
}

TEST_F(Http1ParserTest, NamesWhoBrokeOff) {
  wire.request(kGet);
  wire.response("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  wire.end(Flow::kRequest);
  wire.close();
  EXPECT_EQ(only().end, ExchangeEnd::kClosedByClient);
  EXPECT_EQ(only().http.status, 200);
  EXPECT_EQ(only().end_ns, 1'004'000U);
  EXPECT_FALSE(only().response_body_known);
}

TEST_F(Http1ParserTest, TellsAServerThatNeverAnswered) {
  wire.request(kGet);
  wire.close();
  EXPECT_EQ(only().end, ExchangeEnd::kClosedByServer);
  EXPECT_EQ(only().http.status, 0);
}

TEST_F(Http1ParserTest, TellsAReset) {
  wire.request(kGet);
  wire.close(CloseReason::kResetByPeer);
  EXPECT_EQ(only().end, ExchangeEnd::kReset);
}

TEST_F(Http1ClientParserTest, TellsAServerThatClosed) {
  wire.request(kGet);
  wire.response("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  wire.end(Flow::kResponse);
  wire.close();
  EXPECT_EQ(only().end, ExchangeEnd::kClosedByServer);
}

TEST_F(Http1ClientParserTest, TellsAClientThatGaveUp) {
  wire.request(kGet);
  wire.close();
  EXPECT_EQ(only().end, ExchangeEnd::kClosedByClient);
}

TEST_F(Http1ClientParserTest, EndsACloseDelimitedBodyWithTheEndOfTheStream) {
  wire.request(kGet);
  wire.response("HTTP/1.1 200 OK\r\n\r\nabc");
  wire.end(Flow::kResponse);
  EXPECT_EQ(only().end, ExchangeEnd::kComplete);
  EXPECT_EQ(only().response_body_bytes, 3U);
}

TEST_F(Http1ClientParserTest, SurvivesBytesBehindTheEndOfTheStream) {
  wire.request(kGet);
  wire.response("HTTP/1.1 101 Switching\r\n");
  wire.end(Flow::kResponse);
  wire.response("Upgrade: x\r\n\r\n");
  wire.close();
  EXPECT_EQ(only().end, ExchangeEnd::kClosedByServer);
}

TEST_F(Http1ParserTest, ReportsAnExchangeThatNeverEndsWhenItEnds) {
  wire.request(kGet);
  wire.response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 1000; ++i) {
    wire.now_ns += 1'000'000'000;
    wire.response("3\r\nabc\r\n");
    parser.on_tick(wire.now_ns);
  }
  EXPECT_TRUE(sink.finished.empty());
  EXPECT_EQ(sink.open(), 1U);
  wire.response("0\r\n\r\n");
  EXPECT_EQ(only().end, ExchangeEnd::kComplete);
  EXPECT_EQ(only().response_body_bytes, 3000U);
}

TEST_F(Http1ParserTest, GivesUpAfterALongSilence) {
  wire.request(kGet);
  parser.on_tick(wire.now_ns + ParserLimits{}.exchange_timeout_ns);
  EXPECT_TRUE(sink.finished.empty());
  parser.on_tick(wire.now_ns + ParserLimits{}.exchange_timeout_ns + 1);
  EXPECT_EQ(only().end, ExchangeEnd::kTimedOut);
}

TEST_F(Http1ParserTest, AcceptsAnEarlyAnswerAndTheRestOfTheBody) {
  wire.request("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  wire.response("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  wire.request("defghij");
  EXPECT_EQ(only().http.status, 413);
  EXPECT_EQ(only().request_body_bytes, 10U);
  EXPECT_EQ(only().end_ns, 1'002'000U) << "the end is the response's";
  wire.request(kGet);
  wire.response(kOk);
  EXPECT_EQ(sink.finished.size(), 2U);
}

TEST_F(Http1ParserTest, AcceptsAnAnswerToAHeadThatNeverEnded) {
  wire.request("GET /a HTTP/1.1\r\nX: y\r\n");
  wire.response("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
  wire.close();
  EXPECT_EQ(only().http.status, 408);
  EXPECT_EQ(only().http.path, "/a");
  EXPECT_EQ(losses(), 0);
}

TEST_F(Http1ParserTest, BoundsThePipelineAndFindsOrderAgain) {
  for (int i = 0; i < 100; ++i) wire.request("GET /p HTTP/1.1\r\n\r\n");
  EXPECT_EQ(sink.lost[DropReason::kPipelineLimit], 36);
  for (int i = 0; i < 100; ++i) wire.response("HTTP/1.1 204 No\r\n\r\n");
  EXPECT_EQ(sink.finished.size(), 64U);
  EXPECT_EQ(sink.lost[DropReason::kOrphan], 0) << "answers to counted losses are not counted again";
  wire.now_ns += 2'000'000'000;
  parser.on_tick(wire.now_ns);
  wire.request(kGet);
  wire.response(kOk);
  EXPECT_EQ(sink.finished.size(), 65U);
}

TEST_F(Http1ParserTest, RefusesBytesThatAreNotHttp) {
  wire.request("GET /a\x01 HTTP/1.1\r\n\r\n");
  EXPECT_EQ(parser.confidence(), Confidence::kRejected);
  EXPECT_EQ(sink.lost[DropReason::kParse], 1);
}

TEST_F(Http1ParserTest, RevisesAGuessThatTheAnswerContradicts) {
  wire.request(kGet);
  wire.response("-ERR unknown command\r\n");
  EXPECT_EQ(parser.confidence(), Confidence::kRejected);
  EXPECT_EQ(sink.dropped[DropReason::kParse], 1);
}

TEST_F(Http1ParserTest, StaysWithHttpOnceBothSidesSpokeIt) {
  wire.request(kGet);
  wire.response(kOk);
  wire.request("\x16\x03\x01 garbage\r\n\r\n");
  wire.response("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(parser.confidence(), Confidence::kConfirmed);
  EXPECT_EQ(losses(), 1) << "the refusal belongs to the request that was counted";
  wire.request(kGet);
  wire.response(kOk);
  EXPECT_EQ(sink.finished.size(), 2U);
}

TEST_F(Http1MidLifeParserTest, CountsAnswersToRequestsNeverSeen) {
  wire.response(kOk);
  EXPECT_EQ(sink.lost[DropReason::kOrphan], 1);
  wire.response("the rest of a body");
  wire.request(kGet);
  wire.response(kOk);
  EXPECT_EQ(only().http.status, 200);
}

TEST_F(Http1ClientParserTest, PairsAResponseWhoseRecordOvertookTheRequests) {
  wire.tids[0] = 1;
  wire.tids[1] = 2;
  wire.response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  wire.request("HEAD / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(only().http.method, "HEAD");
  EXPECT_LE(only().request_start_ns, only().response_start_ns);
  EXPECT_EQ(losses(), 0);
}

TEST_F(Http1ClientParserTest, DoesNotPairAnEarlierResponseOfTheSameThread) {
  wire.response(kOk);
  wire.request(kGet);
  EXPECT_EQ(sink.lost[DropReason::kOrphan], 1);
  wire.response("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(only().http.status, 404);
}

TEST_F(Http1ParserTest, SurvivesALossInsideABody) {
  wire.request(kGet);
  wire.response("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  wire.gap(Flow::kResponse, 900);
  wire.response({}, 100);
  EXPECT_EQ(only().response_body_bytes, 1000U);
}

TEST_F(Http1ParserTest, DropsWhatALossMadeUncertainAndGoesOnWithTheNextRequest) {
  wire.request(kGet);
  wire.gap(Flow::kResponse, 40);
  wire.response("0 OK\r\n\r\n");
  EXPECT_EQ(sink.dropped[DropReason::kGap], 1);
  wire.request("GET /next HTTP/1.1\r\n\r\n");
  wire.response("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(only().http.path, "/next");
  EXPECT_EQ(only().http.status, 201);
}

TEST_F(Http1ParserTest, DoesNotPairAcrossALossOfAPipeliningPeer) {
  wire.request("GET /1 HTTP/1.1\r\n\r\n");
  wire.request("GET /2 HTTP/1.1\r\n\r\n");
  wire.gap(Flow::kRequest, 20);
  wire.request("GET /4 HTTP/1.1\r\n\r\n");
  for (int i = 0; i < 4; ++i) wire.response("HTTP/1.1 204 No\r\n\r\n");
  EXPECT_TRUE(sink.finished.empty());
  EXPECT_EQ(sink.dropped[DropReason::kGap], 2);
}

TEST_F(Http1ParserTest, ReportsAResponseWhoseHeadIsOnlyPartlyVisible) {
  wire.request(kGet);
  wire.response("HTTP/1.1 500 Oops\r\nSet-Cookie: aaaa", 3000);
  wire.response({}, 100);
  wire.request("GET /next HTTP/1.1\r\n\r\n");
  EXPECT_EQ(only().http.status, 500);
  EXPECT_EQ(only().end_ns, 1'003'000U);
  EXPECT_FALSE(only().response_body_known);
  wire.response(kOk);
  EXPECT_EQ(sink.finished.size(), 2U);
}

TEST_F(Http1ParserTest, ReadsARequestWhoseHeadIsOnlyPartlyVisible) {
  wire.request("POST /long HTTP/1.1\r\nCookie: aaaaaaaa", 5000);
  wire.response(kOk);
  EXPECT_EQ(only().http.path, "/long");
  EXPECT_FALSE(only().request_body_known);
  wire.request(kGet);
  wire.response(kOk);
  EXPECT_EQ(sink.finished.size(), 2U);
}

TEST_F(Http1ParserTest, FindsTheEndOfChunksThatAreNotVisible) {
  wire.request(kGet);
  wire.response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\nxx", 65534 + 2);
  wire.response("8000\r\nyy", 32766 + 7);
  EXPECT_TRUE(sink.finished.empty()) << "seven hidden bytes may be another chunk's";
  const uint64_t end_ns = wire.now_ns;
  parser.on_tick(wire.now_ns + 300'000'000);
  EXPECT_EQ(only().end_ns, end_ns);
  EXPECT_EQ(only().response_body_bytes, 65536U + 32768U);
}

struct FramingCase {
  const char* name;
  const char* fields;     ///< of a response
  const char* rest;       ///< what follows the head
  bool complete_at_once;  ///< without the connection's end
};

class Http1FramingTest : public testing::TestWithParam<FramingCase> {};

TEST_P(Http1FramingTest, FollowsTheSpecification) {
  RecordingSink sink;
  Http1Parser parser({Side::kServer, false, {}}, sink);
  Wire wire(parser);
  wire.request(kGet);
  wire.response("HTTP/1.1 200 OK\r\n" + std::string(GetParam().fields) + "\r\n" + GetParam().rest);
  EXPECT_EQ(sink.finished.size(), GetParam().complete_at_once ? 1U : 0U);
  wire.close();
  ASSERT_EQ(sink.finished.size(), 1U);
  EXPECT_EQ(sink.finished[0].http.status, 200);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Http1FramingTest,
    testing::Values(
        FramingCase{"EqualLengthsAreOne", "Content-Length: 2\r\nContent-Length: 2\r\n", "ab", true},
        FramingCase{"ListedEqualLengthsAreOne", "Content-Length: 2, 2\r\n", "ab", true},
        FramingCase{"DifferentLengthsAreNotTrusted", "Content-Length: 2\r\nContent-Length: 3\r\n",
                    "ab", false},
        FramingCase{"SignedLengthIsNotTrusted", "Content-Length: +2\r\n", "ab", false},
        FramingCase{"HugeLengthIsNotTrusted", "Content-Length: 99999999999999999999\r\n", "ab",
                    false},
        FramingCase{"CodingOverridesLength", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                    "2\r\nab\r\n0\r\n\r\n", true},
        FramingCase{"LastCodingNotChunkedEndsWithConnection",
                    "Transfer-Encoding: chunked, gzip\r\n", "2\r\nab\r\n0\r\nx\r\n", false},
        FramingCase{"UnknownCodingEndsWithConnection", "Transfer-Encoding: xyz\r\n", "ab", false},
        FramingCase{"FoldedCodingIsNotTrusted",
                    "Transfer-Encoding:\r\n chunked\r\nContent-Length: 2\r\n", "abcdef", false},
        FramingCase{"SpaceBeforeColonIsNotTrusted", "Content-Length : 2\r\n", "ab", false},
        FramingCase{"FoldElsewhereIsHarmless", "X: a\r\n b\r\nContent-Length: 2\r\n", "ab", true},
        FramingCase{"BareLineFeedsEndLines", "Content-Length: 2\n", "ab", true},
        FramingCase{"NoLengthEndsWithConnection", "X: y\r\n", "ab", false}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

struct TargetCase {
  const char* name;
  const char* line;
  const char* path;
  const char* query;
  const char* host;
};

class Http1TargetTest : public testing::TestWithParam<TargetCase> {};

TEST_P(Http1TargetTest, IsSplit) {
  RecordingSink sink;
  Http1Parser parser({Side::kServer, false, {}}, sink);
  Wire wire(parser);
  wire.request(std::string(GetParam().line) + "\r\nHost: field\r\n\r\n");
  wire.response("HTTP/1.1 204 No\r\n\r\n");
  ASSERT_EQ(sink.finished.size(), 1U);
  EXPECT_EQ(sink.finished[0].http.path, GetParam().path);
  EXPECT_EQ(sink.finished[0].http.query, GetParam().query);
  EXPECT_EQ(sink.finished[0].http.host, GetParam().host);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Http1TargetTest,
    testing::Values(
        TargetCase{"Origin", "GET /a/b?c=d?e#f HTTP/1.1", "/a/b", "c=d?e", "field"},
        TargetCase{"Absolute", "GET http://u:p@host:8080/x?y HTTP/1.1", "/x", "y", "host:8080"},
        TargetCase{"AbsoluteWithoutPath", "GET http://host?q HTTP/1.1", "/", "q", "host"},
        TargetCase{"Asterisk", "OPTIONS * HTTP/1.1", "*", "", "field"},
        TargetCase{"SpaceInside", "GET /a b HTTP/1.1", "/a b", "", "field"},
        TargetCase{"EmptyLinesBefore", "\r\n\r\nGET /a HTTP/1.1", "/a", "", "field"}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

}  // namespace
}  // namespace hostlens::protocols::http1
