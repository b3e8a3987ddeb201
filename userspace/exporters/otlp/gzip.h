// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hostlens::exporters::otlp {

/// A zlib stream used again and again: its 256 KiB are allocated once. One thread at a time.
class Gzip {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<Gzip>> create();
  ~Gzip();
  [[nodiscard]] base::Result<std::string> compress(std::string_view input);

 private:
  struct Impl;
  explicit Gzip(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hostlens::exporters::otlp
