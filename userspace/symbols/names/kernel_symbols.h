// SPDX-License-Identifier: Apache-2.0
// The kernel's functions, from the text of /proc/kallsyms (proc(5); written by kernel/kallsyms.c).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "symbols/names/line_feed.h"

namespace hostlens::symbols {

struct KernelSymbolLimits {
  uint32_t symbols = 1U << 20;  ///< functions; Debian's kernels have 60,000 to 150,000
  uint64_t name_bytes = 24U << 20;
  uint32_t modules = 4096;
};

/// Names point into the table.
struct KernelSymbol {
  std::string_view name;
  std::string_view module;  ///< empty: the kernel itself; "nf_tables", "bpf"
  uint64_t start = 0;
};

/// Immutable, about 30 bytes for a function; one for the host, shared. Any thread.
class KernelSymbols {
 public:
  /// The function that begins last at or before the address; nullopt below the first one, behind
  /// the kernel's own text and outside of where x86-64 has kernel text and modules.
  [[nodiscard]] std::optional<KernelSymbol> find(uint64_t address) const;

  [[nodiscard]] size_t size() const { return entries_.size(); }
  [[nodiscard]] uint64_t bytes() const;
  /// Lines that were none, or went over a limit.
  [[nodiscard]] uint64_t skipped() const { return skipped_; }

 private:
  friend class KernelSymbolsBuilder;
  /// All of the kernel's text is in its last 4 GiB.
  struct Entry {
    uint32_t low = 0;
    uint32_t name = 0;
    uint16_t module = 0;  ///< 0: none
    uint16_t rank = 0;
  };

  std::vector<Entry> entries_;
  std::vector<char> names_;
  std::vector<std::string> modules_{""};
  uint64_t skipped_ = 0;
};

/// Takes the text in pieces of any size, so that its 10 MB are never in memory at once.
class KernelSymbolsBuilder {
 public:
  explicit KernelSymbolsBuilder(const KernelSymbolLimits& limits = {}) : limits_(limits) {}

  void feed(std::string_view piece);

  /// kDenied when every address is zero: the reader lacked CAP_SYSLOG, or kernel.kptr_restrict
  /// forbids it to everybody. kInvalid when there is no function at all. The builder is used up.
  base::Result<std::shared_ptr<const KernelSymbols>> finish();

 private:
  void add_line(std::string_view line);
  uint16_t module_index(std::string_view name);

  KernelSymbolLimits limits_;
  LineFeed lines_{1024};
  KernelSymbols table_;
  uint64_t hidden_ = 0;  ///< functions at address 0
};

/// Of the running kernel, from an open /proc/kallsyms. Errors as of the builder.
[[nodiscard]] base::Result<std::shared_ptr<const KernelSymbols>> read_kernel_symbols(int kallsyms);

}  // namespace hostlens::symbols
