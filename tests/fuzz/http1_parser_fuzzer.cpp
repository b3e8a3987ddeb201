// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.x parser against arbitrary calls: flows, hidden bytes, gaps, ends and ticks come from
// the input, too. Invariants: every exchange that was started is finished or dropped once, and at
// most limits.outstanding are open.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "protocols/http1/http1_parser.h"

namespace {

using namespace hostlens;

void require(bool condition) {
  if (!condition) std::abort();
}

class CheckingSink final : public protocols::ParserSink {
 public:
  model::ExchangePtr new_exchange() noexcept override { return pool.take(); }
  void exchange_started(model::Exchange& exchange) noexcept override {
    exchange.id = ++last_id_;
    open.insert(exchange.id);
    require(open.size() <= protocols::ParserLimits{}.outstanding);
  }
  void exchange_finished(model::ExchangePtr finished) noexcept override {
    const model::Exchange& exchange = *finished;
    require(open.erase(exchange.id) == 1);
    require(exchange.end_ns >= exchange.request_start_ns);
    require(exchange.http.path.size() + exchange.http.query.size() <=
            protocols::ParserLimits{}.target_bytes);
    require(exchange.http.user_agent.size() <= 256 && exchange.http.host.size() <= 256);
  }
  void exchange_dropped(model::Exchange& exchange, base::DropReason) noexcept override {
    require(open.erase(exchange.id) == 1);
  }
  void message_lost(base::DropReason) noexcept override {}

  model::ExchangePool pool;
  std::set<uint64_t> open;

 private:
  uint64_t last_id_ = 0;
};

}  // namespace

/// Input: steps of two bytes, operation and size, each followed by that many bytes for a chunk.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2) return 0;
  std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const auto take = [&input]() {
    const auto value = static_cast<uint8_t>(input.empty() ? 0 : input.front());
    input.remove_prefix(input.empty() ? 0 : 1);
    return value;
  };
  CheckingSink sink;
  const uint8_t setup = take();
  protocols::http1::Http1Parser parser(
      {(setup & 1U) != 0 ? model::Side::kClient : model::Side::kServer, (setup & 2U) != 0, {}},
      sink);
  uint64_t now_ns = 1'000'000'000;
  uint64_t positions[2] = {0, 0};
  while (!input.empty()) {
    const uint8_t operation = take();
    const uint8_t amount = take();
    const auto flow =
        (operation & 1U) != 0 ? protocols::Flow::kResponse : protocols::Flow::kRequest;
    uint64_t& position = positions[operation & 1U];
    now_ns += 1000;
    switch ((operation >> 1U) & 15U) {
      case 12:
        position += amount + 1U;
        parser.on_gap(flow, amount + 1U);
        break;
      case 13:
        parser.on_end(flow, now_ns);
        break;
      case 14:
        now_ns += uint64_t{amount} * amount * 10'000'000;
        parser.on_tick(now_ns);
        break;
      default: {
        const uint64_t hidden = ((operation >> 1U) & 15U) == 15 ? amount : 0;
        const std::string_view seen = input.substr(0, amount);
        input.remove_prefix(seen.size());
        if (seen.size() + hidden == 0) break;
        parser.on_chunk(flow, {position, seen.size() + hidden, seen, now_ns,
                               static_cast<uint32_t>(operation >> 5U)});
        position += seen.size() + hidden;
      }
    }
  }
  if ((setup & 4U) != 0) {
    parser.abandon(base::DropReason::kTrackLimit);
  } else {
    parser.on_close(now_ns, static_cast<model::CloseReason>((setup >> 3U) & 3U));
  }
  require(sink.open.empty());
  return 0;
}
