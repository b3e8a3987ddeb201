// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/pprof_tables.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <array>

#include "exporters/profile/frame_text.h"
#include "model/profile.h"

namespace hostlens::exporters::profile {
namespace {

namespace pb = perftools::profiles;
using google::protobuf::internal::WireFormatLite;
using model::Frame;

// Far above what profilers write, and small enough that all together stay below a gigabyte.
constexpr size_t kMostTexts = 4U << 20U;
constexpr size_t kMostModules = 1U << 16U;
constexpr size_t kMostFunctions = 1U << 20U;
constexpr size_t kMostLocations = 1U << 20U;
constexpr size_t kMostLines = 2U << 20U;
constexpr size_t kMostMessageBytes = 1U << 20U;  ///< one sample, location, function ...
constexpr size_t kMostNameBytes = 16U << 10U;    ///< what is behind it is cut off
constexpr size_t kMostCopiedBytes = 256U << 20U;

base::Error damaged() { return base::invalid_error("pprof: damaged or no profile at all"); }
base::Error too_many(std::string_view what, size_t limit) {
  return base::invalid_error(fmt::format("pprof: more than {} {}", limit, what));
}

/// One field of the outermost message: a number, or the bytes of a text or message.
struct Field {
  int number = 0;
  uint64_t value = 0;
  std::string_view bytes;
};

template <typename Visit>
base::Result<void> each_field(std::string_view bytes, Visit visit) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(bytes.data()),
                                               static_cast<int>(bytes.size()));
  while (const uint32_t tag = input.ReadTag()) {
    Field field{.number = WireFormatLite::GetTagFieldNumber(tag), .bytes = {}};
    switch (WireFormatLite::GetTagWireType(tag)) {
      case WireFormatLite::WIRETYPE_VARINT:
        if (!input.ReadVarint64(&field.value)) return damaged();
        break;
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED: {
        uint32_t size = 0;
        if (!input.ReadVarint32(&size)) return damaged();
        const auto begin = static_cast<size_t>(input.CurrentPosition());
        if (size > bytes.size() - begin) return damaged();
        field.bytes = bytes.substr(begin, size);
        if (!input.Skip(static_cast<int>(size))) return damaged();
        break;
      }
      default:
        if (!WireFormatLite::SkipField(&input, tag)) return damaged();
        continue;
    }
    if (auto done = visit(field); !done) return done;
  }
  return input.ConsumedEntireMessage() ? base::Result<void>() : damaged();
}

template <typename Message>
bool parse(std::string_view bytes, Message& message) {
  return bytes.size() <= kMostMessageBytes &&
         message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [text](std::string_view ending) { return text.ends_with(ending); });
}

/// "[kernel.kallsyms]", "[nf_tables]", "vmlinux", "nf_tables.ko"; not what the kernel maps into
/// processes.
bool is_kernel(const model::Module& module) {
  static constexpr std::array<std::string_view, 7> kOfProcesses{
      "[vdso", "[vsyscall", "[heap", "[stack", "[anon", "[uprobes", "[jit"};
  const std::string_view path = module.path;
  if (ends_with_any(path, {"vmlinux", ".ko", ".ko.xz", ".ko.zst"})) return true;
  return path.starts_with('[') && path.ends_with(']') &&
         std::none_of(kOfProcesses.begin(), kOfProcesses.end(),
                      [path](std::string_view prefix) { return path.starts_with(prefix); });
}

/// As far as a file without a word on it tells.
Frame::Kind kind_of(const Frame& frame) {
  if (frame.module != nullptr && is_kernel(*frame.module)) return Frame::Kind::kKernel;
  if (frame.function == nullptr) return Frame::Kind::kNative;
  const std::string_view file = frame.function->file;
  if (ends_with_any(file, {".py"})) return Frame::Kind::kPython;
  if (ends_with_any(file, {".go"})) return Frame::Kind::kGo;
  if (ends_with_any(file, {".java", ".kt", ".scala"})) return Frame::Kind::kJava;
  if (is_javascript_file(file)) return Frame::Kind::kJavaScript;
  const std::string_view name = frame.function->name;
  const bool is_mark = frame.module == nullptr && name.starts_with('[') && name.ends_with(']');
  return is_mark ? Frame::Kind::kUnknown : Frame::Kind::kNative;
}

}  // namespace

base::Result<PprofTables> PprofTables::read(std::string_view bytes) {
  PprofTables tables;
  // What refers to something may stand before it: one pass for each step of references.
  for (const auto pass : {&PprofTables::read_texts, &PprofTables::read_types,
                          &PprofTables::read_functions, &PprofTables::read_locations}) {
    if (auto done = (tables.*pass)(bytes); !done) return std::move(done).error();
  }
  return tables;
}

std::string_view PprofTables::text(int64_t index) const {
  const auto place = static_cast<uint64_t>(index);
  return place < texts_.size() ? texts_[place].substr(0, kMostNameBytes) : std::string_view{};
}

const std::vector<Frame>* PprofTables::location(uint64_t id) const {
  const auto found = locations_.find(id);
  return found == locations_.end() ? nullptr : &found->second;
}

base::Result<void> PprofTables::read_texts(std::string_view bytes) {
  return each_field(bytes, [this](const Field& field) -> base::Result<void> {
    if (field.number != pb::Profile::kStringTableFieldNumber) return {};
    if (texts_.size() == kMostTexts) return too_many("texts", kMostTexts);
    texts_.push_back(field.bytes);
    return {};
  });
}

base::Result<void> PprofTables::read_types(std::string_view bytes) {
  constexpr size_t kMostTypes = 64;
  return each_field(bytes, [this](const Field& field) -> base::Result<void> {
    pb::ValueType type;
    switch (field.number) {
      case pb::Profile::kSampleTypeFieldNumber:
        if (!parse(field.bytes, type)) return damaged();
        if (sample_types_.size() == kMostTypes) return too_many("sample types", kMostTypes);
        sample_types_.push_back({text(type.type()), text(type.unit())});
        break;
      case pb::Profile::kPeriodTypeFieldNumber:
        if (!parse(field.bytes, type)) return damaged();
        period_type_ = {text(type.type()), text(type.unit())};
        break;
      case pb::Profile::kPeriodFieldNumber:
        period_ = field.value;
        break;
      case pb::Profile::kTimeNanosFieldNumber:
        time_ns_ = field.value;
        break;
      case pb::Profile::kDurationNanosFieldNumber:
        duration_ns_ = field.value;
        break;
      default:
        break;
    }
    return {};
  });
}

base::Result<void> PprofTables::read_functions(std::string_view bytes) {
  return each_field(bytes, [this](const Field& field) -> base::Result<void> {
    if (field.number == pb::Profile::kMappingFieldNumber) return add_module(field.bytes);
    if (field.number == pb::Profile::kFunctionFieldNumber) return add_function(field.bytes);
    return {};
  });
}

base::Result<void> PprofTables::read_locations(std::string_view bytes) {
  return each_field(bytes, [this](const Field& field) -> base::Result<void> {
    if (field.number != pb::Profile::kLocationFieldNumber) return {};
    return add_location(field.bytes);
  });
}

bool PprofTables::copy(int64_t index, std::string& out) {
  out = text(index);
  copied_bytes_ += out.size();
  return copied_bytes_ <= kMostCopiedBytes;
}

base::Result<void> PprofTables::add_module(std::string_view message) {
  pb::Mapping mapping;
  if (!parse(message, mapping)) return damaged();
  if (modules_.size() == kMostModules) return too_many("mappings", kMostModules);
  auto module = std::make_shared<model::Module>();
  module->start = mapping.memory_start();
  module->limit = mapping.memory_limit();
  module->offset = mapping.file_offset();
  if (!copy(mapping.filename(), module->path) || !copy(mapping.build_id(), module->build_id)) {
    return too_many("bytes of names", kMostCopiedBytes);
  }
  modules_.emplace(mapping.id(), std::move(module));
  return {};
}

base::Result<void> PprofTables::add_function(std::string_view message) {
  pb::Function in;
  if (!parse(message, in)) return damaged();
  if (functions_.size() == kMostFunctions) return too_many("functions", kMostFunctions);
  auto function = std::make_shared<model::Function>();
  if (!copy(in.name(), function->name) || !copy(in.filename(), function->file) ||
      !copy(in.system_name(), function->system_name)) {
    return too_many("bytes of names", kMostCopiedBytes);
  }
  if (function->name.empty()) function->name = function->system_name;
  if (function->name == function->system_name) function->system_name.clear();
  // A function without any name is none: its frames are shown by their address.
  if (!function->name.empty()) functions_.emplace(in.id(), std::move(function));
  return {};
}

base::Result<void> PprofTables::add_location(std::string_view message) {
  pb::Location location;
  if (!parse(message, location)) return damaged();
  if (locations_.size() == kMostLocations) return too_many("locations", kMostLocations);
  lines_ += static_cast<size_t>(location.line_size());
  if (lines_ > kMostLines) return too_many("lines", kMostLines);
  Frame frame;
  frame.address = location.address();
  if (const auto module = modules_.find(location.mapping_id()); module != modules_.end()) {
    frame.module = module->second;
  }
  std::vector<Frame> frames;
  for (const pb::Line& line : location.line()) {
    const auto function = functions_.find(line.function_id());
    if (function == functions_.end()) continue;
    frame.function = function->second;
    frame.line = static_cast<uint32_t>(std::clamp<int64_t>(line.line(), 0, UINT32_MAX));
    frame.kind = kind_of(frame);
    frame.inlined = true;
    frames.push_back(frame);
    if (frames.size() == model::Profile::kMostFrames) break;
  }
  if (frames.empty()) {
    frame.kind = kind_of(frame);
    frames.push_back(frame);
  }
  frames.back().inlined = false;
  locations_.emplace(location.id(), std::move(frames));
  return {};
}

base::Result<void> each_pprof_sample(
    std::string_view bytes, const std::function<base::Result<void>(const pb::Sample&)>& visit) {
  pb::Sample sample;
  return each_field(bytes, [&](const Field& field) -> base::Result<void> {
    if (field.number != pb::Profile::kSampleFieldNumber) return {};
    if (!parse(field.bytes, sample)) return damaged();
    return visit(sample);
  });
}

}  // namespace hostlens::exporters::profile
