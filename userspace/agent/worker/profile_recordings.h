// SPDX-License-Identifier: Apache-2.0
// Profiles that somebody asked for by HTTP: the samples of the next seconds, as one pprof file.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

#include "model/profile.h"
#include "web/api.h"
#include "web/later.h"

namespace hostlens::agent {

struct ProfileRecordingSettings {
  uint32_t hz = 0;         ///< 0: no CPU is sampled
  bool off_cpu = false;    ///< times off CPU are looked at
  size_t stack_bytes = 0;  ///< of one recording
};

/// request() is called on the server's thread, the rest on the loop's.
class ProfileRecordings {
 public:
  /// At once; more are answered with 503.
  static constexpr size_t kMost = 8;
  /// Samples come so much later than they were taken, at most: see ContinuousProfile.
  static constexpr uint64_t kLateNs = 3'000'000'000;

  explicit ProfileRecordings(const ProfileRecordingSettings& settings) : settings_(settings) {}
  ~ProfileRecordings();  ///< answers what is left
  ProfileRecordings(const ProfileRecordings&) = delete;
  ProfileRecordings& operator=(const ProfileRecordings&) = delete;

  [[nodiscard]] web::Response request(const web::ProfileQuery& query, uint64_t now_ns);
  /// With its service; sorted out by when it was taken.
  void add(const model::Sample& sample);
  /// Answers those that have all their samples.
  void tick(uint64_t now_ns);

 private:
  struct Recording {
    Recording(web::ProfileQuery asked, uint64_t from_ns, const model::Profile::Settings& settings)
        : query(std::move(asked)), begin_ns(from_ns), profile(settings) {}
    [[nodiscard]] uint64_t end_ns() const { return begin_ns + query.duration_ns; }

    web::ProfileQuery query;
    uint64_t begin_ns;
    model::Profile profile;
    std::shared_ptr<web::Later> answer = std::make_shared<web::Later>();
  };

  const ProfileRecordingSettings settings_;
  std::mutex mutex_;
  std::list<Recording> recordings_;
};

}  // namespace hostlens::agent
