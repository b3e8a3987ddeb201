// SPDX-License-Identifier: Apache-2.0
#include "base/heap.h"

#ifdef HOSTLENS_JEMALLOC
#include <jemalloc/jemalloc.h>

#define HOSTLENS_TEXT(number) #number
#define HOSTLENS_TEXT_OF(number) HOSTLENS_TEXT(number)

// Read by jemalloc before main. An agent lives for years beside what lives for milliseconds: after
// a storm of programs glibc's heap keeps free memory between what was allocated meanwhile, and
// works slower in it (tests/bench/README.md, churn). One arena, because nearly all is allocated by
// two threads.
extern "C" const char* malloc_conf;
const char* malloc_conf = "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0";
#endif

namespace hostlens::base {

void give_heap_back() {
#ifdef HOSTLENS_JEMALLOC
  (void)::mallctl("arena." HOSTLENS_TEXT_OF(MALLCTL_ARENAS_ALL) ".purge", nullptr, nullptr, nullptr,
                  0);
#endif
}

}  // namespace hostlens::base
