// SPDX-License-Identifier: Apache-2.0
// One function per command of the program; each returns its exit status (exit_codes.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/configuration.h"
#include "base/result.h"

namespace hostlens::agent {

struct RunOptions {
  std::string config_path;  ///< "": none
  Overrides overrides;
  bool listen_given = false;
  std::optional<uint64_t> for_ns;
  std::vector<std::string> command;
};
[[nodiscard]] int run_command(RunOptions options);

[[nodiscard]] int agent_command(const std::string& config_path);

struct TopOptions {
  std::string address;  ///< "": HOSTLENS_ADDRESS, else the default configuration's
  uint64_t interval_ns = 2'000'000'000;
  bool once = false;
  bool trace = false;  ///< print one whole trace as a tree instead
  std::optional<uint64_t> for_ns;
};
[[nodiscard]] int top_command(const TopOptions& options);

struct HealthOptions {
  std::string address;                 ///< as of top
  std::optional<std::string> service;  ///< of this one alone
  bool json = false;
};
[[nodiscard]] int health_command(const HealthOptions& options);

struct SyscallsOptions {
  std::string address;  ///< as in TopOptions
  std::string service;
  uint64_t for_ns = 5'000'000'000;
};
[[nodiscard]] int syscalls_command(const SyscallsOptions& options);

struct ProfileOptions {
  std::vector<std::string> command;  ///< started, recorded and awaited
  uint32_t pid = 0;                  ///< 0: none
  std::string unit;
  std::string service;
  std::optional<uint64_t> for_ns;
  uint32_t hz = 99;
  bool off_cpu = false;  ///< where threads wait, instead of what runs
  uint64_t threshold_ns = 1'000'000;
  bool wakers = false;                  ///< and who ended each wait
  std::vector<std::string> outputs;     ///< none: a table on standard output
  std::vector<std::string> debuginfod;  ///< URLs of servers that are asked for symbols
};
/// Without command, pid, unit and service: the whole host.
[[nodiscard]] int profile_command(ProfileOptions options);

struct ProfileDiffOptions {
  std::string before;
  std::string after;
  std::vector<std::string> outputs;  ///< none: a table on standard output
};
[[nodiscard]] int profile_diff_command(const ProfileDiffOptions& options);

struct DoctorOptions {
  std::string config_path;  ///< what is off there is told; "": the service's, if it is there
  bool as_json = false;
};
[[nodiscard]] int doctor_command(const DoctorOptions& options);
[[nodiscard]] int config_check_command(const std::string& path);
[[nodiscard]] int config_keys_command();
[[nodiscard]] int version_command();

/// "hostlens: message (remedy)" on standard error, each line of the message with the prefix.
void print_error(const base::Error& error);
/// The status for an error that ends a command.
[[nodiscard]] int exit_code_of(const base::Error& error);

/// Colours: only on a terminal, and not against NO_COLOR (no-color.org) or TERM=dumb.
[[nodiscard]] bool use_colour(int fd);

/// Whether the locale of the environment says that a terminal shows UTF-8.
[[nodiscard]] bool use_unicode();

}  // namespace hostlens::agent
