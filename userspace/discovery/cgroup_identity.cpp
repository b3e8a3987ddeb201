// SPDX-License-Identifier: Apache-2.0
#include "discovery/cgroup_identity.h"

#include <algorithm>
#include <array>
#include <optional>

#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

constexpr size_t kContainerIdLength = 64;
constexpr int kMaxComponents = 64;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_container_id(std::string_view text) {
  return text.size() == kContainerIdLength && is_hex(text);
}

/// "docker-<id>.scope", "cri-containerd-<id>.scope", "crio-<id>", "libpod-<id>.scope", "<id>", and
/// containerd's "<slice>:cri-containerd:<id>"; conmon is the runtime's own process, not the
/// container.
std::optional<std::string_view> container_id_of(std::string_view component) {
  if (component.ends_with(".scope")) component.remove_suffix(6);
  if (component.find("conmon") != std::string_view::npos) return std::nullopt;
  const size_t separator = component.find_last_of("-:");
  if (separator != std::string_view::npos) component.remove_prefix(separator + 1);
  if (!is_container_id(component)) return std::nullopt;
  return component;
}

/// "lxc.payload.NAME" (LXC 4), "lxc/NAME" (older, `previous` is "lxc"), "machine-NAME.scope" and
/// "systemd-nspawn@NAME.service" (nspawn).
std::optional<std::string_view> container_name_of(std::string_view component,
                                                  std::string_view previous) {
  constexpr std::string_view kPayload = "lxc.payload.";
  constexpr std::string_view kMachine = "machine-";
  constexpr std::string_view kNspawn = "systemd-nspawn@";
  if (component.starts_with(kPayload)) return component.substr(kPayload.size());
  if (previous == "lxc" && !component.empty()) return component;
  if (component.starts_with(kMachine) && component.ends_with(".scope")) {
    return component.substr(kMachine.size(), component.size() - kMachine.size() - 6);
  }
  if (component.starts_with(kNspawn) && component.ends_with(".service")) {
    return component.substr(kNspawn.size(), component.size() - kNspawn.size() - 8);
  }
  return std::nullopt;
}

/// "pod<uid>" (cgroupfs driver) or "kubepods-burstable-pod<uid with _>.slice" (systemd driver).
std::string pod_uid_of(std::string_view component) {
  constexpr size_t kUidLength = 36;
  if (component.ends_with(".slice")) component.remove_suffix(6);
  const size_t at = component.rfind("pod");
  if (at == std::string_view::npos || component.size() - at - 3 != kUidLength) return {};
  std::string uid(component.substr(at + 3));
  std::replace(uid.begin(), uid.end(), '_', '-');
  for (size_t i = 0; i < uid.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? uid[i] != '-' : !is_hex(uid.substr(i, 1))) return {};
  }
  return uid;
}

/// "3", "1000", "0f3a5c1e9b", "u42", "r1f2e3d4c": numbers and what systemd-run makes of them. Short
/// words of hex letters ("cafe") are words.
bool is_instance(std::string_view text) {
  constexpr size_t kShortestHash = 8;
  const auto is_digits = [](std::string_view some) {
    return !some.empty() &&
           std::all_of(some.begin(), some.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (is_digits(text) || (text.size() >= kShortestHash && is_hex(text))) return true;
  if (!text.starts_with('u') && !text.starts_with('r')) return false;
  text.remove_prefix(1);
  return is_digits(text) || (text.size() >= kShortestHash && is_hex(text));
}

std::string_view without_suffix(std::string_view component) {
  for (const std::string_view suffix :
       {std::string_view(".scope"), std::string_view(".slice"), std::string_view(".mount"),
        std::string_view(".socket"), std::string_view(".swap")}) {
    if (component.size() > suffix.size() && component.ends_with(suffix)) {
      return component.substr(0, component.size() - suffix.size());
    }
  }
  return component;
}

std::string unescape_unit(std::string_view name) {
  std::string text;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name.substr(i, 2) == "\\x" && i + 3 < name.size() && is_hex(name.substr(i + 2, 2))) {
      const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
      text.push_back(static_cast<char>(digit(name[i + 2]) * 16 + digit(name[i + 3])));
      i += 3;
    } else {
      text.push_back(name[i]);
    }
  }
  return text;
}

void read_path(std::string_view path, CgroupIdentity& identity) {
  std::string_view previous;
  for (int count = 0; !path.empty() && count < kMaxComponents; ++count) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    const std::string_view component = path.substr(0, path.find('/'));
    path.remove_prefix(component.size());
    if (component.empty()) break;
    if (std::string uid = pod_uid_of(component); !uid.empty()) identity.pod_uid = std::move(uid);
    if (const auto id = container_id_of(component)) {
      identity.container_id = *id;
      identity.container_name.clear();
      identity.unit.clear();
    } else if (const auto name = container_name_of(component, previous)) {
      identity.container_name = clean_text(unescape_unit(*name), 128);
      identity.container_id.clear();
      identity.unit.clear();
    } else if (component.ends_with(".service")) {
      identity.unit = clean_text(component);
    } else if (component.ends_with(".scope")) {
      identity.unit.clear();
    }
    previous = component;
  }
  // The user's service manager is not a service of its own; what it starts outside of units is a
  // session.
  if (identity.unit.starts_with("user@")) identity.unit.clear();
}

struct CgroupLine {
  std::string_view controllers;
  std::string_view path;
};

std::optional<CgroupLine> next_line(std::string_view& text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    return CgroupLine{line.substr(first + 1, second - first - 1), line.substr(second + 1)};
  }
  return std::nullopt;
}

}  // namespace

CgroupIdentity identify_cgroup(std::string_view proc_cgroup) {
  proc_cgroup = proc_cgroup.substr(0, kMaxCgroupBytes);
  std::string_view unified;
  std::string_view systemd;
  std::string_view other;  // v1 without systemd: any controller's path may name the container
  while (const auto line = next_line(proc_cgroup)) {
    if (line->controllers.empty()) {
      unified = line->path;
    } else if (line->controllers == "name=systemd") {
      systemd = line->path;
    } else if (line->path.size() > other.size()) {
      other = line->path;
    }
  }
  CgroupIdentity identity;
  // Side by side, the process lies in the root of the hierarchies that are not used.
  for (const std::string_view path : {unified, systemd, other}) {
    if (identity.path.size() <= 1 && !path.empty()) identity.path = clean_text(path, 1024);
    if (identity.unit.empty() && identity.container_id.empty() && identity.container_name.empty()) {
      read_path(path, identity);
    }
  }
  return identity;
}

std::string service_name_of_unit(std::string_view unit) {
  if (unit.ends_with(".service")) unit.remove_suffix(8);
  const size_t at = unit.find('@');
  if (at != std::string_view::npos && at > 0) unit = unit.substr(0, at);
  return clean_text(unescape_unit(unit));
}

std::string service_name_of_cgroup(std::string_view path) {
  path = path.substr(0, kMaxCgroupBytes);
  while (!path.empty()) {
    const size_t slash = path.find_last_of('/');
    std::string_view name = without_suffix(path.substr(slash + 1));  // npos + 1 == 0: the whole
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
    if (is_instance(name)) continue;
    size_t dash = name.find_last_of('-');
    while (dash != std::string_view::npos && dash > 0 && is_instance(name.substr(dash + 1))) {
      name = name.substr(0, dash);
      dash = name.find_last_of('-');
    }
    if (std::string text = clean_text(unescape_unit(name), 128); !text.empty()) return text;
  }
  return "cgroup";
}

std::string_view unified_path(std::string_view proc_cgroup) {
  while (const auto line = next_line(proc_cgroup)) {
    if (line->controllers.empty()) return line->path;
  }
  return {};
}

}  // namespace hostlens::discovery
