// SPDX-License-Identifier: Apache-2.0
#include "agent/worker_settings.h"

#include <nlohmann/json.hpp>

namespace hostlens::agent {

using nlohmann::json;

namespace {

json as_json(const ProfileJob& job) {
  return {{"hz", job.hz},           {"outputs", job.outputs}, {"target_pid", job.target_pid},
          {"title", job.title},     {"unit", job.unit},       {"service", job.service},
          {"off_cpu", job.off_cpu}, {"wakers", job.wakers},   {"debuginfod", job.debuginfod}};
}

ProfileJob job_from_json(const json& document) {
  ProfileJob job;
  document.at("hz").get_to(job.hz);
  document.at("outputs").get_to(job.outputs);
  document.at("target_pid").get_to(job.target_pid);
  document.at("title").get_to(job.title);
  document.at("unit").get_to(job.unit);
  document.at("service").get_to(job.service);
  document.at("off_cpu").get_to(job.off_cpu);
  document.at("wakers").get_to(job.wakers);
  document.at("debuginfod").get_to(job.debuginfod);
  return job;
}

}  // namespace

std::string to_json(const WorkerSettings& settings) {
  json overrides = json::array();
  for (const auto& [key, value] : settings.overrides) overrides.push_back({key, value});
  json document = {{"run_mode", settings.run_mode},
                   {"file", settings.file},
                   {"configuration", settings.configuration},
                   {"overrides", std::move(overrides)},
                   {"attach_report", settings.attach_report},
                   {"supervisor_start_unix_ns", settings.supervisor_start_unix_ns}};
  if (settings.profile) document["profile"] = as_json(*settings.profile);
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

base::Result<WorkerSettings> worker_settings_from_json(std::string_view text) {
  try {
    const json document = json::parse(text);
    WorkerSettings settings;
    document.at("run_mode").get_to(settings.run_mode);
    document.at("file").get_to(settings.file);
    document.at("configuration").get_to(settings.configuration);
    document.at("attach_report").get_to(settings.attach_report);
    document.at("supervisor_start_unix_ns").get_to(settings.supervisor_start_unix_ns);
    for (const json& entry : document.at("overrides")) {
      settings.overrides.emplace_back(entry.at(0).get<std::string>(),
                                      entry.at(1).get<std::string>());
    }
    if (document.contains("profile")) settings.profile = job_from_json(document.at("profile"));
    return settings;
  } catch (const json::exception& error) {
    return base::invalid_error(std::string("the supervisor's settings: ") + error.what());
  }
}

}  // namespace hostlens::agent
