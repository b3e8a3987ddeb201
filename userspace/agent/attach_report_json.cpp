// SPDX-License-Identifier: Apache-2.0
#include "agent/attach_report_json.h"

#include <nlohmann/json.hpp>

namespace hostlens::agent {

using nlohmann::json;

std::string attach_report_json(const kernel::AttachReport& report) {
  json hooks = json::array();
  for (const kernel::HookReport& hook : report.hooks) {
    hooks.push_back({{"probe", hook.probe},
                     {"signal", hook.signal},
                     {"hook", hook.hook},
                     {"attached", hook.attached},
                     {"chosen", hook.chosen},
                     {"reason", hook.reason},
                     {"remedy", hook.remedy}});
  }
  const json document = {{"socket_variant", report.socket_variant}, {"hooks", std::move(hooks)}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string socket_variant_of(const std::string& report_json) {
  const json document = json::parse(report_json, nullptr, false);
  if (!document.is_object()) return {};
  const auto found = document.find("socket_variant");
  return found != document.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace hostlens::agent
