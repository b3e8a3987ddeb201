// SPDX-License-Identifier: Apache-2.0
// How the namer shows frames of JavaScript.
#include <string>
#include <string_view>
#include <utility>

#include "model/profile.h"
#include "symbols/names/sample_namer.h"
#include "symbols/v8/v8_stack.h"

namespace hostlens::symbols {

bool SampleNamer::is_handler(const model::Frame& frame) {
  return frame.function != nullptr && is_v8_handler(frame.function->name);
}

void SampleNamer::add_v8(const Scene& scene, const decoders::V8Frame& v8, NamedStack& into,
                         Frames& frames) {
  const decoders::ProfileFrame& native = scene.sample.frames[v8.frame];
  if (v8.type != 0) {
    add_native(scene, native, into, frames);
    const std::string_view mark = scene.v8->frame_marks[v8.type];
    if (frames.back().function == nullptr && !mark.empty()) {
      frames.back() = model::mark_frame(std::string(mark));
    }
    return;
  }
  const V8Name& named = v8_names_.name(scene.sample.process, *scene.v8, v8, scene.now_ns);
  ++into.javascript.all;
  into.javascript.named += named.function != nullptr ? 1 : 0;
  if (named.function == nullptr) expire(into, scene, kPassingNs);
  model::Frame function;
  function.kind = model::Frame::Kind::kJavaScript;
  function.function = named.function;
  function.line = named.line;
  V8Place place;
  place.in_file = native.kind == PROFILE_FRAME_FILE;
  if (!place.in_file && named.function != nullptr) {
    into.runs_javascript = true;
    add_inlined_v8(scene, v8, into, frames);
    return frames.push_back(std::move(function));
  }
  add_native(scene, native, into, frames);
  const CodeFile* const file = place.in_file ? tracker_.file(native.executable) : nullptr;
  place.in_v8 = file != nullptr && file->v8 != nullptr;
  place.is_leaf = !native.is_return;
  place.builtin = named.builtin;
  if (frames.back().function != nullptr) place.symbol = frames.back().function->name;
  const V8Show show = named.function == nullptr ? V8Show::kCode : v8_show(place);
  if (show == V8Show::kCode) return;
  into.runs_javascript = show == V8Show::kFunction;
  if (show == V8Show::kFunction) {
    frames.clear();
  } else if (is_handler(frames.back())) {
    frames.pop_back();
  }
  frames.push_back(std::move(function));
}

/// What V8 inlined into a function that it compiled: as long as the same code is there.
void SampleNamer::add_inlined_v8(const Scene& scene, const decoders::V8Frame& v8, NamedStack& into,
                                 Frames& frames) {
  const decoders::ProfileFrame& native = scene.sample.frames[v8.frame];
  const uint64_t address = native.address - (native.is_return ? 1 : 0);
  const uint64_t untold = v8_inlined_.figures().untold;
  for (const decoders::V8Frame& inner :
       v8_inlined_.at(scene.sample.process, *scene.v8, v8, address, scene.now_ns)) {
    const V8Name& named = v8_names_.name(scene.sample.process, *scene.v8, inner, scene.now_ns);
    // Nothing is shown in place of what has no name: its caller has its time.
    if (named.function == nullptr) continue;
    ++into.javascript.all;
    ++into.javascript.named;
    ++into.javascript_inlined;
    model::Frame& frame = frames.emplace_back();
    frame.kind = model::Frame::Kind::kJavaScript;
    frame.function = named.function;
    frame.line = named.line;
    frame.inlined = true;
  }
  const bool told = v8_inlined_.figures().untold == untold;
  expire(into, scene, told ? kCompiledNs : kPassingNs);
}

std::shared_ptr<const V8Layout> SampleNamer::v8_layout_of(
    const decoders::ProfileSample& sample) const {
  for (const decoders::ProfileFrame& frame : sample.frames) {
    const CodeFile* const file =
        frame.kind == PROFILE_FRAME_FILE ? tracker_.file(frame.executable) : nullptr;
    if (file != nullptr && file->v8 != nullptr) return file->v8;
  }
  return tracker_.v8_in(sample.process.pid);
}

}  // namespace hostlens::symbols
