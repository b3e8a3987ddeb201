// SPDX-License-Identifier: Apache-2.0
// Hand-made .eh_frame and .debug_frame sections.
#pragma once

#include "unit/symbols/byte_writer.h"

namespace hostlens::symbols {

/// rsp + 8, return address at CFA - 8: what every x86-64 CIE says.
inline ByteWriter usual_rules() {
  ByteWriter writer;
  return writer.bytes({0x0c}).uleb(7).uleb(8).bytes({0x80 | 16}).uleb(1);
}

/// Entries are appended in order; addresses are absolute (encoding 0) unless a test says otherwise.
class FrameWriter {
 public:
  explicit FrameWriter(bool eh_frame = true) : eh_frame_(eh_frame) {}

  /// The CIE as compilers write it, but with absolute pointers; `augmentation_data` without its
  /// length.
  size_t add_cie(const ByteWriter& instructions = usual_rules(), const char* augmentation = "zR",
                 std::initializer_list<int> augmentation_data = {0}, uint8_t version = 1) {
    ByteWriter body;
    body.fixed<uint8_t>(version).text(augmentation);
    if (version == 4) body.bytes({8, 0});
    body.uleb(1).sleb(-8).uleb(16);
    if (augmentation[0] == 'z') body.uleb(augmentation_data.size());
    body.bytes(augmentation_data).append(instructions.get());
    return add_cie_body(body);
  }
  size_t add_cie_body(const ByteWriter& body) {
    const size_t at = section_.size();
    section_.fixed<uint32_t>(static_cast<uint32_t>(4 + body.size()));
    section_.fixed<uint32_t>(eh_frame_ ? 0 : 0xffffffff).append(body.get());
    return at;
  }
  void add_fde(size_t cie, uint64_t start, uint64_t size, const ByteWriter& instructions = {},
               bool augmented = true) {
    ByteWriter body;
    body.fixed(start).fixed(size);
    if (augmented) body.uleb(0);
    add_fde_body(cie, body.append(instructions.get()));
  }
  void add_fde_body(size_t cie, const ByteWriter& body) {
    section_.fixed<uint32_t>(static_cast<uint32_t>(4 + body.size()));
    section_.fixed<uint32_t>(static_cast<uint32_t>(eh_frame_ ? section_.size() - cie : cie));
    section_.append(body.get());
  }
  void terminate() { section_.fixed<uint32_t>(0); }

  [[nodiscard]] const std::vector<std::byte>& get() const { return section_.get(); }
  ByteWriter& raw() { return section_; }

 private:
  bool eh_frame_;
  ByteWriter section_;
};

}  // namespace hostlens::symbols
