// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/process_perf_maps.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace hostlens::symbols {
namespace {

constexpr size_t kPieceBytes = 256 << 10;
constexpr size_t kMaxFunctions = 16384;

}  // namespace

ProcessPerfMaps::Process& ProcessPerfMaps::process_of(const model::ProcessKey& key) {
  const auto found = std::ranges::find(processes_, key, &Process::key);
  if (found != processes_.end()) {
    processes_.splice(processes_.begin(), processes_, found);
  } else {
    if (processes_.size() >= kProcesses) processes_.pop_back();
    processes_.push_front({.key = key, .map = PerfMap(limits_), .functions = {}});
  }
  return processes_.front();
}

void ProcessPerfMaps::forget(const model::ProcessKey& process) {
  std::erase_if(processes_, [&](const Process& each) { return each.key == process; });
}

void ProcessPerfMaps::read_on(Process& process, uint64_t now_ns, Refusals& refusals) {
  process.next_look_ns = now_ns + kRetryNs;
  const auto file = files_.open_perf_map(process.key);
  if (!file) {
    if (file.error().kind != base::Error::Kind::kNotFound) refusals.count(file.error());
    return;
  }
  struct stat status {};
  if (::fstat(file.value().get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return refusals.count(Refusals::Reason::kUnreadable);
  }
  const auto size = static_cast<uint64_t>(status.st_size);
  if (size > limits_.file_bytes) return refusals.count(Refusals::Reason::kTooLarge);
  process.next_look_ns = now_ns + kRefreshNs;
  if (status.st_dev != process.device || status.st_ino != process.inode || size < process.offset) {
    process.map = PerfMap(limits_);
    process.offset = 0;
    process.device = status.st_dev;
    process.inode = status.st_ino;
  }
  std::vector<char> piece(kPieceBytes);
  while (process.offset < size) {
    const ssize_t count = ::pread(file.value().get(), piece.data(),
                                  std::min<uint64_t>(piece.size(), size - process.offset),
                                  static_cast<off_t>(process.offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    process.map.feed({piece.data(), static_cast<size_t>(count)});
    process.offset += static_cast<uint64_t>(count);
  }
}

std::shared_ptr<const model::Function> ProcessPerfMaps::find(const model::ProcessKey& key,
                                                             uint64_t address, uint64_t now_ns,
                                                             Refusals& refusals) {
  Process& process = process_of(key);
  auto symbol = process.map.find(address);
  if (!symbol && now_ns >= process.next_look_ns) {
    read_on(process, now_ns, refusals);
    symbol = process.map.find(address);
  }
  if (!symbol) return nullptr;
  if (process.functions.size() >= kMaxFunctions) process.functions.clear();
  auto& function = process.functions[std::string(symbol->name)];
  if (!function) {
    function = std::make_shared<const model::Function>(
        model::Function{.name = std::string(symbol->name), .file = {}, .system_name = {}});
  }
  return function;
}

}  // namespace hostlens::symbols
