// SPDX-License-Identifier: Apache-2.0
// Samples merged into a profile: equal stacks of equal labels are one entry with a count and a
// weight.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/pair_index.h"
#include "model/stack.h"

namespace hostlens::model {

enum class ProfileKind : uint8_t {
  kCpu,     ///< weight: samples, each standing for 1/hz seconds
  kOffCpu,  ///< weight: nanoseconds
};

/// What tells the entries of one stack apart. The thread's number is not part of it: threads of one
/// name do the same work.
struct ProfileLabels {
  ProcessKey process;
  std::string process_name;
  std::string thread_name;
  std::string service;
  std::string container;
  std::string route;
  std::string cause;  ///< off-CPU
  std::string waker;  ///< off-CPU: thread that ended the sleep
  TraceId trace_id{};
  SpanId span_id{};
  auto operator<=>(const ProfileLabels&) const = default;
};

/// Bounded in bytes: a sample that finds no room for something new is counted in the entry of the
/// one stack "[other]" without labels, so that sums stay right. One thread at a time; a profile
/// that is no longer added to may be read by several.
class Profile {
 public:
  using Id = uint32_t;

  struct Settings {
    ProfileKind kind = ProfileKind::kCpu;
    uint32_t hz = 0;  ///< CPU: the rate that weights refer to; 0: unknown
    uint64_t start_unix_ns = 0;
    uint64_t duration_ns = 0;
    size_t max_bytes = 64U << 20U;  ///< by estimate; exceeded by one sample at most
    bool by_span = false;           ///< keep trace and span ids: an entry per span
  };

  struct Entry {
    Id labels = 0;
    Id stack = 0;
    uint64_t count = 0;  ///< samples that were added
    uint64_t weight = 0;
  };

  /// A stack is a path in a tree whose node 0 is the empty stack.
  struct Node {
    Id parent = 0;  ///< towards the root; always smaller than the node itself
    Id frame = 0;
  };

  static constexpr Id kEmptyStack = 0;
  static constexpr Id kOverflowStack = 1;
  static constexpr Id kNoLabels = 0;  ///< all empty: of "[other]", and of files without labels
  static constexpr size_t kMostFrames = 1024;  ///< the root's end of a deeper stack is cut off

  explicit Profile(const Settings& settings);

  /// A truncated stack gets the frame "[truncated]" at its root's end. `count`: for readers of
  /// files, whose samples were merged before.
  void add(const Sample& sample, uint64_t count = 1);

  /// The same samples, after `name` has looked at each frame and may have given it a function. What
  /// becomes the same stack becomes one entry.
  [[nodiscard]] Profile named(const std::function<void(Frame&)>& name) const;

  [[nodiscard]] const Settings& settings() const { return settings_; }
  void set_duration(uint64_t duration_ns) { settings_.duration_ns = duration_ns; }

  /// In order of their first sample; "[other]" is one of them once it has one.
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  /// Every entry, in an order that depends on what the profile holds and not on who came first.
  [[nodiscard]] std::vector<Entry> sorted_entries() const;
  [[nodiscard]] const std::vector<ProfileLabels>& labels() const { return labels_; }
  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<Frame>& frames() const { return frames_; }
  /// Assigns the ids of the frames of a stack, leaf first.
  void frames_of(Id stack, std::vector<Id>& leaf_first) const;

  [[nodiscard]] uint64_t total_count() const { return total_count_; }
  [[nodiscard]] uint64_t total_weight() const { return total_weight_; }
  /// Samples that went to "[other]".
  [[nodiscard]] uint64_t overflowed() const { return overflowed_; }
  [[nodiscard]] size_t bytes() const { return bytes_; }
  /// Time that a weight of this profile stands for; 0 when the rate is unknown. Saturates.
  [[nodiscard]] uint64_t nanoseconds(uint64_t weight) const;

 private:
  /// Objects of equal content as one.
  template <typename T>
  class SharedTable {
   public:
    /// The one object for this content; null when it is new and there is no room.
    std::shared_ptr<const T> find_or_add(const std::shared_ptr<const T>& object, bool room,
                                         size_t& bytes);

   private:
    struct ContentHash {
      size_t operator()(const std::shared_ptr<const T>& object) const;
    };
    struct ContentEqual {
      bool operator()(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b) const;
    };
    std::unordered_set<std::shared_ptr<const T>, ContentHash, ContentEqual> objects_;
  };
  struct FrameHash {
    size_t operator()(const Frame& frame) const;
  };
  struct FrameEqual {
    bool operator()(const Frame& a, const Frame& b) const;
  };
  struct LabelsHash {
    size_t operator()(const ProfileLabels& labels) const;
  };

  static constexpr Id kNone = ~Id{0};

  [[nodiscard]] bool has_room() const { return bytes_ < settings_.max_bytes; }
  Id labels_id(const Sample& sample, bool room);
  Id frame_id(const Frame& frame, bool room);
  Id add_frame(const Frame& frame, bool room);
  Id child(Id parent, Id frame, bool room);
  Id stack_id(const Sample& sample, bool room);
  Id push(Id stack, const Frame& frame, bool room);
  Entry* entry(Id labels, Id stack, bool room);

  Settings settings_;
  std::vector<Entry> entries_;
  std::vector<ProfileLabels> labels_;
  std::vector<Node> nodes_;
  std::vector<Frame> frames_;
  SharedTable<Function> functions_;
  SharedTable<Module> modules_;
  std::unordered_map<ProfileLabels, Id, LabelsHash> labels_ids_;
  std::unordered_map<Frame, Id, FrameHash, FrameEqual> frame_ids_;
  /// Frames as callers have them, whose objects may be others of the same content: as long as a
  /// caller shares its objects, one look-up finds a frame. Keeps them alive, so that no address is
  /// used again.
  std::unordered_map<Frame, Id, FrameHash, FrameEqual> seen_frames_;
  /// Stacks of samples by their ids, of whole and of truncated ones: a sample whose callers are
  /// known costs one look-up, however deep it is. `kept_stacks_` keeps the ids true.
  std::array<std::unordered_map<const void*, Id>, 2> seen_stacks_;
  std::vector<Stack> kept_stacks_;
  PairIndex node_ids_;   ///< by parent and frame
  PairIndex entry_ids_;  ///< by labels and stack
  uint64_t total_count_ = 0;
  uint64_t total_weight_ = 0;
  uint64_t overflowed_ = 0;
  size_t bytes_ = 0;
};

/// A frame that is no code: "[truncated]", "[other]". One shared object per call.
[[nodiscard]] Frame mark_frame(std::string text);

inline constexpr const char* kTruncatedMark = "[truncated]";
inline constexpr const char* kOverflowMark = "[other]";

}  // namespace hostlens::model
