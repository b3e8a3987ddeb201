// SPDX-License-Identifier: Apache-2.0
#include "base/ledger.h"

namespace hostlens::base {
namespace {

constexpr std::array<std::string_view, LedgerPage::kStages> kStageNames = {"kernel",
                                                                           "decode",
                                                                           "track",
                                                                           "match",
                                                                           "correlate",
                                                                           "export_otlp",
                                                                           "export_otlp_json",
                                                                           "export_otlp_profiles"};

constexpr std::array<std::string_view, LedgerPage::kReasons> kReasonNames = {"ring_full",
                                                                             "copy_failed",
                                                                             "storage_failed",
                                                                             "malformed",
                                                                             "unknown_connection",
                                                                             "track_limit",
                                                                             "undetected",
                                                                             "gap",
                                                                             "parse",
                                                                             "orphan",
                                                                             "pipeline_limit",
                                                                             "aborted",
                                                                             "queue_full",
                                                                             "rejected",
                                                                             "retry_exhausted",
                                                                             "shutdown",
                                                                             "worker_restart",
                                                                             "unsupported"};

static_assert(!kStageNames.back().empty() && !kReasonNames.back().empty(),
              "every value has a name");

}  // namespace

std::string_view to_string(Stage stage) { return kStageNames[static_cast<size_t>(stage)]; }
std::string_view to_string(DropReason reason) { return kReasonNames[static_cast<size_t>(reason)]; }

uint64_t Ledger::dropped_total(Stage stage) const {
  uint64_t total = 0;
  for (const auto& counter : books(stage).dropped) total += load(counter);
  return total;
}

int64_t Ledger::held(Stage stage) const {
  // Outcomes are read before `received`, so that a race can show too much held, never a negative.
  const uint64_t left = forwarded_total(stage) + dropped_total(stage);
  return static_cast<int64_t>(received_total(stage) - left);
}

uint64_t Ledger::write_off_held() const {
  uint64_t total = 0;
  // The kernel stage is left alone: its held records are still in the ring and will be read.
  for (size_t i = static_cast<size_t>(Stage::kDecode); i < LedgerPage::kStages; ++i) {
    const auto stage = static_cast<Stage>(i);
    const int64_t count = held(stage);
    if (count <= 0) continue;
    dropped(stage, DropReason::kWorkerRestart, static_cast<uint64_t>(count));
    total += static_cast<uint64_t>(count);
  }
  return total;
}

}  // namespace hostlens::base
