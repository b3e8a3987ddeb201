// SPDX-License-Identifier: Apache-2.0
#include "protocols/http1/head.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "protocols/trace_headers.h"

namespace hostlens::protocols::http1 {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// RFC 9110 5.6.2: tchar.
constexpr std::array<bool, 256> kTokenChar = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789")) {
    table[static_cast<uint8_t>(c)] = true;
  }
  for (size_t c = 'A'; c <= 'Z'; ++c) table[c] = table[c | 0x20U] = true;
  return table;
}();

bool is_token(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return kTokenChar[static_cast<uint8_t>(c)]; });
}

template <typename Word>
Word load(const char* at) {
  Word word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

constexpr uint64_t every_byte(uint8_t byte) { return 0x0101010101010101ULL * byte; }

/// Not zero when a byte of the word is below 0x20 or equal to 0x7F. A borrow can mark a byte behind
/// such a one, too, but never without one.
uint64_t controls(uint64_t word) {
  const uint64_t del = word ^ every_byte(0x7F);
  return (((word - every_byte(0x20)) & ~word) | ((del - every_byte(0x01)) & ~del)) &
         every_byte(0x80);
}

bool has_control(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  uint64_t found = 0;
  for (; end - at >= 8; at += 8) found |= controls(load<uint64_t>(at));
  for (; at != end; ++at) found |= static_cast<uint8_t>(*at) < 0x20 || *at == 0x7F ? 1U : 0U;
  return found != 0;
}

inline std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// The bytes at `at` and `lower`, compared by words of which the last overlaps the one before it.
template <typename Word>
bool same_words(const char* at, std::string_view lower) {
  constexpr Word kLowerBits = static_cast<Word>(0x2020202020202020ULL);
  const size_t last = lower.size() - sizeof(Word);
  for (size_t i = 0; i < last; i += sizeof(Word)) {
    if ((load<Word>(at + i) | kLowerBits) != load<Word>(lower.data() + i)) return false;
  }
  return (load<Word>(at + last) | kLowerBits) == load<Word>(lower.data() + last);
}

/// For names of four and more letters and dashes: bit 5 set makes letters lower case and leaves a
/// dash alone. What else becomes equal by that is no valid name anyway.
inline bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  return lower.size() >= sizeof(uint64_t) ? same_words<uint64_t>(text.data(), lower)
                                          : same_words<uint32_t>(text.data(), lower);
}

enum class Match : uint8_t { kNo, kYes, kSpaceBeforeColon };

/// `name` is lower case. The value, trimmed, goes to `value`.
inline Match match_field(std::string_view line, std::string_view name, std::string_view& value) {
  if (line.size() <= name.size()) return Match::kNo;
  const char next = line[name.size()];
  if (next == ':') {
    if (!equals_ignoring_case(line.substr(0, name.size()), name)) return Match::kNo;
    value = trim(line.substr(name.size() + 1));
    return Match::kYes;
  }
  if (!is_blank(next) || !equals_ignoring_case(line.substr(0, name.size()), name)) {
    return Match::kNo;
  }
  const std::string_view rest = trim(line.substr(name.size()));
  return rest.starts_with(':') ? Match::kSpaceBeforeColon : Match::kNo;
}

/// Calls `use` with each trimmed member of a comma separated list.
template <typename Use>
void for_each_member(std::string_view list, Use use) {
  while (true) {
    const size_t comma = list.find(',');
    use(trim(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

std::string_view bounded(std::string_view text) { return text.substr(0, HeadFields::kTextBytes); }

}  // namespace

bool parse_request_line(std::string_view line, bool truncated, std::string_view tail,
                        RequestLine& out) {
  const size_t first = line.find(' ');
  if (first == 0 || first == std::string_view::npos) return false;
  out.method = line.substr(0, first);
  if (out.method.size() > 32 || !is_token(out.method)) return false;
  const std::string_view end = truncated ? tail : line;
  const size_t last = end.rfind(' ');
  if (last == std::string_view::npos || (!truncated && last == first)) return false;
  const std::string_view version = end.substr(last + 1);
  if (version.size() != kVersion.size() + 1 || !version.starts_with(kVersion) ||
      !is_digit(version.back())) {
    return false;
  }
  out.version_minor = static_cast<uint8_t>(version.back() - '0');
  out.target = truncated ? line.substr(first + 1) : line.substr(first + 1, last - first - 1);
  out.target = trim(out.target);
  // Control bytes mean that this is no text protocol at all (RFC 9112 3.2 forbids even spaces).
  return !out.target.empty() && !has_control(out.target);
}

bool parse_status_line(std::string_view line, uint16_t& status, uint8_t& version_minor) {
  if (line.size() < 12 || !line.starts_with(kVersion) || !is_digit(line[7]) || line[8] != ' ') {
    return false;
  }
  if (line[9] < '1' || line[9] > '9' || !is_digit(line[10]) || !is_digit(line[11])) return false;
  if (line.size() > 12 && line[12] != ' ') return false;
  version_minor = static_cast<uint8_t>(line[7] - '0');
  status = static_cast<uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
  return true;
}

void HeadFields::clear(bool request) {
  host.clear();
  user_agent.clear();
  upgrade.clear();
  trace_state.clear();
  traceparent = {};
  content_length = 0;
  has_length = has_coding = chunked_last = contradiction = has_traceparent_ = false;
  is_request = request;
  previous_ = Kind::kOther;
}

void HeadFields::add_line(std::string_view line, bool truncated) {
  if (is_blank(line.front())) {
    // RFC 9112 5.2: obsolete line folding. Recipients differ in what they make of it, so a framing
    // field that goes on here cannot be trusted; the other fields keep their first line.
    if (previous_ == Kind::kFraming && !trim(line).empty()) contradiction = true;
    return;
  }
  previous_ = Kind::kOther;
  std::string_view value;
  switch (line.front() | 0x20) {  // ASCII lower case
    case 'c':
      return add_c(line);
    case 'h':
      if (is_request && match_field(line, "host", value) == Match::kYes) host = bounded(value);
      return;
    case 't':
      return add_t(line, truncated);
    case 'u':
      return add_u(line);
    default:
      return;
  }
}

void HeadFields::add_c(std::string_view line) {
  std::string_view value;
  switch (match_field(line, "content-length", value)) {
    case Match::kNo:
      return;
    case Match::kSpaceBeforeColon:  // RFC 9112 5.1: to be refused; some take it, some do not
      contradiction = true;
      break;
    case Match::kYes:
      if (value.find(',') == std::string_view::npos) {
        add_length(value);
      } else {
        for_each_member(value, [this](std::string_view member) { add_length(member); });
      }
      break;
  }
  previous_ = Kind::kFraming;
}

void HeadFields::add_length(std::string_view value) {
  uint64_t length = 0;
  // RFC 9110 8.6: 1*DIGIT. 18 digits cannot overflow and are more than any disk holds.
  bool valid = !value.empty() && value.size() <= 18;
  for (size_t i = 0; valid && i < value.size(); ++i) {
    valid = is_digit(value[i]);
    length = length * 10 + static_cast<uint64_t>(value[i] - '0');
  }
  if (!valid) {
    contradiction = true;
    return;
  }
  // RFC 9112 6.3 rule 5: equal repetitions may be taken as one, different ones are an error.
  if (has_length && length != content_length) contradiction = true;
  has_length = true;
  content_length = length;
}

void HeadFields::add_coding(std::string_view value) {
  has_coding = true;
  // RFC 9112 6.1: chunked is applied once and last; a coding behind it or a second one is an error.
  for_each_member(value, [this](std::string_view member) {
    if (member.empty()) return;
    if (chunked_last) contradiction = true;
    chunked_last = equals_ignoring_case(member, "chunked");
  });
}

void HeadFields::add_t(std::string_view line, bool truncated) {
  std::string_view value;
  const Match coding = match_field(line, "transfer-encoding", value);
  if (coding != Match::kNo) {
    previous_ = Kind::kFraming;
    if (coding == Match::kYes && !truncated) {
      add_coding(value);
    } else {
      contradiction = true;
    }
    return;
  }
  if (!is_request || truncated) return;
  if (match_field(line, "traceparent", value) == Match::kYes) {
    // Trace Context 3.2.1: several traceparent fields are as good as none.
    const auto parsed = parse_traceparent(value);
    traceparent = parsed && !has_traceparent_ ? *parsed : model::TraceContext{};
    has_traceparent_ = true;
  } else if (match_field(line, "tracestate", value) == Match::kYes) {
    if (!trace_state.empty()) trace_state += ',';
    trace_state += value;
    if (!acceptable_tracestate(trace_state)) trace_state.clear();
  }
}

void HeadFields::add_u(std::string_view line) {
  std::string_view value;
  if (match_field(line, "user-agent", value) == Match::kYes) {
    if (is_request) user_agent = bounded(value);
  } else if (match_field(line, "upgrade", value) == Match::kYes) {
    upgrade = bounded(trim(value.substr(0, value.find(','))));
  }
}

Framing HeadFields::framing(uint8_t version_minor) const {
  if (contradiction) return Framing::kUnknown;
  if (has_coding) {
    // RFC 9112 6.1: Transfer-Encoding in a 1.0 message is faulty framing.
    if (version_minor == 0) return Framing::kUnknown;
    // 6.3 rule 3: it overrides Content-Length. Rule 4: a response whose last coding is not chunked
    // ends with the connection; such a request has no reliable length.
    if (chunked_last) return Framing::kChunked;
    return is_request ? Framing::kUnknown : Framing::kUntilClose;
  }
  if (has_length) return content_length == 0 ? Framing::kNone : Framing::kLength;
  return is_request ? Framing::kNone : Framing::kUntilClose;
}

}  // namespace hostlens::protocols::http1
