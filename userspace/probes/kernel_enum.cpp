// SPDX-License-Identifier: Apache-2.0
#include "probes/kernel_enum.h"

#include <string_view>

namespace hostlens::probes {

std::map<uint32_t, std::string> kernel_enum(const btf* types, const char* name,
                                            const std::string& prefix) {
  std::map<uint32_t, std::string> names;
  const int id = btf__find_by_name_kind(types, name, BTF_KIND_ENUM);
  if (id <= 0) return names;
  const btf_type* type = btf__type_by_id(types, static_cast<uint32_t>(id));
  const struct btf_enum* values = ::btf_enum(type);
  for (uint16_t i = 0; i < btf_vlen(type); ++i) {
    const char* text = btf__name_by_offset(types, values[i].name_off);
    if (text == nullptr || !std::string_view(text).starts_with(prefix)) continue;
    names.emplace(static_cast<uint32_t>(values[i].val), text + prefix.size());
  }
  return names;
}

}  // namespace hostlens::probes
