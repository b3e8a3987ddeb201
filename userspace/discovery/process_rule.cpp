// SPDX-License-Identifier: Apache-2.0
#include "discovery/process_rule.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "discovery/command_name.h"

namespace hostlens::discovery {
namespace {

constexpr size_t kShortContainerId = 12;

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::string_view without_deleted(std::string_view path) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return path;
}

bool unit_matches(const Glob& glob, std::string_view unit) {
  if (unit.empty()) return false;
  if (glob.matches(unit)) return true;
  return unit.ends_with(".service") && glob.matches(unit.substr(0, unit.size() - 8));
}

bool cgroup_matches(const Glob& glob, std::string_view path) {
  while (!path.empty()) {
    if (glob.matches(path)) return true;
    path = path.substr(0, path.rfind('/'));
  }
  return false;
}

bool container_matches(const Glob& glob, const CgroupIdentity& cgroup) {
  const std::string_view id = cgroup.container_id;
  if (!id.empty() && (glob.matches(id) || glob.matches(id.substr(0, kShortContainerId))))
    return true;
  return !cgroup.container_name.empty() && glob.matches(cgroup.container_name);
}

}  // namespace

base::Result<void> ProcessMatcher::add(const ProcessPattern& pattern) {
  if (pattern.key == ProcessRuleKey::kPid) {
    uint32_t pid = 0;
    if (!read_number(pattern.pattern, pid) || pid == 0) {
      return base::invalid_error("pid \"" + pattern.pattern + "\": not a process id");
    }
    pids_.push_back(pid);
    return {};
  }
  if (pattern.key == ProcessRuleKey::kPort) {
    const std::string_view text = pattern.pattern;
    const size_t dash = text.find('-');
    uint16_t first = 0;
    uint16_t last = 0;
    const bool good =
        read_number(text.substr(0, dash), first) &&
        read_number(dash == std::string_view::npos ? text : text.substr(dash + 1), last);
    if (!good || first == 0 || last < first) {
      return base::invalid_error("port \"" + pattern.pattern + "\": not 1-65535 or a range of it");
    }
    ports_.emplace_back(first, last);
    return {};
  }
  auto glob = Glob::compile(pattern.pattern);
  if (!glob) return std::move(glob).error();
  switch (pattern.key) {
    case ProcessRuleKey::kExecutable:
      executables_.push_back({std::move(*glob), pattern.pattern.find('/') != std::string::npos});
      break;
    case ProcessRuleKey::kCommandLine:
      command_lines_.push_back(std::move(*glob));
      break;
    case ProcessRuleKey::kUnit:
      units_.push_back(std::move(*glob));
      break;
    case ProcessRuleKey::kCgroup:
      cgroups_.push_back(std::move(*glob));
      break;
    case ProcessRuleKey::kContainer:
      containers_.push_back(std::move(*glob));
      break;
    case ProcessRuleKey::kPid:
    case ProcessRuleKey::kPort:
      break;  // handled above
  }
  return {};
}

base::Result<ProcessMatcher> ProcessMatcher::compile(const ProcessRule& rule) {
  if (rule.empty()) return base::invalid_error("a rule without a pattern");
  ProcessMatcher matcher;
  for (const ProcessPattern& pattern : rule) {
    if (auto added = matcher.add(pattern); !added) return std::move(added).error();
  }
  return matcher;
}

bool ProcessMatcher::matches(const ProcessFacts& facts, ListeningPorts& ports) const {
  const auto all = [](const auto& patterns, const auto& fits) {
    return std::all_of(patterns.begin(), patterns.end(), fits);
  };
  if (!all(pids_, [&](uint32_t pid) { return pid == facts.key.pid; })) return false;
  if (!all(units_, [&](const Glob& glob) { return unit_matches(glob, facts.cgroup.unit); }))
    return false;
  if (!all(cgroups_, [&](const Glob& glob) { return cgroup_matches(glob, facts.cgroup.path); })) {
    return false;
  }
  if (!all(containers_, [&](const Glob& glob) { return container_matches(glob, facts.cgroup); })) {
    return false;
  }
  const std::string_view path = without_deleted(facts.executable);
  if (!all(executables_, [&](const ExecutableGlob& executable) {
        return !path.empty() &&
               executable.glob.matches(executable.on_path ? path : base_name(path));
      })) {
    return false;
  }
  if (!command_lines_.empty()) {
    const std::string line = facts.command_line();
    if (!all(command_lines_, [&](const Glob& glob) { return glob.matches(line); })) return false;
  }
  if (ports_.empty()) return true;
  const std::vector<uint16_t> open = ports.ports_of(facts.key);
  return all(ports_, [&](const auto& range) {
    return std::any_of(open.begin(), open.end(),
                       [&](uint16_t port) { return port >= range.first && port <= range.second; });
  });
}

bool ProcessMatcher::by_cgroup_only() const {
  return pids_.empty() && ports_.empty() && executables_.empty() && command_lines_.empty();
}

bool ProcessMatcher::concerns_port(uint16_t port) const {
  return std::any_of(ports_.begin(), ports_.end(), [&](const auto& range) {
    return port >= range.first && port <= range.second;
  });
}

base::Result<std::vector<ProcessMatcher>> compile_rules(const std::vector<ProcessRule>& rules) {
  std::vector<ProcessMatcher> matchers;
  for (size_t i = 0; i < rules.size(); ++i) {
    auto matcher = ProcessMatcher::compile(rules[i]);
    if (!matcher) return std::move(matcher).error().with_context("rule " + std::to_string(i + 1));
    matchers.push_back(std::move(*matcher));
  }
  return matchers;
}

}  // namespace hostlens::discovery
