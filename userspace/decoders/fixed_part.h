// SPDX-License-Identifier: Apache-2.0
// What all records have in common to be checked.
#pragma once

#include <cstring>
#include <optional>

#include "base/byte_reader.h"
#include "model/process_key.h"
#include "records/record_header.h"

namespace hostlens::decoders {

/// The fixed part of a record, when it is whole and its own size agrees with what came.
template <typename T>
std::optional<T> fixed_part(base::Bytes bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T record;
  std::memcpy(&record, bytes.data(), sizeof(T));
  if (record.header.size > bytes.size() || record.header.size < sizeof(T)) return std::nullopt;
  return record;
}

constexpr uint32_t kMostPid = 4'194'304;  ///< PID_MAX_LIMIT

inline bool valid(const record_process& process) {
  return process.pid != 0 && process.pid < kMostPid && process.tid < kMostPid;
}

inline bool is_thread(uint64_t tid) { return tid != 0 && tid < kMostPid; }

inline model::ProcessKey process_key(const record_process& process) {
  constexpr uint64_t kNsPerTick = 10'000'000;  // USER_HZ is 100 everywhere
  return {process.pid, process.start_boottime_ns / kNsPerTick};
}

}  // namespace hostlens::decoders
