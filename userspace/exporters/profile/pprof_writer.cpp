// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <map>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/utf8.h"
#include "exporters/otlp/gzip.h"
#include "exporters/profile/pprof.h"
#include "perftools/profiles/profile.pb.h"

namespace hostlens::exporters::profile {
namespace {

namespace pb = perftools::profiles;
using model::Frame;
using model::Profile;
using model::ProfileKind;

constexpr const char* kKernelMapping = "[kernel.kallsyms]";

int64_t clamped(uint64_t value) {
  return static_cast<int64_t>(std::min<uint64_t>(value, std::numeric_limits<int64_t>::max()));
}

using Key = std::vector<uint64_t>;

struct KeyHash {
  size_t operator()(const Key& parts) const {
    uint64_t hash = 0;
    for (const uint64_t part : parts) hash = base::mix(hash, part);
    return hash;
  }
};

/// Tables of a file under construction; numbers are given in the order of the first use.
class Tables {
 public:
  explicit Tables(pb::Profile& out) : out_(out) { text({}); }

  int64_t text(std::string_view value) {
    const auto found = texts_.find(std::string(value));
    if (found != texts_.end()) return found->second;
    const int64_t index = out_.string_table_size();
    base::assign_utf8(*out_.add_string_table(), value);
    texts_.emplace(value, index);
    return index;
  }

  void value_type(pb::ValueType& type, std::string_view name, std::string_view unit) {
    type.set_type(text(name));
    type.set_unit(text(unit));
  }

  /// Gives a module the next number. pprof calls the first one the main program.
  void note_module(const Frame& frame) { mapping_of(frame); }

  /// The location of `frames`, leaf first: inlined functions and the one that holds their code.
  uint64_t location(const std::vector<const Frame*>& frames) {
    const Frame& outer = *frames.back();
    const uint64_t mapping = mapping_of(outer);
    Key key{mapping, outer.address};
    for (const Frame* frame : frames) {
      key.push_back(frame->function == nullptr ? 0 : function_of(*frame->function));
      key.push_back(frame->line);
    }
    const auto [place, is_new] =
        locations_.try_emplace(std::move(key), static_cast<uint64_t>(out_.location_size()) + 1);
    if (!is_new) return place->second;
    pb::Location& location = *out_.add_location();
    location.set_id(place->second);
    location.set_mapping_id(mapping);
    location.set_address(outer.address);
    for (size_t i = 2; i < place->first.size(); i += 2) {
      if (place->first[i] == 0) continue;
      pb::Line& line = *location.add_line();
      line.set_function_id(place->first[i]);
      line.set_line(static_cast<int64_t>(place->first[i + 1]));
    }
    if (mapping != 0) note_names(*out_.mutable_mapping(static_cast<int>(mapping) - 1), frames);
    return place->second;
  }

 private:
  /// A reader looks for names in the file itself unless these say that it need not.
  void note_names(pb::Mapping& mapping, const std::vector<const Frame*>& frames) {
    for (const Frame* frame : frames) {
      if (frame->function == nullptr) incomplete_.insert(mapping.id());
      mapping.set_has_functions(!incomplete_.contains(mapping.id()));
      if (frame->function == nullptr) continue;
      if (!frame->function->file.empty()) mapping.set_has_filenames(true);
      if (frame->line != 0) mapping.set_has_line_numbers(true);
      if (frame->inlined) mapping.set_has_inline_frames(true);
    }
  }

  uint64_t mapping_of(const Frame& frame) {
    if (frame.module == nullptr && frame.kind != Frame::Kind::kKernel) return 0;
    static const model::Module kernel{
        .path = kKernelMapping, .build_id = {}, .limit = std::numeric_limits<uint64_t>::max()};
    const model::Module& module = frame.module != nullptr ? *frame.module : kernel;
    const auto filename = text(module.path);
    const auto build_id = text(module.build_id);
    const auto [place, is_new] =
        mappings_.try_emplace(Key{static_cast<uint64_t>(filename), static_cast<uint64_t>(build_id),
                                  module.start, module.limit, module.offset},
                              static_cast<uint64_t>(out_.mapping_size()) + 1);
    if (!is_new) return place->second;
    pb::Mapping& mapping = *out_.add_mapping();
    mapping.set_id(place->second);
    mapping.set_memory_start(module.start);
    mapping.set_memory_limit(module.limit);
    mapping.set_file_offset(module.offset);
    mapping.set_filename(filename);
    mapping.set_build_id(build_id);
    return place->second;
  }

  uint64_t function_of(const model::Function& value) {
    const auto name = text(value.name);
    const auto system_name = value.system_name.empty() ? name : text(value.system_name);
    const auto filename = text(value.file);
    const auto [place, is_new] =
        functions_.try_emplace(Key{static_cast<uint64_t>(name), static_cast<uint64_t>(system_name),
                                   static_cast<uint64_t>(filename)},
                               static_cast<uint64_t>(out_.function_size()) + 1);
    if (!is_new) return place->second;
    pb::Function& function = *out_.add_function();
    function.set_id(place->second);
    function.set_name(name);
    function.set_system_name(system_name);
    function.set_filename(filename);
    return place->second;
  }

  pb::Profile& out_;
  std::unordered_map<std::string, int64_t> texts_;
  // By content: the two profiles of a difference share nothing else.
  std::unordered_map<Key, uint64_t, KeyHash> functions_;
  std::unordered_map<Key, uint64_t, KeyHash> mappings_;
  std::unordered_map<Key, uint64_t, KeyHash> locations_;
  std::unordered_set<uint64_t> incomplete_;  ///< mappings with a frame that has no name
};

/// The frame at the root of a stack whose module the most weight stands on: that of the main
/// program, more often than not. Null when no stack has one.
const Frame* main_frame(const Profile& profile) {
  std::map<std::string_view, std::pair<uint64_t, const Frame*>> weights;
  std::vector<Profile::Id> frames;
  for (const Profile::Entry& entry : profile.entries()) {
    profile.frames_of(entry.stack, frames);
    for (auto id = frames.rbegin(); id != frames.rend(); ++id) {
      const Frame& frame = profile.frames()[*id];
      if (frame.module == nullptr || frame.kind == Frame::Kind::kKernel) continue;
      auto& [weight, first] = weights[frame.module->path];
      weight += entry.weight;
      // Of several ranges of one file any would do; which one may not depend on the order of
      // samples.
      if (first == nullptr || frame.module->start < first->module->start) first = &frame;
      break;
    }
  }
  const auto most = std::max_element(
      weights.begin(), weights.end(),
      [](const auto& a, const auto& b) { return a.second.first < b.second.first; });
  return most == weights.end() ? nullptr : most->second.second;
}

class Writer {
 public:
  explicit Writer(const Profile& profile) : tables_(out_) {
    const Profile::Settings& settings = profile.settings();
    if (settings.kind == ProfileKind::kOffCpu) {
      tables_.value_type(*out_.add_sample_type(), "events", "count");
      tables_.value_type(*out_.add_sample_type(), "offcpu", "nanoseconds");
    } else {
      tables_.value_type(*out_.add_sample_type(), "samples", "count");
      if (settings.hz != 0) {
        tables_.value_type(*out_.add_sample_type(), "cpu", "nanoseconds");
        tables_.value_type(*out_.mutable_period_type(), "cpu", "nanoseconds");
        out_.set_period(clamped(profile.nanoseconds(1)));
      }
    }
    const pb::ValueType& last = out_.sample_type(out_.sample_type_size() - 1);
    out_.set_default_sample_type(last.type());
    out_.set_time_nanos(clamped(settings.start_unix_ns));
    out_.set_duration_nanos(clamped(settings.duration_ns));
    if (const Frame* const frame = main_frame(profile); frame != nullptr) {
      tables_.note_module(*frame);
    }
  }

  /// `sign` -1: as the base of a difference.
  void add(const Profile& profile, int64_t sign) {
    std::vector<Profile::Id> frames;
    std::vector<const Frame*> location;
    for (const Profile::Entry& entry : profile.sorted_entries()) {
      pb::Sample& sample = *out_.add_sample();
      profile.frames_of(entry.stack, frames);
      for (const Profile::Id id : frames) {
        location.push_back(&profile.frames()[id]);
        if (location.back()->inlined && &id != &frames.back()) continue;
        sample.add_location_id(tables_.location(location));
        location.clear();
      }
      add_values(sample, profile, entry, sign);
      add_labels(sample, profile.labels()[entry.labels]);
      if (sign < 0) label(sample, "pprof::base", "true");
    }
  }

  base::Result<std::string> finish() && {
    auto gzip = otlp::Gzip::create();
    if (!gzip) return std::move(gzip).error();
    if (out_.ByteSizeLong() > kMostPprofBytes) {
      return base::invalid_error("pprof: the profile is larger than 256 MiB");
    }
    return (*gzip)->compress(out_.SerializeAsString());
  }

 private:
  void add_values(pb::Sample& sample, const Profile& profile, const Profile::Entry& entry,
                  int64_t sign) const {
    if (profile.settings().kind == ProfileKind::kOffCpu) {
      sample.add_value(sign * clamped(entry.count));
      sample.add_value(sign * clamped(entry.weight));
      return;
    }
    sample.add_value(sign * clamped(entry.weight));
    if (out_.sample_type_size() > 1) {
      sample.add_value(sign * clamped(profile.nanoseconds(entry.weight)));
    }
  }

  void add_labels(pb::Sample& sample, const model::ProfileLabels& labels) {
    label(sample, "process", labels.process_name);
    if (labels.process.pid != 0) {
      pb::Label& pid = *sample.add_label();
      pid.set_key(tables_.text("pid"));
      pid.set_num(labels.process.pid);
    }
    label(sample, "thread", labels.thread_name);
    label(sample, "service", labels.service);
    label(sample, "container", labels.container);
    label(sample, "route", labels.route);
    label(sample, "cause", labels.cause);
    label(sample, "waker", labels.waker);
    if (!model::is_zero(labels.trace_id)) label(sample, "trace_id", model::to_hex(labels.trace_id));
    if (!model::is_zero(labels.span_id)) label(sample, "span_id", model::to_hex(labels.span_id));
  }

  void label(pb::Sample& sample, std::string_view key, std::string_view value) {
    if (value.empty()) return;
    pb::Label& label = *sample.add_label();
    label.set_key(tables_.text(key));
    label.set_str(tables_.text(value));
  }

  pb::Profile out_;
  Tables tables_;
};

}  // namespace

base::Result<std::string> write_pprof(const model::Profile& profile) {
  Writer writer(profile);
  writer.add(profile, 1);
  return std::move(writer).finish();
}

base::Result<std::string> write_pprof_diff(const model::Profile& before,
                                           const model::Profile& after) {
  if (before.settings().kind != after.settings().kind) {
    return base::invalid_error("a profile of CPU time and one off CPU cannot be compared");
  }
  Writer writer(after);
  writer.add(before, -1);
  writer.add(after, 1);
  return std::move(writer).finish();
}

}  // namespace hostlens::exporters::profile
