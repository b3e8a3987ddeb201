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
                           "runtime.clone",
                           "runtime.goexit.abi0",
                           "runtime.mstart.abi0",
                           "runtime.rt0_go.abi0",
                           "start_thread.part.0",
                           "ret_from_fork_asm"}) {
    EXPECT_TRUE(is_entry_function(name)) << name;
  }
}

TEST(EntryFunctionsTest, WhatIsCalledIsNoneEvenIfItsNameBeginsLikeOne) {
  for (const char* name : {"",
                           "main",
                           "main.main",
                           "runtime.main",
                           "clone_table",
                           "start_threads",
                           "_start_server",
                           "start_thread_pool(int)",
                           "runtime.goexit0",
                           "runtime.goexit1",
                           "runtime.mstart1",
                           "runtime.goexit.func1",
                           "Pool::start_thread()",
                           "my_clone3",
                           "__GI___libc_malloc",
                           "(",
                           "@",
                           "ret_from_forked",
                           "runtime.mcall",
                           "runtime.systemstack",
                           "runtime.morestack.abi0"}) {
    EXPECT_FALSE(is_entry_function(name)) << name;
  }
}

model::Frame frame(const char* function) {
  model::Frame made;
  made.address = 0x7ffffed73008;
  if (function == nullptr) return made;
  made.kind = model::Frame::Kind::kGo;
  made.function = std::make_shared<const model::Function>(
      model::Function{.name = function, .file = {}, .system_name = {}});
  return made;
}

TEST(EntryFunctionsTest, AStackEndsAtAnEntryByItsRoot) {
  EXPECT_TRUE(ends_at_entry(model::Stack::of(std::vector{frame("work"), frame("_start")})));
  EXPECT_FALSE(ends_at_entry(model::Stack::of(std::vector{frame("_start"), frame("work")})));
  EXPECT_FALSE(ends_at_entry(model::Stack::of(std::vector{frame(nullptr)})));
  EXPECT_FALSE(ends_at_entry({}));
}

TEST(EntryFunctionsTest, AWordOfTheStackIsNoCallerOfAnEntry) {
  const auto word = model::Stack::of(std::vector{frame(nullptr)});
  EXPECT_TRUE(is_no_caller(word, frame("runtime.mstart")));
  EXPECT_FALSE(is_no_caller(word, frame("main.work")));
  EXPECT_FALSE(is_no_caller(word, frame(nullptr)));
}

TEST(EntryFunctionsTest, OtherCallersOfAnEntryStay) {
  const model::Frame entry = frame("runtime.mstart");
  EXPECT_FALSE(is_no_caller({}, entry));
  EXPECT_FALSE(is_no_caller(model::Stack::of(std::vector{frame("runtime.rt0_go")}), entry));
  EXPECT_FALSE(
      is_no_caller(model::Stack::of(std::vector{frame(nullptr), frame("main.work")}), entry));
  model::Frame of_file = frame(nullptr);
  of_file.module = std::make_shared<const model::Module>();
  EXPECT_FALSE(is_no_caller(model::Stack::of(std::vector{of_file}), entry));
}

}  // namespace
}  // namespace hostlens::symbols
