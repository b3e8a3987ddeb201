// SPDX-License-Identifier: Apache-2.0
// pprof's profile.proto, gzipped (proto/perftools/profiles). Read by `go tool pprof`, Pyroscope,
// Parca and speedscope.
//
// CPU: samples/count and, when the rate is known, cpu/nanoseconds, with its period. Off CPU:
// events/count and offcpu/nanoseconds. Labels: process, pid, thread, service, container, route,
// cause, waker, trace_id, span_id; those that are empty are left out. Addresses are those of the
// file, and so are the limits of mappings, so that processes share them; frames of the kernel
// without a module are in the mapping "[kernel.kallsyms]".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/profile.h"

namespace hostlens::exporters::profile {

[[nodiscard]] base::Result<std::string> write_pprof(const model::Profile& profile);

/// As `pprof -diff_base`: the samples of `after`, and those of `before` with negative values and
/// the label pprof::base. Neither is scaled.
[[nodiscard]] base::Result<std::string> write_pprof_diff(const model::Profile& before,
                                                         const model::Profile& after);

/// Also of strangers: the first of cpu, offcpu, off_cpu, delay (nanoseconds), samples and events
/// (count) that the file has; one with none of these is refused. Not gzipped is accepted too. What
/// is larger than kMostPprofBytes when unpacked is refused; `max_bytes` bounds the profile.
[[nodiscard]] base::Result<model::Profile> read_pprof(std::string_view bytes,
                                                      size_t max_bytes = 256U << 20U);

inline constexpr size_t kMostPprofBytes = 256U << 20U;

}  // namespace hostlens::exporters::profile
