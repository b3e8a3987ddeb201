// SPDX-License-Identifier: Apache-2.0
#include "symbols/code/waker_shelf.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace hostlens::symbols {

size_t WakerShelf::put(Waker waker) {
  Waker forgotten = take(waker.stack->sleeper);
  if (forgotten.stack == nullptr && wakers_.size() == kMost) {
    forgotten = std::move(wakers_.front());
    wakers_.pop_front();
  }
  wakers_.push_back(std::move(waker));
  return forgotten.raw != nullptr ? forgotten.raw->stack.size() : 0;
}

WakerShelf::Waker WakerShelf::take(uint32_t sleeper) {
  // Most are asked for as soon as they are here.
  const auto found = std::find_if(wakers_.rbegin(), wakers_.rend(), [&](const Waker& waker) {
    return waker.stack->sleeper == sleeper;
  });
  if (found == wakers_.rend()) return {};
  Waker waker = std::move(*found);
  wakers_.erase(std::next(found).base());
  return waker;
}

}  // namespace hostlens::symbols
