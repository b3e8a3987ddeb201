// SPDX-License-Identifier: Apache-2.0
#include "model/profile.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "base/hash.h"

namespace hostlens::model {
namespace {

using base::mix;

/// Estimates of what one more element costs: itself, its node in a hash table, the slot.
constexpr size_t kHashNodeBytes = 48;
constexpr size_t kLabelsBytes = 2 * sizeof(ProfileLabels) + kHashNodeBytes;
constexpr size_t kFrameBytes = 3 * sizeof(Frame) + 2 * kHashNodeBytes;
constexpr size_t kNodeBytes = sizeof(Profile::Node) + PairIndex::kMostBytesPerPair;
constexpr size_t kEntryBytes = sizeof(Profile::Entry) + PairIndex::kMostBytesPerPair;
/// Frames, and stacks, that are found without a look at their content; when there are more, all are
/// forgotten.
constexpr size_t kMostSeen = 1U << 17U;
constexpr size_t kMostSeenStacks = 1U << 15U;

uint64_t saturating_sum(uint64_t a, uint64_t b) {
  return a > std::numeric_limits<uint64_t>::max() - b ? std::numeric_limits<uint64_t>::max()
                                                      : a + b;
}

uint64_t content_hash(const Function& function) {
  return mix(mix(mix(0, function.name), function.file), function.system_name);
}
uint64_t content_hash(const Module& module) {
  return mix(mix(mix(mix(0, module.path), module.build_id), module.start), module.limit);
}
bool same_content(const Function& a, const Function& b) {
  return a.name == b.name && a.file == b.file && a.system_name == b.system_name;
}
bool same_content(const Module& a, const Module& b) {
  return a.path == b.path && a.build_id == b.build_id && a.start == b.start && a.limit == b.limit &&
         a.offset == b.offset;
}
size_t size_of(const Function& function) {
  return sizeof(function) + function.name.size() + function.file.size() +
         function.system_name.size();
}
size_t size_of(const Module& module) {
  return sizeof(module) + module.path.size() + module.build_id.size();
}

}  // namespace

template <typename T>
size_t Profile::SharedTable<T>::ContentHash::operator()(
    const std::shared_ptr<const T>& object) const {
  return content_hash(*object);
}
template <typename T>
bool Profile::SharedTable<T>::ContentEqual::operator()(const std::shared_ptr<const T>& a,
                                                       const std::shared_ptr<const T>& b) const {
  return same_content(*a, *b);
}

template <typename T>
std::shared_ptr<const T> Profile::SharedTable<T>::find_or_add(
    const std::shared_ptr<const T>& object, bool room, size_t& bytes) {
  auto known = objects_.find(object);
  if (known == objects_.end()) {
    if (!room) return nullptr;
    known = objects_.insert(object).first;
    bytes += size_of(*object) + 2 * kHashNodeBytes;
  }
  return *known;
}

size_t Profile::FrameHash::operator()(const Frame& frame) const {
  uint64_t hash =
      mix(frame.address, uint64_t{frame.line} << 16U | static_cast<uint64_t>(frame.kind) << 8U |
                             static_cast<uint64_t>(frame.inlined));
  hash = mix(hash, reinterpret_cast<uintptr_t>(frame.module.get()));
  return mix(hash, reinterpret_cast<uintptr_t>(frame.function.get()));
}
bool Profile::FrameEqual::operator()(const Frame& a, const Frame& b) const {
  return a.kind == b.kind && a.inlined == b.inlined && a.line == b.line && a.address == b.address &&
         a.module == b.module && a.function == b.function;
}
size_t Profile::LabelsHash::operator()(const ProfileLabels& labels) const {
  uint64_t hash = mix(labels.process.pid, labels.process.start_ticks);
  for (const std::string* text : {&labels.process_name, &labels.thread_name, &labels.service,
                                  &labels.container, &labels.route, &labels.cause, &labels.waker}) {
    hash = mix(hash, *text);
  }
  return mix(hash, std::bit_cast<uint64_t>(labels.span_id));
}

Profile::Profile(const Settings& settings) : settings_(settings), labels_(1), nodes_(1) {
  labels_ids_.emplace(labels_.front(), kNoLabels);
  child(kEmptyStack, frame_id(mark_frame(kOverflowMark), true), true);  // becomes kOverflowStack
}

Profile::Id Profile::labels_id(const Sample& sample, bool room) {
  ProfileLabels labels{.process = sample.process,
                       .process_name = sample.process_name,
                       .thread_name = sample.thread_name,
                       .service = sample.service,
                       .container = sample.container,
                       .route = sample.route,
                       .cause = sample.cause,
                       .waker = sample.waker};
  if (settings_.by_span) {
    labels.trace_id = sample.trace_id;
    labels.span_id = sample.span_id;
  }
  if (const auto found = labels_ids_.find(labels); found != labels_ids_.end()) {
    return found->second;
  }
  if (!room) return kNone;
  const Id id = static_cast<Id>(labels_.size());
  bytes_ += kLabelsBytes + 2 * (labels.process_name.size() + labels.thread_name.size() +
                                labels.service.size() + labels.container.size() +
                                labels.route.size() + labels.cause.size() + labels.waker.size());
  labels_.push_back(labels);
  labels_ids_.emplace(std::move(labels), id);
  return id;
}

Profile::Id Profile::frame_id(const Frame& frame, bool room) {
  if (const auto seen = seen_frames_.find(frame); seen != seen_frames_.end()) return seen->second;
  const Id id = add_frame(frame, room);
  if (id == kNone) return kNone;
  if (seen_frames_.size() >= kMostSeen) seen_frames_.clear();
  seen_frames_.emplace(frame, id);
  return id;
}

Profile::Id Profile::add_frame(const Frame& frame, bool room) {
  Frame key = frame;
  if (frame.function != nullptr) {
    key.function = functions_.find_or_add(frame.function, room, bytes_);
    if (key.function == nullptr) return kNone;
  }
  if (frame.module != nullptr) {
    key.module = modules_.find_or_add(frame.module, room, bytes_);
    if (key.module == nullptr) return kNone;
  }
  if (const auto found = frame_ids_.find(key); found != frame_ids_.end()) return found->second;
  if (!room) return kNone;
  const Id id = static_cast<Id>(frames_.size());
  bytes_ += kFrameBytes;
  frames_.push_back(key);
  frame_ids_.emplace(std::move(key), id);
  return id;
}

Profile::Id Profile::child(Id parent, Id frame, bool room) {
  if (const auto found = node_ids_.find(parent, frame)) return *found;
  if (!room) return kNone;
  const Id id = static_cast<Id>(nodes_.size());
  bytes_ += kNodeBytes;
  nodes_.push_back({parent, frame});
  node_ids_.insert(parent, frame, id);
  return id;
}

Profile::Id Profile::push(Id stack, const Frame& frame, bool room) {
  const Id id = frame_id(frame, room);
  return id == kNone ? kNone : child(stack, id, room);
}

Profile::Id Profile::stack_id(const Sample& sample, bool room) {
  static const Frame truncated = mark_frame(kTruncatedMark);
  const bool cut = sample.stack.depth() > kMostFrames;
  // What nobody else has will not come again.
  const bool keep = !cut && sample.stack.is_shared();
  auto& seen = seen_stacks_[sample.truncated ? 1 : 0];
  std::vector<Stack::Iterator> unseen;  // leaf first
  Id stack = kEmptyStack;
  auto frame = sample.stack.begin();
  for (; frame != sample.stack.end() && unseen.size() < kMostFrames; ++frame) {
    const auto found = cut ? seen.end() : seen.find(frame.id());
    if (found != seen.end()) {
      stack = found->second;
      break;
    }
    unseen.push_back(frame);
  }
  if (stack == kEmptyStack && (sample.truncated || cut)) {
    stack = push(kEmptyStack, truncated, room);
  }
  if (keep && !unseen.empty()) {
    if (seen_stacks_[0].size() + seen_stacks_[1].size() >= kMostSeenStacks) {
      for (auto& each : seen_stacks_) each.clear();
      kept_stacks_.clear();
    }
  }
  const size_t before = seen.size();
  for (size_t i = unseen.size(); i-- > 0 && stack != kNone;) {
    stack = push(stack, *unseen[i], room);
    if (keep && stack != kNone) seen.emplace(unseen[i].id(), stack);
  }
  // Of a stack that found no room nothing is kept, however often it comes.
  if (seen.size() > before) kept_stacks_.push_back(sample.stack);
  return stack;
}

Profile::Entry* Profile::entry(Id labels, Id stack, bool room) {
  if (const auto found = entry_ids_.find(labels, stack)) return &entries_[*found];
  if (!room) return nullptr;
  bytes_ += kEntryBytes;
  entry_ids_.insert(labels, stack, static_cast<Id>(entries_.size()));
  entries_.push_back({.labels = labels, .stack = stack});
  return &entries_.back();
}

void Profile::add(const Sample& sample, uint64_t count) {
  const bool room = has_room();
  Entry* place = nullptr;
  if (const Id labels = labels_id(sample, room); labels != kNone) {
    if (const Id stack = stack_id(sample, room); stack != kNone) {
      place = entry(labels, stack, room);
    }
  }
  if (place == nullptr) {
    overflowed_ = saturating_sum(overflowed_, count);
    place = entry(kNoLabels, kOverflowStack, true);
  }
  place->count = saturating_sum(place->count, count);
  place->weight = saturating_sum(place->weight, sample.weight);
  total_count_ = saturating_sum(total_count_, count);
  total_weight_ = saturating_sum(total_weight_, sample.weight);
}

Profile Profile::named(const std::function<void(Frame&)>& name) const {
  std::vector<Frame> frames = frames_;
  for (Frame& frame : frames) name(frame);
  Profile profile(settings_);
  profile.settings_.max_bytes = std::numeric_limits<size_t>::max();  // what fitted once stays
  std::vector<Id> leaf_first;
  for (const Entry& entry : entries_) {
    const ProfileLabels& labels = labels_[entry.labels];
    Sample sample;
    sample.process = labels.process;
    sample.process_name = labels.process_name;
    sample.thread_name = labels.thread_name;
    sample.service = labels.service;
    sample.container = labels.container;
    sample.route = labels.route;
    sample.cause = labels.cause;
    sample.waker = labels.waker;
    sample.trace_id = labels.trace_id;
    sample.span_id = labels.span_id;
    sample.weight = entry.weight;
    frames_of(entry.stack, leaf_first);
    for (auto id = leaf_first.rbegin(); id != leaf_first.rend(); ++id) {
      sample.stack.push(frames[*id]);
    }
    profile.add(sample, entry.count);
  }
  profile.settings_.max_bytes = settings_.max_bytes;
  profile.overflowed_ = overflowed_;
  return profile;
}

void Profile::frames_of(Id stack, std::vector<Id>& leaf_first) const {
  leaf_first.clear();
  for (; stack != kEmptyStack; stack = nodes_[stack].parent) {
    leaf_first.push_back(nodes_[stack].frame);
  }
}

uint64_t Profile::nanoseconds(uint64_t weight) const {
  constexpr uint64_t kSecond = 1'000'000'000;
  if (settings_.kind == ProfileKind::kOffCpu) return weight;
  if (settings_.hz == 0) return 0;
  const uint64_t seconds = weight / settings_.hz;
  if (seconds >= std::numeric_limits<uint64_t>::max() / kSecond) {
    return std::numeric_limits<uint64_t>::max();
  }
  const uint64_t hz = settings_.hz;
  return seconds * kSecond + (weight % hz * kSecond + hz / 2) / hz;
}

Frame mark_frame(std::string text) {
  Frame frame;
  auto function = std::make_shared<Function>();
  function->name = std::move(text);
  frame.function = std::move(function);
  return frame;
}

}  // namespace hostlens::model
