// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/encode_profiles.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/utf8.h"
#include "exporters/otlp/encode_attributes.h"
#include "opentelemetry/proto/collector/profiles/v1development/profiles_service.pb.h"

namespace hostlens::exporters::otlp {
namespace {

namespace pb = opentelemetry::proto::profiles::v1development;
using model::Frame;
using model::Profile;
using model::ProfileKind;
using opentelemetry::proto::collector::profiles::v1development::ExportProfilesServiceRequest;

using Key = std::vector<uint64_t>;

struct KeyHash {
  size_t operator()(const Key& parts) const {
    uint64_t hash = 0;
    for (const uint64_t part : parts) hash = base::mix(hash, part);
    return hash;
  }
};

int64_t clamped(uint64_t value) {
  return static_cast<int64_t>(std::min<uint64_t>(value, std::numeric_limits<int64_t>::max()));
}

uint64_t number(int32_t index) { return static_cast<uint64_t>(index); }

/// Values of profile.frame.type, of the semantic conventions for profiles.
std::string_view frame_type(Frame::Kind kind) {
  switch (kind) {
    case Frame::Kind::kNative:
      return "native";
    case Frame::Kind::kKernel:
      return "kernel";
    case Frame::Kind::kGo:
      return "go";
    case Frame::Kind::kPython:
      return "cpython";
    case Frame::Kind::kJava:
      return "jvm";
    case Frame::Kind::kJavaScript:
      return "v8js";
    case Frame::Kind::kJit:
    case Frame::Kind::kUnknown:
      return {};
  }
  return {};
}

/// The tables of one request. An index into them is given in the order of the first use.
class Dictionary {
 public:
  explicit Dictionary(pb::ProfilesDictionary& out) : out_(out) {
    text({});
    out_.add_mapping_table();
    out_.add_location_table();
    out_.add_function_table();
    out_.add_link_table();
    out_.add_attribute_table();
    out_.add_stack_table();
  }

  int32_t text(std::string_view value) {
    const auto found = texts_.find(std::string(value));
    if (found != texts_.end()) return found->second;
    const int32_t index = out_.string_table_size();
    base::assign_utf8(*out_.add_string_table(), value);
    bytes_ += value.size() + 4;
    texts_.emplace(value, index);
    return index;
  }

  int32_t attribute(std::string_view key, std::string_view value) {
    const Key parts{number(text(key)), number(text(value)), 0};
    return find_or_add(attributes_, parts, *out_.mutable_attribute_table(),
                       [&](pb::KeyValueAndUnit& made) {
                         made.set_key_strindex(static_cast<int32_t>(parts[0]));
                         base::assign_utf8(*made.mutable_value()->mutable_string_value(), value);
                         bytes_ += value.size() + 12;
                       });
  }

  int32_t attribute(std::string_view key, uint64_t value) {
    const Key parts{number(text(key)), value, 1};
    return find_or_add(attributes_, parts, *out_.mutable_attribute_table(),
                       [&](pb::KeyValueAndUnit& made) {
                         made.set_key_strindex(static_cast<int32_t>(parts[0]));
                         made.mutable_value()->set_int_value(clamped(value));
                         bytes_ += 20;
                       });
  }

  int32_t link(const model::TraceId& trace, const model::SpanId& span) {
    if (model::is_zero(trace) || model::is_zero(span)) return 0;
    Key parts(3);
    std::copy(trace.begin(), trace.end(), reinterpret_cast<uint8_t*>(parts.data()));
    std::copy(span.begin(), span.end(), reinterpret_cast<uint8_t*>(parts.data() + 2));
    return find_or_add(links_, parts, *out_.mutable_link_table(), [&](pb::Link& made) {
      made.set_trace_id(std::string(trace.begin(), trace.end()));
      made.set_span_id(std::string(span.begin(), span.end()));
      bytes_ += 32;
    });
  }

  /// `frames`: leaf first, indices into the profile's own.
  int32_t stack(const Profile& profile, const std::vector<Profile::Id>& frames) {
    Key locations;
    std::vector<const Frame*> inlined;
    for (const Profile::Id id : frames) {
      inlined.push_back(&profile.frames()[id]);
      if (inlined.back()->inlined && &id != &frames.back()) continue;
      locations.push_back(number(location(inlined)));
      inlined.clear();
    }
    if (locations.empty()) return 0;
    return find_or_add(stacks_, locations, *out_.mutable_stack_table(), [&](pb::Stack& made) {
      for (const uint64_t index : locations) {
        made.add_location_indices(static_cast<int32_t>(index));
      }
      bytes_ += 3 * locations.size() + 6;
    });
  }

  /// Of the request until now, about.
  [[nodiscard]] size_t bytes() const { return bytes_; }
  void add_bytes(size_t bytes) { bytes_ += bytes; }

 private:
  template <typename Table, typename Fill>
  static int32_t find_or_add(std::unordered_map<Key, int32_t, KeyHash>& known, const Key& parts,
                             Table& table, Fill fill) {
    const auto [place, is_new] = known.try_emplace(parts, table.size());
    if (is_new) fill(*table.Add());
    return place->second;
  }

  /// Inlined functions, leaf first, and the one that holds their code.
  int32_t location(const std::vector<const Frame*>& frames) {
    const Frame& outer = *frames.back();
    const std::string_view type = frame_type(outer.kind);
    const int32_t type_index = type.empty() ? 0 : attribute("profile.frame.type", type);
    Key parts{number(mapping(outer)), outer.address, number(type_index)};
    for (const Frame* frame : frames) {
      parts.push_back(frame->function == nullptr ? 0 : number(function(*frame->function)));
      parts.push_back(frame->line);
    }
    return find_or_add(locations_, parts, *out_.mutable_location_table(), [&](pb::Location& made) {
      made.set_mapping_index(static_cast<int32_t>(parts[0]));
      made.set_address(outer.address);
      if (type_index != 0) made.add_attribute_indices(type_index);
      for (size_t i = 3; i < parts.size(); i += 2) {
        if (parts[i] == 0) continue;
        pb::Line& line = *made.add_lines();
        line.set_function_index(static_cast<int32_t>(parts[i]));
        line.set_line(static_cast<int64_t>(parts[i + 1]));
      }
      bytes_ += 20 + 8 * frames.size();
    });
  }

  int32_t mapping(const Frame& frame) {
    if (frame.module == nullptr) return 0;
    const model::Module& module = *frame.module;
    const int32_t build_id =
        module.build_id.empty() ? 0 : attribute("process.executable.build_id.gnu", module.build_id);
    const Key parts{number(text(module.path)), number(build_id), module.start, module.limit,
                    module.offset};
    return find_or_add(mappings_, parts, *out_.mutable_mapping_table(), [&](pb::Mapping& made) {
      made.set_memory_start(module.start);
      made.set_memory_limit(module.limit);
      made.set_file_offset(module.offset);
      made.set_filename_strindex(static_cast<int32_t>(parts[0]));
      if (build_id != 0) made.add_attribute_indices(build_id);
      bytes_ += 32;
    });
  }

  int32_t function(const model::Function& value) {
    const int32_t name = text(value.name);
    const Key parts{number(name),
                    value.system_name.empty() ? number(name) : number(text(value.system_name)),
                    number(text(value.file))};
    return find_or_add(functions_, parts, *out_.mutable_function_table(), [&](pb::Function& made) {
      made.set_name_strindex(static_cast<int32_t>(parts[0]));
      made.set_system_name_strindex(static_cast<int32_t>(parts[1]));
      made.set_filename_strindex(static_cast<int32_t>(parts[2]));
      bytes_ += 14;
    });
  }

  pb::ProfilesDictionary& out_;
  size_t bytes_ = 0;
  std::unordered_map<std::string, int32_t> texts_;
  std::unordered_map<Key, int32_t, KeyHash> attributes_, links_, stacks_, locations_, mappings_,
      functions_;
};

/// One request under construction.
class Request {
 public:
  explicit Request(const model::ProfileBatch& batch)
      : batch_(batch), dictionary_(*message_.mutable_dictionary()) {}

  void add(const Profile::Entry& entry) {
    const Profile& profile = batch_.profile;
    const model::ProfileLabels& labels = profile.labels()[entry.labels];
    pb::Sample& sample = *profile_of(labels.process).add_samples();
    profile.frames_of(entry.stack, frames_);
    sample.set_stack_index(dictionary_.stack(profile, frames_));
    sample.set_link_index(dictionary_.link(labels.trace_id, labels.span_id));
    sample.add_values(clamped(entry.weight));
    const auto attribute = [&](std::string_view key, std::string_view value) {
      if (!value.empty()) sample.add_attribute_indices(dictionary_.attribute(key, value));
    };
    if (labels.process.pid != 0) {
      sample.add_attribute_indices(dictionary_.attribute("process.pid", labels.process.pid));
    }
    attribute("process.executable.name", labels.process_name);
    attribute("thread.name", labels.thread_name);
    attribute("http.route", labels.route);
    attribute("hostlens.thread.blocked.cause", labels.cause);
    dictionary_.add_bytes(32);
    items_ += entry.count;
  }

  [[nodiscard]] size_t bytes() const { return dictionary_.bytes(); }
  [[nodiscard]] bool empty() const { return items_ == 0; }
  [[nodiscard]] EncodedRequest finish() const { return {message_.SerializeAsString(), items_}; }

 private:
  pb::Profile& profile_of(const model::ProcessKey& process) {
    const auto found = batch_.services.find(process);
    const model::Service* const service =
        found == batch_.services.end() ? batch_.agent.get() : found->second.get();
    const auto [place, is_new] = profiles_.try_emplace(service);
    if (!is_new) return *place->second;
    auto& resource = *message_.add_resource_profiles();
    if (service != nullptr) {
      encode(service->resource, *resource.mutable_resource()->mutable_attributes());
    }
    dictionary_.add_bytes(resource.ByteSizeLong() + 64);
    auto& scope = *resource.add_scope_profiles();
    encode_scope(*scope.mutable_scope());
    place->second = scope.add_profiles();
    describe(*place->second);
    return *place->second;
  }

  void describe(pb::Profile& profile) {
    const Profile::Settings& settings = batch_.profile.settings();
    const auto value_type = [&](pb::ValueType& type, std::string_view name, std::string_view unit) {
      type.set_type_strindex(dictionary_.text(name));
      type.set_unit_strindex(dictionary_.text(unit));
    };
    if (settings.kind == ProfileKind::kOffCpu) {
      value_type(*profile.mutable_sample_type(), "off_cpu", "nanoseconds");
    } else {
      value_type(*profile.mutable_sample_type(), "samples", "count");
      if (settings.hz != 0) {
        value_type(*profile.mutable_period_type(), "cpu", "nanoseconds");
        profile.set_period(clamped(batch_.profile.nanoseconds(1)));
      }
    }
    profile.set_time_unix_nano(settings.start_unix_ns);
    profile.set_duration_nano(settings.duration_ns);
  }

  const model::ProfileBatch& batch_;
  ExportProfilesServiceRequest message_;
  Dictionary dictionary_;
  std::map<const model::Service*, pb::Profile*> profiles_;
  std::vector<Profile::Id> frames_;
  uint64_t items_ = 0;
};

}  // namespace

void encode_profiles(const model::ProfileBatch& batch,
                     const std::function<void(const EncodedRequest&)>& send, size_t limit_bytes) {
  auto request = std::make_unique<Request>(batch);
  for (const Profile::Entry& entry : batch.profile.sorted_entries()) {
    if (request->bytes() >= limit_bytes) {
      send(request->finish());
      request = std::make_unique<Request>(batch);
    }
    request->add(entry);
  }
  if (!request->empty()) send(request->finish());
}

}  // namespace hostlens::exporters::otlp
