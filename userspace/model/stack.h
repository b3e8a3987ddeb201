// SPDX-License-Identifier: Apache-2.0
// One sample of a profile: what a thread was doing, or waiting for, at one moment. Made by whoever
// names frames, merged by model/profile.h, then discarded: what repeats from sample to sample
// (functions, modules, callers) is shared, so that a sample is cheap to make.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/process_key.h"
#include "model/trace_context.h"

namespace hostlens::model {

/// One file that code is mapped from. Immutable and shared by all processes that map it: the range
/// is in the file's own addresses (ELF virtual addresses), not those of one process. For the
/// executable segment of a shared library: start = p_vaddr, limit = p_vaddr + p_memsz, offset =
/// p_offset. So an address of a frame lies in [start, limit), and a reader of pprof finds it in the
/// file with a load bias of 0.
struct Module {
  std::string path;      ///< as the process sees it; "[vdso]", "[kernel]" or "[nf_tables]" as well
  std::string build_id;  ///< lower-case hex of the GNU build id, else the Go build id; may be empty
  uint64_t start = 0;
  uint64_t limit = 0;
  uint64_t offset = 0;  ///< in the file
};

/// A named piece of code. Immutable; one object for all frames of it, made once per symbol.
struct Function {
  std::string name;         ///< for people: demangled; Python's qualified name; never empty
  std::string file;         ///< source, may be empty
  std::string system_name;  ///< as the linker has it, empty when the same as `name`
};

/// One frame of a stack. An inlined function is a frame of its own, leaf of the function that it
/// was inlined into, with the same address and module and `inlined` set.
struct Frame {
  enum class Kind : uint8_t {
    kUnknown,  ///< no mapping, or a mark such as [truncated]
    kNative,   ///< C, C++, Rust ...
    kKernel,
    kGo,
    kPython,
    kJava,        ///< HotSpot: compiled or interpreted
    kJavaScript,  ///< V8
    kJit,         ///< from a perf map, when nothing says which language it is
  };

  Kind kind = Kind::kUnknown;
  bool inlined = false;
  uint32_t line = 0;     ///< in function->file, 0: unknown
  uint64_t address = 0;  ///< ELF virtual address in `module`; raw where there is none; 0: unknown
  std::shared_ptr<const Module> module;      ///< may be null
  std::shared_ptr<const Function> function;  ///< null: no name
};

/// Frames from a leaf to its root. A value of one pointer: copies share what they hold, and so do
/// stacks that were pushed upon one and the same stack of callers. Immutable but for the handle
/// itself, so threads may share it as they may a shared_ptr.
class Stack {
  struct Node;

 public:
  static constexpr size_t kKinds = 8;  ///< of Frame::Kind
  /// Frames by kind, and whether they have a name; each up to 65,535.
  using Counts = std::array<std::array<uint16_t, 2>, kKinds>;

  /// From the leaf to the root. Valid as long as a stack that has these frames.
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Frame;
    using difference_type = std::ptrdiff_t;
    using pointer = const Frame*;
    using reference = const Frame&;

    Iterator() = default;
    reference operator*() const;
    pointer operator->() const { return &**this; }
    Iterator& operator++();
    Iterator operator++(int);
    bool operator==(const Iterator&) const = default;
    /// Equal ids are equal stacks, of this frame and its callers, while one of them is there.
    [[nodiscard]] const void* id() const { return node_; }

   private:
    friend class Stack;
    explicit Iterator(const Node* node) : node_(node) {}
    const Node* node_ = nullptr;
  };

  Stack() = default;
  [[nodiscard]] static Stack of(std::span<const Frame> leaf_first);

  /// The new leaf, called by what was the leaf before.
  void push(Frame leaf);
  /// Without the leaf; not of an empty stack.
  void pop();

  [[nodiscard]] bool empty() const { return top_ == nullptr; }
  [[nodiscard]] size_t depth() const;
  [[nodiscard]] const Frame& leaf() const;  ///< not of an empty stack
  [[nodiscard]] const Frame& root() const;  ///< not of an empty stack
  [[nodiscard]] const Counts& counts() const;
  [[nodiscard]] Iterator begin() const { return Iterator(top_.get()); }
  [[nodiscard]] Iterator end() const { return {}; }
  /// Somebody else holds the same leaf: it may well come again.
  [[nodiscard]] bool is_shared() const { return top_.use_count() > 1; }

 private:
  std::shared_ptr<const Node> top_;  ///< null: empty
};

/// What one sample says. `weight` is what profiles add up: samples on a CPU (more than one when the
/// rate was lowered under the asked one), nanoseconds off it.
struct Sample {
  ProcessKey process;
  uint32_t tid = 0;
  std::string thread_name;   ///< comm
  std::string process_name;  ///< base name of the executable, else comm of the main thread
  std::string service;       ///< service.name, empty: none
  std::string container;     ///< container.id, empty: none
  std::string route;         ///< what the thread was serving, empty: nothing known
  TraceId trace_id{};        ///< all zero: none
  SpanId span_id{};          ///< all zero: none
  /// Off-CPU only, without brackets: one of hostlens.thread.blocked.duration, "runqueue", "short".
  std::string cause;
  /// Off-CPU, where it is known: the name of the thread that ended the sleep, or "[interrupt]". The
  /// frames then have more than the sleep's own: see model/waker.h.
  std::string waker;
  uint64_t time_ns = 0;       ///< wall time, since the epoch
  uint64_t monotonic_ns = 0;  ///< the same moment, CLOCK_MONOTONIC; 0: not known
  uint64_t weight = 1;
  Stack stack;             ///< kernel frames are called by user ones; empty: nothing was unwound
  bool truncated = false;  ///< frames are missing at the root's end
  std::string outcome;     ///< of the unwinder, for metrics; no part of a profile
};

}  // namespace hostlens::model
