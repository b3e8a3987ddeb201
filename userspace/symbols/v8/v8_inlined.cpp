// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_inlined.h"

#include <utility>

#include "symbols/v8/v8_function.h"

namespace hostlens::symbols {

void V8Inlined::forget(std::map<Key, Entries::iterator>::iterator entry) {
  bytes_ -= entry->second->bytes;
  known_.erase(entry->second);
  by_begin_.erase(entry);
}

V8Inlined::Known V8Inlined::read(V8Heap& heap, const model::ProcessKey& process, uint64_t address,
                                 uint64_t now_ns) {
  // Of what is not there this one address is known.
  Known known{{process, address}, address + 1, {}, {}, sizeof(Known), now_ns};
  const auto head = find_v8_code(heap, address);
  if (!head) {
    ++figures_.gone;
    return known;
  }
  known.code.head = *head;
  switch (read_v8_code(heap, known.code)) {
    case V8CodeReading::kGone:
      ++figures_.gone;
      return known;
    case V8CodeReading::kBroken:
      ++figures_.broken;
      return known;
    case V8CodeReading::kPlain:
      ++figures_.plain;
      break;
    case V8CodeReading::kRead:
      ++figures_.read;
      break;
  }
  known.key.begin = head->begin;
  known.end = head->begin + head->size;
  known.is_code = true;
  known.names.resize(known.code.functions.size());
  known.bytes += known.code.bytes() + known.names.size() * sizeof(uint64_t);
  return known;
}

V8Inlined::Known& V8Inlined::keep(Known known) {
  auto next = by_begin_.lower_bound(known.key);
  if (next != by_begin_.begin()) {
    const auto before = std::prev(next);
    const Known& other = *before->second;
    if (other.key.process == known.key.process && other.end > known.key.begin) forget(before);
  }
  while (next != by_begin_.end() && next->first.process == known.key.process &&
         next->first.begin < known.end) {
    forget(next++);
  }
  bytes_ += known.bytes;
  known_.push_front(std::move(known));
  by_begin_[known_.front().key] = known_.begin();
  while (known_.size() > 1 && (known_.size() > limits_.codes || bytes_ > limits_.bytes)) {
    forget(by_begin_.find(known_.back().key));
    ++figures_.evicted;
  }
  return known_.front();
}

/// Whether it need not be read again.
bool V8Inlined::is_current(V8Heap& heap, Known& known, uint64_t shared, uint64_t now_ns) {
  if (!known.is_code) return now_ns - known.checked_ns < limits_.retry_ns;
  if (known.code.shared != 0 && known.code.shared != shared) {
    ++figures_.other;
    if (now_ns - known.checked_ns < limits_.retry_ns) return true;
  } else if (now_ns - known.checked_ns < limits_.check_ns) {
    return true;
  }
  known.checked_ns = now_ns;
  const auto head = read_v8_code_head(heap, known.key.begin);
  if (head && head->words == known.code.head.words) return true;
  ++figures_.changed;
  return false;
}

V8Inlined::Known& V8Inlined::code(V8Heap& heap, const model::ProcessKey& process, uint64_t shared,
                                  uint64_t address, uint64_t now_ns) {
  auto found = by_begin_.upper_bound({process, address});
  if (found != by_begin_.begin()) {
    --found;
    Known& known = *found->second;
    if (known.key.process == process && address < known.end) {
      if (is_current(heap, known, shared, now_ns)) {
        known_.splice(known_.begin(), known_, found->second);
        return known_.front();
      }
      forget(found);
    }
  }
  return keep(read(heap, process, address, now_ns));
}

const std::vector<decoders::V8Frame>& V8Inlined::at(const model::ProcessKey& process,
                                                    const V8Layout& layout,
                                                    const decoders::V8Frame& frame,
                                                    uint64_t address, uint64_t now_ns) {
  frames_.clear();
  if (!layout.code) {
    ++figures_.untold;
    return frames_;
  }
  V8Heap heap(memory_, process, layout, types_);
  const uint64_t shared =
      frame.shared != 0 ? frame.shared : read_v8_shared(heap, frame.function).value_or(0);
  Known& known = code(heap, process, shared, address, now_ns);
  figures_.untold += known.is_code ? 0 : 1;
  if (shared == 0 || known.code.shared != shared) return frames_;
  for (const uint32_t index :
       known.code.functions_at(static_cast<uint32_t>(address - known.key.begin))) {
    const uint64_t function = known.code.functions[index];
    uint64_t& name = known.names[index];
    if (name == 0) name = read_v8_name_word(heap, function).value_or(0);
    frames_.push_back({.frame = frame.frame, .shared = function, .name = name});
  }
  return frames_;
}

}  // namespace hostlens::symbols
