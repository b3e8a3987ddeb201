// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/debug_data.h"

#include <lzma.h>

#include <algorithm>
#include <memory>

namespace hostlens::symbols {
namespace {

constexpr size_t kStepBytes = 1 << 20;

struct Stream {
  lzma_stream state = LZMA_STREAM_INIT;
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { lzma_end(&state); }
};

base::Error over_limit() {
  return base::Error{base::Error::Kind::kBusy, 0, ".gnu_debugdata: over its limit", {}};
}

}  // namespace

base::Result<std::vector<std::byte>> decompress_xz(base::Bytes compressed,
                                                   const DebugDataLimits& limits) {
  if (compressed.size() > limits.compressed_bytes) return over_limit();
  Stream stream;
  if (lzma_stream_decoder(&stream.state, limits.dictionary_bytes, 0) != LZMA_OK) {
    return base::Error{base::Error::Kind::kBusy, 0, "liblzma: out of memory", {}};
  }
  stream.state.next_in = reinterpret_cast<const uint8_t*>(compressed.data());
  stream.state.avail_in = compressed.size();
  std::vector<std::byte> bytes;
  lzma_ret status = LZMA_OK;
  while (status == LZMA_OK) {
    const size_t done = bytes.size();
    // One byte beyond the limit tells a bomb from a file that just fits.
    const size_t room = std::min<uint64_t>(kStepBytes, limits.bytes + 1 - done);
    bytes.resize(done + room);
    stream.state.next_out = reinterpret_cast<uint8_t*>(bytes.data() + done);
    stream.state.avail_out = room;
    status = lzma_code(&stream.state, LZMA_FINISH);
    bytes.resize(bytes.size() - stream.state.avail_out);
    if (bytes.size() > limits.bytes) return over_limit();
  }
  if (status == LZMA_MEMLIMIT_ERROR || status == LZMA_MEM_ERROR) return over_limit();
  if (status != LZMA_STREAM_END || stream.state.avail_in != 0) {
    return base::invalid_error(".gnu_debugdata: not an xz stream");
  }
  return bytes;
}

base::Result<ElfView> open_debug_data(const ElfView& elf, const DebugDataLimits& limits) {
  const ElfSection* section = elf.section(".gnu_debugdata");
  if (section == nullptr) {
    return base::Error{base::Error::Kind::kNotFound, 0, "ELF file: no .gnu_debugdata", {}};
  }
  const auto compressed = elf.contents(*section, limits.compressed_bytes);
  if (!compressed) return base::Error(compressed.error());
  auto bytes = decompress_xz(*compressed, limits);
  if (!bytes) return std::move(bytes).error();
  return ElfView::open(std::make_shared<MemorySource>(*std::move(bytes)));
}

}  // namespace hostlens::symbols
