// SPDX-License-Identifier: Apache-2.0
#include "symbols/elf/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace hostlens::symbols {
namespace {

constexpr size_t kStepBytes = 1 << 20;

struct Stream {
  z_stream state{};
  bool open = false;
  Stream() { open = inflateInit(&state) == Z_OK; }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (open) inflateEnd(&state);
  }
};

}  // namespace

base::Result<std::vector<std::byte>> inflate_exactly(base::Bytes compressed, uint64_t size,
                                                     uint64_t limit) {
  if (size > limit || compressed.size() > std::numeric_limits<uInt>::max()) {
    return base::Error{base::Error::Kind::kBusy, 0, "compressed section: over its limit", {}};
  }
  Stream stream;
  if (!stream.open) return base::Error{base::Error::Kind::kBusy, 0, "zlib: out of memory", {}};
  stream.state.next_in =
      const_cast<Bytef*>(reinterpret_cast<const Bytef*>(compressed.data()));  // zlib only reads it
  stream.state.avail_in = static_cast<uInt>(compressed.size());
  std::vector<std::byte> bytes;
  int status = Z_OK;
  while (status == Z_OK && bytes.size() < size) {
    const size_t done = bytes.size();
    bytes.resize(std::min<uint64_t>(size, done + kStepBytes));
    stream.state.next_out = reinterpret_cast<Bytef*>(bytes.data() + done);
    stream.state.avail_out = static_cast<uInt>(bytes.size() - done);
    status = inflate(&stream.state, Z_NO_FLUSH);
    bytes.resize(bytes.size() - stream.state.avail_out);
  }
  if (status == Z_OK) {  // all bytes are there: the end of the stream must follow
    std::byte beyond{};
    stream.state.next_out = reinterpret_cast<Bytef*>(&beyond);
    stream.state.avail_out = 1;
    status = inflate(&stream.state, Z_NO_FLUSH);
    if (stream.state.avail_out == 0) status = Z_DATA_ERROR;
  }
  if (status != Z_STREAM_END || bytes.size() != size) {
    return base::invalid_error("compressed section: not the zlib stream it says it is");
  }
  return bytes;
}

}  // namespace hostlens::symbols
