// SPDX-License-Identifier: Apache-2.0
// Any bytes as records of the sampler's rings: nothing may be read outside of them, and what is
// accepted keeps its limits.
#include <cstdint>
#include <cstdlib>

#include "decoders/profile_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace hostlens;
  const base::Bytes record{reinterpret_cast<const std::byte*>(bytes), size};
  static decoders::ProfileSample sample;  // its memory is used again, as the reader does
  if (decoders::decode_profile_sample(record, sample) == decoders::DecodeStatus::kOk) {
    if (sample.frames.size() > UNWIND_FRAMES_MAX || sample.comm.size() > PROCESS_COMM_BYTES ||
        sample.kernel_frames.size() > PROFILE_KERNEL_FRAMES_MAX ||
        sample.python_frames.size() > PYTHON_FRAMES_MAX) {
      std::abort();
    }
    for (const decoders::V8Frame& frame : sample.v8_frames) {
      if (frame.frame >= sample.frames.size()) std::abort();
    }
  }
  decoders::ProfileWaker waker;
  if (decoders::decode_profile_waker(record, waker) == decoders::DecodeStatus::kOk &&
      (waker.sleeper == 0 || waker.stack.frames.size() > UNWIND_FRAMES_MAX)) {
    std::abort();
  }
  decoders::ProfileNotice notice;
  if (decoders::decode_profile_notice(record, notice) == decoders::DecodeStatus::kOk &&
      notice.executable >= UNWIND_EXECUTABLES_MAX) {
    std::abort();
  }
  decoders::ProfileRaw raw;
  if (decoders::decode_profile_raw(record, raw) == decoders::DecodeStatus::kOk) {
    uint8_t sum = 0;
    for (const std::byte byte : raw.stack) sum ^= static_cast<uint8_t>(byte);
    [[maybe_unused]] static volatile uint8_t keep;  // so that the bytes are really read
    keep = sum;
  }
  return 0;
}
