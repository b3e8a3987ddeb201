// SPDX-License-Identifier: Apache-2.0
// What a runtime that speaks CRI says: the whole conversation in two pieces, or one of its lists.
// The first byte chooses.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "discovery/container_names.h"
#include "discovery/cri_conversation.h"

using namespace hostlens;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

void read(const discovery::CriLists& lists) {
  const auto containers = discovery::parse_cri_lists(lists);
  if (!containers) return;
  expect(containers->size() <= discovery::kMaxContainers);
  for (const auto& [id, container] : *containers) {
    expect(id.size() == 64 && id == container.id);
    expect(container.name.size() <= 256 && container.service_name.size() <= 256);
    expect(container.image.size() <= 256 && container.kubernetes.size() <= 4);
  }
}

void converse(std::string_view bytes) {
  const auto conversation = discovery::CriConversation::create();
  expect(conversation.has_value());
  const size_t half = bytes.size() / 2;
  if (!(*conversation)->take(bytes.substr(0, half))) return;
  if (!(*conversation)->take(bytes.substr(half))) return;
  if (!(*conversation)->complete()) return;
  if (const auto lists = (*conversation)->lists()) read(*lists);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      converse(bytes);
      break;
    case 1:
      read({bytes, {}, {}});
      break;
    case 2:
      read({{}, bytes, {}});
      break;
    default:
      read({{}, {}, bytes});
  }
  return 0;
}
