// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/profile_recordings.h"

#include <utility>

#include "base/clock.h"
#include "exporters/profile/pprof.h"

namespace hostlens::agent {

ProfileRecordings::~ProfileRecordings() {
  for (Recording& recording : recordings_) {
    recording.answer->set(web::error_response(503, "stopping"));
  }
}

web::Response ProfileRecordings::request(const web::ProfileQuery& query, uint64_t now_ns) {
  if (query.off_cpu && !settings_.off_cpu) {
    return web::error_response(404, "profile.off_cpu is not enabled");
  }
  if (!query.off_cpu && settings_.hz == 0) {
    return web::error_response(404, "profile.cpu is not enabled");
  }
  model::Profile::Settings settings;
  settings.kind = query.off_cpu ? model::ProfileKind::kOffCpu : model::ProfileKind::kCpu;
  settings.hz = query.off_cpu ? 0 : settings_.hz;
  settings.start_unix_ns = base::unix_now_ns();
  settings.duration_ns = query.duration_ns;
  settings.max_bytes = settings_.stack_bytes;
  web::Response response;
  const std::lock_guard lock(mutex_);
  if (recordings_.size() >= kMost) {
    return web::error_response(503, "eight profiles are being recorded already");
  }
  response.later = recordings_.emplace_back(query, now_ns, settings).answer;
  return response;
}

void ProfileRecordings::add(const model::Sample& sample) {
  const std::lock_guard lock(mutex_);
  for (Recording& recording : recordings_) {
    if (sample.monotonic_ns < recording.begin_ns || sample.monotonic_ns >= recording.end_ns() ||
        recording.query.off_cpu == sample.cause.empty()) {
      continue;
    }
    if (recording.query.service.empty() || recording.query.service == sample.service) {
      recording.profile.add(sample);
    }
  }
}

void ProfileRecordings::tick(uint64_t now_ns) {
  std::list<Recording> complete;
  {
    const std::lock_guard lock(mutex_);
    for (auto next = recordings_.begin(); next != recordings_.end();) {
      const auto recording = next++;
      if (now_ns < recording->end_ns() + kLateNs) continue;
      complete.splice(complete.end(), recordings_, recording);
    }
  }
  for (Recording& recording : complete) {
    auto bytes = exporters::profile::write_pprof(recording.profile);
    recording.answer->set(bytes ? web::Response{200, "application/octet-stream", *std::move(bytes)}
                                : web::error_response(500, bytes.error().text()));
  }
}

}  // namespace hostlens::agent
