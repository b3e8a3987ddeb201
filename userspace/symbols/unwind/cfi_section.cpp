// SPDX-License-Identifier: Apache-2.0
#include "symbols/unwind/cfi_section.h"

#include <string_view>
#include <unordered_map>

#include "records/unwind.h"

namespace hostlens::symbols {
namespace {

constexpr uint32_t kNoCie = UINT32_MAX;
constexpr size_t kMaxAugmentation = 16;

/// One pass over one section.
class Reader {
 public:
  Reader(const CfiSection& section, const CfiLimits& limits, FrameEntries& entries)
      : section_(section),
        limits_(limits),
        entries_(entries),
        eh_(section.kind == CfiSection::Kind::kEhFrame) {}

  void read_all() {
    entries_.sections.push_back(section_);
    size_t at = 0;
    while (at < section_.bytes.size() && !entries_.limit_reached) {
      const Entry entry = entry_at(at);
      if (entry.end == 0) {
        ++entries_.broken;
        return;  // no length: what follows cannot be found
      }
      if (!entry.is_empty && !entry.is_cie && !read_fde(entry)) ++entries_.broken;
      at = entry.end;
    }
  }

 private:
  struct Entry {
    size_t end = 0;   ///< 0: unreadable
    size_t body = 0;  ///< after the CIE pointer or id
    size_t cie = 0;   ///< where an FDE's CIE begins
    bool is_cie = false;
    bool is_empty = false;  ///< a terminator
  };

  [[nodiscard]] CfiCursor cursor_at(size_t at, size_t end) const {
    CfiCursor cursor(section_.bytes.first(end));
    (void)cursor.take(at);
    return cursor;
  }

  [[nodiscard]] Entry entry_at(size_t at) const {
    CfiCursor cursor = cursor_at(at, section_.bytes.size());
    uint64_t length = cursor.fixed<uint32_t>();
    const bool is_64 = length == 0xffffffff;
    if (is_64) length = cursor.fixed<uint64_t>();
    if (cursor.failed() || length > cursor.remaining()) return {};
    Entry entry{.end = cursor.position() + static_cast<size_t>(length)};
    if (length == 0) {
      entry.is_empty = true;
      return entry;
    }
    CfiCursor body = cursor_at(cursor.position(), entry.end);
    const size_t field = body.position();
    // LSB: the CIE id of .eh_frame has 4 bytes always, and is a distance backwards from itself.
    const uint64_t id = is_64 && !eh_ ? body.fixed<uint64_t>() : uint64_t{body.fixed<uint32_t>()};
    entry.body = body.position();
    if (eh_) {
      entry.is_cie = id == 0;
      entry.cie = id <= field ? field - static_cast<size_t>(id) : SIZE_MAX;
    } else {
      entry.is_cie = id == (is_64 ? UINT64_MAX : uint64_t{0xffffffff});
      entry.cie = static_cast<size_t>(id);
    }
    if (body.failed()) entry.is_empty = true;
    return entry;
  }

  bool read_fde(const Entry& entry) {
    const uint32_t index = cie_index(entry.cie);
    if (index == kNoCie) return false;
    const Cie& cie = entries_.cies[index];
    CfiCursor cursor = cursor_at(entry.body, entry.end);
    Fde fde{.cie = index};
    fde.start = read_pointer(cursor, cie.pointer_encoding, section_.bases);
    const uint64_t size = read_pointer(cursor, cie.pointer_encoding & kPointerFormat, {});
    if (cie.has_augmentation_length) (void)cursor.take(cursor.uleb());
    if (cursor.failed() || size > UINT32_MAX) return false;
    fde.size = static_cast<uint32_t>(size);
    fde.instructions = static_cast<uint32_t>(cursor.position());
    fde.instructions_end = static_cast<uint32_t>(entry.end);
    if (entries_.fdes.size() >= limits_.fdes) {
      entries_.limit_reached = true;
      return false;
    }
    entries_.fdes.push_back(fde);
    return true;
  }

  /// Neighbours nearly always share their CIE.
  uint32_t cie_index(size_t at) {
    if (at == last_at_) return last_index_;
    const auto known = known_.find(at);
    const uint32_t index = known != known_.end() ? known->second : read_cie(at);
    if (known == known_.end() && known_.size() < limits_.cies) known_.emplace(at, index);
    last_at_ = at;
    last_index_ = index;
    return index;
  }

  uint32_t read_cie(size_t at) {
    if (at >= section_.bytes.size()) return kNoCie;
    if (entries_.cies.size() >= limits_.cies) {
      entries_.limit_reached = true;
      return kNoCie;
    }
    const Entry entry = entry_at(at);
    if (entry.end == 0 || !entry.is_cie || entry.is_empty) return kNoCie;
    CfiCursor cursor = cursor_at(entry.body, entry.end);
    Cie cie{.section = static_cast<uint32_t>(entries_.sections.size() - 1)};
    if (!parse_cie(cursor, cie)) return kNoCie;
    cie.instructions = static_cast<uint32_t>(cursor.position());
    cie.instructions_end = static_cast<uint32_t>(entry.end);
    entries_.cies.push_back(cie);
    return static_cast<uint32_t>(entries_.cies.size() - 1);
  }

  bool parse_cie(CfiCursor& cursor, Cie& cie) const {
    const uint8_t version = cursor.fixed<uint8_t>();
    if (version != 1 && version != 3 && version != 4) return false;
    char letters[kMaxAugmentation] = {};
    size_t count = 0;
    while (const char letter = static_cast<char>(cursor.fixed<uint8_t>())) {
      if (count == kMaxAugmentation) return false;
      letters[count++] = letter;
    }
    const std::string_view augmentation(letters, count);
    if (augmentation == "eh") (void)cursor.fixed<uint64_t>();  // GCC before 3
    if (version == 4) {
      const uint8_t address_bytes = cursor.fixed<uint8_t>();
      const uint8_t segment_bytes = cursor.fixed<uint8_t>();
      if (address_bytes != 8 || segment_bytes != 0) cie.other_machine = true;
    }
    cie.code_alignment = cursor.uleb();
    cie.data_alignment = cursor.sleb();
    const uint64_t column = version == 1 ? cursor.fixed<uint8_t>() : cursor.uleb();
    if (column != UNWIND_RIP) cie.other_machine = true;
    if (!augmentation.empty() && augmentation != "eh" &&
        !parse_augmentation(cursor, augmentation, cie)) {
      return false;
    }
    return !cursor.failed();
  }

  /// Without 'z' no letter's bytes can be passed over, except that 'S' and 'B' have none.
  bool parse_augmentation(CfiCursor& cursor, std::string_view letters, Cie& cie) const {
    CfiCursor bytes = cursor;
    if (letters.front() == 'z') {
      const uint64_t length = cursor.uleb();
      const size_t begin = cursor.position();
      (void)cursor.take(length);
      if (cursor.failed()) return false;
      bytes = cursor_at(begin, cursor.position());
      cie.has_augmentation_length = true;
      letters.remove_prefix(1);
    }
    for (const char letter : letters) {
      if (letter == 'R') {
        cie.pointer_encoding = bytes.fixed<uint8_t>();
      } else if (letter == 'P') {
        const uint8_t encoding = bytes.fixed<uint8_t>();
        skip_pointer(bytes, encoding, section_.bases);
      } else if (letter == 'L') {
        (void)bytes.fixed<uint8_t>();
      } else if (letter == 'S') {
        cie.signal_frame = true;
      } else if (letter != 'B') {
        return false;  // an 'R' behind it could not be found
      }
    }
    if (!cie.has_augmentation_length) cursor = bytes;
    return !bytes.failed();
  }

  const CfiSection& section_;
  const CfiLimits& limits_;
  FrameEntries& entries_;
  const bool eh_;
  std::unordered_map<size_t, uint32_t> known_;
  size_t last_at_ = SIZE_MAX;
  uint32_t last_index_ = kNoCie;
};

}  // namespace

void read_entries(const CfiSection& section, const CfiLimits& limits, FrameEntries& entries) {
  if (section.bytes.size() > UINT32_MAX) {
    entries.limit_reached = true;
    return;
  }
  Reader(section, limits, entries).read_all();
}

size_t entries_end(base::Bytes eh_frame) {
  CfiCursor cursor(eh_frame);
  size_t end = 0;
  while (!cursor.empty()) {
    uint64_t length = cursor.fixed<uint32_t>();
    if (length == 0xffffffff) length = cursor.fixed<uint64_t>();
    (void)cursor.take(length);
    if (cursor.failed()) break;
    end = cursor.position();
    if (length == 0) break;
  }
  return end;
}

}  // namespace hostlens::symbols
