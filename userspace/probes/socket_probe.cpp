// SPDX-License-Identifier: Apache-2.0
#include "probes/socket_probe.h"

#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <utility>
#include <vector>

#include "bpf/socket.skel.h"
#include "kernel/features.h"
#include "kernel/libbpf_log.h"
#include "kernel/skeleton.h"
#include "probes/hooks.h"
#include "probes/kernel_enum.h"
#include "probes/kernel_probe.h"
#include "records/socket.h"

namespace hostlens::probes {
namespace {

using base::Error;
using base::Result;
using kernel::HookReport;

struct VariantRow {
  SocketVariant variant;
  std::string_view name;
  const char* hooks;
};
/// In the order of their price.
constexpr VariantRow kVariants[] = {
    {SocketVariant::kTracepoint, "tracepoint", "tp_btf/sock_send_length, tp_btf/sock_recv_length"},
    {SocketVariant::kFexit, "fexit", "fexit/{tcp,unix_stream}_{sendmsg,recvmsg}"},
    {SocketVariant::kSysExit, "sys_exit", "tp_btf/sys_exit"},
};
constexpr char kDataSignal[] = "socket calls with payload";
constexpr char kOpening[] =
    "hostlens.connection.opened, hostlens.connection.failed, hostlens.connection.active, "
    "hostlens.tcp.connect.duration";
constexpr char kClosing[] =
    "hostlens.connection.io, hostlens.tcp.retransmits, hostlens.tcp.resets, hostlens.tcp.rtt";
constexpr char kDatagrams[] = "hostlens.udp.io, hostlens.udp.datagrams";

enum class Need : uint8_t {
  kAlways,   ///< no probe without it
  kIfThere,  ///< gone from newer kernels, or not in older ones: nothing is lost then
};
struct ProgramRow {
  const char* name;
  std::optional<SocketVariant> variant;  ///< nullopt: with every one
  Need need;
  const char* signal;
  uint16_t arguments = 0;  ///< only for a function with so many, 0: any
};
constexpr ProgramRow kPrograms[] = {
    {"tp_btf__sock_send_length", SocketVariant::kTracepoint, Need::kAlways, kDataSignal},
    {"tp_btf__sock_recv_length", SocketVariant::kTracepoint, Need::kAlways, kDataSignal},
    {"fexit__tcp_sendmsg", SocketVariant::kFexit, Need::kAlways, kDataSignal},
    {"fexit__tcp_recvmsg", SocketVariant::kFexit, Need::kAlways, kDataSignal, 5},
    {"fexit__tcp_recvmsg_nonblock", SocketVariant::kFexit, Need::kAlways, kDataSignal, 6},
    {"fexit__unix_stream_sendmsg", SocketVariant::kFexit, Need::kAlways, kDataSignal},
    {"fexit__unix_stream_recvmsg", SocketVariant::kFexit, Need::kAlways, kDataSignal},
    {"fexit__tcp_sendpage", SocketVariant::kFexit, Need::kIfThere, "sendfile over TCP"},
    {"fexit__unix_stream_sendpage", SocketVariant::kFexit, Need::kIfThere, "sendfile, AF_UNIX"},
    {"fexit__unix_stream_splice_read", SocketVariant::kFexit, Need::kIfThere, "splice, AF_UNIX"},
    {"fexit__udp_sendmsg", SocketVariant::kFexit, Need::kIfThere, kDatagrams},
    {"fexit__udpv6_sendmsg", SocketVariant::kFexit, Need::kIfThere, kDatagrams},
    {"fexit__udp_recvmsg", SocketVariant::kFexit, Need::kIfThere, kDatagrams, 5},
    {"fexit__udpv6_recvmsg", SocketVariant::kFexit, Need::kIfThere, kDatagrams, 5},
    {"fexit__udp_recvmsg_nonblock", SocketVariant::kFexit, Need::kIfThere, kDatagrams, 6},
    {"fexit__udpv6_recvmsg_nonblock", SocketVariant::kFexit, Need::kIfThere, kDatagrams, 6},
    {"tp_btf__sys_exit", SocketVariant::kSysExit, Need::kAlways, kDataSignal},
    {"tp_btf__inet_sock_set_state", {}, Need::kAlways, kOpening},
    {"tp_btf__tcp_destroy_sock", {}, Need::kAlways, kClosing},
    {"tp_btf__tcp_send_reset", {}, Need::kIfThere, "hostlens.tcp.resets, sent without a socket", 3},
    {"tp_btf__tcp_send_reset_2",
     {},
     Need::kIfThere,
     "hostlens.tcp.resets, sent without a socket",
     2},
    {"tp_btf__sched_process_fork", {}, Need::kAlways, "inheritance of targets"},
    {"tp_btf__sched_process_exec", {}, Need::kAlways, "programs executed"},
    {"tp_btf__sched_process_exit", {}, Need::kAlways, "processes ended"},
};

uint64_t boottime_now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

Result<void> set_sizes(socket_bpf& skeleton, const SocketProbeSettings& settings,
                       SocketVariant variant) {
  const std::pair<bpf_map*, uint32_t> sizes[] = {
      {skeleton.maps.control_ring, settings.control_ring_bytes},
      {skeleton.maps.data_ring, settings.data_ring_bytes},
      {skeleton.maps.target_cgroups, settings.most_target_cgroups},
  };
  for (const auto& [map, size] : sizes) {
    if (const int error = bpf_map__set_max_entries(map, size); error != 0) {
      return base::errno_error(std::string("socket probe: size of ") + bpf_map__name(map), -error);
    }
  }
  if (variant != SocketVariant::kSysExit) {
    bpf_map__set_max_entries(skeleton.maps.sockets_by_address, 1);
  }
  return {};
}

/// Names of enum sk_rst_reason without SK_RST_REASON_.
constexpr std::pair<std::string_view, reset_reason> kResetReasons[] = {
    {"TCP_ABORT_ON_CLOSE", RESET_UNREAD_DATA},   {"TCP_STATE", RESET_ABORTED},
    {"TCP_DISCONNECT_WITH_DATA", RESET_ABORTED}, {"TCP_ABORT_ON_DATA", RESET_DATA_AFTER_CLOSE},
    {"TCP_ABORT_ON_LINGER", RESET_LINGER},       {"TCP_ABORT_ON_MEMORY", RESET_MEMORY},
    {"TCP_KEEPALIVE_TIMEOUT", RESET_KEEPALIVE},  {"TCP_INVALID_ACK_SEQUENCE", RESET_BAD_SEGMENT},
    {"TCP_RFC7323_PAWS", RESET_BAD_SEGMENT},     {"TCP_TOO_OLD_ACK", RESET_BAD_SEGMENT},
    {"TCP_ACK_UNSENT_DATA", RESET_BAD_SEGMENT},  {"TCP_FLAGS", RESET_BAD_SEGMENT},
    {"TCP_OLD_ACK", RESET_BAD_SEGMENT},          {"INVALID_SYN", RESET_BAD_SEGMENT},
};

void set_reset_reasons(socket_bpf& skeleton, const btf* types) {
  auto& reasons = skeleton.rodata->reset_reason_of;
  std::fill(std::begin(reasons), std::end(reasons), RESET_OTHER);
  for (const auto& [value, name] : kernel_enum(types, "sk_rst_reason", "SK_RST_REASON_")) {
    const auto* row = std::find_if(std::begin(kResetReasons), std::end(kResetReasons),
                                   [&](const auto& one) { return one.first == name; });
    if (row != std::end(kResetReasons) && value < std::size(reasons)) reasons[value] = row->second;
  }
}

Result<void> set_constants(socket_bpf& skeleton, const SocketProbeSettings& settings,
                           SocketVariant variant) {
  auto* constants = skeleton.rodata;
  constants->control_wake_bytes = settings.control_ring_bytes / 4;
  constants->data_wake_bytes = settings.data_ring_bytes / 4;
  constants->report_all_processes = settings.report_all_processes;
  constants->state_by_address = variant == SocketVariant::kSysExit;
  constants->loaded_boottime_ns = boottime_now_ns();
  uint64_t secret = 0;
  if (::getrandom(&secret, sizeof(secret), 0) != sizeof(secret)) {
    return base::errno_error("socket probe: random numbers");
  }
  constants->identity_secret = secret;
  return {};
}

}  // namespace

std::string_view to_string(SocketVariant variant) {
  for (const VariantRow& row : kVariants) {
    if (row.variant == variant) return row.name;
  }
  return "unknown";
}

std::optional<SocketVariant> socket_variant(std::string_view name) {
  for (const VariantRow& row : kVariants) {
    if (row.name == name) return row.variant;
  }
  return std::nullopt;
}

struct SocketProbe::Loaded {
  kernel::Skeleton<socket_bpf> skeleton;
  uint64_t* target_bits = nullptr;
  size_t target_bytes = 0;

  Loaded() = default;
  ~Loaded() {
    if (target_bits != nullptr) ::munmap(target_bits, target_bytes);
  }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;

  Result<void> map_targets() {
    bpf_map* map = skeleton->maps.target_bits;
    target_bytes = size_t{bpf_map__max_entries(map)} * sizeof(uint64_t);
    void* memory =
        ::mmap(nullptr, target_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
    if (memory == MAP_FAILED) return base::errno_error("socket probe: map the target table");
    target_bits = static_cast<uint64_t*>(memory);
    return {};
  }

  /// Loads and attaches the programs of one variant.
  Result<void> attach(SocketVariant variant, const SocketProbeSettings& settings, const btf* types,
                      std::vector<HookReport>& hooks);

 private:
  Result<void> choose_programs(SocketVariant variant, const btf* types,
                               std::vector<HookReport>& hooks);
};

Result<void> SocketProbe::Loaded::choose_programs(SocketVariant variant, const btf* types,
                                                  std::vector<HookReport>& hooks) {
  for (const ProgramRow& row : kPrograms) {
    bpf_program* program = bpf_object__find_program_by_name(skeleton->obj, row.name);
    if (program == nullptr) return base::invalid_error(std::string("no program ") + row.name);
    const char* section = bpf_program__section_name(program);
    const bool wanted = (!row.variant || *row.variant == variant) &&
                        hook_has_arguments(types, section, row.arguments);
    const bool exists = wanted && hook_exists(types, section);
    bpf_program__set_autoload(program, exists);
    if (!wanted) continue;
    if (!exists && row.need == Need::kAlways) {
      return Error{Error::Kind::kUnsupported, 0, std::string("this kernel has no ") + section, {}};
    }
    hooks.push_back({"socket",
                     row.signal,
                     section,
                     exists,
                     exists,
                     exists ? "" : "this kernel has no such function",
                     {}});
  }
  return {};
}

Result<void> SocketProbe::Loaded::attach(SocketVariant variant, const SocketProbeSettings& settings,
                                         const btf* types, std::vector<HookReport>& hooks) {
  const kernel::LibbpfLog log;
  skeleton.reset(socket_bpf::open());
  if (!skeleton) return base::errno_error("socket probe: open: " + log.cause());
  if (auto sized = set_sizes(*skeleton, settings, variant); !sized) return sized;
  if (auto set = set_constants(*skeleton, settings, variant); !set) return set;
  set_reset_reasons(*skeleton, types);
  if (auto chosen = choose_programs(variant, types, hooks); !chosen) return chosen;
  detail::fit_tables(skeleton->obj, types);
  if (settings.shared != nullptr) {
    if (auto lent = settings.shared->lend(skeleton->obj); !lent) return lent;
  }
  if (const int error = socket_bpf::load(skeleton.get()); error != 0) {
    return base::errno_error("the kernel refuses it: " + log.cause(), -error);
  }
  if (auto mapped = map_targets(); !mapped) return mapped;
  if (const int error = socket_bpf::attach(skeleton.get()); error != 0) {
    return base::errno_error("cannot be attached: " + log.cause(), -error);
  }
  return {};
}

SocketProbe::SocketProbe(std::unique_ptr<Loaded> loaded, SocketVariant variant,
                         kernel::AttachReport report)
    : loaded_(std::move(loaded)), variant_(variant), report_(std::move(report)) {}

SocketProbe::~SocketProbe() = default;

Result<std::unique_ptr<SocketProbe>> SocketProbe::attach(const SocketProbeSettings& settings) {
  const kernel::Features features = kernel::read_features();
  auto types = kernel_types();
  if (!types) return std::move(types).error();
  kernel::AttachReport report;
  std::string tried;
  std::optional<Error> last;
  for (const VariantRow& row : kVariants) {
    if (settings.only && *settings.only != row.variant) continue;
    auto loaded = std::make_unique<Loaded>();
    std::vector<HookReport> hooks;
    auto attached = loaded->attach(row.variant, settings, types->get(), hooks);
    if (attached) {
      report.socket_variant = row.name;
      report.hooks.insert(report.hooks.end(), std::make_move_iterator(hooks.begin()),
                          std::make_move_iterator(hooks.end()));
      return std::unique_ptr<SocketProbe>(
          new SocketProbe(std::move(loaded), row.variant, std::move(report)));
    }
    last = std::move(attached).error();
    last->remedy = remedy_for(last->errno_value, row.hooks);
    tried += (tried.empty() ? "" : "; ") + std::string(row.name) + ": " + last->message;
    report.hooks.push_back(
        {"socket", kDataSignal, row.hooks, false, false, last->message, last->remedy});
  }
  if (!last) return base::invalid_error("socket probe: no such variant");
  const bool denied = last->kind == Error::Kind::kDenied &&
                      (!features.has("CAP_BPF") || !features.has("CAP_PERFMON"));
  if (denied) {
    return Error{Error::Kind::kDenied, last->errno_value,
                 "socket probe: the kernel lets nobody load it without CAP_BPF and CAP_PERFMON",
                 last->remedy};
  }
  return Error{Error::Kind::kUnsupported, last->errno_value,
               "socket probe: no variant attaches: " + tried,
               "`hostlens doctor` shows what this kernel lacks"};
}

int SocketProbe::control_ring_fd() const {
  return bpf_map__fd(loaded_->skeleton->maps.control_ring);
}
int SocketProbe::data_ring_fd() const { return bpf_map__fd(loaded_->skeleton->maps.data_ring); }
int SocketProbe::counters_fd() const { return bpf_map__fd(loaded_->skeleton->maps.counters); }

kernel::TargetTable SocketProbe::targets() const {
  return {loaded_->target_bits, loaded_->target_bytes / sizeof(uint64_t),
          bpf_map__fd(loaded_->skeleton->maps.target_cgroups)};
}

uint64_t SocketProbe::recursion_misses() const {
  return probes::recursion_misses(loaded_->skeleton->obj);
}

}  // namespace hostlens::probes
