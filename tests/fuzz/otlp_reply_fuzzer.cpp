// SPDX-License-Identifier: Apache-2.0
// Any bytes as a collector's answer: first two bytes the status, then one for the length of
// Retry-After, then that header and the body.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/utf8.h"
#include "exporters/otlp/reply_judgement.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hostlens::exporters;
  if (size < 3) return 0;
  constexpr uint64_t kItems = 100;
  otlp::HttpReply reply;
  reply.end = otlp::HttpReply::End::kAnswered;
  reply.status = (data[0] << 8 | data[1]) % 600;
  const size_t header_size = std::min<size_t>(data[2], size - 3);
  const char* text = reinterpret_cast<const char*>(data) + 3;
  reply.retry_after.assign(text, header_size);
  reply.body.assign(text + header_size, size - 3 - header_size);
  for (const auto signal : {otlp::Signal::kTraces, otlp::Signal::kMetrics}) {
    const otlp::Judgement judgement = otlp::judge(signal, reply, kItems, 1'700'000'000);
    if (judgement.rejected > kItems) std::abort();
    if (base::valid_utf8_prefix(judgement.text) != judgement.text.size()) std::abort();
    if (judgement.text.find('\n') != std::string::npos) std::abort();
    if (judgement.retry_after &&
        (*judgement.retry_after > otlp::kLongestRetryAfter || judgement.retry_after->count() < 0)) {
      std::abort();
    }
  }
  return 0;
}
