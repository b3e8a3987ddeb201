// SPDX-License-Identifier: Apache-2.0
// `hostlens profile diff`: what changed between two recordings.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <utility>

#include "agent/commands/commands.h"
#include "agent/exit_codes.h"
#include "exporters/profile/diff_table.h"
#include "exporters/profile/format.h"

namespace hostlens::agent {
namespace {

using base::Result;

constexpr size_t kMostFileBytes = 512U << 20;
constexpr size_t kMostRows = 40;

Result<model::Profile> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return base::errno_error("open " + path);
  const auto size = static_cast<size_t>(std::max<std::streamoff>(file.tellg(), 0));
  if (size > kMostFileBytes) return base::invalid_error(path + " is larger than 512 MiB");
  std::string bytes(size, '\0');
  file.seekg(0);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    return base::errno_error("read " + path);
  }
  auto profile = exporters::profile::read_profile(bytes);
  if (!profile) return std::move(profile).error().with_context(path);
  return profile;
}

Result<void> write_file(const std::string& path, const model::Profile& before,
                        const model::Profile& after, const std::string& title) {
  auto format = exporters::profile::format_of_file(path);
  if (!format) return std::move(format).error();
  auto bytes = exporters::profile::write_profile_diff(before, after, *format, title);
  if (!bytes) return std::move(bytes).error();
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) return base::errno_error("open " + path);
  file << *bytes << std::flush;
  if (!file) return base::errno_error("write " + path);
  return {};
}

}  // namespace

int profile_diff_command(const ProfileDiffOptions& options) {
  const auto fail = [](const base::Error& error) {
    print_error(error);
    return exit_code_of(error);
  };
  auto before = read_file(options.before);
  if (!before) return fail(before.error());
  auto after = read_file(options.after);
  if (!after) return fail(after.error());
  if (options.outputs.empty()) {
    const auto rows = exporters::profile::diff_functions(*before, *after);
    if (!rows) return fail(rows.error());
    std::fputs(exporters::profile::diff_table(*rows, kMostRows).c_str(), stdout);
    return kExitOk;
  }
  const std::string title = options.before + " -> " + options.after;
  for (const std::string& path : options.outputs) {
    if (auto written = write_file(path, *before, *after, title); !written) {
      return fail(written.error());
    }
  }
  return kExitOk;
}

}  // namespace hostlens::agent
