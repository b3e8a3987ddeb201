// SPDX-License-Identifier: Apache-2.0
// Everything that discovery reads of another process, from one input: its first byte picks the
// parser.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "discovery/cgroup_identity.h"
#include "discovery/command_name.h"
#include "discovery/listening_ports.h"
#include "discovery/proc_files.h"
#include "discovery/service_identity.h"

namespace {

using namespace hostlens::discovery;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_command_line(std::string_view bytes) {
  const auto arguments = parse_command_line(bytes);
  require(arguments.size() <= 256);
  const std::string_view executable = arguments.empty() ? std::string_view{} : arguments[0];
  require(command_name(executable, arguments).size() <= kMaxCommandLineBytes);
  for (const char* interpreter : {"python3", "node", "java", "ruby", "bun", "dotnet", "gunicorn"}) {
    require(!command_name(interpreter, arguments).empty());
  }
}

void check_environment(std::string_view bytes) {
  const DeclaredIdentity identity = read_declared_identity(bytes);
  require(identity.others.size() <= 32 && identity.name.size() <= 256);
  require(clean_text(identity.name) == identity.name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      if (const auto stat = parse_stat(bytes)) require(stat->comm.size() <= 64);
      break;
    case 1:
      check_command_line(bytes);
      break;
    case 2:
      check_environment(bytes);
      break;
    case 3: {
      const CgroupIdentity identity = identify_cgroup(bytes);
      require(identity.container_id.empty() || identity.container_id.size() == 64);
      require(service_name_of_unit(identity.unit).size() <= 256);
      break;
    }
    case 4:
      require(parse_listening(bytes).size() <= 4096);
      break;
    case 5: {
      (void)parse_effective_uid(bytes);
      const std::string clean = clean_text(bytes);
      require(clean.size() <= 256 && clean_text(clean) == clean);
      break;
    }
  }
  return 0;
}
