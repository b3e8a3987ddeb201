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
  // libbpf ends with "failed to load object"; the line before its own summaries is the kernel's.
  std::string best;
  for (size_t begin = 0; begin < text_.size();) {
    size_t end = text_.find('\n', begin);
    if (end == std::string::npos) end = text_.size();
    const std::string line = text_.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty() || line.find("-- ") != std::string::npos || line.starts_with("processed ") ||
        line.find("failed to load object") != std::string::npos ||
        line.find("failed to load BPF skeleton") != std::string::npos) {
      continue;
    }
    best = line;
  }
  return best;
}

}  // namespace hostlens::kernel
