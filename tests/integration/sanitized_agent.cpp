// SPDX-License-Identifier: Apache-2.0
// Linked into `hostlens` when a preset has sanitizers: the worker's environment is filtered, so
// their settings have to come with the program. Reports go to stderr, which the worker shares;
// the harness looks for them there.
#include <sys/prctl.h>

#include <cstdlib>

extern "C" const char* __asan_default_options() {
  return "strict_string_checks=1:check_initialization_order=1:detect_stack_use_after_return=1:"
         "handle_abort=1";
}

extern "C" const char* __ubsan_default_options() { return "print_stacktrace=1"; }

/// LeakSanitizer stops the threads by ptrace, which the worker forbids by being undumpable. It
/// looks last at exit: its own handler is older than any constructor of the program.
__attribute__((constructor)) static void let_leaks_be_found() {
  std::atexit([] { ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); });
}
