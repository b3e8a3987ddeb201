// SPDX-License-Identifier: Apache-2.0
#include "protocols/http1/message_reader.h"

#include <algorithm>
#include <cstring>

namespace hostlens::protocols::http1 {
namespace {

/// A chunk of more than 2^60 bytes is nonsense and would overflow the counters.
constexpr size_t kChunkSizeDigits = 15;
constexpr std::string_view kLastChunk = "0\r\n\r\n";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

uint64_t Input::skip(uint64_t count) {
  const uint64_t visible = std::min<uint64_t>(count, seen.size());
  const uint64_t hidden = std::min(count - visible, unseen);
  seen.remove_prefix(visible);
  unseen -= hidden;
  position += visible + hidden;
  return visible + hidden;
}

MessageReader::MessageReader(Flow flow, const ParserLimits& limits)
    : flow_(flow), line_(limits.line_bytes) {}

Found MessageReader::advance(Input& input) {
  if (!input.empty()) ends_in_gap_ = false;
  while (!input.empty()) {
    Found found = Found::kEndOfInput;
    if (state_ != State::kBetween && state_ != State::kLost) last_byte_ns_ = input.time_ns;
    switch (state_) {
      case State::kBetween:
        found = between(input);
        break;
      case State::kFields:
        found = fields(input);
        break;
      case State::kStartLine:
      case State::kChunkSize:
      case State::kTrailer:
        found = line_state(input);
        break;
      case State::kLength:
      case State::kChunk:
        found = chunk_data(input);
        break;
      case State::kChunkEnd:
        found = chunk_end(input);
        break;
      case State::kUnframed:
        found = unframed(input);
        break;
      case State::kUntilClose:
        body_bytes_ += input.skip(UINT64_MAX);
        break;
      case State::kDecision:
      case State::kLost:
      case State::kOpaque:
        input.skip(UINT64_MAX);
        break;
    }
    if (found != Found::kEndOfInput) return found;
  }
  return Found::kEndOfInput;
}

Found MessageReader::between(Input& input) {
  // RFC 9112 2.2: empty lines before a request-line are ignored; a peer that sends them after a
  // response is forgiven likewise.
  while (!input.seen.empty() && (input.seen.front() == '\r' || input.seen.front() == '\n')) {
    input.skip(1);
  }
  if (input.seen.empty()) return input.unseen > 0 ? Found::kCut : Found::kEndOfInput;
  state_ = State::kStartLine;
  line_.reset();
  start_ns_ = last_byte_ns_ = input.time_ns;
  start_position_ = input.position;
  start_tid_ = input.tid;
  body_bytes_ = 0;
  probable_end_ = false;
  return Found::kEndOfInput;
}

/// Most of the agent's work on a message: whole field lines are looked at where they lie, and most
/// of them only at their first byte.
Found MessageReader::fields(Input& input) {
  const char* at = input.seen.data();
  const char* const end = at + input.seen.size();
  bool complete = false;
  while (!line_.pending() && at != end) {
    const auto* const feed =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    if (feed == nullptr) break;
    size_t length = static_cast<size_t>(feed - at);
    if (length > 0 && feed[-1] == '\r') --length;
    if (length == 0) {
      complete = true;
    } else if (head_.wants({at, length})) {
      if (length > line_.limit()) break;
      head_.add_line({at, length}, false);
    } else {
      head_.skip_line();
    }
    at = feed + 1;
    if (complete) break;
  }
  const auto used = static_cast<size_t>(at - input.seen.data());
  input.seen.remove_prefix(used);
  input.position += used;
  if (complete) {
    state_ = State::kDecision;
    return Found::kHead;
  }
  return input.empty() ? Found::kEndOfInput : line_state(input);
}

Found MessageReader::line_state(Input& input) {
  const size_t before = input.seen.size();
  const bool complete = line_.take(input.seen);
  input.position += before - input.seen.size();
  if (complete) return on_line();
  return input.unseen > 0 ? Found::kCut : Found::kEndOfInput;
}

Found MessageReader::on_line() {
  const std::string_view line = line_.line();
  switch (state_) {
    case State::kStartLine:
      state_ = State::kDecision;
      head_.clear(flow_ == Flow::kRequest);
      return Found::kStartLine;
    case State::kFields:
      if (line.empty()) {
        state_ = State::kDecision;
        return Found::kHead;
      }
      head_.add_line(line, line_.truncated());
      return Found::kEndOfInput;
    case State::kTrailer:  // RFC 9112 7.1.2: fields we have no use for, up to an empty line
      return line.empty() ? Found::kMessage : Found::kEndOfInput;
    default:
      return on_chunk_size(line);
  }
}

Found MessageReader::on_chunk_size(std::string_view line) {
  // RFC 9112 7.1: 1*HEXDIG [chunk-ext]; extensions are ignored (7.1.1), leading zeros allowed.
  uint64_t size = 0;
  size_t digits = 0;
  size_t i = 0;
  for (; i < line.size(); ++i) {
    const int digit = hex_digit(line[i]);
    if (digit < 0) break;
    if (size != 0 || digit != 0) ++digits;
    if (digits > kChunkSizeDigits) return Found::kBroken;
    size = size * 16 + static_cast<uint64_t>(digit);
  }
  if (i == 0) return Found::kBroken;
  if (i < line.size() && line[i] != ';' && line[i] != ' ' && line[i] != '\t') return Found::kBroken;
  remaining_ = size;
  state_ = size == 0 ? State::kTrailer : State::kChunk;
  return Found::kEndOfInput;
}

Found MessageReader::chunk_data(Input& input) {
  const uint64_t moved = input.skip(remaining_);
  remaining_ -= moved;
  body_bytes_ += moved;
  if (remaining_ > 0) return Found::kEndOfInput;
  if (state_ == State::kLength) return Found::kMessage;
  state_ = State::kChunkEnd;
  cr_seen_ = false;
  return Found::kEndOfInput;
}

Found MessageReader::chunk_end(Input& input) {
  if (input.seen.empty()) {
    // Behind a chunk whose end is not visible come CR LF and then either nothing (the next chunk is
    // another call's) or, in five bytes, most probably the last chunk. Anything else is unknown.
    if (input.unseen == 2 && !cr_seen_) {
      input.skip(2);
      state_ = State::kChunkSize;
      line_.reset();
      return Found::kEndOfInput;
    }
    if (input.unseen == 2 + kLastChunk.size() && !cr_seen_) {
      input.skip(input.unseen);
      state_ = State::kUnframed;
      probable_end_ = true;
      return Found::kEndOfInput;
    }
    return Found::kCut;
  }
  const char c = input.seen.front();
  input.skip(1);
  if (c == '\r' && !cr_seen_) {
    cr_seen_ = true;
    return Found::kEndOfInput;
  }
  if (c != '\n') return Found::kBroken;
  state_ = State::kChunkSize;
  line_.reset();
  return Found::kEndOfInput;
}

Found MessageReader::unframed(Input& input) {
  probable_end_ = false;
  // A call that is wholly visible and ends as a chunked body ends is the end of one.
  const bool ends = input.unseen == 0 && head_.chunked_last && !head_.contradiction &&
                    input.seen.ends_with(kLastChunk) &&
                    (input.seen.size() == kLastChunk.size() ||
                     input.seen[input.seen.size() - kLastChunk.size() - 1] == '\n');
  input.skip(UINT64_MAX);
  return ends ? Found::kMessage : Found::kEndOfInput;
}

void MessageReader::begin_body(Framing framing) {
  body_bytes_ = 0;
  switch (framing) {
    case Framing::kNone:
      return finish_message();
    case Framing::kLength:
      remaining_ = head_.content_length;
      state_ = State::kLength;
      return;
    case Framing::kChunked:
      state_ = State::kChunkSize;
      line_.reset();
      return;
    case Framing::kUntilClose:
      state_ = State::kUntilClose;
      return;
    case Framing::kUnknown:
      state_ = State::kUnframed;
      return;
  }
}

void MessageReader::finish_message() {
  probable_end_ = false;
  state_ = State::kBetween;
  line_.reset();
}

void MessageReader::lose_framing() {
  probable_end_ = false;
  state_ = State::kUnframed;
  line_.reset();
}

void MessageReader::lose_sync() {
  state_ = State::kLost;
  line_.reset();
}

void MessageReader::resume() { finish_message(); }

bool MessageReader::survive_gap(uint64_t length) {
  switch (state_) {
    case State::kLength:
      // The body's last byte must not be among the lost: its time is the exchange's end.
      if (length >= remaining_) return false;
      break;
    case State::kChunk:
      if (length > remaining_) return false;
      break;
    case State::kUntilClose:
      break;
    case State::kOpaque:
    case State::kLost:
      return true;
    default:
      return false;
  }
  ends_in_gap_ = true;
  body_bytes_ += length;
  if (state_ != State::kUntilClose) remaining_ -= length;
  if (state_ == State::kChunk && remaining_ == 0) {
    state_ = State::kChunkEnd;
    cr_seen_ = false;
  }
  return true;
}

}  // namespace hostlens::protocols::http1
