// SPDX-License-Identifier: Apache-2.0
#include "model/exchange_pool.h"

#include <string>

namespace hostlens::model {
namespace {

/// A text that was long once must not hold its memory for good.
constexpr size_t kKeptTextBytes = 256;

void empty(std::string& text) noexcept {
  if (text.capacity() > kKeptTextBytes) {
    std::string().swap(text);
  } else {
    text.clear();
  }
}

void empty(TraceContext& context) noexcept {
  context.trace_id = {};
  context.span_id = {};
  context.flags = 0;
  empty(context.trace_state);
}

}  // namespace

void Exchange::reset() noexcept {
  static_cast<ExchangeFacts&>(*this) = ExchangeFacts{};
  process.reset();
  static_cast<HttpFacts&>(http) = HttpFacts{};
  for (std::string* const text : {&http.method, &http.path, &http.query, &http.host,
                                  &http.user_agent, &http.upgrade, &http.scheme, &route}) {
    empty(*text);
  }
  http.scheme = HttpMessage::kPlainScheme;
  empty(incoming);
  empty(context);
}

void ExchangeReturn::operator()(Exchange* exchange) const noexcept {
  if (pool == nullptr) {
    delete exchange;
  } else {
    pool->give_back(exchange);
  }
}

ExchangePtr ExchangePool::take() {
  if (idle_.empty()) return {new Exchange, {this}};
  Exchange* const exchange = idle_.back().release();
  idle_.pop_back();
  return {exchange, {this}};
}

void ExchangePool::give_back(Exchange* exchange) noexcept {
  std::unique_ptr<Exchange> owned(exchange);
  if (idle_.size() >= kMostIdle) return;
  owned->reset();
  idle_.push_back(std::move(owned));
}

}  // namespace hostlens::model
