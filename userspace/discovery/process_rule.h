// SPDX-License-Identifier: Apache-2.0
// The rules by which an operator names processes: targets and service names.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "discovery/glob.h"
#include "discovery/listening_ports.h"
#include "discovery/process_reader.h"

namespace hostlens::discovery {

enum class ProcessRuleKey : uint8_t {
  kPid,          ///< digits
  kPort,         ///< "8080" or "8000-8100": the process listens on it (TCP)
  kExecutable,   ///< glob on the path when it holds a '/', else on the base name
  kCommandLine,  ///< glob on all arguments, joined with blanks
  kUnit,         ///< glob on the systemd unit, ".service" may be left out
  kCgroup,       ///< glob on the cgroup path; everything below a match matches
  kContainer,    ///< glob on the container's id, its first 12 digits, or its name (LXC, nspawn)
};

struct ProcessPattern {
  ProcessRuleKey key = ProcessRuleKey::kPid;
  std::string pattern;
  bool operator==(const ProcessPattern&) const = default;
};

/// All patterns of one rule must fit (AND); rules of one list are alternatives (OR).
using ProcessRule = std::vector<ProcessPattern>;

/// A compiled rule. Immutable.
class ProcessMatcher {
 public:
  /// kInvalid for an empty rule or a pattern that does not compile, naming it.
  static base::Result<ProcessMatcher> compile(const ProcessRule& rule);

  /// `ports` is asked only when everything else fits.
  [[nodiscard]] bool matches(const ProcessFacts& facts, ListeningPorts& ports) const;
  [[nodiscard]] bool needs_executable() const { return !executables_.empty(); }
  [[nodiscard]] bool needs_ports() const { return !ports_.empty(); }
  /// True when membership of a cgroup alone decides, so that the kernel can.
  [[nodiscard]] bool by_cgroup_only() const;
  /// True when the port is in one of the rule's ranges (any of them: for change detection only).
  [[nodiscard]] bool concerns_port(uint16_t port) const;

 private:
  ProcessMatcher() = default;
  base::Result<void> add(const ProcessPattern& pattern);

  struct ExecutableGlob {
    Glob glob;
    bool on_path;
  };
  std::vector<uint32_t> pids_;
  std::vector<std::pair<uint16_t, uint16_t>> ports_;
  std::vector<ExecutableGlob> executables_;
  std::vector<Glob> command_lines_;
  std::vector<Glob> units_;
  std::vector<Glob> cgroups_;
  std::vector<Glob> containers_;
};

[[nodiscard]] base::Result<std::vector<ProcessMatcher>> compile_rules(
    const std::vector<ProcessRule>& rules);

}  // namespace hostlens::discovery
