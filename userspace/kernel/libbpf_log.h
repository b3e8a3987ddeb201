// SPDX-License-Identifier: Apache-2.0
// What libbpf would have written to the terminal, kept for the error message.
#pragma once

#include <string>

namespace hostlens::kernel {

/// Collects libbpf's warnings of this thread while it lives; elsewhere they are thrown away, and
/// nothing is ever printed. Not to be nested.
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  [[nodiscard]] const std::string& text() const { return text_; }
  /// The line that tells most: the reason the verifier gave, or libbpf's first complaint.
  [[nodiscard]] std::string cause() const;
  void clear() { text_.clear(); }

 private:
  friend struct LibbpfLogSink;
  static constexpr size_t kMostBytes = 64 * 1024;

  std::string text_;
};

}  // namespace hostlens::kernel
