// SPDX-License-Identifier: Apache-2.0
#include "decoders/profile_decoder.h"

#include <algorithm>
#include <cstring>

#include "decoders/fixed_part.h"
#include "records/signal.h"

namespace hostlens::decoders {
namespace {

constexpr uint8_t kWokenFlags = PROFILE_SAMPLE_WAKER | PROFILE_SAMPLE_INTERRUPT;
constexpr uint8_t kFlags = PROFILE_SAMPLE_GUESSED | PROFILE_SAMPLE_RAW | kWokenFlags;

bool is_cause(uint8_t cause) {
  return cause <= BLOCKED_OTHER || cause == PROFILE_CAUSE_RUNQUEUE || cause == PROFILE_CAUSE_SHORT;
}

bool is_waker(uint8_t how) { return how == PROFILE_WAKER_THREAD || how == PROFILE_WAKER_SOFTIRQ; }

WokenBy woken_by(uint8_t flags) {
  if ((flags & PROFILE_SAMPLE_WAKER) != 0) return WokenBy::kThread;
  return (flags & PROFILE_SAMPLE_INTERRUPT) != 0 ? WokenBy::kInterrupt : WokenBy::kUnknown;
}

PythonFrame python_frame(uint64_t code, uint64_t place) {
  return {code & PYTHON_FRAME_CODE_MASK, static_cast<int32_t>(static_cast<uint32_t>(place)),
          static_cast<uint32_t>(place >> 32U), (code & PYTHON_FRAME_ENTRY) != 0};
}

bool decode_java(std::span<const uint64_t> words, ProfileFrame& frame) {
  if (words.size() < 2) return false;
  const uint64_t type = words[1] >> HOTSPOT_FRAME_TYPE_SHIFT;
  if (type < HOTSPOT_FRAME_INTERPRETED || type > HOTSPOT_FRAME_STUB) return false;
  frame.java = static_cast<hotspot_frame_type>(type);
  frame.java_place =
      static_cast<uint32_t>(words[1] >> HOTSPOT_FRAME_PLACE_SHIFT & HOTSPOT_FRAME_PLACE_MASK);
  frame.java_check = static_cast<uint32_t>(words[1]);
  return true;
}

}  // namespace

size_t decode_frame(std::span<const uint64_t> words, ProfileFrame& frame) noexcept {
  if (words.empty()) return 0;
  const uint64_t word = words.front();
  const uint64_t kind = word >> PROFILE_FRAME_KIND_SHIFT & PROFILE_FRAME_KIND_MASK;
  if (kind < PROFILE_FRAME_FILE || kind > PROFILE_FRAME_JAVA) return 0;
  const bool file = kind == PROFILE_FRAME_FILE;
  frame.kind = static_cast<profile_frame_kind>(kind);
  frame.is_return = (word & PROFILE_FRAME_RETURN) != 0;
  frame.executable = file ? static_cast<uint32_t>(word >> PROFILE_FRAME_EXECUTABLE_SHIFT &
                                                  PROFILE_FRAME_EXECUTABLE_MASK)
                          : 0;
  frame.address = word & (file ? PROFILE_FRAME_OFFSET_MASK : PROFILE_FRAME_ADDRESS_MASK);
  if (kind == PROFILE_FRAME_JAVA) return decode_java(words, frame) ? 2 : 0;
  const bool good = !file || (frame.executable != 0 && frame.executable < UNWIND_EXECUTABLES_MAX);
  return good ? 1 : 0;
}

bool decode_v8_frame(uint64_t first, uint64_t second, int64_t last, size_t frames, bool function,
                     V8Frame& frame) noexcept {
  const uint64_t index = first >> V8_FRAME_INDEX_SHIFT;
  const uint64_t value = first & V8_FRAME_VALUE_MASK;
  if (index >= frames || static_cast<int64_t>(index) <= last) return false;
  frame = {};
  frame.frame = static_cast<uint32_t>(index);
  if ((value & V8_TAG_MASK) == V8_HEAP_OBJECT_TAG) {
    (function ? frame.function : frame.shared) = value;
    frame.name = second;
    return true;
  }
  frame.type = static_cast<uint32_t>(value / 2);
  return value % 2 == 0 && value > 0 && value < 2 * V8_FRAME_TYPES;
}

namespace {

/// A sample, or the same of a waker.
DecodeStatus decode_stack(base::Bytes bytes, record_type type, ProfileSample& sample) {
  const auto record = fixed_part<profile_sample_record>(bytes);
  if (!record) return DecodeStatus::kTruncated;
  if (record->header.type != type) return DecodeStatus::kType;
  if (!valid(record->process) || record->outcome >= PROFILE_OUTCOME_COUNT ||
      (record->flags & ~kFlags) != 0 || (record->flags & kWokenFlags) == kWokenFlags ||
      record->kernel_frames > PROFILE_KERNEL_FRAMES_MAX ||
      record->user_frames > UNWIND_FRAMES_MAX || record->python_outcome >= PYTHON_OUTCOME_COUNT ||
      record->python_version >= PYTHON_VERSION_COUNT || record->python_frames > PYTHON_FRAMES_MAX ||
      record->v8_frames > V8_FRAMES_MAX) {
    return DecodeStatus::kField;
  }
  const size_t all = (record->header.size - sizeof(*record)) / sizeof(uint64_t);
  const size_t v8 = size_t{record->v8_frames} * 2;
  const size_t python = size_t{record->python_frames} * 2;
  if (record->header.size % sizeof(uint64_t) != 0 || all > PROFILE_WORDS_MAX ||
      all < record->kernel_frames + python + v8) {
    return DecodeStatus::kTruncated;
  }
  const size_t frames = all - python - v8;
  std::array<uint64_t, PROFILE_WORDS_MAX> room;
  const std::span<uint64_t> words = std::span(room).first(all);
  std::memcpy(words.data(), bytes.data() + sizeof(*record), words.size_bytes());
  sample.time_ns = record->header.time_ns;
  sample.process = process_key(record->process);
  sample.start_boottime_ns = record->process.start_boottime_ns;
  sample.tid = record->process.tid;
  sample.cpu = record->header.cpu;
  sample.cgroup_id = record->cgroup_id;
  sample.weight = record->weight;
  sample.cause = record->cause;
  sample.comm.assign(record->comm, ::strnlen(record->comm, sizeof(record->comm)));
  sample.outcome = static_cast<profile_outcome>(record->outcome);
  sample.guessed = (record->flags & PROFILE_SAMPLE_GUESSED) != 0;
  sample.has_raw = (record->flags & PROFILE_SAMPLE_RAW) != 0;
  sample.kernel_frames.clear();
  sample.kernel_frames.reserve(record->kernel_frames);
  for (size_t i = 0; i < record->kernel_frames; ++i) {
    sample.kernel_frames.push_back(words[i]);
  }
  sample.frames.clear();
  sample.frames.reserve(record->user_frames);
  for (size_t i = record->kernel_frames; i < frames;) {
    ProfileFrame frame;
    const size_t count = decode_frame(words.subspan(i, frames - i), frame);
    if (count == 0) return DecodeStatus::kField;
    sample.frames.push_back(frame);
    i += count;
  }
  if (sample.frames.size() != record->user_frames) return DecodeStatus::kTruncated;
  sample.woken_by = woken_by(record->flags);
  sample.waker.reset();
  sample.python = static_cast<python_outcome>(record->python_outcome);
  sample.version = static_cast<python_version>(record->python_version);
  sample.python_frames.clear();
  sample.python_frames.reserve(record->python_frames);
  for (size_t i = frames; i < frames + python; i += 2) {
    sample.python_frames.push_back(python_frame(words[i], words[i + 1]));
  }
  sample.v8_frames.clear();
  sample.v8_frames.reserve(record->v8_frames);
  for (size_t i = frames + python; i < all; i += 2) {
    const int64_t last = sample.v8_frames.empty() ? -1 : int64_t{sample.v8_frames.back().frame};
    V8Frame frame;
    if (!decode_v8_frame(words[i], words[i + 1], last, record->user_frames, false, frame)) {
      return DecodeStatus::kField;
    }
    sample.v8_frames.push_back(frame);
  }
  return DecodeStatus::kOk;
}

}  // namespace

DecodeStatus decode_profile_sample(base::Bytes bytes, ProfileSample& sample) {
  const DecodeStatus status = decode_stack(bytes, RECORD_PROFILE_SAMPLE, sample);
  return status == DecodeStatus::kOk && !is_cause(sample.cause) ? DecodeStatus::kField : status;
}

DecodeStatus decode_profile_waker(base::Bytes bytes, ProfileWaker& waker) {
  const DecodeStatus status = decode_stack(bytes, RECORD_PROFILE_WAKER, waker.stack);
  if (status != DecodeStatus::kOk) return status;
  if (!is_waker(waker.stack.cause) || !is_thread(waker.stack.weight) ||
      waker.stack.woken_by != WokenBy::kUnknown) {
    return DecodeStatus::kField;
  }
  waker.sleeper = static_cast<uint32_t>(waker.stack.weight);
  waker.how = static_cast<profile_waker>(waker.stack.cause);
  return DecodeStatus::kOk;
}

DecodeStatus decode_profile_raw(base::Bytes bytes, ProfileRaw& raw) noexcept {
  const auto record = fixed_part<profile_raw_record>(bytes);
  if (!record) return DecodeStatus::kTruncated;
  if (record->header.type != RECORD_PROFILE_RAW) return DecodeStatus::kType;
  const size_t stack = record->header.size - sizeof(*record);
  if (!valid(record->process) || stack > PROFILE_STACK_PAGES * PROFILE_STACK_PAGE ||
      record->stack_start % PROFILE_STACK_PAGE != 0 || record->stack_start > UINT64_MAX - stack) {
    return DecodeStatus::kField;
  }
  raw.time_ns = record->header.time_ns;
  raw.tid = record->process.tid;
  raw.space = record->space;
  raw.inherited = record->inherited;
  raw.pc = record->pc;
  std::copy_n(record->registers, raw.registers.size(), raw.registers.begin());
  raw.stack_start = record->stack_start;
  raw.stack = bytes.subspan(sizeof(*record), stack);
  return DecodeStatus::kOk;
}

DecodeStatus decode_profile_notice(base::Bytes bytes, ProfileNotice& notice) noexcept {
  const auto record = fixed_part<profile_notice_record>(bytes);
  if (!record) return DecodeStatus::kTruncated;
  if (record->header.type != RECORD_PROFILE_NOTICE) return DecodeStatus::kType;
  if (!valid(record->process) || record->space == 0 || record->reason < PROFILE_NOTICE_EXEC ||
      record->reason > PROFILE_NOTICE_TABLE || record->executable >= UNWIND_EXECUTABLES_MAX) {
    return DecodeStatus::kField;
  }
  notice.time_ns = record->header.time_ns;
  notice.process = process_key(record->process);
  notice.start_boottime_ns = record->process.start_boottime_ns;
  notice.space = record->space;
  notice.reason = static_cast<profile_notice_reason>(record->reason);
  notice.address = record->address;
  notice.executable = record->executable;
  return DecodeStatus::kOk;
}

}  // namespace hostlens::decoders
