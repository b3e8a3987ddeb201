// SPDX-License-Identifier: Apache-2.0
#include "symbols/code/sample_mender.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "symbols/unwind/late_unwinder.h"

namespace hostlens::symbols {
namespace {

/// More CPUs than this do not send a raw stack at one moment.
constexpr size_t kMostRaws = 64;

bool may_mend(profile_outcome outcome) {
  return outcome == PROFILE_NOT_READY || outcome == PROFILE_NO_MAPPING ||
         outcome == PROFILE_NO_TABLE;
}

}  // namespace

/// And memory of one process at a time, page by page: stacks that are mended together are much
/// alike.
class SampleMender::Tables final : public UnwindMemory {
 public:
  Tables(const probes::UnwindTables& tables, kernel::ProcessMemory& memory)
      : tables_(tables), memory_(memory) {}
  void of(const model::ProcessKey& process) {
    if (process == process_) return;
    process_ = process;
    pages_.clear();
  }
  [[nodiscard]] const unwind_word* word(uint32_t index) const override {
    return tables_.word(index);
  }
  [[nodiscard]] unwind_executable* executable(uint32_t number) const override {
    return tables_.executable(number);
  }
  [[nodiscard]] bool read(void* to, uint32_t bytes, uint64_t from) const override {
    auto* out = static_cast<std::byte*>(to);
    while (bytes > 0) {
      const std::vector<std::byte>& page = this->page(from / kPage);
      const uint64_t at = from % kPage;
      if (page.size() != kPage) return false;
      const auto count = static_cast<uint32_t>(std::min<uint64_t>(bytes, kPage - at));
      std::memcpy(out, page.data() + at, count);
      out += count;
      from += count;
      bytes -= count;
    }
    return true;
  }

 private:
  static constexpr uint64_t kPage = 4096;
  static constexpr size_t kMostPages = 512;

  /// Empty: not to be had.
  const std::vector<std::byte>& page(uint64_t number) const {
    if (const auto found = pages_.find(number); found != pages_.end()) return found->second;
    if (pages_.size() >= kMostPages) pages_.clear();
    auto read = memory_.read_memory(process_, number * kPage, kPage);
    return pages_[number] = read ? *std::move(read) : std::vector<std::byte>{};
  }

  const probes::UnwindTables& tables_;
  kernel::ProcessMemory& memory_;
  model::ProcessKey process_{};
  mutable std::unordered_map<uint64_t, std::vector<std::byte>> pages_;
};

void SampleMender::on_raw(const decoders::ProfileRaw& raw) {
  if (bytes_ + raw.stack.size() > kMostBytes) return;
  if (raws_.size() == kMostRaws) {
    bytes_ -= raws_.front().stack.size();
    raws_.pop_front();
  }
  bytes_ += raw.stack.size();
  raws_.push_back({raw, {raw.stack.begin(), raw.stack.end()}});
}

std::unique_ptr<RawStack> SampleMender::raw_of(const decoders::ProfileSample& sample) {
  if (!sample.has_raw) return nullptr;
  const auto found = std::find_if(raws_.begin(), raws_.end(), [&](const RawStack& candidate) {
    return candidate.fields.tid == sample.tid && candidate.fields.time_ns == sample.time_ns;
  });
  if (found == raws_.end()) return nullptr;
  auto raw = std::make_unique<RawStack>(std::move(*found));
  raws_.erase(found);
  return raw;
}

void SampleMender::on_waker(decoders::ProfileWaker waker) {
  std::unique_ptr<RawStack> raw = raw_of(waker.stack);
  bytes_ -=
      wakers_.put({std::make_shared<decoders::ProfileWaker>(std::move(waker)), std::move(raw)});
}

void SampleMender::on_sample(decoders::ProfileSample sample) {
  Waiting waiting;
  waiting.raw = raw_of(sample);
  if (sample.woken_by == decoders::WokenBy::kThread) {
    waiting.waker = wakers_.take(sample.tid);
  }
  waiting.sample = std::move(sample);
  if (!waiting.raw && !waiting.waker.raw) return pass(std::move(waiting));
  waiting_.push_back(std::move(waiting));
}

void SampleMender::mend(uint64_t now_ns) {
  Tables tables(tables_, memory_);
  for (auto waiting = waiting_.begin(); waiting != waiting_.end();) {
    bool done = try_part(waiting->sample, waiting->raw, tables, now_ns);
    if (waiting->waker.stack != nullptr) {
      done = try_part(waiting->waker.stack->stack, waiting->waker.raw, tables, now_ns) && done;
    }
    if (!done && waiting->sample.time_ns + kPatienceNs > now_ns) {
      if (waiting->raw && !waiting->looked_again) {
        waiting->looked_again = true;
        tracker_.look_again(waiting->sample.process, waiting->raw->fields.space, now_ns);
      }
      ++waiting;
      continue;
    }
    forget(waiting->raw);
    forget(waiting->waker.raw);
    pass(std::move(*waiting));
    waiting = waiting_.erase(waiting);
  }
}

bool SampleMender::try_part(decoders::ProfileSample& sample, std::unique_ptr<RawStack>& raw,
                            Tables& tables, uint64_t now_ns) {
  if (!raw) return true;
  if (!try_one(sample, *raw, tables, now_ns)) return false;
  forget(raw);
  return true;
}

void SampleMender::forget(std::unique_ptr<RawStack>& raw) {
  if (!raw) return;
  bytes_ -= raw->stack.size();
  raw.reset();
}

bool SampleMender::try_one(decoders::ProfileSample& sample, const RawStack& owned, Tables& tables,
                           uint64_t now_ns) const {
  const decoders::ProfileRaw& raw = owned.fields;
  const unwind_space* space = tables_.space(raw.space);
  auto hotspot = tracker_.hotspot_space_of(raw.space);
  if (space == nullptr) {
    space = tables_.space(raw.inherited);
    hotspot = tracker_.hotspot_space_of(raw.inherited);
  }
  if (space == nullptr) return false;
  tables.of(sample.process);
  const UnwindOutput output = unwind_late(
      tables, {*space, raw.pc, raw.registers, raw.stack_start, owned.stack, now_ns, hotspot});
  // Of two answers that are not whole, the longer one tells more.
  if (may_mend(output.outcome) && output.frames.size() < sample.frames.size()) return false;
  std::vector<decoders::ProfileFrame> frames;
  for (size_t i = 0; i < output.frames.size();) {
    decoders::ProfileFrame frame;
    const size_t words = decoders::decode_frame(std::span(output.frames).subspan(i), frame);
    if (words == 0) return false;
    frames.push_back(frame);
    i += words;
  }
  std::vector<decoders::V8Frame> v8_frames(output.v8_functions.size());
  int64_t last = -1;
  for (size_t i = 0; i < v8_frames.size(); ++i) {
    if (!decoders::decode_v8_frame(output.v8_functions[i], 0, last, frames.size(), true,
                                   v8_frames[i])) {
      return false;
    }
    last = v8_frames[i].frame;
  }
  sample.outcome = output.outcome;
  sample.guessed = output.guessed;
  sample.frames = std::move(frames);
  sample.v8_frames = std::move(v8_frames);
  return !may_mend(output.outcome);
}

void SampleMender::pass(Waiting&& waiting) const {
  decoders::ProfileSample& sample = waiting.sample;
  // The program's first function has no row in some C libraries, and its name is not always known:
  // where it is in the file is.
  if (sample.outcome == PROFILE_ENDED && !sample.frames.empty() &&
      tracker_.is_entry(sample.frames.back())) {
    sample.outcome = PROFILE_COMPLETE;
  }
  sample.waker = std::move(waiting.waker.stack);
  on_sample_(std::move(sample));
}

}  // namespace hostlens::symbols
