// SPDX-License-Identifier: Apache-2.0
#include "agent/profile_languages.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "base/unique_fd.h"
#include "discovery/process_reader.h"
#include "discovery/runtime_inspection.h"

namespace hostlens::agent {
namespace {

constexpr size_t kMostFiles = 2'048;
constexpr ProfileOutlook kNamedBySymbols{
    "functions, as far as it has symbols or debug files; else module and offset", ""};
constexpr ProfileOutlook kInterpreterAlone{
    "functions of the interpreter, not of the programs that it runs", ""};

/// "3.11.2" is (3, 11); nullopt: not of that form.
std::optional<std::pair<unsigned, unsigned>> major_and_minor(std::string_view version) {
  std::pair<unsigned, unsigned> found;
  const char* const end = version.data() + version.size();
  const auto [dot, bad_major] = std::from_chars(version.data(), end, found.first);
  if (bad_major != std::errc{} || dot == end || *dot != '.') return std::nullopt;
  const auto [rest, bad_minor] = std::from_chars(dot + 1, end, found.second);
  if (bad_minor != std::errc{}) return std::nullopt;
  return found;
}

constexpr unsigned kFirstJava = 11;

/// 17 of "17.0.15+6-Debian-1", 1 of "1.8.0_402"; nullopt: it begins with none.
std::optional<unsigned> leading_number(std::string_view version) {
  unsigned found = 0;
  const auto [end, bad] = std::from_chars(version.data(), version.data() + version.size(), found);
  return bad == std::errc{} ? std::optional(found) : std::nullopt;
}

bool is_pid(std::string_view name) {
  return !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
}

/// nullopt: it has no executable (a thread of the kernel), or we may not look.
std::optional<discovery::FileKey> executable_of(const std::string& process, std::string& path) {
  std::error_code error;
  path = std::filesystem::read_symlink(process + "/exe", error).string();
  struct stat status {};
  if (error || ::stat((process + "/exe").c_str(), &status) != 0) return std::nullopt;
  return discovery::file_key_of(status);
}

std::pair<std::string, std::string> runtime_of(const std::string& process,
                                               const std::string& path) {
  const base::UniqueFd file(::open((process + "/exe").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {"native", ""};
  const discovery::RuntimeIdentity runtime = discovery::inspect_runtime(file.get(), path, {});
  return {runtime.name.empty() ? "native" : runtime.name, runtime.version};
}

}  // namespace

ProfileOutlook profile_outlook(std::string_view runtime, std::string_view version) {
  if (runtime == "cpython") {
    const auto known = major_and_minor(version);
    const bool read = known && known->first == 3 && known->second >= 9 && known->second <= 13;
    if (read) return {"Python functions, files and lines, between native ones", ""};
    return {kInterpreterAlone.seen, "CPython 3.9 to 3.13 are read"};
  }
  if (runtime == "nodejs") {
    unsigned major = 0;
    const auto [end, bad] = std::from_chars(version.data(), version.data() + version.size(), major);
    if (bad == std::errc{} && major >= 16 && major <= 24) {
      return {"JavaScript functions and files, inlined ones too, between native ones", ""};
    }
    return {"native functions; JavaScript with names where its V8 is as in 16 to 24",
            "Node.js 16 to 24 are read; of others start it with --perf-basic-prof "
            "--interpreted-frames-native-stack"};
  }
  if (runtime == "java" || runtime.find("OpenJDK") != std::string_view::npos ||
      runtime.find("Java") != std::string_view::npos) {
    const auto major = leading_number(version);
    if (major && *major >= kFirstJava) {
      return {"Java methods, files and lines, inlined ones too, between native ones", ""};
    }
    return {"native functions; Java without names, and stacks that end there",
            "JDK 11 and later are read"};
  }
  if (runtime == ".NET") {
    return {"native functions; managed code without names",
            "start it with DOTNET_PerfMapEnabled=1"};
  }
  if (runtime == "ruby" || runtime == "php" || runtime == "perl") return kInterpreterAlone;
  if (runtime == "go") return {"functions, files and lines", ""};
  return kNamedBySymbols;
}

std::vector<RunningLanguage> running_languages() {
  std::map<discovery::FileKey, std::pair<std::string, std::string>> files;
  std::map<std::pair<std::string, std::string>, uint64_t> processes;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string process = entry.path().string();
    if (!is_pid(entry.path().filename().string())) continue;
    std::string path;
    const auto key = executable_of(process, path);
    if (!key) continue;
    auto known = files.find(*key);
    if (known == files.end()) {
      if (files.size() >= kMostFiles) continue;
      known = files.emplace(*key, runtime_of(process, path)).first;
    }
    ++processes[known->second];
  }
  std::vector<RunningLanguage> found;
  for (const auto& [runtime, count] : processes) {
    found.push_back({runtime.first, runtime.second, count});
  }
  std::stable_sort(
      found.begin(), found.end(),
      [](const RunningLanguage& a, const RunningLanguage& b) { return a.processes > b.processes; });
  return found;
}

}  // namespace hostlens::agent
