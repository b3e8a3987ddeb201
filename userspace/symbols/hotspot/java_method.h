// SPDX-License-Identifier: Apache-2.0
// A method of a running JVM: its name, its file, its lines.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "model/stack.h"
#include "symbols/hotspot/process_words.h"
#include "symbols/hotspot/vm_structs.h"

namespace hostlens::symbols {

struct JavaMethodLimits {
  uint32_t name_bytes = 512;    ///< of a class's and of a method's name; the rest is cut off
  uint32_t lines_bytes = 8192;  ///< of a table of lines; one that is larger gives no lines
};

struct JavaMethod {
  std::string name;              ///< "java.util.HashMap.put"
  std::string file;              ///< "java/util/HashMap.java"; may be empty
  std::vector<std::byte> lines;  ///< compressed
  int32_t major = 0;

  /// Of the bytecode at an index; 0: not known.
  [[nodiscard]] uint32_t line(int32_t bytecode) const;
};

/// hotspot_method_check() of the method there; nullopt: none is.
[[nodiscard]] std::optional<uint32_t> java_method_check(const HotspotLayout& layout,
                                                        uint64_t method, ProcessWords& words);

/// Some eight requests. nullopt: not to be had, no method, or another one than `check` is of.
[[nodiscard]] std::optional<JavaMethod> read_java_method(const HotspotLayout& layout,
                                                         uint64_t method, uint32_t check,
                                                         ProcessWords& words,
                                                         const JavaMethodLimits& limits = {});

/// "java/util/HashMap" -> "java.util.HashMap". What the JVM appends to the name of a hidden class,
/// which is another number in each process, is left out.
[[nodiscard]] std::string java_class_name(std::string_view symbol);

/// The line of a bytecode by a compressed table of lines (share/code/compressedStream.hpp,
/// share/oops/method.cpp); 0: it tells none. `major`: of the JDK.
[[nodiscard]] uint32_t java_line(base::Bytes table, int32_t bytecode, int32_t major);

}  // namespace hostlens::symbols
