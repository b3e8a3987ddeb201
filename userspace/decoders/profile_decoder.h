// SPDX-License-Identifier: Apache-2.0
// Ring bytes of the sampler -> samples and notices. Pure: no clock, no system calls, no state.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/byte_reader.h"
#include "decoders/decode_status.h"
#include "model/process_key.h"
#include "records/profile.h"

namespace hostlens::decoders {

struct ProfileFrame {
  profile_frame_kind kind = PROFILE_FRAME_UNKNOWN;
  /// The call is before `address`; else it is the instruction itself.
  bool is_return = false;
  uint32_t executable = 0;  ///< of PROFILE_FRAME_FILE: its number in UnwindTables
  uint64_t address = 0;     ///< an ELF virtual address of that file, else as the process has it
  /// Of PROFILE_FRAME_JAVA, as records/hotspot.h says.
  hotspot_frame_type java = HOTSPOT_FRAME_STUB;
  uint32_t java_place = 0;
  uint32_t java_check = 0;

  bool operator==(const ProfileFrame&) const = default;
};

/// A frame of CPython: records/python.h.
struct PythonFrame {
  uint64_t code = 0;  ///< of its code object; 0: none, it only says that C called what is before it
  int32_t offset = 0;  ///< of the instruction, in bytes
  uint32_t check = 0;  ///< python_code_check() of the code object
  bool is_entry = false;

  bool operator==(const PythonFrame&) const = default;
};

/// What V8 says of a user frame: records/v8.h.
struct V8Frame {
  uint32_t frame = 0;     ///< which: index into ProfileSample::frames
  uint64_t function = 0;  ///< its JSFunction, where nothing was read of that yet; else 0
  uint64_t shared = 0;    ///< its SharedFunctionInfo; tagged, as all these
  uint64_t name = 0;      ///< name_or_scope_info of that
  uint32_t type = 0;      ///< of a frame that is no function's: its frame type; else 0

  bool operator==(const V8Frame&) const = default;
};

/// Who ended a sleep.
enum class WokenBy : uint8_t {
  kUnknown,    ///< or nobody asked
  kThread,     ///< a ProfileWaker for this thread came before the sample
  kInterrupt,  ///< no thread
};

/// As the kernel sent it: names are others' business.
struct ProfileSample {
  uint64_t time_ns = 0;  ///< CLOCK_MONOTONIC
  model::ProcessKey process;
  uint64_t start_boottime_ns = 0;
  uint32_t tid = 0;
  uint16_t cpu = 0;
  uint64_t cgroup_id = 0;
  uint64_t weight = 0;  ///< samples; with a cause, nanoseconds
  uint8_t cause = 0;    ///< off CPU: enum blocked_cause, enum profile_cause; 0: on CPU
  std::string comm;     ///< of the thread
  profile_outcome outcome = PROFILE_COMPLETE;
  bool guessed = false;
  bool has_raw = false;                 ///< a ProfileRaw of this thread and time came before it
  std::vector<uint64_t> kernel_frames;  ///< leaf first
  std::vector<ProfileFrame> frames;     ///< leaf first
  python_outcome python = PYTHON_NOT_WALKED;
  python_version version = PYTHON_UNKNOWN;  ///< of `python_frames`
  std::vector<PythonFrame> python_frames;   ///< leaf first
  std::vector<V8Frame> v8_frames;           ///< in the order of `frames`, each of another one
  WokenBy woken_by = WokenBy::kUnknown;     ///< off CPU
  std::shared_ptr<const struct ProfileWaker> waker;  ///< of kThread; not the decoder's to fill
};

/// The thread that woke another one, and its stack at that moment.
struct ProfileWaker {
  uint32_t sleeper = 0;  ///< thread id of the other one
  profile_waker how = PROFILE_WAKER_THREAD;
  ProfileSample stack;  ///< its weight and cause mean nothing
};

/// What a stack is unwound from when the tables come too late.
struct ProfileRaw {
  uint64_t time_ns = 0;
  uint32_t tid = 0;
  uint64_t space = 0;
  uint64_t inherited = 0;
  uint64_t pc = 0;
  std::array<uint64_t, 16> registers{};  ///< by DWARF number
  uint64_t stack_start = 0;
  base::Bytes stack;  ///< points into the record
};

struct ProfileNotice {
  uint64_t time_ns = 0;
  model::ProcessKey process;
  uint64_t start_boottime_ns = 0;
  uint64_t space = 0;
  profile_notice_reason reason = PROFILE_NOTICE_EXEC;
  uint64_t address = 0;     ///< of PROFILE_NOTICE_ADDRESS
  uint32_t executable = 0;  ///< of PROFILE_NOTICE_TABLE
};

/// The frame that `words` begin with. Returns how many of them it has; 0: no such kind, or words
/// are missing.
[[nodiscard]] size_t decode_frame(std::span<const uint64_t> words, ProfileFrame& frame) noexcept;

/// Both words of one frame of V8; false: they do not follow `last`, the index of the one before
/// (-1: none), or are none of one of `frames`. `function`: the first word has a JSFunction, and
/// nothing was read of it.
[[nodiscard]] bool decode_v8_frame(uint64_t first, uint64_t second, int64_t last, size_t frames,
                                   bool function, V8Frame& frame) noexcept;

/// A profile_sample_record. Memory of `sample` is used again.
[[nodiscard]] DecodeStatus decode_profile_sample(base::Bytes bytes, ProfileSample& sample);

/// The same record of a thread that wakes another.
[[nodiscard]] DecodeStatus decode_profile_waker(base::Bytes bytes, ProfileWaker& waker);

/// A profile_raw_record.
[[nodiscard]] DecodeStatus decode_profile_raw(base::Bytes bytes, ProfileRaw& raw) noexcept;

/// A record of the ring of notices.
[[nodiscard]] DecodeStatus decode_profile_notice(base::Bytes bytes, ProfileNotice& notice) noexcept;

}  // namespace hostlens::decoders
