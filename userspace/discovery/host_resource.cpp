// SPDX-License-Identifier: Apache-2.0
#include "discovery/host_resource.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <uuid/uuid.h>

#include <array>

#include "base/unique_fd.h"
#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

/// service.instance.id, OpenTelemetry resource conventions: uuid v5 in this namespace.
constexpr const char* kInstanceNamespace = "4d63009a-8d0f-11ee-aad7-4c796ed8e320";

std::string read_file(const std::string& path) {
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return file ? read_bounded(file.get(), kMaxStatBytes) : std::string();
}

/// Value of KEY= in os-release(5), without its quotes.
std::string release_value(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.size() <= key.size() || !line.starts_with(key) || line[key.size()] != '=') continue;
    line.remove_prefix(key.size() + 1);
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') &&
        line.back() == line.front()) {
      line = line.substr(1, line.size() - 2);
    }
    return clean_text(line);
  }
  return {};
}

/// host.arch has names of its own.
std::string_view architecture(std::string_view machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine.starts_with("armv")) return "arm32";
  return machine;
}

}  // namespace

model::Attributes read_host_resource(const std::string& root) {
  model::Attributes attributes;
  const auto add = [&](const char* key, std::string value) {
    if (!value.empty()) attributes.push_back({key, std::move(value)});
  };
  utsname names{};
  if (::uname(&names) == 0) add("host.name", clean_text(names.nodename));
  std::string id = read_file(root + "/etc/machine-id");
  add("host.id", clean_text(std::string_view(id).substr(0, id.find('\n')), 64));
  add("host.arch", std::string(architecture(names.machine)));
  add("os.type", "linux");
  std::string release = read_file(root + "/etc/os-release");
  if (release.empty()) release = read_file(root + "/usr/lib/os-release");
  add("os.name", release_value(release, "NAME"));
  add("os.version", release_value(release, "VERSION_ID"));
  add("os.description", release_value(release, "PRETTY_NAME"));
  return attributes;
}

std::string stable_instance_id(std::string_view seed) {
  uuid_t space;
  uuid_t id;
  if (::uuid_parse(kInstanceNamespace, space) != 0) return {};
  ::uuid_generate_sha1(id, space, seed.data(), seed.size());
  std::array<char, UUID_STR_LEN> text;
  ::uuid_unparse_lower(id, text.data());
  return text.data();
}

std::string_view text_of(const model::Attributes& attributes, std::string_view key) {
  for (const model::Attribute& attribute : attributes) {
    if (attribute.key != key) continue;
    const auto* text = std::get_if<std::string>(&attribute.value);
    return text == nullptr ? std::string_view{} : std::string_view(*text);
  }
  return {};
}

}  // namespace hostlens::discovery
