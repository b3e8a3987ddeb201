// SPDX-License-Identifier: Apache-2.0
#include "agent/symbols_configuration.h"

#include <array>
#include <filesystem>

#include "base/web_transfer.h"

namespace hostlens::agent {
namespace {

using Value = ConfigurationValue;

constexpr uint64_t kMiB = 1024 * 1024;
constexpr uint64_t kSecond = 1'000'000'000;
constexpr size_t kMostUrls = 8;

void read_urls(Value& value, Configuration& configuration) {
  std::vector<std::string>& urls = configuration.debuginfod.urls;
  value.read_texts(urls);
  if (urls.size() > kMostUrls) value.fail("that are too many");
  for (const std::string& url : urls) {
    if (!is_debuginfod_url(url)) value.fail("\"" + url + "\" is no URL of a server");
  }
}

void read_cache_dir(Value& value, Configuration& configuration) {
  const auto text = value.text();
  if (!text) return;
  const std::filesystem::path path(*text);
  if (!path.is_absolute() || path.lexically_normal() != path || !path.has_filename()) {
    return value.fail("\"" + *text + "\" is no absolute path of a folder");
  }
  configuration.debuginfod.cache_dir = *text;
}

const std::array kKeys = {
    ConfigurationKey{"symbols.debuginfod.urls", "a list of http:// or https:// URLs, at most 8",
                     "[]",
                     "debuginfod servers that are asked, in this order, for the symbols of what "
                     "this host has none of. They get build ids and nothing else. [] asks nobody.",
                     false, read_urls},
    ConfigurationKey{
        "symbols.debuginfod.cache_dir", "an absolute path", "/var/cache/hostlens/debuginfod",
        "Where the files that came are kept; made where there is none.", false, read_cache_dir},
    ConfigurationKey{"symbols.debuginfod.cache_size", "16MiB to 1024GiB", "1GiB",
                     "Of all files there; those that were not used for the longest time go first.",
                     false,
                     [](Value& v, Configuration& c) {
                       v.read_size(c.debuginfod.cache_bytes, 16 * kMiB, kMiB * kMiB);
                     }},
    ConfigurationKey{"symbols.debuginfod.timeout", "a duration, 1s to 10m", "1m",
                     "For one file from one server, all of it.", false,
                     [](Value& v, Configuration& c) {
                       v.read_duration(c.debuginfod.timeout_ns, kSecond, 600 * kSecond);
                     }},
    ConfigurationKey{"symbols.debuginfod.max_size", "1MiB to 64GiB", "512MiB",
                     "Of one file; larger ones are not taken.", false,
                     [](Value& v, Configuration& c) {
                       v.read_size(c.debuginfod.file_bytes, kMiB, 64 * 1024 * kMiB);
                     }},
};

}  // namespace

std::span<const ConfigurationKey> symbols_configuration_keys() { return kKeys; }

bool is_debuginfod_url(std::string_view text) {
  return base::is_web_url(text) && text.find_first_of("?#") == std::string_view::npos;
}

}  // namespace hostlens::agent
