// SPDX-License-Identifier: Apache-2.0
// Properties over random dialogues: everything right without loss, right or dropped with it.
#include <gtest/gtest.h>

#include <string>

#include "protocols/http1/http1_parser.h"
#include "unit/protocols/http1/random_dialogue.h"
#include "unit/protocols/recording_sink.h"

namespace hostlens::protocols::http1 {
namespace {

using model::Side;

void expect_equal(const model::Exchange& exchange, const Expected& expected) {
  EXPECT_EQ(exchange.http.method, expected.method);
  EXPECT_EQ(exchange.http.path, expected.path);
  EXPECT_EQ(exchange.http.status, expected.status) << expected.path;
  EXPECT_EQ(exchange.response_body_bytes, expected.response_body) << expected.path;
  if (exchange.request_body_known) {
    EXPECT_EQ(exchange.request_body_bytes, expected.request_body) << expected.path;
  }
  EXPECT_LE(exchange.request_start_ns, exchange.response_start_ns);
  EXPECT_LE(exchange.response_start_ns, exchange.end_ns);
}

void expect_exact(const Dialogue& dialogue, Side side) {
  RecordingSink sink;
  Http1Parser parser({side, false, {}}, sink);
  Wire wire(parser);
  for (const Call& call : dialogue.calls) wire.send(call.flow, call.bytes);
  ASSERT_EQ(sink.finished.size(), dialogue.expected.size());
  for (size_t i = 0; i < sink.finished.size(); ++i) {
    expect_equal(sink.finished[i], dialogue.expected[i]);
    EXPECT_EQ(sink.finished[i].end, model::ExchangeEnd::kComplete);
    EXPECT_TRUE(sink.finished[i].request_body_known);
  }
  EXPECT_TRUE(sink.dropped.empty());
  EXPECT_TRUE(sink.lost.empty());
  EXPECT_EQ(sink.open(), 0U);
}

TEST(Http1DialogueTest, IsReadExactlyWhateverTheCallBoundaries) {
  for (uint32_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    DialogueMaker maker(seed);
    expect_exact(maker.make(seed % 2 == 0, seed % 5), seed % 4 < 2 ? Side::kServer : Side::kClient);
    if (HasFailure()) return;
  }
}

/// One dialogue in two calls, with the boundary at each byte of it.
TEST(Http1DialogueTest, IsReadExactlySplitAtEveryByte) {
  DialogueMaker maker(99);
  const Dialogue whole = maker.make(true, 1'000'000);
  for (size_t index = 0; index < whole.calls.size(); ++index) {
    for (size_t at = 1; at < whole.calls[index].bytes.size(); ++at) {
      Dialogue dialogue = whole;
      const std::string bytes = dialogue.calls[index].bytes;
      dialogue.calls[index].bytes = bytes.substr(0, at);
      Call rest = dialogue.calls[index];
      rest.bytes = bytes.substr(at);
      dialogue.calls.insert(dialogue.calls.begin() + static_cast<std::ptrdiff_t>(index) + 1, rest);
      SCOPED_TRACE(testing::Message() << "call " << index << " byte " << at);
      expect_exact(dialogue, Side::kServer);
      if (HasFailure()) return;
    }
  }
}

class LossyWire {
 public:
  explicit LossyWire(StreamParser& parser) : wire(parser) {}

  void lose(const Call& call) { missing_[static_cast<size_t>(call.flow)] += call.bytes.size(); }
  void deliver(const Call& call) {
    announce(call.flow);
    const std::string_view bytes = call.bytes;
    wire.send(call.flow, bytes.substr(0, call.seen), bytes.size() - call.seen);
  }
  void close() {  // the kernel's totals tell that something is missing at the end
    announce(Flow::kRequest);
    announce(Flow::kResponse);
    wire.close();
  }

  Wire wire;

 private:
  void announce(Flow flow) {
    uint64_t& missing = missing_[static_cast<size_t>(flow)];
    if (missing > 0) wire.gap(flow, missing);
    missing = 0;
  }
  uint64_t missing_[2] = {0, 0};
};

/// Loses calls at random. A peer that pipelines must have shown that it does before the first loss:
/// without that no observer of HTTP/1 can know.
size_t expect_right_or_dropped(DialogueMaker& maker, const Dialogue& dialogue, Side side,
                               size_t one_in) {
  RecordingSink sink;
  Http1Parser parser({side, false, {}}, sink);
  LossyWire wire(parser);
  size_t first_loss = 0;
  if (dialogue.pipelined) {
    while (first_loss < dialogue.calls.size() &&
           dialogue.calls[first_loss].flow == Flow::kRequest) {
      ++first_loss;
    }
  }
  for (size_t i = 0; i < dialogue.calls.size(); ++i) {
    Call call = dialogue.calls[i];
    if (i >= first_loss && maker.below(one_in) == 0) {
      if (maker.below(3) > 0) {
        wire.lose(call);
        continue;
      }
      call.seen = maker.below(call.bytes.size());  // seen in part only
    }
    wire.deliver(call);
  }
  wire.close();
  EXPECT_EQ(sink.open(), 0U) << "the books balance";
  size_t right = 0;
  for (const model::Exchange& exchange : sink.finished) {
    if (exchange.end != model::ExchangeEnd::kComplete) continue;
    const auto number = static_cast<size_t>(std::stoul(exchange.http.path.substr(1)));
    if (number >= dialogue.expected.size()) {
      ADD_FAILURE() << "invented " << exchange.http.path;
      continue;
    }
    Expected expected = dialogue.expected[number];
    if (!exchange.response_body_known) expected.response_body = exchange.response_body_bytes;
    expect_equal(exchange, expected);
    ++right;
  }
  return right;
}

TEST(Http1DialogueTest, IsRightOrDroppedWhenCallsAreLost) {
  size_t right = 0;
  size_t all = 0;
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(seed);
    DialogueMaker maker(seed, false);
    const Dialogue dialogue = maker.make(seed % 3 == 0, 0);
    right += expect_right_or_dropped(maker, dialogue, seed % 2 == 0 ? Side::kServer : Side::kClient,
                                     5 + seed % 20);
    all += dialogue.expected.size();
    if (HasFailure()) return;
  }
  EXPECT_GT(right * 4, all) << "dropping everything would be right, too";
}

}  // namespace
}  // namespace hostlens::protocols::http1
