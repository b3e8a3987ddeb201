// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/format.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "exporters/profile/flame_graph.h"
#include "exporters/profile/folded.h"
#include "exporters/profile/frame_text.h"
#include "exporters/profile/gunzip.h"
#include "exporters/profile/pprof.h"
#include "exporters/profile/speedscope.h"

namespace hostlens::exporters::profile {
namespace {

constexpr std::array<std::pair<std::string_view, ProfileFormat>, 5> kEndings{
    {{".pb.gz", ProfileFormat::kPprof},
     {".folded", ProfileFormat::kFolded},
     {".svg", ProfileFormat::kSvg},
     {".html", ProfileFormat::kHtml},
     {".json", ProfileFormat::kSpeedscope}}};

}  // namespace

base::Result<ProfileFormat> format_of_file(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  for (const auto& [ending, format] : kEndings) {
    if (name.ends_with(ending) && name.size() > ending.size()) return format;
  }
  return base::invalid_error(
             fmt::format("\"{}\": the ending of the name says no kind of profile", line_safe(path)))
      .with_remedy(
          "name it .pb.gz (pprof), .folded (folded stacks), .svg or .html (flame graph), or "
          ".json (speedscope)");
}

base::Result<std::string> write_profile(const model::Profile& profile, ProfileFormat format,
                                        std::string_view title) {
  switch (format) {
    case ProfileFormat::kPprof:
      return write_pprof(profile);
    case ProfileFormat::kFolded:
      return write_folded(profile);
    case ProfileFormat::kSvg:
      return flame_graph_picture(tree_of(profile), title);
    case ProfileFormat::kHtml:
      return flame_graph_page(tree_of(profile), title);
    case ProfileFormat::kSpeedscope:
      return write_speedscope(profile, title);
  }
  return base::invalid_error("no such kind of profile");
}

base::Result<std::string> write_profile_diff(const model::Profile& before,
                                             const model::Profile& after, ProfileFormat format,
                                             std::string_view title) {
  if (before.settings().kind != after.settings().kind) {
    return base::invalid_error("a profile of CPU time and one off CPU cannot be compared");
  }
  switch (format) {
    case ProfileFormat::kPprof:
      return write_pprof_diff(before, after);
    case ProfileFormat::kFolded:
      return write_folded_diff(before, after);
    case ProfileFormat::kSvg:
      return flame_graph_picture(tree_of(before, after), title);
    case ProfileFormat::kHtml:
      return flame_graph_page(tree_of(before, after), title);
    case ProfileFormat::kSpeedscope:
      return write_speedscope_diff(before, after);
  }
  return base::invalid_error("no such kind of profile");
}

base::Result<model::Profile> read_profile(std::string_view bytes, size_t max_bytes) {
  // A pprof file that is not compressed begins with a message: a tag of sample_type, 0x0A, which is
  // an empty line in text, or of another field. Folded stacks begin with a name.
  const bool is_pprof =
      is_gzip(bytes) || (!bytes.empty() && static_cast<unsigned char>(bytes.front()) < 0x20 &&
                         bytes.find('\0') != std::string_view::npos);
  return is_pprof ? read_pprof(bytes, max_bytes) : read_folded(bytes, max_bytes);
}

}  // namespace hostlens::exporters::profile
