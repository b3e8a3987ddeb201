// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/speedscope.h"

#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/utf8.h"
#include "exporters/profile/frame_text.h"
#include "exporters/version.h"

namespace hostlens::exporters::profile {
namespace {

using Json = nlohmann::ordered_json;
using model::Profile;

constexpr const char* kSchema = "https://www.speedscope.app/file-format-schema.json";

/// shared.frames: a frame each for what reads the same, in the same file and line.
class Frames {
 public:
  size_t index_of(const PathStep& step) {
    Key key{std::string(step.text), {}, 0};
    if (step.frame != nullptr && step.frame->function != nullptr) {
      base::assign_utf8(key.file, step.frame->function->file);
      key.line = step.frame->line;
    }
    const auto [place, is_new] = indices_.try_emplace(std::move(key), list_.size());
    if (is_new) {
      Json frame{{"name", place->first.name}};
      if (!place->first.file.empty()) frame["file"] = place->first.file;
      if (place->first.line != 0) frame["line"] = place->first.line;
      list_.push_back(std::move(frame));
    }
    return place->second;
  }
  [[nodiscard]] Json take() && { return std::move(list_); }

 private:
  struct Key {
    std::string name;
    std::string file;
    uint32_t line = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return base::mix(base::mix(base::mix(0, key.name), key.file), uint64_t{key.line});
    }
  };
  std::unordered_map<Key, size_t, KeyHash> indices_;
  Json list_ = Json::array();
};

Json sampled(const Profile& profile, std::string_view name, Frames& frames) {
  const PathTexts texts(profile);
  const bool has_time = profile.nanoseconds(1) != 0;
  Json samples = Json::array();
  Json weights = Json::array();
  uint64_t end = 0;
  std::vector<PathStep> path;
  std::vector<size_t> stack;
  for (const Profile::Entry& entry : profile.sorted_entries()) {
    texts.path_of(entry, path);
    stack.clear();
    for (const PathStep& step : path) stack.push_back(frames.index_of(step));
    const uint64_t weight = has_time ? profile.nanoseconds(entry.weight) : entry.weight;
    samples.push_back(stack);
    weights.push_back(weight);
    end += weight;
  }
  std::string title;
  base::assign_utf8(title, name);
  return Json{{"type", "sampled"},
              {"name", std::move(title)},
              {"unit", has_time ? "nanoseconds" : "none"},
              {"startValue", 0},
              {"endValue", end},
              {"samples", std::move(samples)},
              {"weights", std::move(weights)}};
}

std::string document(Json profiles, Frames frames, std::string_view name) {
  const Json root{{"$schema", kSchema},
                  {"exporter", std::string("hostlens ") + std::string(agent_version())},
                  {"name", name},
                  {"activeProfileIndex", 0},
                  {"shared", {{"frames", std::move(frames).take()}}},
                  {"profiles", std::move(profiles)}};
  return root.dump();
}

}  // namespace

std::string write_speedscope(const Profile& profile, std::string_view name) {
  Frames frames;
  Json profiles = Json::array({sampled(profile, name, frames)});
  std::string title;
  base::assign_utf8(title, name);
  return document(std::move(profiles), std::move(frames), title);
}

std::string write_speedscope_diff(const Profile& before, const Profile& after) {
  Frames frames;
  Json profiles = Json::array();
  profiles.push_back(sampled(before, "before", frames));
  profiles.push_back(sampled(after, "after", frames));
  return document(std::move(profiles), std::move(frames), "before and after");
}

}  // namespace hostlens::exporters::profile
