// SPDX-License-Identifier: Apache-2.0
// The regular course of a connection. What happens when bytes are lost is in http1_parser_loss.cpp.
#include "protocols/http1/http1_parser.h"

#include <algorithm>
#include <utility>

#include "protocols/http1/detect.h"
#include "protocols/http1/request_target.h"

namespace hostlens::protocols::http1 {
namespace {

using base::DropReason;
using model::ExchangeEnd;
using State = MessageReader::State;

/// A peer that pipelines does it all the time: so many exchanges one by one show that none is
/// hidden ...
constexpr uint32_t kCalmForOrder = 8;
/// ... and so many, that what looked like pipelining was two threads' records in another order.
constexpr uint32_t kCalmForOneAtATime = 64;

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return text;
}

std::unique_ptr<StreamParser> create(const ParserContext& context, ParserSink& sink) {
  return std::make_unique<Http1Parser>(context, sink);
}

}  // namespace

ProtocolEntry http1_protocol() { return {"http1", detect_request, detect_response, create}; }

Http1Parser::Http1Parser(const ParserContext& context, ParserSink& sink)
    : sink_(sink),
      limits_(context.limits),
      side_(context.side),
      request_(Flow::kRequest, context.limits),
      response_(Flow::kResponse, context.limits),
      in_order_(!context.mid_life) {
  // Mid-life, bytes of an older response may still come; a request that begins now is certain.
  if (context.mid_life) response_.lose_sync();
}

void Http1Parser::on_chunk(Flow flow, const StreamChunk& chunk) noexcept {
  last_activity_ns_ = std::max(last_activity_ns_, chunk.time_ns);
  if (flow == Flow::kResponse && must_park(chunk)) return park(chunk);
  deliver(flow, chunk);
  if (flow == Flow::kRequest && !parked_.empty() && !queue_.empty()) replay_parked(chunk.tid);
}

void Http1Parser::deliver(Flow flow, const StreamChunk& chunk) {
  MessageReader& reader = flow == Flow::kRequest ? request_ : response_;
  if (reader.state() == State::kOpaque) return;
  if (reader.state() == State::kLost || reader.state() == State::kUnframed) {
    if (!resume_at(flow, chunk) && reader.state() == State::kLost) return;
  }
  Input input{chunk.seen, chunk.length - chunk.seen.size(), chunk.position, chunk.time_ns,
              chunk.tid};
  if (flow == Flow::kRequest) {
    read_requests(input);
  } else {
    read_responses(input);
  }
  // Where a peer pipelines, other messages may hide in one whose end is not known.
  if (pipelining_seen_ && reader.state() == State::kUnframed) distrust(DropReason::kGap);
}

void Http1Parser::read_requests(Input& input) {
  while (true) {
    switch (request_.advance(input)) {
      case Found::kEndOfInput:
        return;
      case Found::kStartLine:
        on_request_line(input);
        break;
      case Found::kHead:
        on_request_head();
        break;
      case Found::kMessage:
        on_request_complete(input.time_ns);
        break;
      case Found::kCut:
        on_request_cut();
        break;
      case Found::kBroken:  // in the body: the server will refuse it, and that is the exchange
        request_.lose_framing();
        break;
    }
  }
}

void Http1Parser::note_pipelining() {
  if (queue_.empty()) return;
  pipelining_seen_ = true;
  calm_exchanges_ = 0;
  // What was picked up mid-life may have been paired one off: start over when all is quiet.
  if (!in_order_) distrust(DropReason::kGap);
}

void Http1Parser::announce(Outstanding& item) {
  if (std::exchange(item.started, true)) return;
  sink_.exchange_started(*item.exchange);
}

void Http1Parser::on_request_line(const Input& input) {
  RequestLine line;
  if (!parse_request_line(request_.start_line(), request_.start_line_truncated(),
                          request_.start_line_tail(), line)) {
    return broken_request();
  }
  // A response whose end could not be seen has ended when the same peer asks again.
  if (!queue_.empty() && response_.state() == State::kUnframed) {
    if (pipelining_seen_) {
      distrust(DropReason::kGap);
    } else {
      on_response_complete(response_.last_byte_ns(), response_.probable_end());
      response_.lose_sync();
    }
  }
  note_pipelining();
  if (distrusted_) return request_.lose_sync();
  if (overflowed_ || queue_.size() >= limits_.outstanding) {
    overflowed_ = true;
    sink_.message_lost(DropReason::kPipelineLimit);
    request_open_ = false;
    return request_.accept_start_line();
  }
  Outstanding& item = queue_.push(sink_.new_exchange());
  request_open_ = true;
  model::Exchange& exchange = *item.exchange;
  exchange.protocol = model::Protocol::kHttp1;
  exchange.side = side_;
  exchange.request_start_ns = request_.start_ns();
  exchange.request_end_ns = input.time_ns;
  exchange.request_position = request_.start_position();
  exchange.request_tid = request_.start_tid();
  exchange.http.method = line.method;
  exchange.http.version_minor = line.version_minor;
  exchange.http.target_truncated = request_.start_line_truncated();
  split_target(line.target, limits_.target_bytes, exchange.http);
  request_.accept_start_line();
}

void Http1Parser::on_request_head() {
  HeadFields& head = request_.head();
  uint8_t version_minor = 1;
  if (request_open_) {
    Outstanding& item = queue_.back();
    model::HttpMessage& http = item.exchange->http;
    version_minor = http.version_minor;
    // RFC 9112 3.2.2: the authority of an absolute form is stronger than Host.
    if (http.host.empty()) http.host.swap(head.host);
    http.user_agent.swap(head.user_agent);
    if (head.traceparent.valid()) {
      item.exchange->incoming = std::move(head.traceparent);
      item.exchange->incoming.trace_state = head.trace_state;
    }
    announce(item);
  }
  const Framing framing = head.framing(version_minor);
  if (framing == Framing::kNone) {
    on_request_complete(request_.last_byte_ns());
  } else {
    request_.begin_body(framing);
  }
}

void Http1Parser::on_request_complete(uint64_t time_ns) {
  const bool framed = request_.state() != State::kUnframed || request_.probable_end();
  request_.finish_message();
  if (!std::exchange(request_open_, false)) return;
  Outstanding& item = queue_.back();
  item.request_complete = true;
  item.exchange->request_end_ns = time_ns;
  item.exchange->request_body_bytes = request_.body_bytes();
  item.exchange->request_body_known = framed;
  if (item.response_done && queue_.size() == 1) finish_front(ExchangeEnd::kComplete);
}

void Http1Parser::read_responses(Input& input) {
  while (true) {
    switch (response_.advance(input)) {
      case Found::kEndOfInput:
        return;
      case Found::kStartLine:
        if (!on_status_line()) return;
        break;
      case Found::kHead:
        if (!on_response_head(input.time_ns)) return;
        break;
      case Found::kMessage:
        on_response_complete(input.time_ns, response_.state() != State::kUnframed);
        break;
      case Found::kCut:
        on_response_cut();
        break;
      case Found::kBroken:
        lose_responses(DropReason::kParse);
        return;
    }
  }
}

bool Http1Parser::on_status_line() {
  if (queue_.empty()) {
    orphan();
    return false;
  }
  if (!parse_status_line(response_.start_line(), status_, response_minor_)) {
    if (confidence_ == Confidence::kProvisional) confidence_ = Confidence::kRejected;
    lose_responses(DropReason::kParse);
    return false;
  }
  announce(queue_.front());  // refused before its head was complete (408, 431)
  confidence_ = Confidence::kConfirmed;
  response_.accept_start_line();
  return true;
}

bool Http1Parser::on_response_head(uint64_t time_ns) {
  if (queue_.empty()) {  // given up while its head came in
    response_.lose_sync();
    return false;
  }
  Outstanding& item = queue_.front();
  model::Exchange& exchange = *item.exchange;
  // RFC 9110 15.2: any number of interim responses; 101 alone is final for HTTP/1.
  if (status_ < 200 && status_ != 101) {
    response_.finish_message();
    return true;
  }
  item.response_begun = true;
  exchange.http.status = status_;
  exchange.http.version_minor = std::min(exchange.http.version_minor, response_minor_);
  exchange.response_start_ns = response_.start_ns();
  exchange.response_tid = response_.start_tid();
  const bool tunnel =
      std::string_view(exchange.http.method) == "CONNECT" && status_ >= 200 && status_ < 300;
  if (status_ == 101 || tunnel) {
    if (status_ == 101) exchange.http.upgrade = lower_case(response_.head().upgrade);
    on_tunnel(time_ns);
    return false;
  }
  // RFC 9112 6.3 rule 1: these have no body whatever their fields say.
  const bool bodiless =
      std::string_view(exchange.http.method) == "HEAD" || status_ == 204 || status_ == 304;
  const Framing framing = bodiless ? Framing::kNone : response_.head().framing(response_minor_);
  if (framing == Framing::kNone) {
    on_response_complete(time_ns, true);
  } else {
    response_.begin_body(framing);
  }
  return true;
}

void Http1Parser::on_tunnel(uint64_t time_ns) {
  Outstanding& item = queue_.front();
  item.exchange->end_ns = time_ns;
  item.exchange->response_body_bytes = 0;
  finish_front(ExchangeEnd::kUpgraded);
  drop_all(DropReason::kAborted);  // asked behind the switch: nobody will answer in this protocol
  request_.become_opaque();
  response_.become_opaque();
}

void Http1Parser::on_response_complete(uint64_t time_ns, bool body_known) {
  response_.finish_message();
  if (queue_.empty()) return;
  Outstanding& item = queue_.front();
  item.response_done = true;
  item.exchange->end_ns = time_ns;
  item.exchange->response_body_bytes = response_.body_bytes();
  item.exchange->response_body_known = body_known;
  // A refusal can come before the request's body ended, and a record of its last part after it.
  if (item.request_complete || queue_.size() > 1) {
    finish_front(ExchangeEnd::kComplete);
  } else if (request_.state() == State::kUnframed) {
    on_request_complete(request_.last_byte_ns());
    request_.lose_sync();
  }
}

void Http1Parser::finish_front(ExchangeEnd end) {
  Outstanding& item = queue_.front();
  model::Exchange& exchange = *item.exchange;
  exchange.end = end;
  if (!item.request_complete) exchange.request_body_known = false;
  if (exchange.response_start_ns != 0 && exchange.response_start_ns < exchange.request_start_ns) {
    exchange.request_start_ns = exchange.response_start_ns;
  }
  exchange.end_ns =
      std::max({exchange.end_ns, exchange.response_start_ns, exchange.request_start_ns});
  if (queue_.size() == 1) request_open_ = false;
  sink_.exchange_finished(std::move(item.exchange));
  queue_.pop_front();
  if (!queue_.empty()) return;
  if (overflowed_) return distrust(DropReason::kPipelineLimit);
  ++calm_exchanges_;
  if (calm_exchanges_ >= kCalmForOrder) in_order_ = true;
  if (calm_exchanges_ >= kCalmForOneAtATime) pipelining_seen_ = false;
}

void Http1Parser::finish_all(ExchangeEnd end, uint64_t time_ns) {
  while (!queue_.empty()) {
    Outstanding& item = queue_.front();
    if (!item.started) break;
    if (item.response_done) {
      finish_front(ExchangeEnd::kComplete);
      continue;
    }
    item.exchange->end_ns = time_ns;
    if (item.response_begun) item.exchange->response_body_bytes = response_.body_bytes();
    item.exchange->response_body_known = false;
    finish_front(end);
  }
  lose_partial_head(DropReason::kAborted);
}

bool Http1Parser::response_ends_with_connection() const {
  return !queue_.empty() && queue_.front().response_begun && !queue_.front().response_done &&
         (response_.state() == State::kUntilClose || response_.state() == State::kUnframed) &&
         !response_.ends_in_gap();
}

void Http1Parser::on_end(Flow flow, uint64_t time_ns) noexcept {
  last_activity_ns_ = std::max(last_activity_ns_, time_ns);
  if (flow == Flow::kRequest) {
    request_ended_ = true;  // half-closed: the responses may still come
    return;
  }
  discard_parked();
  response_ended_ = true;
  if (response_ends_with_connection()) {
    on_response_complete(response_.last_byte_ns(),
                         response_.state() == State::kUntilClose || response_.probable_end());
  }
  finish_all(ExchangeEnd::kClosedByServer, time_ns);
  if (response_.state() != State::kOpaque) response_.lose_sync();
}

void Http1Parser::on_close(uint64_t time_ns, model::CloseReason reason) noexcept {
  discard_parked();
  const bool orderly = reason == model::CloseReason::kNormal;
  // RFC 9112 8: a body without length ends with the connection. At the client's side the end must
  // have been received for that, unless the client could see an end that we could not.
  if (orderly && response_ends_with_connection() &&
      (side_ == model::Side::kServer || response_.state() == State::kUnframed)) {
    on_response_complete(response_.last_byte_ns(),
                         response_.state() == State::kUntilClose || response_.probable_end());
  }
  if (!queue_.empty() && response_.ends_in_gap()) drop_all(DropReason::kGap);
  ExchangeEnd end = ExchangeEnd::kReset;
  if (reason == model::CloseReason::kTimeout) end = ExchangeEnd::kTimedOut;
  if (orderly) {
    const bool by_server = side_ == model::Side::kServer ? !request_ended_ : response_ended_;
    end = by_server ? ExchangeEnd::kClosedByServer : ExchangeEnd::kClosedByClient;
  }
  finish_all(end, time_ns);
  request_.become_opaque();
  response_.become_opaque();
}

}  // namespace hostlens::protocols::http1
