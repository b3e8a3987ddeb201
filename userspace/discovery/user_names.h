// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

namespace hostlens::discovery {

/// Names of user ids by the passwd file alone: a name service could ask the network. One thread.
class UserNames {
 public:
  explicit UserNames(std::string passwd_file = "/etc/passwd") : file_(std::move(passwd_file)) {}
  /// "" when the file does not name it. Remembers up to 1024 answers.
  [[nodiscard]] const std::string& name_of(uint32_t uid);

 private:
  std::string file_;
  std::unordered_map<uint32_t, std::string> names_;
};

}  // namespace hostlens::discovery
