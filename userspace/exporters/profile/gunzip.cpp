// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/gunzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace hostlens::exporters::profile {
namespace {

constexpr int kGzipWindow = 15 + 16;  ///< zlib: 32 KiB window, gzip framing
constexpr size_t kFirstBytes = 64U << 10U;

struct InflateEnd {
  void operator()(z_stream* stream) const { ::inflateEnd(stream); }
};

}  // namespace

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

base::Result<std::string> gunzip(std::string_view bytes, size_t most_bytes) {
  z_stream stream{};
  if (bytes.size() > std::numeric_limits<uInt>::max()) {
    return base::invalid_error("gzip: larger than 4 GiB");
  }
  if (::inflateInit2(&stream, kGzipWindow) != Z_OK)
    return base::errno_error("start gunzip", ENOMEM);
  const std::unique_ptr<z_stream, InflateEnd> owner(&stream);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  size_t size = 0;
  while (true) {
    if (size == out.size()) {
      if (size == most_bytes + 1) {
        return base::invalid_error("gzip: more than " + std::to_string(most_bytes) +
                                   " bytes when unpacked");
      }
      out.resize(std::min(std::max(kFirstBytes, 2 * size), most_bytes + 1));
    }
    const size_t room = std::min<size_t>(out.size() - size, std::numeric_limits<uInt>::max());
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream.avail_out = static_cast<uInt>(room);
    const int status = ::inflate(&stream, Z_NO_FLUSH);
    size += room - stream.avail_out;
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (::inflateReset(&stream) != Z_OK) return base::invalid_error("gzip: damaged");
      continue;
    }
    if (status == Z_OK) continue;
    if (status == Z_BUF_ERROR && stream.avail_in > 0 && stream.avail_out == 0) continue;
    return base::invalid_error(status == Z_BUF_ERROR ? "gzip: cut off" : "gzip: damaged");
  }
  if (size > most_bytes) {
    return base::invalid_error("gzip: more than " + std::to_string(most_bytes) +
                               " bytes when unpacked");
  }
  out.resize(size);
  return out;
}

}  // namespace hostlens::exporters::profile
