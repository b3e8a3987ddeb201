// SPDX-License-Identifier: Apache-2.0
// The kinds of file that a profile is written to, and the one door to their writers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/profile.h"

namespace hostlens::exporters::profile {

enum class ProfileFormat : uint8_t { kPprof, kFolded, kSvg, kHtml, kSpeedscope };

/// By the ending of a file's name: .pb.gz, .folded, .svg, .html, .json.
[[nodiscard]] base::Result<ProfileFormat> format_of_file(std::string_view path);

/// `title` stands above flame graphs and names the profile in speedscope.
[[nodiscard]] base::Result<std::string> write_profile(const model::Profile& profile,
                                                      ProfileFormat format, std::string_view title);

/// What each kind shows of two profiles:
/// pprof: values of `after` minus those of `before`; folded: both weights per line; speedscope: two
/// profiles; flame graphs: one tree, coloured by the change of shares. Both must be of one kind.
[[nodiscard]] base::Result<std::string> write_profile_diff(const model::Profile& before,
                                                           const model::Profile& after,
                                                           ProfileFormat format,
                                                           std::string_view title);

/// A file for `profile diff`: pprof when its bytes look like one (gzip, or a first byte that no
/// text has), else folded stacks.
[[nodiscard]] base::Result<model::Profile> read_profile(std::string_view bytes,
                                                        size_t max_bytes = 256U << 20U);

}  // namespace hostlens::exporters::profile
