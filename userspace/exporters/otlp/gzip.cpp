// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/gzip.h"

#include <zlib.h>

namespace hostlens::exporters::otlp {
namespace {

/// Spans repeat themselves: the fastest level already gets most of what there is to get.
constexpr int kLevel = 1;
constexpr int kGzipWindow = 15 + 16;  ///< zlib: 32 KiB window, gzip framing
constexpr int kMemoryLevel = 8;

}  // namespace

struct Gzip::Impl {
  z_stream stream{};
};

Gzip::Gzip(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Gzip::~Gzip() { ::deflateEnd(&impl_->stream); }

base::Result<std::unique_ptr<Gzip>> Gzip::create() {
  auto impl = std::make_unique<Impl>();
  if (::deflateInit2(&impl->stream, kLevel, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
    return base::errno_error("start gzip", ENOMEM);
  }
  return std::unique_ptr<Gzip>(new Gzip(std::move(impl)));
}

base::Result<std::string> Gzip::compress(std::string_view input) {
  z_stream& stream = impl_->stream;
  ::deflateReset(&stream);
  std::string out;
  out.resize(::deflateBound(&stream, input.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) {
    return base::invalid_error("gzip: the output did not fit its bound");
  }
  out.resize(out.size() - stream.avail_out);
  return out;
}

}  // namespace hostlens::exporters::otlp
