// SPDX-License-Identifier: Apache-2.0
// Asks debuginfod servers for debug files: GET URL/buildid/HEX/debuginfo (debuginfod(8), WEBAPI).
// Nothing of this host is sent but the build id and how large a file may be.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/web_transfer.h"
#include "kernel/debug_cache.h"
#include "symbols/debuginfod/outcome.h"

namespace hostlens::symbols {

struct DebuginfodSettings {
  std::vector<std::string> urls;         ///< asked in this order
  uint64_t timeout_ns = 60'000'000'000;  ///< of one file from one server, all of it
  uint64_t max_bytes = 512U << 20;       ///< of one file
  bool operator==(const DebuginfodSettings&) const = default;
};

/// One thread, but for cancel.
class DebugServers {
 public:
  using Clock = std::chrono::steady_clock;
  /// A server that did not answer is left alone for so long.
  static constexpr std::chrono::seconds kRest{60};

  /// `cache` must outlive it. kInvalid: a URL is none of http(s).
  [[nodiscard]] static base::Result<std::unique_ptr<DebugServers>> create(
      DebuginfodSettings settings, kernel::DebugCache& cache);

  /// Blocks for as long as the settings' timeout for each server. kStored: a file that is ELF, has
  /// this build id and a symbol table is in the cache. Whatever else came is gone.
  [[nodiscard]] Download fetch(const std::string& build_id);
  /// When a server may be asked again; in the past when one may be now.
  [[nodiscard]] Clock::time_point rests_until() const;
  /// The transfer ends, and no other begins. Any thread.
  void cancel() { transfer_->cancel_at(Clock::time_point()); }

  /// Whether the server answers as debuginfod does: asks for a build id that nobody has. The
  /// error says what came instead.
  [[nodiscard]] static base::Result<void> probe(const std::string& url, uint64_t timeout_ns);

 private:
  struct Server {
    std::string url;    ///< without a slash at its end
    std::string shown;  ///< without what may be secret
    Clock::time_point rests_until = Clock::time_point::min();
  };
  /// Where the body goes.
  struct Body {
    int fd = -1;
    uint64_t room = 0;
    Download stopped_by = Download::kStored;  ///< kTooLarge, kCache: we ended the transfer
  };

  DebugServers(DebuginfodSettings settings, kernel::DebugCache& cache)
      : settings_(std::move(settings)), cache_(cache) {}
  static size_t on_body(char* bytes, size_t size, size_t count, void* body);
  [[nodiscard]] Download ask(Server& server, const std::string& build_id);
  [[nodiscard]] Download transfer(const Server& server, const std::string& build_id, int fd);
  [[nodiscard]] static Download judge(base::UniqueFd file, const std::string& build_id);

  DebuginfodSettings settings_;
  kernel::DebugCache& cache_;
  std::vector<Server> servers_;
  std::unique_ptr<base::WebTransfer> transfer_;
};

}  // namespace hostlens::symbols
