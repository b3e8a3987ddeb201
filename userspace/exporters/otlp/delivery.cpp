// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/delivery.h"

#include <algorithm>
#include <ctime>

namespace hostlens::exporters::otlp {

using End = Delivery::Outcome::End;

namespace {

const char* kept_meanwhile(Signal signal) {
  switch (signal) {
    case Signal::kTraces:
      return "spans are kept as far as the queue reaches, and sent again";
    case Signal::kProfiles:
      return "profiles are kept as far as the queue reaches, and sent again";
    case Signal::kMetrics:
      break;
  }
  return "the newest values are sent again";
}

}  // namespace

Delivery::Delivery(Signal signal, std::unique_ptr<HttpSender> sender, RetrySettings retry,
                   TimeSource& time)
    : signal_(signal), sender_(std::move(sender)), retry_(retry), time_(time) {}

std::chrono::nanoseconds Delivery::back_off() {
  const unsigned doublings = std::min(failures_ - 1, 20U);
  const auto full = std::min(retry_.longest, retry_.first * (int64_t{1} << doublings));
  // Half of it is chance, so that a fleet does not come back in step.
  return std::chrono::nanoseconds(
      std::uniform_int_distribution<int64_t>(full.count() / 2, full.count())(random_));
}

Delivery::Outcome Delivery::deliver(BatchQueue& queue, const EncodedRequest& request) {
  const TimePoint started = time_.now();
  while (true) {
    if (!queue.pause_until(not_before_, !server_asked_)) return {End::kShutdown};
    if (failures_ != 0 && signal_ == Signal::kMetrics && queue.newer_metrics()) {
      return {End::kSuperseded};
    }
    const HttpReply reply = sender_->post(request.body);
    if (reply.end == HttpReply::End::kCancelled) return {End::kShutdown};
    const Judgement judgement = judge(signal_, reply, request.items, std::time(nullptr));
    if (judgement.verdict != Judgement::Verdict::kRetry) {
      failures_ = 0;
      not_before_ = {};
      const bool taken = judgement.verdict == Judgement::Verdict::kDelivered;
      constexpr int kNotFound = 404;
      const bool absent = !taken && reply.status == kNotFound;
      // Few receivers take profiles yet: nothing is wrong with one that does not.
      const bool is_trouble = !absent || signal_ != Signal::kProfiles;
      report(is_trouble ? judgement.text : "",
             taken ? "sending goes on" : "what it refused is dropped");
      return {taken ? End::kDelivered : End::kRefused, judgement.rejected, absent};
    }
    ++failures_;
    server_asked_ = judgement.retry_after.has_value();
    not_before_ = time_.now() + judgement.retry_after.value_or(back_off());
    report(judgement.text, kept_meanwhile(signal_));
    if (not_before_ - started > retry_.give_up) return {End::kExhausted};
  }
}

void Delivery::report(const std::string& why, const char* next) {
  const std::lock_guard lock(mutex_);
  problem_.clear();
  if (why.empty()) return;
  problem_ = "OTLP " + std::string(to_string(signal_)) + " to ";
  problem_ += sender_->destination() + ": " + why + "; " + next;
}

std::string Delivery::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

}  // namespace hostlens::exporters::otlp
