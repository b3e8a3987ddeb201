// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/sample_outcome.h"

#include "symbols/names/entry_functions.h"

namespace hostlens::symbols {

bool is_complete(const model::Sample& sample, profile_outcome outcome) {
  switch (outcome) {
    case PROFILE_COMPLETE:
    case PROFILE_KERNEL_THREAD:
    case PROFILE_EXITING:
      return true;
    case PROFILE_NOT_READY:
    case PROFILE_TRUNCATED:
    case PROFILE_COMPAT:
    case PROFILE_UNSUPPORTED:
      return false;
    default:
      return ends_at_entry(sample.stack) && sample.stack.root().kind != model::Frame::Kind::kKernel;
  }
}

std::string_view outcome_text(profile_outcome outcome) {
  switch (outcome) {
    case PROFILE_COMPLETE:
      return "complete";
    case PROFILE_ENDED:
      return "ended";
    case PROFILE_KERNEL_THREAD:
      return "kernel_thread";
    case PROFILE_EXITING:
      return "exiting";
    case PROFILE_TRUNCATED:
      return "truncated";
    case PROFILE_NOT_READY:
      return "not_ready";
    case PROFILE_NO_MAPPING:
      return "no_mapping";
    case PROFILE_NO_TABLE:
      return "no_table";
    case PROFILE_NO_ROW:
      return "no_row";
    case PROFILE_EXPRESSION:
      return "expression";
    case PROFILE_INVALID_ROW:
      return "invalid_row";
    case PROFILE_FRAME_POINTER:
      return "frame_pointer";
    case PROFILE_MEMORY_FAULT:
      return "memory_fault";
    case PROFILE_REGISTER_LOST:
      return "register_lost";
    case PROFILE_STACK_ORDER:
      return "stack_order";
    case PROFILE_COMPAT:
      return "compat";
    case PROFILE_UNSUPPORTED:
      return "unsupported";
    case PROFILE_TABLE_TORN:
      return "table_torn";
    case PROFILE_NO_STACK:
      return "no_stack";
    default:
      return "unknown";
  }
}

}  // namespace hostlens::symbols
