// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/listener_backlogs.h"

#include <map>
#include <utility>

namespace hostlens::agent {
namespace {

bool is_fuller(const model::ListenerState& listener, const health::ListenerBacklog& than) {
  return uint64_t{listener.backlog} * than.max > than.backlog * uint64_t{listener.max};
}

}  // namespace

std::shared_ptr<const std::vector<health::ListenerBacklog>> listener_backlogs(
    const std::vector<model::ListenerState>& listeners) {
  std::map<std::pair<const model::Service*, uint16_t>, health::ListenerBacklog> by_port;
  for (const model::ListenerState& listener : listeners) {
    if (listener.service == nullptr) continue;
    const auto [found, is_new] =
        by_port.try_emplace({listener.service.get(), listener.port},
                            health::ListenerBacklog{listener.service, listener.port,
                                                    listener.backlog, listener.max, 0});
    health::ListenerBacklog& backlog = found->second;
    if (!is_new && is_fuller(listener, backlog)) {
      backlog.backlog = listener.backlog;
      backlog.max = listener.max;
    }
    backlog.drops += listener.drops;
  }
  auto backlogs = std::make_shared<std::vector<health::ListenerBacklog>>();
  backlogs->reserve(by_port.size());
  for (auto& [key, backlog] : by_port) backlogs->push_back(std::move(backlog));
  return backlogs;
}

}  // namespace hostlens::agent
