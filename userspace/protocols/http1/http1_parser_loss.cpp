// SPDX-License-Identifier: Apache-2.0
// What the parser does when bytes are lost, hidden, late or wrong: drop, then find order again.
#include <algorithm>
#include <utility>

#include "protocols/http1/detect.h"
#include "protocols/http1/http1_parser.h"

namespace hostlens::protocols::http1 {
namespace {

using base::DropReason;
using model::ExchangeEnd;
using State = MessageReader::State;

/// How long an early response waits for its request's record: two threads' records are written
/// within a scheduler delay of each other.
constexpr uint64_t kParkNs = 100'000'000;
constexpr size_t kParkChunks = 4;
constexpr size_t kParkBytes = 8192;
/// A request body that goes on after its response, and the bytes that show a probable end of a
/// response to be none, are waited for this long.
constexpr uint64_t kAnsweredNs = 200'000'000;
/// Silence on both flows after which no response can be due from before. Only peers that pipelined
/// before the loss wait for it.
constexpr uint64_t kQuietNs = 1'000'000'000;

}  // namespace

bool Http1Parser::resume_at(Flow flow, const StreamChunk& chunk) {
  if (flow == Flow::kRequest) {
    if (!starts_known_request(chunk.seen)) return false;
    if (distrusted_) {
      sink_.message_lost(overflowed_ ? DropReason::kPipelineLimit : DropReason::kGap);
      return false;
    }
    if (request_.state() == State::kUnframed) {
      // Body bytes may look like a request; a request behind an unfinished one needs its answer.
      if (!queue_.empty() && !queue_.front().response_begun) return false;
      if (request_open_) on_request_complete(request_.last_byte_ns());
    } else if (!queue_.empty()) {
      // Bytes were lost in between and something older is still unanswered.
      if (!queue_.front().response_begun) {
        distrust(DropReason::kGap);
        sink_.message_lost(DropReason::kGap);
        return false;
      }
      if (response_.state() != State::kUnframed) lose_responses(DropReason::kGap);
    }
    request_.resume();
    return true;
  }
  return resume_response(chunk);
}

bool Http1Parser::resume_response(const StreamChunk& chunk) {
  if (distrusted_) return false;
  const Verdict verdict = detect_response(chunk.seen);
  if (queue_.empty()) {
    if (verdict == Verdict::kYes) orphan();
    return false;
  }
  const bool hidden = chunk.seen.size() < chunk.length;
  if (response_.state() == State::kUnframed) {
    // Bytes of the body, or the answer to a request that was not seen.
    if (verdict == Verdict::kYes) lose_responses(DropReason::kGap);
    return false;
  }
  // A request has begun since, so this can only be its answer; if it is not the beginning of one,
  // that went by unseen.
  if (verdict == Verdict::kNo || (verdict == Verdict::kNeedMore && hidden)) {
    lose_responses(DropReason::kGap);
    return false;
  }
  response_.resume();
  return true;
}

void Http1Parser::broken_request() {
  if (confidence_ == Confidence::kProvisional) confidence_ = Confidence::kRejected;
  sink_.message_lost(DropReason::kParse);
  ++unanswered_broken_;
  request_.lose_sync();
}

void Http1Parser::orphan() {
  if (unanswered_broken_ > 0) {
    --unanswered_broken_;  // counted with its request
  } else {
    sink_.message_lost(DropReason::kOrphan);
  }
  response_.lose_sync();
}

void Http1Parser::on_request_cut() {
  if (pipelining_seen_) return distrust(DropReason::kGap);  // other requests may be hidden
  switch (request_.state()) {
    case State::kFields:
      // The request line is known, the rest of the head is not visible.
      request_.head().contradiction = true;
      return on_request_head();
    case State::kChunkSize:
    case State::kChunkEnd:
    case State::kTrailer:
      return request_.lose_framing();
    default:  // whole requests may be hidden here
      lose_partial_head(DropReason::kGap);
      sink_.message_lost(DropReason::kGap);
      if (pipelining_seen_ || !queue_.empty()) distrust(DropReason::kGap);
      in_order_ = false;
      request_.lose_sync();
      response_.lose_sync();
  }
}

void Http1Parser::on_response_cut() {
  if (queue_.empty() && response_.state() != State::kBetween) return response_.lose_sync();
  if (pipelining_seen_) return lose_responses(DropReason::kGap);  // other responses may be hidden
  switch (response_.state()) {
    case State::kFields: {
      if (status_ < 200) return lose_responses(DropReason::kGap);  // the final one may be hidden
      Outstanding& item = queue_.front();
      item.response_begun = true;
      item.exchange->http.status = status_;
      item.exchange->response_start_ns = response_.start_ns();
      item.exchange->response_tid = response_.start_tid();
      return response_.lose_framing();
    }
    case State::kChunkSize:
    case State::kChunkEnd:
    case State::kTrailer:
      return response_.lose_framing();
    default:
      if (queue_.empty()) return orphan();
      return lose_responses(DropReason::kGap);
  }
}

void Http1Parser::on_gap(Flow flow, uint64_t length) noexcept {
  discard_parked();
  MessageReader& reader = flow == Flow::kRequest ? request_ : response_;
  // The answer that was waited for may be what was lost.
  const bool awaited = flow == Flow::kResponse && reader.state() == State::kLost && !queue_.empty();
  if (reader.survive_gap(length) && !awaited) return;
  in_order_ = false;
  if (flow == Flow::kResponse) return lose_responses(DropReason::kGap);
  // What followed the hidden part of this response may answer a lost request.
  if (response_.state() == State::kUnframed) lose_responses(DropReason::kGap);
  lose_partial_head(DropReason::kGap);
  if (request_open_) {
    // Its body's end is lost, and perhaps requests behind it; those before it stay certain, but the
    // answers that follow theirs have no owner.
    request_open_ = false;
    Outstanding& item = queue_.back();
    sink_.exchange_dropped(*item.exchange, DropReason::kGap);
    const bool others = queue_.size() > 1;
    queue_.pop_back();
    if (!others) {
      queue_.clear();
      response_.lose_sync();
    } else {
      distrust(DropReason::kGap);
    }
  }
  if (pipelining_seen_) distrust(DropReason::kGap);
  if (request_.state() != State::kOpaque) request_.lose_sync();
  // Answers to lost requests must find nobody waiting.
  if (queue_.empty() && response_.state() == State::kBetween) response_.lose_sync();
}

void Http1Parser::lose_responses(DropReason reason) {
  if (pipelining_seen_ || queue_.size() > 1) return distrust(reason);
  drop_all(reason);
  if (response_.state() != State::kOpaque) response_.lose_sync();
  in_order_ = false;
  calm_exchanges_ = 0;
}

void Http1Parser::distrust(DropReason reason) {
  drop_all(reason);
  distrusted_ = true;
  in_order_ = false;
  calm_exchanges_ = 0;
  if (request_.state() != State::kOpaque) request_.lose_sync();
  if (response_.state() != State::kOpaque) response_.lose_sync();
}

void Http1Parser::drop_all(DropReason reason) {
  lose_partial_head(reason);
  for (; !queue_.empty(); queue_.pop_front()) {
    sink_.exchange_dropped(*queue_.front().exchange, reason);
  }
  request_open_ = false;
}

void Http1Parser::lose_partial_head(DropReason reason) {
  const bool unfinished_line = request_.state() == State::kStartLine;
  const bool unannounced = request_open_ && !queue_.back().started;
  if (!unfinished_line && !unannounced) return;
  sink_.message_lost(reason);
  if (unannounced) {
    const bool only = queue_.size() == 1;
    queue_.pop_back();
    if (only) queue_.clear();
    request_open_ = false;
  }
  request_.lose_sync();
}

void Http1Parser::abandon(DropReason reason) noexcept {
  discard_parked();
  drop_all(reason);
  request_.become_opaque();
  response_.become_opaque();
}

bool Http1Parser::must_park(const StreamChunk& chunk) const {
  if (!parked_.empty()) return true;
  return side_ == model::Side::kClient && in_order_ && queue_.empty() && unanswered_broken_ == 0 &&
         response_.state() == State::kBetween && chunk.seen.starts_with("HTTP/1.");
}

void Http1Parser::park(const StreamChunk& chunk) {
  size_t bytes = chunk.seen.size();
  for (const ParkedChunk& parked : parked_) bytes += parked.bytes.size();
  if (parked_.size() >= kParkChunks || bytes > kParkBytes) {
    discard_parked();
    return deliver(Flow::kResponse, chunk);
  }
  parked_.push_back({chunk, std::string(chunk.seen)});
}

void Http1Parser::replay_parked(uint32_t request_tid) {
  // On one thread records are in the order of the calls, so that response was no answer to this.
  if (parked_.front().chunk.tid == request_tid) return discard_parked();
  const std::vector<ParkedChunk> parked = std::exchange(parked_, {});
  for (const ParkedChunk& item : parked) {
    StreamChunk chunk = item.chunk;
    chunk.seen = item.bytes;
    deliver(Flow::kResponse, chunk);
  }
}

void Http1Parser::discard_parked() {
  if (parked_.empty()) return;
  parked_.clear();
  orphan();
}

void Http1Parser::on_tick(uint64_t now_ns) noexcept {
  if (!parked_.empty() && now_ns > parked_.front().chunk.time_ns + kParkNs) discard_parked();
  if (distrusted_ && now_ns > last_activity_ns_ + kQuietNs) {
    distrusted_ = overflowed_ = pipelining_seen_ = false;
    unanswered_broken_ = 0;
  }
  if (queue_.empty()) return;
  Outstanding& item = queue_.front();
  if (item.response_done && now_ns > item.exchange->end_ns + kAnsweredNs) {
    finish_front(ExchangeEnd::kComplete);
    if (queue_.empty()) return;
  }
  if (response_.probable_end() && now_ns > response_.last_byte_ns() + kAnsweredNs) {
    on_response_complete(response_.last_byte_ns(), true);
    if (queue_.empty()) return;
  }
  if (now_ns <= last_activity_ns_ + limits_.exchange_timeout_ns) return;
  if (response_.state() == State::kUnframed) {
    lose_responses(DropReason::kGap);
    return;
  }
  finish_all(ExchangeEnd::kTimedOut, now_ns);
  in_order_ = false;
  if (request_.state() == State::kBetween) request_.lose_sync();
  response_.lose_sync();
}

}  // namespace hostlens::protocols::http1
