// SPDX-License-Identifier: Apache-2.0
#include "symbols/code/sample_mender.h"

#include <algorithm>
#include <utility>

#include "symbols/unwind/late_unwinder.h"

namespace hostlens::symbols {
namespace {

/// More CPUs than this do not send a raw stack at one moment.
constexpr size_t kMostRaws = 64;

class Tables final : public UnwindMemory {
 public:
  explicit Tables(const probes::UnwindTables& tables) : tables_(tables) {}
  [[nodiscard]] const unwind_word* word(uint32_t index) const override {
    return tables_.word(index);
  }
  [[nodiscard]] unwind_executable* executable(uint32_t number) const override {
    return tables_.executable(number);
  }

 private:
  const probes::UnwindTables& tables_;
};

bool may_mend(profile_outcome outcome) {
  return outcome == PROFILE_NOT_READY || outcome == PROFILE_NO_MAPPING ||
         outcome == PROFILE_NO_TABLE;
}

}  // namespace

void SampleMender::on_raw(const decoders::ProfileRaw& raw) {
  if (bytes_ + raw.stack.size() > kMostBytes) return;
  if (raws_.size() == kMostRaws) {
    bytes_ -= raws_.front().stack.size();
    raws_.pop_front();
  }
  bytes_ += raw.stack.size();
  raws_.push_back({raw, {raw.stack.begin(), raw.stack.end()}});
}

void SampleMender::on_sample(decoders::ProfileSample sample) {
  if (sample.has_raw) {
    const auto raw = std::find_if(raws_.begin(), raws_.end(), [&](const Raw& candidate) {
      return candidate.fields.tid == sample.tid && candidate.fields.time_ns == sample.time_ns;
    });
    if (raw != raws_.end()) {
      waiting_.push_back({std::move(sample), std::move(*raw)});
      raws_.erase(raw);
      return;
    }
  }
  pass(std::move(sample));
}

void SampleMender::mend(uint64_t now_ns) {
  for (auto waiting = waiting_.begin(); waiting != waiting_.end();) {
    if (!try_one(*waiting, now_ns) && waiting->sample.time_ns + kPatienceNs > now_ns) {
      ++waiting;
      continue;
    }
    bytes_ -= waiting->raw.stack.size();
    pass(std::move(waiting->sample));
    waiting = waiting_.erase(waiting);
  }
}

bool SampleMender::try_one(Waiting& waiting, uint64_t now_ns) const {
  const decoders::ProfileRaw& raw = waiting.raw.fields;
  const unwind_space* space = tables_.space(raw.space);
  if (space == nullptr) space = tables_.space(raw.inherited);
  if (space == nullptr) return false;
  const UnwindOutput output = unwind_late(
      Tables(tables_), {*space, raw.pc, raw.registers, raw.stack_start, waiting.raw.stack, now_ns});
  // Of two answers that are not whole, the longer one tells more.
  if (may_mend(output.outcome) && output.frames.size() < waiting.sample.frames.size()) return false;
  std::vector<decoders::ProfileFrame> frames(output.frames.size());
  for (size_t i = 0; i < frames.size(); ++i) {
    if (!decoders::decode_frame(output.frames[i], frames[i])) return false;
  }
  waiting.sample.outcome = output.outcome;
  waiting.sample.guessed = output.guessed;
  waiting.sample.frames = std::move(frames);
  return !may_mend(output.outcome);
}

void SampleMender::pass(decoders::ProfileSample&& sample) const {
  // The program's first function has no row in some C libraries, and its name is not always known:
  // where it is in the file is.
  if (sample.outcome == PROFILE_ENDED && !sample.frames.empty() &&
      tracker_.is_entry(sample.frames.back())) {
    sample.outcome = PROFILE_COMPLETE;
  }
  on_sample_(std::move(sample));
}

}  // namespace hostlens::symbols
