// SPDX-License-Identifier: Apache-2.0
#include "aggregators/agent_metrics.h"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace hostlens::aggregators {
namespace {

using base::DropReason;
using base::LedgerPage;
using base::Stage;
using model::MetricKind;

/// What add_point needs of a series; the resource is the agent's own.
struct OwnSeries {
  std::shared_ptr<const model::Service> service;
  uint64_t start_unix_ns = 0;
};

/// One stage, read once so that its points agree: outcomes before `received`, as in Ledger::held,
/// so that a record on its way can look held but never negative.
struct StageBooks {
  Stage stage = Stage::kKernel;
  std::array<uint64_t, LedgerPage::kReasons> dropped{};
  uint64_t forwarded = 0;
  uint64_t received = 0;
  int64_t held = 0;

  StageBooks(const base::Ledger& ledger, Stage of) : stage(of) {
    uint64_t left = 0;
    for (size_t i = 0; i < dropped.size(); ++i) {
      dropped[i] = ledger.dropped_total(stage, static_cast<DropReason>(i));
      left += dropped[i];
    }
    forwarded = ledger.forwarded_total(stage);
    left += forwarded;
    received = ledger.received_total(stage);
    held = static_cast<int64_t>(received - left);
  }
};

class OwnFamilies {
 public:
  OwnFamilies(FamilyList& list, const AgentStarts& starts)
      : list_(list),
        supervisor_{nullptr, starts.supervisor_unix_ns},
        worker_{nullptr, starts.worker_unix_ns} {}

  void books(const base::Ledger& ledger) {
    std::vector<StageBooks> stages;
    for (size_t i = 0; i < LedgerPage::kStages; ++i) {
      stages.emplace_back(ledger, static_cast<Stage>(i));
    }
    list_.add({"hostlens.records", "Records of each stage by outcome: the books of loss.",
               "{record}", MetricKind::kCounter},
              [&](model::MetricFamily& family) {
                for (const StageBooks& stage : stages) add_outcomes(family, stage);
              });
    list_.add({"hostlens.records.held", "Records that a stage has neither forwarded nor dropped.",
               "{record}", MetricKind::kGauge},
              [&](model::MetricFamily& family) {
                for (const StageBooks& stage : stages) {
                  list_.add_point(family, supervisor_, stage_name(stage.stage), stage.held);
                }
              });
  }

  /// Of the supervisor, the kernel or the moment.
  void one(const FamilyName& name, uint64_t value) { one(name, value, supervisor_); }
  /// Counted in the worker's memory.
  void of_worker(const FamilyName& name, uint64_t value) { one(name, value, worker_); }

  void processes(const std::vector<AgentSample::ProcessUse>& processes) {
    list_.add({"hostlens.agent.cpu.time", "CPU time that the agent's processes used.", "s",
               MetricKind::kCounter},
              [&](model::MetricFamily& family) {
                for (const auto& process : processes) {
                  list_.add_point(family, supervisor_, with({}, "role", process.role),
                                  process.cpu_seconds);
                }
              });
    list_.add({"hostlens.agent.memory.usage", "Resident memory of the agent's processes.", "By",
               MetricKind::kGauge},
              [&](model::MetricFamily& family) {
                for (const auto& process : processes) {
                  list_.add_point(family, supervisor_, with({}, "role", process.role),
                                  static_cast<int64_t>(process.resident_bytes));
                }
              });
  }

  void rings(uint64_t control_bytes, uint64_t data_bytes) {
    list_.add({"hostlens.agent.ring.pending", "Bytes in a ring that wait for the worker.", "By",
               MetricKind::kGauge},
              [&](model::MetricFamily& family) {
                list_.add_point(family, supervisor_, with({}, "ring", "control"),
                                static_cast<int64_t>(control_bytes));
                list_.add_point(family, supervisor_, with({}, "ring", "data"),
                                static_cast<int64_t>(data_bytes));
              });
  }

  void loads(const std::vector<FamilyLoad>& loads) {
    list_.add({"hostlens.agent.metric.series", "Series of a family, without the overflow series.",
               "{series}", MetricKind::kGauge},
              [&](model::MetricFamily& family) {
                for (const FamilyLoad& load : loads) {
                  list_.add_point(family, worker_, with({}, "family", load.name),
                                  static_cast<int64_t>(load.series));
                }
              });
    list_.add({"hostlens.agent.metric.series.overflows",
               "Measurements that went into a family's overflow series: limits.series_per_family.",
               "{measurement}", MetricKind::kCounter},
              [&](model::MetricFamily& family) {
                for (const FamilyLoad& load : loads) {
                  list_.add_point(family, worker_, with({}, "family", load.name),
                                  static_cast<int64_t>(load.overflows));
                }
              });
  }

  void signals(const AgentSample& sample) {
    one({"hostlens.agent.signals.observed",
         "Observations of kernel signals that should be in a metric: the others are below.",
         "{observation}", MetricKind::kCounter},
        sample.signals_observed);
    one({"hostlens.agent.signals.merged",
         "Of these, counted under the service \"other\" for want of room or memory.",
         "{observation}", MetricKind::kCounter},
        sample.signals_merged);
    one({"hostlens.agent.signals.estimated",
         "Observations that were not made, because there were too many: each has one that was made "
         "stand for it.",
         "{observation}", MetricKind::kCounter},
        sample.signals_estimated);
    const std::pair<std::string_view, uint64_t> lost[] = {
        {"no_room", sample.signals_lost},
        {"unknown_thread", sample.signals_unknown_thread},
        {"unseen_switch", sample.signals_unseen_switch},
        {"untimed_accept", sample.signals_untimed_accept},
        {"untracked", sample.signals_untracked},
    };
    list_.add(
        {"hostlens.agent.signals.lost",
         "Observations that are missing: no room for their key, a thread that was not known, a "
         "switch that the kernel did not show.",
         "{observation}", MetricKind::kCounter},
        [&](model::MetricFamily& family) {
          for (const auto& [reason, count] : lost) {
            list_.add_point(family, supervisor_, with({}, "reason", reason),
                            static_cast<int64_t>(count));
          }
        });
  }

  void build(const std::string& version, const std::string& socket_variant) {
    list_.add({"hostlens.build.info", "Always 1: version, and how socket calls are hooked.", "",
               MetricKind::kGauge},
              [&](model::MetricFamily& family) {
                model::Attributes attributes;
                put_text(attributes, "version", version);
                put_text(attributes, "socket_variant", socket_variant);
                list_.add_point(family, supervisor_, std::move(attributes), int64_t{1});
              });
  }

 private:
  static model::Attributes stage_name(Stage stage) {
    return with({}, "stage", base::to_string(stage));
  }

  void one(const FamilyName& name, uint64_t value, const OwnSeries& series) {
    list_.add(name, [&](model::MetricFamily& family) {
      list_.add_point(family, series, {}, static_cast<int64_t>(value));
    });
  }

  void add_outcomes(model::MetricFamily& family, const StageBooks& books) {
    const model::Attributes stage = stage_name(books.stage);
    list_.add_point(family, supervisor_, with(stage, "outcome", "received"),
                    static_cast<int64_t>(books.received));
    list_.add_point(family, supervisor_, with(stage, "outcome", "forwarded"),
                    static_cast<int64_t>(books.forwarded));
    for (size_t i = 0; i < books.dropped.size(); ++i) {
      if (books.dropped[i] == 0) continue;
      const std::string_view reason = base::to_string(static_cast<DropReason>(i));
      list_.add_point(family, supervisor_,
                      with(with(stage, "outcome", "dropped"), "reason", reason),
                      static_cast<int64_t>(books.dropped[i]));
    }
  }

  FamilyList& list_;
  OwnSeries supervisor_;
  OwnSeries worker_;
};

}  // namespace

void add_agent_families(FamilyList& list, const AgentSample& sample, const AgentStarts& starts,
                        const std::vector<FamilyLoad>& loads) {
  constexpr auto kCounter = MetricKind::kCounter;
  constexpr auto kGauge = MetricKind::kGauge;
  OwnFamilies own(list, starts);
  if (sample.ledger != nullptr) own.books(*sample.ledger);
  own.processes(sample.processes);
  own.rings(sample.ring_pending_bytes_control, sample.ring_pending_bytes_data);
  own.loads(loads);
  own.one({"hostlens.agent.worker.restarts", "Workers that were started after one had died.",
           "{restart}", kCounter},
          sample.worker_restarts);
  own.one({"hostlens.agent.targets", "Processes that are targets now.", "{process}", kGauge},
          sample.targets);
  own.one({"hostlens.agent.control_records.lost",
           "Opens, closes, executions and exits that found no room in the control ring.",
           "{record}", kCounter},
          sample.control_records_lost);
  own.one({"hostlens.agent.length_only_records",
           "Socket calls whose bytes were counted but not seen (sendfile, splice, io_uring).",
           "{record}", kCounter},
          sample.length_only_records);
  own.one({"hostlens.agent.recursion_misses",
           "Runs of a program that the kernel skipped because it was running on that CPU.", "{run}",
           kCounter},
          sample.recursion_misses);
  own.of_worker({"hostlens.agent.correlation.ambiguous",
                 "Client calls left without a parent because several requests were possible.",
                 "{exchange}", kCounter},
                sample.correlation_ambiguous);
  own.of_worker({"hostlens.agent.correlation.late",
                 "Exchanges that were seen after their other end had left with another trace.",
                 "{exchange}", kCounter},
                sample.correlation_late);
  own.of_worker({"hostlens.agent.route.overflows",
                 "Exchanges without a route: limits.routes_per_service.", "{exchange}", kCounter},
                sample.route_overflows);
  own.of_worker({"hostlens.agent.connections.evicted",
                 "Connections that were let go: limits.connections.", "{connection}", kCounter},
                sample.connections_evicted);
  own.one({"hostlens.agent.connections.tracked", "Connections that are followed now.",
           "{connection}", kGauge},
          sample.connections_tracked);
  if (sample.signals) own.signals(sample);
  own.build(sample.version, sample.socket_variant);
}

}  // namespace hostlens::aggregators
