// SPDX-License-Identifier: Apache-2.0
// What the tracker knows of JVMs.
#include "symbols/code/code_tracker.h"

namespace hostlens::symbols {
namespace {

/// A JVM makes its first code within a second; one that never does is asked no more.
constexpr uint32_t kMostAsked = 200;

}  // namespace

CodeTracker::Known* CodeTracker::java_of(const std::vector<CodePlace>& places,
                                         uint64_t& bias) const {
  for (const CodePlace& place : places) {
    if (place.executable == 0) continue;
    Known* const known = known_.at(place.executable).get();
    if (!known->file.hotspot) continue;
    bias = place.bias;
    return known;
  }
  return nullptr;
}

void CodeTracker::ask_java(model::ProcessKey process, const std::vector<CodePlace>& places,
                           Java& java) {
  uint64_t bias = 0;
  Known* const known = java_of(places, bias);
  if (known == nullptr) {
    java = {};
    return;
  }
  // What a JVM has reserved for its code stays where it is.
  if (java.space && java.bias == bias) return;
  java.bias = bias;
  java.waits = ++java.asked < kMostAsked;
  ProcessWords words(memory_, process);
  if (known->file.hotspot_layout == nullptr) {
    const auto layout = read_hotspot_layout(*known->file.hotspot, *known->file.elf, bias, words);
    if (!layout) return;
    known->file.hotspot_layout = std::make_shared<const HotspotLayout>(*layout);
  }
  java.space = read_code_cache(*known->file.hotspot_layout, bias, words);
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
  const Known* const java = places == nullptr ? nullptr : java_of(*places, bias);
  return java == nullptr ? nullptr : java->file.hotspot_layout;
}

}  // namespace hostlens::symbols
