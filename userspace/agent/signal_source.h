// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hostlens::agent {

struct ReceivedSignal {
  int number = 0;
  bool from_terminal = false;  ///< sent by the kernel: to the terminal's whole foreground group
};

/// Signals as a descriptor: blocked for this process while it exists (threads started later inherit
/// that), and restored after.
class SignalSource {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<SignalSource>> create(
      std::initializer_list<int> numbers);
  ~SignalSource();
  SignalSource(const SignalSource&) = delete;
  SignalSource& operator=(const SignalSource&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// number 0: none is waiting.
  [[nodiscard]] ReceivedSignal next() const;

 private:
  struct Previous;
  SignalSource(base::UniqueFd fd, std::unique_ptr<Previous> previous);

  base::UniqueFd fd_;
  std::unique_ptr<Previous> previous_;
};

}  // namespace hostlens::agent
