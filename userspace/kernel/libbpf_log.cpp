// SPDX-License-Identifier: Apache-2.0
#include "kernel/libbpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace hostlens::kernel {
namespace {

thread_local LibbpfLog* current = nullptr;

}  // namespace

struct LibbpfLogSink {
  static int print(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG || current == nullptr) return 0;
    // One call can bring a whole verifier log: megabytes, of which the end says why.
    char* line = nullptr;
    const int length = ::vasprintf(&line, format, arguments);
    if (length < 0) return 0;
    std::string& text = current->text_;
    text.append(line, static_cast<size_t>(length));
    std::free(line);  // NOLINT: allocated by vasprintf
    if (text.size() > LibbpfLog::kMostBytes) text.erase(0, text.size() - LibbpfLog::kMostBytes);
    return length;
  }
};

LibbpfLog::LibbpfLog() {
  current = this;
  libbpf_set_print(&LibbpfLogSink::print);
}

LibbpfLog::~LibbpfLog() { current = nullptr; }

std::string LibbpfLog::cause() const {
  // The verifier's reason stands before its statistics; without one, libbpf's first complaint
  // counts.
  std::string first;
  std::string before;
  for (size_t begin = 0; begin < text_.size();) {
    size_t end = text_.find('\n', begin);
    if (end == std::string::npos) end = text_.size();
    const std::string line = text_.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with("processed ") && !before.empty()) return before;
    if (first.empty() && line.starts_with("libbpf: ")) first = line;
    before = line;
  }
  return first;
}

}  // namespace hostlens::kernel
