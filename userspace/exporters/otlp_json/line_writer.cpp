// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_json/line_writer.h"

#include <poll.h>

#include <algorithm>
#include <string>

namespace hostlens::exporters::otlp_json {
namespace {

/// poll() says that a pipe has room for PIPE_BUF bytes: so much is written without blocking.
constexpr size_t kPiece = 4096;
constexpr int kAskEveryMs = 100;

}  // namespace

base::Result<size_t> LineWriter::write_some(std::string_view bytes,
                                            const std::function<bool()>& give_up) {
  while (true) {
    pollfd wait{fd_.get(), POLLOUT, 0};
    const int ready = ::poll(&wait, 1, kAskEveryMs);
    if (ready < 0 && errno != EINTR) return base::errno_error("poll");
    if (ready > 0) {
      const ssize_t written = ::write(fd_.get(), bytes.data(), std::min(bytes.size(), kPiece));
      if (written > 0) return static_cast<size_t>(written);
      if (written == 0) return base::errno_error("write", ENOSPC);
      if (errno != EINTR && errno != EAGAIN) return base::errno_error("write");
    } else if (give_up()) {
      return base::errno_error("write", EAGAIN);
    }
  }
}

base::Result<void> LineWriter::write(std::string_view line, const std::function<bool()>& give_up) {
  std::string whole;
  whole.reserve(line.size() + 2);
  if (mid_line_) whole += '\n';
  whole.append(line).append(1, '\n');
  std::string_view rest = whole;
  while (!rest.empty()) {
    const auto written = write_some(rest, give_up);
    if (!written) return written.error();
    rest.remove_prefix(*written);
    mid_line_ = !rest.empty() && whole[whole.size() - rest.size() - 1] != '\n';
  }
  return {};
}

}  // namespace hostlens::exporters::otlp_json
