// SPDX-License-Identifier: Apache-2.0
#include "aggregators/histogram_recorder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace hostlens::aggregators {
namespace {

constexpr uint32_t kPerOctave = 1U << HistogramRecorder::kMaxScale;
constexpr int kMantissaBits = 52;
constexpr uint64_t kMantissaMask = (uint64_t{1} << kMantissaBits) - 1;

/// Octave [1, 2) cut into buckets. `last[k]` is the greatest double that is not above the
/// irrational bound 2^(k/64), so that comparing with it decides as the bound itself would.
/// `first_bucket[c]` is the bucket where a linear 64th c of the octave begins; log2 rises by 1.44
/// buckets per cell at most, so the search behind it takes two steps at most and no logarithm.
struct Octave {
  std::array<uint64_t, kPerOctave + 1> last{};  ///< mantissa bits; of the end: never reached
  std::array<uint8_t, kPerOctave> first_bucket{};

  Octave() {
    for (uint32_t k = 0; k < kPerOctave; ++k) {
      const long double bound = exp2l(static_cast<long double>(k) / kPerOctave);
      auto rounded = static_cast<double>(bound);
      if (static_cast<long double>(rounded) > bound) rounded = std::nextafter(rounded, 1.0);
      last[k] = std::bit_cast<uint64_t>(rounded) & kMantissaMask;
    }
    last[kPerOctave] = kMantissaMask;
    uint32_t k = 0;
    for (uint32_t cell = 0; cell < kPerOctave; ++cell) {
      const uint64_t start = uint64_t{cell} << (kMantissaBits - HistogramRecorder::kMaxScale);
      while (k + 1 < kPerOctave && last[k + 1] < start) ++k;
      first_bucket[cell] = static_cast<uint8_t>(k);
    }
  }
};

}  // namespace

int32_t HistogramRecorder::bucket_index(double value, int32_t scale) {
  static const Octave octave;
  auto bits = std::bit_cast<uint64_t>(value);
  int32_t exponent = static_cast<int32_t>(bits >> kMantissaBits) - 1023;
  if (exponent == -1023) {  // subnormal
    bits = std::bit_cast<uint64_t>(value * 0x1p54);
    exponent = static_cast<int32_t>(bits >> kMantissaBits) - 1023 - 54;
  }
  const uint64_t mantissa = bits & kMantissaMask;
  const auto base = exponent * static_cast<int32_t>(kPerOctave);
  // Upper-inclusive: a power of two is the last value of the bucket below.
  int32_t index = base - 1;
  if (mantissa != 0) {
    uint32_t k = octave.first_bucket[mantissa >> (kMantissaBits - kMaxScale)];
    while (k + 1 < kPerOctave && mantissa > octave.last[k + 1]) ++k;
    index = base + static_cast<int32_t>(k);
  }
  return index >> (kMaxScale - scale);
}

void HistogramRecorder::record(double value) {
  if (!std::isfinite(value)) return;
  value = std::max(value, 0.0);
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  sum_ += value;
  ++count_;
  if (value == 0.0) {
    ++zero_count_;
    return;
  }
  int32_t index = bucket_index(value, scale_);
  if (index < offset_ || index - offset_ >= static_cast<int32_t>(counts_.size())) {
    grow_to(index);
    index = bucket_index(value, scale_);
  }
  ++counts_[static_cast<size_t>(index - offset_)];
}

void HistogramRecorder::grow_to(int32_t index) {
  if (counts_.empty()) {
    offset_ = index;
    counts_.resize(1);
    return;
  }
  int32_t low = std::min(index, offset_);
  int32_t high = std::max(index, offset_ + static_cast<int32_t>(counts_.size()) - 1);
  int32_t merges = 0;
  for (; static_cast<size_t>(high - low) >= max_buckets_; ++merges) {
    low >>= 1;
    high >>= 1;
  }
  if (merges > 0) downscale(merges);
  counts_.insert(counts_.begin(), static_cast<size_t>(offset_ - low), 0);
  offset_ = low;
  counts_.resize(static_cast<size_t>(high - low) + 1);
}

void HistogramRecorder::downscale(int32_t by) {
  const int32_t new_offset = offset_ >> by;
  // In place: a merged bucket never lies behind the ones it is made of.
  for (size_t i = 0; i < counts_.size(); ++i) {
    const auto target =
        static_cast<size_t>(((offset_ + static_cast<int32_t>(i)) >> by) - new_offset);
    const uint64_t count = counts_[i];
    counts_[i] = 0;
    counts_[target] += count;
  }
  const int32_t last = (offset_ + static_cast<int32_t>(counts_.size()) - 1) >> by;
  counts_.resize(static_cast<size_t>(last - new_offset) + 1);
  offset_ = new_offset;
  scale_ -= by;
}

model::ExponentialHistogram HistogramRecorder::snapshot() const {
  model::ExponentialHistogram result;
  result.scale = scale_;
  result.offset = offset_;
  result.zero_count = zero_count_;
  result.counts = counts_;
  result.count = count_;
  result.sum = sum_;
  result.min = min_;
  result.max = max_;
  return result;
}

}  // namespace hostlens::aggregators
