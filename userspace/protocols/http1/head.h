// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP/1.x message: start line and the few header fields that matter here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/trace_context.h"

namespace hostlens::protocols::http1 {

/// How the end of a message body is found, RFC 9112 6.3.
enum class Framing : uint8_t {
  kNone,    ///< no body
  kLength,  ///< Content-Length
  kChunked,
  kUntilClose,
  kUnknown,  ///< contradictory fields: only what the peers do next tells
};

/// Request line, split. Views live as long as the line.
struct RequestLine {
  std::string_view method;
  std::string_view target;
  uint8_t version_minor = 1;
};

/// RFC 9112 3. Between the first and the last space everything is the target, as servers that
/// follow 3.2's lenient reading do. `tail` replaces the line's end when the line was longer than
/// the limit.
[[nodiscard]] bool parse_request_line(std::string_view line, bool truncated, std::string_view tail,
                                      RequestLine& out);

/// RFC 9112 4: "HTTP/1." digit SP 3DIGIT [SP reason].
[[nodiscard]] bool parse_status_line(std::string_view line, uint16_t& status,
                                     uint8_t& version_minor);

/// What is kept of the header section. Texts are bounded by kTextBytes each.
struct HeadFields {
  static constexpr size_t kTextBytes = 256;

  std::string host;
  std::string user_agent;
  std::string upgrade;  ///< first protocol of the list
  std::string trace_state;
  model::TraceContext traceparent;
  uint64_t content_length = 0;
  bool has_length = false;
  bool has_coding = false;    ///< a Transfer-Encoding field was there
  bool chunked_last = false;  ///< and its last coding is chunked
  bool contradiction =
      false;  ///< RFC 9112 6.3 rules 3-5: framing fields that no recipient may trust
  bool is_request = true;

  void clear(bool request);
  /// One field line without its line end; a continuation (obs-fold) starts with a space or tab.
  void add_line(std::string_view line, bool truncated);
  /// Such a line may matter to add_line; every other one goes to skip_line. Not empty.
  [[nodiscard]] bool wants(std::string_view line) const {
    switch (line.front() | 0x20) {
      case 'c':  // "content-length", and not "content-type" or "connection"
        return line.size() > 8 && (line[8] | 0x20) == 'l';
      case 'h':
        return is_request;
      case 't':
      case 'u':
      case ' ':
      case '\t' | 0x20:
        return true;
      default:
        return false;
    }
  }
  void skip_line() { previous_ = Kind::kOther; }
  /// Framing by these fields alone, for a message of the given version.
  [[nodiscard]] Framing framing(uint8_t version_minor) const;

 private:
  enum class Kind : uint8_t { kOther, kFraming };
  void add_length(std::string_view value);
  void add_coding(std::string_view value);
  void add_c(std::string_view line);
  void add_t(std::string_view line, bool truncated);
  void add_u(std::string_view line);

  Kind previous_ = Kind::kOther;
  bool has_traceparent_ = false;
};

}  // namespace hostlens::protocols::http1
