// SPDX-License-Identifier: Apache-2.0
// HTTP/1.x (RFC 9110, RFC 9112): pairs requests with responses on one connection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocols/http1/message_reader.h"
#include "protocols/http1/outstanding.h"
#include "protocols/stream_parser.h"

namespace hostlens::protocols::http1 {

/// See StreamParser. What it promises on top: an exchange is right or dropped. HTTP/1 has no
/// identifiers, only order, so after lost bytes a request may be paired with a response only where
/// order is certain: at a new request of a peer that has never pipelined, else after a quiet time
/// on both flows.
class Http1Parser final : public StreamParser {
 public:
  Http1Parser(const ParserContext& context, ParserSink& sink);

  void on_chunk(Flow flow, const StreamChunk& chunk) noexcept override;
  void on_gap(Flow flow, uint64_t length) noexcept override;
  void on_end(Flow flow, uint64_t time_ns) noexcept override;
  void on_close(uint64_t time_ns, model::CloseReason reason) noexcept override;
  void abandon(base::DropReason reason) noexcept override;
  void on_tick(uint64_t now_ns) noexcept override;
  [[nodiscard]] Confidence confidence() const noexcept override { return confidence_; }

 private:
  /// A response that came before its request's record: with two threads on a client's socket the
  /// record of the send can be written after that of the receive.
  struct ParkedChunk {
    StreamChunk chunk;
    std::string bytes;
  };

  void deliver(Flow flow, const StreamChunk& chunk);
  bool resume_at(Flow flow, const StreamChunk& chunk);
  bool resume_response(const StreamChunk& chunk);
  void read_requests(Input& input);
  void read_responses(Input& input);

  void on_request_line(const Input& input);
  void on_request_head();
  void on_request_complete(uint64_t time_ns);
  void on_request_cut();
  void note_pipelining();
  void announce(Outstanding& item);
  bool on_status_line();
  bool on_response_head(uint64_t time_ns);
  void on_response_complete(uint64_t time_ns, bool body_known);
  void on_response_cut();
  void on_tunnel(uint64_t time_ns);

  [[nodiscard]] bool must_park(const StreamChunk& chunk) const;
  void park(const StreamChunk& chunk);
  void replay_parked(uint32_t request_tid);
  void discard_parked();

  void finish_front(model::ExchangeEnd end);
  void finish_all(model::ExchangeEnd end, uint64_t time_ns);
  void drop_all(base::DropReason reason);
  void lose_partial_head(base::DropReason reason);
  /// Order is no longer certain: nothing is paired until both flows were quiet.
  void distrust(base::DropReason reason);
  void lose_responses(base::DropReason reason);
  void broken_request();
  void orphan();
  [[nodiscard]] bool response_ends_with_connection() const;

  ParserSink& sink_;
  ParserLimits limits_;
  model::Side side_;
  Confidence confidence_ = Confidence::kProvisional;
  MessageReader request_;
  MessageReader response_;
  OutstandingQueue queue_;
  std::vector<ParkedChunk> parked_;
  uint64_t last_activity_ns_ = 0;
  uint32_t unanswered_broken_ = 0;  ///< refused request lines, whose answers are not orphans
  uint32_t calm_exchanges_ = 0;     ///< in a row, one at a time
  uint16_t status_ = 0;             ///< of the response whose head is being read
  uint8_t response_minor_ = 1;
  bool request_open_ = false;  ///< the message in request_ is the last one in queue_
  bool in_order_ = true;       ///< nothing older can be answered that was not seen
  bool pipelining_seen_ = false;
  bool distrusted_ = false;
  bool overflowed_ = false;  ///< too many outstanding; no more until they are answered
  bool request_ended_ = false;
  bool response_ended_ = false;
};

[[nodiscard]] ProtocolEntry http1_protocol();

}  // namespace hostlens::protocols::http1
