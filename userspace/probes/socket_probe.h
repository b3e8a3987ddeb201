// SPDX-License-Identifier: Apache-2.0
// Socket calls of targets with their payload, the life of their connections and of processes:
// bpf/probes/socket.bpf.c. Loads and attaches; privileged.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kernel/attach_report.h"
#include "kernel/shared_maps.h"
#include "kernel/target_table.h"

namespace hostlens::probes {

/// How socket calls are seen; each costs more than the one before it.
enum class SocketVariant : uint8_t {
  kTracepoint,  ///< tp_btf/sock_{send,recv}_length, Linux 6.3
  kFexit,       ///< fexit of tcp_* and unix_stream_*
  kSysExit,     ///< tp_btf/sys_exit: taxes every system call of the host
};
[[nodiscard]] std::string_view to_string(SocketVariant variant);
[[nodiscard]] std::optional<SocketVariant> socket_variant(std::string_view name);

struct SocketProbeSettings {
  uint32_t control_ring_bytes = 1U << 20;  ///< power of two, multiple of the page size
  uint32_t data_ring_bytes = 4U << 20;
  uint32_t most_target_cgroups = 1024;
  /// exec and exit of every process, for discovery; else of targets alone.
  bool report_all_processes = true;
  /// Of probes that are attached already: targets, tables of signals, sockets. nullptr: its own.
  const kernel::SharedMaps* shared = nullptr;
  /// Only this one is tried: tests. Else the first that attaches.
  std::optional<SocketVariant> only;
};

/// Attached for as long as it lives; nothing is pinned, so that the death of the process detaches
/// all.
class SocketProbe {
 public:
  /// kDenied: a capability is missing; kUnsupported: this kernel cannot, no variant attached. Both
  /// say what was tried and the remedy.
  [[nodiscard]] static base::Result<std::unique_ptr<SocketProbe>> attach(
      const SocketProbeSettings& settings);
  ~SocketProbe();
  SocketProbe(const SocketProbe&) = delete;
  SocketProbe& operator=(const SocketProbe&) = delete;

  [[nodiscard]] SocketVariant variant() const { return variant_; }
  [[nodiscard]] const kernel::AttachReport& report() const { return report_; }
  /// Owned by the probe; duplicates stay valid after it, but nothing new comes.
  [[nodiscard]] int control_ring_fd() const;
  [[nodiscard]] int data_ring_fd() const;
  [[nodiscard]] int counters_fd() const;  ///< cannot write (BPF_F_RDONLY)
  [[nodiscard]] kernel::TargetTable targets() const;
  /// Times that the kernel skipped one of our programs because it was already running on that CPU
  /// (bpf_prog_info.recursion_misses): events nobody saw.
  [[nodiscard]] uint64_t recursion_misses() const;

 private:
  struct Loaded;
  SocketProbe(std::unique_ptr<Loaded> loaded, SocketVariant variant, kernel::AttachReport report);

  std::unique_ptr<Loaded> loaded_;
  SocketVariant variant_;
  kernel::AttachReport report_;
};

}  // namespace hostlens::probes
