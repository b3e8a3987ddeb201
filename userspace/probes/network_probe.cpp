// SPDX-License-Identifier: Apache-2.0
#include "probes/network_probe.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/unique_fd.h"
#include "bpf/network.skel.h"
#include "probes/kernel_enum.h"

namespace hostlens::probes {
namespace {

constexpr char kListeners[] =
    "hostlens.listen.overflows, hostlens.listen.queue, hostlens.tcp.accept.duration";
constexpr char kDrops[] = "hostlens.packet.drops";

constexpr KernelProgram kPrograms[] = {
    {"tp_btf__inet_sock_set_state", kListeners},
    {"iter__task_file", kListeners},
    {"iter__listener", kListeners},
    {"tp_btf__tcp_retransmit_synack", "hostlens.tcp.handshake.retransmits", false},
    {"tp_btf__tcp_retransmit_skb", "hostlens.tcp.other.retransmits", false},
    {"tp_btf__kfree_skb", kDrops, false, 4},
    {"tp_btf__kfree_skb_3", kDrops, false, 3},
    {"tp_btf__kfree_skb_2", kDrops, false, 2},
};

base::Result<void> prepare(network_bpf& skeleton) {
  // It cannot be attached before there is a map to go through.
  bpf_program__set_autoattach(skeleton.progs.iter__listener, false);
  bpf_map__set_autocreate(skeleton.maps.sockets_by_address, false);
  return {};
}

/// Runs the iterator over the files of all processes: listeners that are there already.
base::Result<void> visit_files(network_bpf& skeleton) {
  const base::UniqueFd visit(bpf_iter_create(bpf_link__fd(skeleton.links.iter__task_file)));
  if (!visit) return base::errno_error("iterator over files");
  std::array<char, 64> nothing{};
  ssize_t got = 0;
  do {
    got = ::read(visit.get(), nothing.data(), nothing.size());
  } while (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)));
  if (got < 0) return base::errno_error("iterator over files: read");
  return {};
}

base::Result<void> offer_listeners(network_bpf& skeleton, base::UniqueFd& listeners) {
  bpf_iter_link_info which{};
  which.map.map_fd = static_cast<uint32_t>(bpf_map__fd(skeleton.maps.listeners));
  bpf_iter_attach_opts options{};
  options.sz = sizeof(options);
  options.link_info = &which;
  options.link_info_len = sizeof(which);
  skeleton.links.iter__listener = bpf_program__attach_iter(skeleton.progs.iter__listener, &options);
  if (skeleton.links.iter__listener == nullptr) return base::errno_error("iterator over listeners");
  listeners.reset(::fcntl(bpf_link__fd(skeleton.links.iter__listener), F_DUPFD_CLOEXEC, 0));
  if (!listeners) return base::errno_error("iterator over listeners");
  return {};
}

}  // namespace

std::unique_ptr<KernelProbe> attach_network_probe(const KernelProbeContext& context) {
  context.report.packet_drop_reasons =
      kernel_enum(context.types, "skb_drop_reason", "SKB_DROP_REASON_");
  return attach_kernel_probe<network_bpf>("network", kPrograms, context, prepare,
                                          [&](network_bpf& skeleton) -> base::Result<void> {
                                            if (auto seen = visit_files(skeleton); !seen)
                                              return seen;
                                            return offer_listeners(skeleton, context.listeners);
                                          });
}

}  // namespace hostlens::probes
