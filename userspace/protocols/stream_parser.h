// SPDX-License-Identifier: Apache-2.0
// The contract between the connection tracker and a protocol: the tracker delivers two byte streams
// in order, the protocol makes exchanges of them. README.md in this folder is the recipe for a new
// one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/ledger.h"
#include "model/exchange_pool.h"
#include "model/socket_event.h"

namespace hostlens::protocols {

/// Which stream of the connection: requests flow one way, responses the other. The tracker knows
/// which socket direction that is (a server receives requests); a parser never needs to.
enum class Flow : uint8_t { kRequest = 0, kResponse = 1 };

enum class Verdict : uint8_t { kNo, kYes, kNeedMore };

/// One socket call's bytes of one flow.
struct StreamChunk {
  uint64_t position = 0;  ///< stream position of the first byte
  uint64_t length = 0;    ///< bytes moved by the call
  std::string_view
      seen;  ///< the first seen.size() <= length of them; the rest is counted, not visible
  uint64_t time_ns = 0;
  uint32_t tid = 0;
};

/// Where a parser leaves its results; implemented by the tracker, which fills identity and
/// addresses in and keeps the books. For every exchange: started once, then exactly one of finished
/// or dropped.
class ParserSink {
 public:
  virtual ~ParserSink() = default;
  /// An empty exchange to fill, for a request that begins.
  [[nodiscard]] virtual model::ExchangePtr new_exchange() noexcept = 0;
  /// The head of a request is known. The sink completes the exchange in place (id, process,
  /// addresses).
  virtual void exchange_started(model::Exchange& exchange) noexcept = 0;
  virtual void exchange_finished(model::ExchangePtr exchange) noexcept = 0;
  virtual void exchange_dropped(model::Exchange& exchange, base::DropReason reason) noexcept = 0;
  /// A message that never became an exchange: a response without a request, a broken or cut head.
  virtual void message_lost(base::DropReason reason) noexcept = 0;
};

/// How far a guess at the protocol may be trusted.
enum class Confidence : uint8_t {
  kProvisional,  ///< one direction fits so far
  kConfirmed,    ///< a request and a response were both parsed: sticky, errors are now the peers'
  kRejected,  ///< not this protocol after all; the tracker lets the parser go and may guess again
};

/// One per connection, made by the protocol's factory, driven by the shard thread alone. State is
/// bounded whatever the bytes; cost is linear in the visible bytes and constant in the others.
/// Pure: no clock, no files, no globals. Within a flow chunks arrive in order and without overlap;
/// a hole is announced by on_gap before the chunk that follows it. Between the flows order is that
/// of the ring, which can differ slightly from time order when several threads use one socket.
class StreamParser {
 public:
  virtual ~StreamParser() = default;
  virtual void on_chunk(Flow flow, const StreamChunk& chunk) noexcept = 0;
  /// `length` bytes that should have come next were lost.
  virtual void on_gap(Flow flow, uint64_t length) noexcept = 0;
  /// The sender of this flow will send no more (a receive returned 0).
  virtual void on_end(Flow flow, uint64_t time_ns) noexcept = 0;
  /// The connection is gone. Everything still open must be finished or dropped here.
  virtual void on_close(uint64_t time_ns, model::CloseReason reason) noexcept = 0;
  /// We lose the connection without knowing its end (limits, wrong guess): drop everything still
  /// open.
  virtual void abandon(base::DropReason reason) noexcept = 0;
  /// A few times per second: time-outs.
  virtual void on_tick(uint64_t now_ns) noexcept = 0;
  [[nodiscard]] virtual Confidence confidence() const noexcept = 0;
};

/// Bounds that every parser keeps. Defaults are those of the packaged configuration (`limits`).
struct ParserLimits {
  uint32_t line_bytes = 4096;    ///< longest request line or header line that is kept
  uint32_t target_bytes = 2048;  ///< longest request-target that is kept
  uint32_t outstanding = 64;     ///< requests waiting for their responses on one connection
  uint64_t exchange_timeout_ns = 300'000'000'000;  ///< silence after which an exchange is given up
};

/// What a parser is told about its connection.
struct ParserContext {
  model::Side side = model::Side::kServer;
  bool mid_life = false;  ///< earlier bytes of this connection were not seen
  ParserLimits limits;
};

/// One row of the explicit table in agent/builtin_protocols.cpp. Earlier rows win. `detect_*` look
/// at the first visible bytes of a call, must answer from them alone and may ask for more up to
/// kDetectBytes.
struct ProtocolEntry {
  std::string_view name;
  Verdict (*detect_request)(std::string_view bytes) noexcept;
  Verdict (*detect_response)(std::string_view bytes) noexcept;
  std::unique_ptr<StreamParser> (*create)(const ParserContext& context, ParserSink& sink);
};
using ProtocolTable = std::span<const ProtocolEntry>;

inline constexpr size_t kDetectBytes = 32;

}  // namespace hostlens::protocols
