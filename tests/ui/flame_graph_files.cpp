// SPDX-License-Identifier: Apache-2.0
// Writes the flame graphs that test_flame_graph.py opens: flame_graph_files FOLDER.
#include <cstdio>
#include <fstream>
#include <random>
#include <string>

#include "exporters/profile/format.h"
#include "unit/exporters/profile/scene.h"

namespace {

using namespace hostlens::exporters::profile;
using hostlens::model::Frame;
using hostlens::model::Profile;

/// As deep and wide as a busy server's: names in the style of several languages.
Profile large_profile(uint32_t seed) {
  constexpr Frame::Kind kKinds[] = {Frame::Kind::kNative, Frame::Kind::kNative,
                                    Frame::Kind::kKernel, Frame::Kind::kGo,
                                    Frame::Kind::kPython, Frame::Kind::kJava};
  std::mt19937 random(seed);
  Profile profile({.hz = 99, .duration_ns = 30'000'000'000});
  for (int i = 0; i < 6'000; ++i) {
    auto sample = scene::sample("server", 1, "worker-" + std::to_string(random() % 4), 1, {});
    const uint32_t depth = 8 + random() % 30;
    uint32_t path = 1;
    for (uint32_t level = 0; level < depth; ++level) {
      path = path * 3 + (random() % 10 < 6 ? 0 : random() % 3);
      Frame frame = scene::frame(
          kKinds[path % 6], "function_" + std::to_string(path % 997) + "::run(int)", "file.py");
      frame.module = scene::module("/usr/lib/libserver-" + std::to_string(path % 5) + ".so");
      sample.stack.push(frame);
    }
    profile.add(sample);
  }
  return profile;
}

bool write(const std::string& path, const Profile& profile, const Profile* before = nullptr) {
  const auto format = format_of_file(path);
  if (!format) return false;
  const std::string title = "host-1 <b>&</b>, " + path.substr(path.rfind('/') + 1);
  const auto text = before == nullptr ? write_profile(profile, *format, title)
                                      : write_profile_diff(*before, profile, *format, title);
  if (!text) return false;
  std::ofstream file(path, std::ios::binary);
  file << *text;
  return file.good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: flame_graph_files FOLDER\n");
    return 2;
  }
  const std::string folder = argv[1];
  const Profile large = large_profile(1);
  const Profile other = large_profile(2);
  bool done = true;
  for (const std::string ending : {".html", ".svg"}) {
    done = write(folder + "/cpu" + ending, scene::cpu_profile()) && done;
    done = write(folder + "/off_cpu" + ending, scene::off_cpu_profile()) && done;
    done = write(folder + "/hostile" + ending, scene::hostile_profile()) && done;
    done = write(folder + "/empty" + ending, Profile({.hz = 19})) && done;
    done = write(folder + "/large" + ending, large) && done;
    done = write(folder + "/diff" + ending, large, &other) && done;
  }
  return done ? 0 : 1;
}
