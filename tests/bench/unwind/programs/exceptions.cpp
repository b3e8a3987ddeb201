// SPDX-License-Identifier: Apache-2.0
// Throws through frames with something to destroy, on four threads.
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

int deep(int depth, const std::string& text) {
  const std::string own = text + static_cast<char>('a' + depth % 26);
  if (depth == 0) throw std::runtime_error(own);
  return deep(depth - 1, own) + static_cast<int>(own.size());
}

void work() {
  std::map<std::string, int> counts;
  for (int round = 0;; ++round) {
    try {
      deep(round % 20, "x");
    } catch (const std::runtime_error& error) {
      ++counts[error.what()];
    }
  }
}

}  // namespace

int main() {
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(work);
  work();
}
