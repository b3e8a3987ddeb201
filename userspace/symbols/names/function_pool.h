// SPDX-License-Identifier: Apache-2.0
// One model::Function for all frames of the same function, whichever process runs it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "model/stack.h"

namespace hostlens::symbols {

/// Keeps nothing alive: a function is there as long as anybody else has it. One thread.
class FunctionPool {
 public:
  [[nodiscard]] std::shared_ptr<const model::Function> get(std::string name, std::string file);

 private:
  std::unordered_map<std::string, std::weak_ptr<const model::Function>> functions_;
  size_t swept_ = 1024;  ///< the dead ones are dropped when there are so many
};

}  // namespace hostlens::symbols
