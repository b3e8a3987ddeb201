// SPDX-License-Identifier: Apache-2.0
// What the tracker knows of JVMs.
#include "symbols/code/code_tracker.h"

namespace hostlens::symbols {
namespace {

/// A JVM makes its first code within a second; one that never does is asked no more.
constexpr uint32_t kMostAsked = 200;

}  // namespace

const CodeFile* CodeTracker::java_of(const std::vector<CodePlace>& places, uint64_t& bias) const {
  for (const CodePlace& place : places) {
    const CodeFile* const file = place.executable == 0 ? nullptr : this->file(place.executable);
    if (file == nullptr || !file->hotspot) continue;
    bias = place.bias;
    return file;
  }
  return nullptr;
}

void CodeTracker::ask_java(model::ProcessKey process, const std::vector<CodePlace>& places,
                           Java& java) {
  uint64_t bias = 0;
  const CodeFile* const file = java_of(places, bias);
  if (file == nullptr) {
    java = {};
    return;
  }
  // What a JVM has reserved for its code stays where it is.
  if (java.space && java.bias == bias) return;
  java.bias = bias;
  java.waits = ++java.asked < kMostAsked;
  ProcessWords words(memory_, process);
  if (file->hotspot_layout == nullptr) {
    const auto layout = read_hotspot_layout(*file->hotspot, *file->elf, bias, words);
    if (!layout) return;
    files_.set_hotspot_layout(file->number, std::make_shared<const HotspotLayout>(*layout));
  }
  java.space = read_code_cache(*file->hotspot_layout, bias, words);
  if (!java.space) return;
  java.waits = false;
  ++figures_.machines;
}

std::optional<hotspot_space> CodeTracker::hotspot_space_of(uint64_t space) const {
  const auto found = spaces_.find(space);
  return found == spaces_.end() ? std::nullopt : found->second.java.space;
}

std::shared_ptr<const HotspotLayout> CodeTracker::hotspot_layout(uint32_t pid) const {
  const auto* const places = places_of(pid);
  uint64_t bias = 0;
  const CodeFile* const java = places == nullptr ? nullptr : java_of(*places, bias);
  return java == nullptr ? nullptr : java->hotspot_layout;
}

}  // namespace hostlens::symbols
