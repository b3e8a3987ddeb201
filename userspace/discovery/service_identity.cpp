// SPDX-License-Identifier: Apache-2.0
#include "discovery/service_identity.h"

#include <algorithm>
#include <array>

#include "discovery/command_name.h"
#include "discovery/host_resource.h"
#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

constexpr size_t kMaxDeclaredAttributes = 32;
constexpr size_t kMaxKeyBytes = 128;
constexpr size_t kShortContainerId = 12;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// OTEL_RESOURCE_ATTRIBUTES is a W3C baggage list: values are percent-encoded.
std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size();
    const int high = escape ? hex_digit(text[i + 1]) : -1;
    const int low = escape ? hex_digit(text[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

bool measured_by_us(std::string_view key) {
  return key.starts_with("host.") || key.starts_with("os.") || key.starts_with("process.") ||
         key.starts_with("telemetry.") || key.starts_with("hostlens.") || key == "container.id";
}

void add_declared(DeclaredIdentity& identity, std::string_view key, std::string value) {
  if (key == "service.name") {
    if (identity.name.empty()) identity.name = std::move(value);
  } else if (key == "service.namespace") {
    identity.ns = std::move(value);
  } else if (key == "service.instance.id") {
    identity.instance_id = std::move(value);
  } else if (!measured_by_us(key) && identity.others.size() < kMaxDeclaredAttributes) {
    const std::string name = clean_text(key, kMaxKeyBytes);
    const bool known =
        std::any_of(identity.others.begin(), identity.others.end(),
                    [&](const model::Attribute& other) { return other.key == name; });
    if (!known) identity.others.push_back({name, std::move(value)});
  }
}

std::string_view container_label(const ProcessFacts& facts) {
  const CgroupIdentity& cgroup = facts.cgroup;
  if (!facts.container.service_name.empty()) return facts.container.service_name;
  if (!cgroup.container_name.empty()) return cgroup.container_name;
  return std::string_view(cgroup.container_id).substr(0, kShortContainerId);
}

std::string choose_name(const ProcessFacts& facts, const DeclaredIdentity& declared,
                        std::string_view configured_name) {
  if (!configured_name.empty()) return std::string(configured_name);
  if (!declared.name.empty()) return declared.name;
  if (std::string name = service_name_of_unit(facts.cgroup.unit); !name.empty()) return name;
  if (const auto label = container_label(facts); !label.empty()) return std::string(label);
  if (std::string name = clean_text(command_name(facts.executable, facts.arguments), 128);
      !name.empty()) {
    return name;
  }
  return "unknown_service" + (facts.comm.empty() ? std::string() : ":" + facts.comm);
}

}  // namespace

DeclaredIdentity read_declared_identity(std::string_view environment) {
  DeclaredIdentity identity;
  if (const auto name = find_variable(environment, "OTEL_SERVICE_NAME")) {
    identity.name = clean_text(trimmed(*name));
  }
  std::string_view list = find_variable(environment, "OTEL_RESOURCE_ATTRIBUTES").value_or("");
  while (!list.empty()) {
    const std::string_view pair = list.substr(0, list.find(','));
    list.remove_prefix(std::min(pair.size() + 1, list.size()));
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = trimmed(pair.substr(0, equals));
    std::string value = clean_text(percent_decoded(trimmed(pair.substr(equals + 1))));
    if (!key.empty() && !value.empty()) add_declared(identity, key, std::move(value));
  }
  return identity;
}

model::Service describe_service(const ProcessFacts& facts, const DeclaredIdentity& declared,
                                std::string_view configured_name, const model::Attributes& host) {
  model::Service service;
  service.name = choose_name(facts, declared, configured_name);
  service.ns = declared.ns;
  service.instance_id = declared.instance_id;
  if (service.instance_id.empty()) {
    std::string_view host_id = text_of(host, "host.id");
    if (host_id.empty()) host_id = text_of(host, "host.name");
    std::string seed;
    for (const std::string_view part :
         {host_id, std::string_view(service.ns), std::string_view(service.name),
          std::string_view(facts.cgroup.unit), std::string_view(facts.cgroup.container_id),
          std::string_view(facts.cgroup.container_name)}) {
      seed.append(part).push_back('\0');
    }
    service.instance_id = stable_instance_id(seed);
  }
  const auto add = [&](const char* key, std::string_view value) {
    if (!value.empty()) service.resource.push_back({key, std::string(value)});
  };
  add("service.name", service.name);
  add("service.namespace", service.ns);
  add("service.instance.id", service.instance_id);
  service.resource.insert(service.resource.end(), host.begin(), host.end());
  add("container.id", facts.cgroup.container_id);
  const model::Container& container = facts.container;
  add("container.name", container.name.empty() ? facts.cgroup.container_name : container.name);
  add("container.image.name", container.image);
  if (!container.image_tags.empty()) {
    service.resource.push_back({"container.image.tags", container.image_tags});
  }
  add("k8s.pod.uid", facts.cgroup.pod_uid);
  for (const model::Attribute& attribute : container.kubernetes) {
    if (text_of(service.resource, attribute.key).empty()) service.resource.push_back(attribute);
  }
  // The conventions name no attribute for the unit.
  add("hostlens.systemd.unit", facts.cgroup.unit);
  for (const model::Attribute& other : declared.others) {
    if (text_of(service.resource, other.key).empty()) service.resource.push_back(other);
  }
  return service;
}

model::Attributes describe_process(const ProcessFacts& facts, std::string_view owner,
                                   ArgumentsMode arguments) {
  model::Attributes attributes;
  attributes.push_back({"process.pid", int64_t{facts.key.pid}});
  if (facts.parent_pid != 0) {
    attributes.push_back({"process.parent_pid", int64_t{facts.parent_pid}});
  }
  const auto add = [&](const char* key, std::string value) {
    if (!value.empty()) attributes.push_back({key, std::move(value)});
  };
  const std::string_view base = base_name(facts.executable);
  add("process.executable.name", clean_text(base.empty() ? std::string_view(facts.comm) : base));
  add("process.executable.path", clean_text(facts.executable, 1024));
  if (!facts.arguments.empty()) add("process.command", clean_text(facts.arguments[0]));
  if (auto shown = show_arguments(facts.arguments, arguments); !shown.empty()) {
    attributes.push_back({"process.command_args", std::move(shown)});
  }
  add("process.runtime.name", std::string(runtime_name(facts.executable)));
  add("process.owner", std::string(owner));
  return attributes;
}

}  // namespace hostlens::discovery
