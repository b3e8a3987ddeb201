// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/entry_functions.h"

#include <gtest/gtest.h>

namespace hostlens::symbols {
namespace {

TEST(EntryFunctionsTest, WhatHasNoCallerIsKnownByEachOfItsNames) {
  for (const char* name : {"_start",
                           "__libc_start_main",
                           "__libc_start_main@@GLIBC_2.34",
                           "__libc_start_main_impl",
                           "__libc_start_main_alias_2",
                           "__libc_start_call_main",
                           "_dl_start_user",
                           "clone",
                           "clone@@GLIBC_2.2.5",
                           "__clone3",
                           "__GI___clone3",
                           "__GI___clone",
                           "start_thread",
                           "thread_start",
                           "_start_c",
                           "thread_native_entry(Thread*)",
                           "thread_native_entry(Thread*) [clone .isra.0]",
                           "_rt0_amd64_linux",
                           "runtime.goexit",
                           "runtime.goexit.abi0",
                           "runtime.mstart.abi0",
                           "runtime.rt0_go.abi0",
                           "runtime.mcall",
                           "runtime.morestack.abi0",
                           "start_thread.part.0",
                           "ret_from_fork_asm"}) {
    EXPECT_TRUE(is_entry_function(name)) << name;
  }
}

TEST(EntryFunctionsTest, WhatIsCalledIsNoneEvenIfItsNameBeginsLikeOne) {
  for (const char* name :
       {"", "main", "main.main", "runtime.main", "clone_table", "start_threads", "_start_server",
        "start_thread_pool(int)", "runtime.goexit0", "runtime.goexit1", "runtime.mstart1",
        "runtime.goexit.func1", "Pool::start_thread()", "my_clone3", "__GI___libc_malloc", "(", "@",
        "ret_from_forked"}) {
    EXPECT_FALSE(is_entry_function(name)) << name;
  }
}

}  // namespace
}  // namespace hostlens::symbols
