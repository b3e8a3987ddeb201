// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/function_pool.h"

#include <algorithm>
#include <utility>

namespace hostlens::symbols {

std::shared_ptr<const model::Function> FunctionPool::get(std::string name, std::string file) {
  if (functions_.size() >= swept_) {
    std::erase_if(functions_, [](const auto& entry) { return entry.second.expired(); });
    swept_ = std::max<size_t>(1024, 2 * functions_.size());
  }
  auto& known = functions_[name + '\0' + file];
  auto function = known.lock();
  if (function == nullptr) {
    function = std::make_shared<const model::Function>(
        model::Function{.name = std::move(name), .file = std::move(file), .system_name = {}});
    known = function;
  }
  return function;
}

}  // namespace hostlens::symbols
