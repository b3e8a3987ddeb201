// SPDX-License-Identifier: Apache-2.0
// A ParserSink that keeps what it is given and checks the contract on the way.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocols/stream_parser.h"

namespace hostlens::protocols {

class RecordingSink final : public ParserSink {
 public:
  model::ExchangePtr new_exchange() noexcept override { return pool_.take(); }
  void exchange_started(model::Exchange& exchange) noexcept override {
    exchange.id = ++last_id_;
    open_.insert(exchange.id);
  }
  void exchange_finished(model::ExchangePtr exchange) noexcept override {
    EXPECT_EQ(open_.erase(exchange->id), 1U) << "finished without start, or twice";
    finished.push_back(*exchange);
  }
  void exchange_dropped(model::Exchange& exchange, base::DropReason reason) noexcept override {
    EXPECT_EQ(open_.erase(exchange.id), 1U) << "dropped without start, or twice";
    ++dropped[reason];
  }
  void message_lost(base::DropReason reason) noexcept override { ++lost[reason]; }

  [[nodiscard]] size_t open() const { return open_.size(); }

  std::vector<model::Exchange> finished;
  std::map<base::DropReason, int> dropped;
  std::map<base::DropReason, int> lost;

 private:
  model::ExchangePool pool_;
  uint64_t last_id_ = 0;
  std::set<uint64_t> open_;
};

/// Feeds two byte streams with consistent positions and a clock of one microsecond per call.
class Wire {
 public:
  explicit Wire(StreamParser& parser) : parser_(parser) {}

  void request(std::string_view bytes, uint64_t unseen = 0) { send(Flow::kRequest, bytes, unseen); }
  void response(std::string_view bytes, uint64_t unseen = 0) {
    send(Flow::kResponse, bytes, unseen);
  }
  void send(Flow flow, std::string_view bytes, uint64_t unseen = 0) {
    now_ns += 1000;
    uint64_t& position = positions_[static_cast<size_t>(flow)];
    // Copied into memory of its exact size, so that a sanitizer sees any step beyond it.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    StreamChunk chunk;
    chunk.position = position;
    chunk.length = bytes.size() + unseen;
    chunk.seen = {exact.data(), exact.size()};
    chunk.time_ns = now_ns;
    chunk.tid = tids[static_cast<size_t>(flow)];
    position += chunk.length;
    parser_.on_chunk(flow, chunk);
  }
  void gap(Flow flow, uint64_t length) {
    positions_[static_cast<size_t>(flow)] += length;
    parser_.on_gap(flow, length);
  }
  void close(model::CloseReason reason = model::CloseReason::kNormal) {
    now_ns += 1000;
    parser_.on_close(now_ns, reason);
  }
  void end(Flow flow) {
    now_ns += 1000;
    parser_.on_end(flow, now_ns);
  }

  uint64_t now_ns = 1'000'000;
  uint32_t tids[2] = {7, 7};

 private:
  StreamParser& parser_;
  uint64_t positions_[2] = {5000, 9000};
};

}  // namespace hostlens::protocols
