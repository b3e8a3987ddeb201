// SPDX-License-Identifier: Apache-2.0
#include "agent/attach_report_json.h"

#include <charconv>
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
  json reasons = json::object();
  for (const auto& [number, name] : report.packet_drop_reasons) {
    reasons[std::to_string(number)] = name;
  }
  const json document = {{"socket_variant", report.socket_variant},
                         {"hooks", std::move(hooks)},
                         {"packet_drop_reasons", std::move(reasons)}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string socket_variant_of(const std::string& report_json) {
  const json document = json::parse(report_json, nullptr, false);
  if (!document.is_object()) return {};
  const auto found = document.find("socket_variant");
  return found != document.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::map<uint32_t, std::string> packet_drop_reasons_of(const std::string& report_json) {
  std::map<uint32_t, std::string> reasons;
  const json document = json::parse(report_json, nullptr, false);
  if (!document.is_object()) return reasons;
  const auto found = document.find("packet_drop_reasons");
  if (found == document.end() || !found->is_object()) return reasons;
  for (const auto& [number, name] : found->items()) {
    uint32_t value = 0;
    const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc{} || stop != number.data() + number.size() || !name.is_string())
      continue;
    reasons.emplace(value, name.get<std::string>());
  }
  return reasons;
}

std::vector<kernel::HookReport> hooks_of(const std::string& report_json) {
  std::vector<kernel::HookReport> hooks;
  try {
    const json document = json::parse(report_json);
    for (const json& entry : document.at("hooks")) {
      kernel::HookReport hook;
      entry.at("probe").get_to(hook.probe);
      entry.at("signal").get_to(hook.signal);
      entry.at("hook").get_to(hook.hook);
      entry.at("attached").get_to(hook.attached);
      entry.at("chosen").get_to(hook.chosen);
      entry.at("reason").get_to(hook.reason);
      entry.at("remedy").get_to(hook.remedy);
      hooks.push_back(std::move(hook));
    }
  } catch (const json::exception&) {
    return {};
  }
  return hooks;
}

}  // namespace hostlens::agent
