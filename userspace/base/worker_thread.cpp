// SPDX-License-Identifier: Apache-2.0
#include "base/worker_thread.h"

#include <pthread.h>

#include <csignal>
#include <system_error>
#include <utility>

namespace hostlens::base {

Result<std::thread> start_thread(const std::string& name, std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // what the new thread begins with
  std::thread thread;
  int failure = 0;
  try {
    thread = std::thread(std::move(body));
  } catch (const std::system_error& error) {
    failure = error.code().value();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failure != 0) return errno_error("start thread " + name, failure);
  ::pthread_setname_np(thread.native_handle(), name.c_str());
  return thread;
}

}  // namespace hostlens::base
