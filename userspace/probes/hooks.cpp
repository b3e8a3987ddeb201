// SPDX-License-Identifier: Apache-2.0
#include "probes/hooks.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "kernel/features.h"

namespace hostlens::probes {
namespace {

struct Section {
  std::string kind;
  std::string name;
};
Section parts_of(std::string_view section) {
  const size_t slash = section.find('/');
  if (slash == std::string_view::npos) return {std::string(section), {}};
  return {std::string(section.substr(0, slash)), std::string(section.substr(slash + 1))};
}

/// A tracepoint's prototype is that of its typedef btf_trace_NAME, a pointer to a function, whose
/// first argument is not the tracepoint's.
const btf_type* prototype_of(const btf* types, const Section& section) {
  if (section.kind != "tp_btf") {
    const int id = btf__find_by_name_kind(types, section.name.c_str(), BTF_KIND_FUNC);
    return id <= 0
               ? nullptr
               : btf__type_by_id(types, btf__type_by_id(types, static_cast<uint32_t>(id))->type);
  }
  const int id =
      btf__find_by_name_kind(types, ("btf_trace_" + section.name).c_str(), BTF_KIND_TYPEDEF);
  if (id <= 0) return nullptr;
  const btf_type* pointer =
      btf__type_by_id(types, btf__type_by_id(types, static_cast<uint32_t>(id))->type);
  return pointer == nullptr ? nullptr : btf__type_by_id(types, pointer->type);
}

/// How many arguments the hook's prototype lists; none when there is no such hook. File systems may
/// be modules with types of their own, and their functions bear the module's name (xfs_file_read).
std::optional<uint16_t> listed_arguments(const btf* types, const Section& section) {
  if (const btf_type* prototype = prototype_of(types, section)) return btf_vlen(prototype);
  const std::string module = section.name.substr(0, section.name.find('_'));
  if (::access(("/sys/kernel/btf/" + module).c_str(), R_OK) != 0) return std::nullopt;
  // It only reads its base, but says so to nobody.
  const Btf own(btf__load_module_btf(module.c_str(), const_cast<btf*>(types)));
  if (!own) return std::nullopt;
  const btf_type* prototype = prototype_of(own.get(), section);
  if (prototype == nullptr) return std::nullopt;
  return btf_vlen(prototype);
}

}  // namespace

base::Result<Btf> kernel_types() {
  Btf types(btf__load_vmlinux_btf());
  if (types) return types;
  return base::Error{base::Error::Kind::kUnsupported, errno, "this kernel tells no types (BTF)",
                     "boot a kernel built with CONFIG_DEBUG_INFO_BTF, 5.15 or newer"};
}

bool hook_exists(const btf* types, std::string_view section) {
  const Section parts = parts_of(section);
  if (parts.kind == "perf_event") return true;  // who attaches it asks for the event
  if (parts.kind == "iter" || parts.kind == "iter.s") {
    const std::string type = "bpf_iter__" + parts.name;
    return btf__find_by_name_kind(types, type.c_str(), BTF_KIND_STRUCT) > 0;
  }
  return listed_arguments(types, parts).has_value();
}

bool hook_has_arguments(const btf* types, std::string_view section, uint16_t count) {
  if (count == 0) return true;
  const Section parts = parts_of(section);
  const std::optional<uint16_t> listed = listed_arguments(types, parts);
  const int hidden = parts.kind == "tp_btf" ? 1 : 0;
  return !listed || *listed == count + hidden;
}

std::string remedy_for(int error, std::string_view section) {
  constexpr char kAllowEvents[] =
      "Debian's kernel lets nobody without CAP_SYS_ADMIN sample while "
      "kernel.perf_event_paranoid is 3: set it to 2 by sysctl";
  // Tried only where perf events are refused.
  if (section == "tp_btf/hrtimer_expire_entry") return kAllowEvents;
  if (error != EPERM && error != EACCES) return {};
  const kernel::Features features = kernel::read_features();
  if (!features.has("CAP_BPF") || !features.has("CAP_PERFMON")) {
    return "run as root, or with CAP_BPF and CAP_PERFMON";
  }
  if (section.starts_with("fexit") || section.starts_with("fentry")) {
    return "the kernel's lockdown or configuration forbids fentry and fexit";
  }
  if (section.starts_with("perf_event")) return kAllowEvents;
  return {};
}

uint64_t recursion_misses(bpf_object* object) {
  uint64_t misses = 0;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (!bpf_program__autoload(program)) continue;
    bpf_prog_info facts{};
    uint32_t length = sizeof(facts);
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &facts, &length) == 0) {
      misses += facts.recursion_misses;
    }
  }
  return misses;
}

}  // namespace hostlens::probes
