// SPDX-License-Identifier: Apache-2.0
// Finds the messages of one flow: where each head and body begins and ends.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocols/http1/head.h"
#include "protocols/http1/line_buffer.h"
#include "protocols/stream_parser.h"

namespace hostlens::protocols::http1 {

/// Cursor over one chunk: visible bytes first, then bytes that are only counted.
struct Input {
  std::string_view seen;
  uint64_t unseen = 0;
  uint64_t position = 0;
  uint64_t time_ns = 0;
  uint32_t tid = 0;

  [[nodiscard]] bool empty() const { return seen.empty() && unseen == 0; }
  /// Drops up to `count` bytes; returns how many.
  uint64_t skip(uint64_t count);
};

/// What `advance` stopped at.
enum class Found : uint8_t {
  kEndOfInput,
  kStartLine,  ///< `start_line()` is at hand; go on with accept_start_line() or lose_sync()
  kHead,       ///< the head is complete; go on with begin_body()
  kMessage,    ///< the message is complete
  kCut,        ///< bytes that decide the framing are not visible; go on with lose_framing() or
               ///< lose_sync()
  kBroken,     ///< the bytes are not what the protocol demands here; the same
};

/// State machine without opinions: the parser above decides what a finding means. Bounded memory.
class MessageReader {
 public:
  enum class State : uint8_t {
    kBetween,  ///< at a message boundary
    kStartLine,
    kFields,
    kDecision,  ///< waits for the parser
    kLength,
    kChunkSize,
    kChunk,
    kChunkEnd,
    kTrailer,
    kUntilClose,
    kUnframed,  ///< inside a message whose end only the peers' behaviour shows
    kLost,      ///< not even inside a known message: waits for a plausible start of one
    kOpaque,    ///< another protocol (Upgrade, CONNECT), for good
  };

  MessageReader(Flow flow, const ParserLimits& limits);

  [[nodiscard]] Found advance(Input& input);

  void accept_start_line() { state_ = State::kFields; }
  void begin_body(Framing framing);
  void finish_message();
  void lose_framing();  ///< the message goes on, its end is unknown
  void lose_sync();     ///< the message is given up
  void become_opaque() { state_ = State::kOpaque; }
  /// A call begins here with a plausible message start: leave kUnframed or kLost.
  void resume();
  /// Takes `length` lost bytes into account; false when the framing did not survive it.
  [[nodiscard]] bool survive_gap(uint64_t length);

  [[nodiscard]] State state() const { return state_; }
  /// kUnframed, but the body's last chunk was probably in the hidden end of the last call: nothing
  /// more before the next message confirms it.
  [[nodiscard]] bool probable_end() const { return probable_end_; }
  /// The last thing known of the body is that bytes of it were lost.
  [[nodiscard]] bool ends_in_gap() const { return ends_in_gap_; }
  [[nodiscard]] bool in_message() const {
    return state_ != State::kBetween && state_ != State::kLost;
  }
  [[nodiscard]] std::string_view start_line() const { return line_.line(); }
  [[nodiscard]] bool start_line_truncated() const { return line_.truncated(); }
  [[nodiscard]] std::string_view start_line_tail() const { return line_.tail(); }
  [[nodiscard]] HeadFields& head() { return head_; }
  [[nodiscard]] uint64_t body_bytes() const { return body_bytes_; }
  [[nodiscard]] uint64_t start_ns() const { return start_ns_; }
  [[nodiscard]] uint64_t start_position() const { return start_position_; }
  [[nodiscard]] uint32_t start_tid() const { return start_tid_; }
  [[nodiscard]] uint64_t last_byte_ns() const { return last_byte_ns_; }

 private:
  Found between(Input& input);
  Found fields(Input& input);
  Found line_state(Input& input);
  Found on_line();
  Found on_chunk_size(std::string_view line);
  Found chunk_data(Input& input);
  Found chunk_end(Input& input);
  Found unframed(Input& input);

  Flow flow_;
  State state_ = State::kBetween;
  bool cr_seen_ = false;  ///< kChunkEnd: CR came, LF is due
  bool ends_in_gap_ = false;
  bool probable_end_ = false;
  LineBuffer line_;
  HeadFields head_;
  uint64_t remaining_ = 0;  ///< of the body or of the current chunk
  uint64_t body_bytes_ = 0;
  uint64_t start_ns_ = 0;
  uint64_t start_position_ = 0;
  uint64_t last_byte_ns_ = 0;
  uint32_t start_tid_ = 0;
};

}  // namespace hostlens::protocols::http1
