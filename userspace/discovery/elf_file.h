// SPDX-License-Identifier: Apache-2.0
// What an executable says of how it was made. Its bytes are a stranger's: everything is bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct Elf;

namespace hostlens::discovery {

/// Reads by descriptor, never maps (a file cut meanwhile must be no SIGBUS). Blocks on the file's
/// medium. One thread; the descriptor must outlive it.
class ElfFile {
 public:
  struct Section {
    std::string name;
    uint64_t address = 0;
    uint64_t offset = 0;
    uint64_t size = 0;  ///< in the file
  };

  /// nullopt: no ELF file, of another byte order than ours, or broken.
  [[nodiscard]] static std::optional<ElfFile> open(int fd);

  /// The first with this name.
  [[nodiscard]] const Section* section(std::string_view name) const;
  /// At most `limit` bytes of the section from `from`; fewer where the file ends.
  [[nodiscard]] std::string read(const Section& section, uint64_t from, size_t limit) const;
  /// What is loaded to that address, "" when it is not in the file.
  [[nodiscard]] std::string read_address(uint64_t address, size_t size) const;
  /// Sonames that the dynamic loader is asked for.
  [[nodiscard]] const std::vector<std::string>& needed() const { return needed_; }
  /// Address of an exported symbol.
  [[nodiscard]] std::optional<uint64_t> symbol_address(std::string_view name) const;

 private:
  struct EndElf {
    void operator()(Elf* elf) const;
  };
  ElfFile(int fd, Elf* elf) : fd_(fd), elf_(elf) {}
  [[nodiscard]] bool read_sections();
  void read_needed();

  int fd_;
  std::unique_ptr<Elf, EndElf> elf_;
  std::vector<Section> sections_;
  std::vector<std::string> needed_;
};

}  // namespace hostlens::discovery
