// SPDX-License-Identifier: Apache-2.0
// Everything that tells who a process is: its executable, its arguments, its runtime's files, its
// cgroup, the list of containers. The first byte chooses.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "discovery/argument_redaction.h"
#include "discovery/cgroup_identity.h"
#include "discovery/cgroup_tree.h"
#include "discovery/container_list.h"
#include "discovery/container_names.h"
#include "discovery/package_database.h"
#include "discovery/proc_files.h"
#include "discovery/runtime_inspection.h"

using namespace hostlens;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

void inspect_as(const char* program, std::string_view bytes) {
  const base::UniqueFd file(::memfd_create("fuzzed", MFD_CLOEXEC));
  if (!file || ::write(file.get(), bytes.data(), bytes.size()) < 0) return;
  const std::string text(bytes.substr(0, 4096));
  const auto runtime =
      discovery::inspect_runtime(file.get(), program, {[&] { return text; }, [&] { return text; }});
  for (const model::Attribute& attribute : runtime.attributes()) {
    expect(std::get<std::string>(attribute.value).size() <= 256);
  }
}

void read_list(std::string_view bytes) {
  const auto list = discovery::parse_container_list(bytes);
  if (!list) return;
  expect(list->size() <= discovery::kMaxContainers);
  for (const auto& [id, container] : *list) expect(id.size() == 64 && container.name.size() <= 256);
}

void show(std::string_view bytes) {
  const auto shown = discovery::show_arguments(discovery::parse_command_line(bytes),
                                               discovery::ArgumentsMode::kRedact);
  expect(shown.size() <= 64);
  for (const std::string& argument : shown) expect(argument.size() <= 256);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto memory = [&](uint64_t address, size_t wanted) {
    return address < bytes.size() ? std::string(bytes.substr(address, wanted)) : std::string();
  };
  switch (data[0] % 9) {
    case 0:
      inspect_as("/usr/bin/python3.9", bytes);
      break;
    case 1:
      inspect_as("/usr/bin/server", bytes);
      break;
    case 2:
      inspect_as("/usr/bin/ruby", bytes);
      break;
    case 3:
      expect(discovery::parse_go_version(bytes, memory).size() <= 128);
      break;
    case 4:
      read_list(bytes);
      break;
    case 5:
      expect(!discovery::service_name_of_cgroup(bytes).empty());
      expect(discovery::identify_cgroup(bytes).container_id.size() % 64 == 0);
      break;
    case 6:
      (void)discovery::find_unified_mount(bytes);
      break;
    case 8:
      show(bytes);
      break;
    default: {
      std::map<std::string, discovery::Package> packages{{"/a", {"a", ""}}, {"/b", {"a", ""}}};
      discovery::read_package_versions(bytes, packages);
      expect(packages["/a"] == packages["/b"]);
    }
  }
  return 0;
}
