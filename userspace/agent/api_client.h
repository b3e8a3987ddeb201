// SPDX-License-Identifier: Apache-2.0
// Asks a running agent, for the commands that show what it knows.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace hostlens::agent {

/// `given`, else the environment's HOSTLENS_ADDRESS, else the default configuration's listen.
/// kInvalid when that is no HOST:PORT.
[[nodiscard]] base::Result<std::string> agent_address(const std::string& given);

/// Keeps its connection. One thread.
class ApiClient {
 public:
  explicit ApiClient(std::string address);
  ~ApiClient();
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  /// The body of a 200. kNotFound: nothing answers there; kIo: something else than an agent does,
  /// or it answers with an error. At most 16 MiB, at most 10 s.
  [[nodiscard]] base::Result<std::string> get(const std::string& path);

 private:
  struct Handle;
  std::string address_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace hostlens::agent
