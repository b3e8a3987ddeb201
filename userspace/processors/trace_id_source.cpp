// SPDX-License-Identifier: Apache-2.0
#include "processors/trace_id_source.h"

#include <sys/random.h>

#include <bit>
#include <cstring>

#include "base/clock.h"

namespace hostlens::processors {

TraceIdSource::Seed TraceIdSource::random_seed() {
  Seed seed{};
  // Up to 256 bytes come whole or not at all (getrandom(2)); without them the clock must do.
  if (::getrandom(seed.data(), sizeof(seed), 0) != static_cast<ssize_t>(sizeof(seed))) {
    seed = {base::monotonic_now_ns(), base::unix_now_ns(), 1, 2};
  }
  return seed;
}

uint64_t TraceIdSource::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

model::SpanId TraceIdSource::span_id() {
  uint64_t number = next();
  if (number == 0) number = 1;  // all zero means "none"
  model::SpanId id{};
  std::memcpy(id.data(), &number, sizeof(number));
  return id;
}

model::TraceId TraceIdSource::trace_id() {
  const uint64_t high = next();
  const model::SpanId low = span_id();
  model::TraceId id{};
  std::memcpy(id.data(), &high, sizeof(high));
  std::memcpy(id.data() + sizeof(high), low.data(), low.size());
  return id;
}

}  // namespace hostlens::processors
