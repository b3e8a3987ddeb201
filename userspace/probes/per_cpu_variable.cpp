// SPDX-License-Identifier: Apache-2.0
#include "probes/per_cpu_variable.h"

#include <string_view>

namespace hostlens::probes {
namespace {

constexpr char kSection[] = ".data..percpu";

std::string_view name_of(const btf* types, const btf_type* type) {
  const char* const name = btf__name_by_offset(types, type->name_off);
  return name == nullptr ? std::string_view{} : name;
}

/// In bytes, from the beginning of a structure, through structures and unions without a name.
std::optional<int64_t> member_offset(const btf* types, const btf_type* type,
                                     std::string_view member) {
  if (type == nullptr || !btf_is_composite(type)) return std::nullopt;
  const btf_member* const members = btf_members(type);
  for (uint16_t i = 0; i < btf_vlen(type); ++i) {
    const int64_t offset = btf_member_bit_offset(type, i) / 8;
    const char* const name = btf__name_by_offset(types, members[i].name_off);
    if (name != nullptr && member == name) return offset;
    if (name != nullptr && *name != '\0') continue;
    const btf_type* const inner = btf__type_by_id(types, members[i].type);
    if (const auto found = member_offset(types, inner, member)) return offset + *found;
  }
  return std::nullopt;
}

std::optional<int64_t> preempt_count_offset(const btf* types) {
  if (const auto alone = per_cpu_offset(types, "__preempt_count")) return alone;
  const auto hot = per_cpu_offset(types, "pcpu_hot");
  const int id = btf__find_by_name_kind(types, "pcpu_hot", BTF_KIND_STRUCT);
  if (!hot || id <= 0) return std::nullopt;
  const auto inside =
      member_offset(types, btf__type_by_id(types, static_cast<uint32_t>(id)), "preempt_count");
  return inside ? std::optional(*hot + *inside) : std::nullopt;
}

}  // namespace

std::optional<int64_t> per_cpu_offset(const btf* types, const char* variable) {
  const int section = btf__find_by_name_kind(types, kSection, BTF_KIND_DATASEC);
  const int wanted = btf__find_by_name_kind(types, variable, BTF_KIND_VAR);
  if (section <= 0 || wanted <= 0) return std::nullopt;
  const btf_type* const type = btf__type_by_id(types, static_cast<uint32_t>(section));
  const btf_var_secinfo* const places = btf_var_secinfos(type);
  for (uint16_t i = 0; i < btf_vlen(type); ++i) {
    const btf_type* const place = btf__type_by_id(types, places[i].type);
    if (place != nullptr && name_of(types, place) == variable) return places[i].offset;
  }
  return std::nullopt;
}

std::optional<int64_t> preempt_count_behind_queue(const btf* types) {
  const auto counter = preempt_count_offset(types);
  const auto queue = per_cpu_offset(types, "runqueues");
  if (!counter || !queue) return std::nullopt;
  return *counter - *queue;
}

}  // namespace hostlens::probes
