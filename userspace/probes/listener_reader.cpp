// SPDX-License-Identifier: Apache-2.0
#include "probes/listener_reader.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "records/network.h"

namespace hostlens::probes {
namespace {

constexpr size_t kMost = 65536;

model::ListenerState to_model(const listener_record& record) {
  model::ListenerState state;
  state.owner = record.owner;
  state.network_namespace = record.network_namespace;
  state.port = record.port;
  state.backlog = record.backlog;
  state.max = record.limit;
  state.drops = record.drops;
  return state;
}

}  // namespace

base::Result<std::vector<model::ListenerState>> ListenerReader::read() const {
  const base::UniqueFd visit(bpf_iter_create(link_.get()));
  if (!visit) return base::errno_error("iterator over listeners");
  std::vector<model::ListenerState> states;
  std::array<std::byte, 128 * sizeof(listener_record)> buffer{};
  size_t held = 0;
  while (states.size() < kMost) {
    const ssize_t got = ::read(visit.get(), buffer.data() + held, buffer.size() - held);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return base::errno_error("iterator over listeners: read");
    if (got == 0) return states;
    held += static_cast<size_t>(got);
    size_t used = 0;
    for (; held - used >= sizeof(listener_record); used += sizeof(listener_record)) {
      listener_record record{};
      std::memcpy(&record, buffer.data() + used, sizeof(record));
      states.push_back(to_model(record));
    }
    std::memmove(buffer.data(), buffer.data() + used, held - used);
    held -= used;
  }
  return states;
}

}  // namespace hostlens::probes
