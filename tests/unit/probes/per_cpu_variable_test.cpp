// SPDX-License-Identifier: Apache-2.0
#include "probes/per_cpu_variable.h"

#include <gtest/gtest.h>

#include <memory>

namespace hostlens::probes {
namespace {

struct Free {
  void operator()(btf* types) const { btf__free(types); }
};
using Types = std::unique_ptr<btf, Free>;

/// Types of a kernel with an `int`, which is number 1.
Types types() {
  Types made(btf__new_empty());
  EXPECT_EQ(btf__add_int(made.get(), "int", 4, BTF_INT_SIGNED), 1);
  return made;
}

/// A section of variables of each CPU; `places`: number of the variable, its offset and its size.
struct Place {
  int variable;
  uint32_t offset;
  uint32_t size;
};
void add_section(btf* types, std::initializer_list<Place> places) {
  ASSERT_GT(btf__add_datasec(types, ".data..percpu", 0x10000), 0);
  for (const Place& place : places) {
    ASSERT_EQ(btf__add_datasec_var_info(types, place.variable, place.offset, place.size), 0);
  }
}

int add_variable(btf* types, const char* name, int type) {
  return btf__add_var(types, name, BTF_VAR_GLOBAL_ALLOCATED, type);
}

TEST(PerCpuVariableTest, ACounterOfItsOwnIsSoFarFromTheQueue) {
  const Types made = types();
  const int queue = add_variable(made.get(), "runqueues", 1);
  const int counter = add_variable(made.get(), "__preempt_count", 1);
  add_section(made.get(), {{counter, 0x40, 4}, {queue, 0x8000, 4}});
  EXPECT_EQ(per_cpu_offset(made.get(), "runqueues"), 0x8000);
  EXPECT_EQ(preempt_count_behind_queue(made.get()), 0x40 - 0x8000);
}

TEST(PerCpuVariableTest, ACounterInAnotherVariableIsFoundThroughWhatHasNoName) {
  const Types made = types();
  const int inner = btf__add_struct(made.get(), "", 16);
  ASSERT_EQ(btf__add_field(made.get(), "other", 1, 0, 0), 0);
  ASSERT_EQ(btf__add_field(made.get(), "preempt_count", 1, 64, 0), 0);
  const int both = btf__add_union(made.get(), "", 64);
  ASSERT_EQ(btf__add_field(made.get(), "", inner, 0, 0), 0);
  const int hot = btf__add_struct(made.get(), "pcpu_hot", 64);
  ASSERT_EQ(btf__add_field(made.get(), "first", 1, 0, 0), 0);
  ASSERT_EQ(btf__add_field(made.get(), "", both, 128, 0), 0);
  const int variable = add_variable(made.get(), "pcpu_hot", hot);
  const int queue = add_variable(made.get(), "runqueues", 1);
  add_section(made.get(), {{queue, 0x100, 4}, {variable, 0x400, 64}});
  EXPECT_EQ(preempt_count_behind_queue(made.get()), 0x400 + 16 + 8 - 0x100);
}

TEST(PerCpuVariableTest, WhatTheTypesDoNotTellIsNotGuessed) {
  const Types made = types();
  EXPECT_FALSE(per_cpu_offset(made.get(), "runqueues")) << "there is no section";
  const int queue = add_variable(made.get(), "runqueues", 1);
  add_variable(made.get(), "__preempt_count", 1);
  add_section(made.get(), {{queue, 0x100, 4}});
  EXPECT_TRUE(per_cpu_offset(made.get(), "runqueues"));
  EXPECT_FALSE(per_cpu_offset(made.get(), "__preempt_count")) << "it is not of each CPU";
  EXPECT_FALSE(preempt_count_behind_queue(made.get()));
}

}  // namespace
}  // namespace hostlens::probes
