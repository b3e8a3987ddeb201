// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/sample_parts.h"

#include "base/hash.h"

namespace hostlens::symbols {
namespace {

using List = SamplePart::List;

uint64_t key_of_native(uint64_t callers, uint64_t process, const decoders::ProfileFrame& frame) {
  const bool file = frame.kind == PROFILE_FRAME_FILE;
  uint64_t key = base::mix(callers, file ? frame.executable : process);
  key = base::mix(key, static_cast<uint64_t>(frame.kind) << 1U | (frame.is_return ? 1 : 0));
  key = base::mix(key, frame.address);
  if (frame.kind != PROFILE_FRAME_JAVA) return key;
  key = base::mix(key, static_cast<uint64_t>(frame.java));
  return base::mix(key, uint64_t{frame.java_place} << 32U | frame.java_check);
}

uint64_t key_of_python(uint64_t callers, uint64_t process, python_version version,
                       const decoders::PythonFrame& frame) {
  uint64_t key = base::mix(base::mix(callers, process), static_cast<uint64_t>(version));
  key = base::mix(key, frame.code);
  return base::mix(key, uint64_t{static_cast<uint32_t>(frame.offset)} << 32U | frame.check);
}

uint64_t key_of_v8(uint64_t callers, uint64_t process, const decoders::ProfileSample& sample,
                   const decoders::V8Frame& frame) {
  uint64_t key = key_of_native(callers, process, sample.frames[frame.frame]);
  for (const uint64_t word : {process, frame.function, frame.shared, frame.name}) {
    key = base::mix(key, word);
  }
  return base::mix(key, frame.type);
}

uint64_t key_of(uint64_t callers, uint64_t process, const decoders::ProfileSample& sample,
                const SamplePart& part) {
  const uint64_t key = base::mix(callers, static_cast<uint64_t>(part.list) + 1);
  switch (part.list) {
    case List::kKernel:  // the first is the instruction itself, the others return addresses
      return base::mix(key, sample.kernel_frames[part.index] << 1U | (part.index > 0 ? 1 : 0));
    case List::kNative:
      return key_of_native(key, process, sample.frames[part.index]);
    case List::kPython:
      return key_of_python(key, process, sample.version, sample.python_frames[part.index]);
    case List::kV8:
      break;
  }
  return key_of_v8(key, process, sample, sample.v8_frames[part.index]);
}

void list_user_parts(const decoders::ProfileSample& sample, const JoinedStack& python, bool has_v8,
                     std::vector<SamplePart>& parts) {
  if (!sample.python_frames.empty()) {
    for (const StackPart& part : python.parts) {
      parts.push_back({part.python ? List::kPython : List::kNative, part.index});
    }
    return;
  }
  size_t v8 = has_v8 ? 0 : sample.v8_frames.size();
  for (size_t i = 0; i < sample.frames.size(); ++i) {
    if (v8 < sample.v8_frames.size() && sample.v8_frames[v8].frame == i) {
      parts.push_back({List::kV8, v8++});
    } else {
      parts.push_back({List::kNative, i});
    }
  }
}

}  // namespace

void list_parts(const decoders::ProfileSample& sample, const JoinedStack& python, bool has_v8,
                std::vector<SamplePart>& parts) {
  parts.clear();
  for (size_t i = 0; i < sample.kernel_frames.size(); ++i) parts.push_back({List::kKernel, i});
  list_user_parts(sample, python, has_v8, parts);
  const uint64_t process = base::mix(sample.process.pid, sample.process.start_ticks);
  uint64_t key = 0;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    key = key_of(key, process, sample, *part);
    part->key = key;
  }
}

}  // namespace hostlens::symbols
