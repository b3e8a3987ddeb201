// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/pprof.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "base/utf8.h"
#include "exporters/otlp/gzip.h"
#include "exporters/profile/folded.h"
#include "exporters/profile/gunzip.h"
#include "perftools/profiles/profile.pb.h"
#include "unit/exporters/profile/scene.h"

namespace hostlens::exporters::profile {
namespace {

namespace pb = perftools::profiles;
using model::Frame;

pb::Profile parsed(const base::Result<std::string>& file) {
  pb::Profile profile;
  EXPECT_TRUE(file);
  const auto bytes = gunzip(*file, kMostPprofBytes);
  EXPECT_TRUE(bytes);
  EXPECT_TRUE(profile.ParseFromString(*bytes)) << "protobuf refuses texts that are no UTF-8";
  return profile;
}

std::map<std::string, std::string> labels_of(const pb::Profile& profile, const pb::Sample& sample) {
  std::map<std::string, std::string> labels;
  for (const pb::Label& label : sample.label()) {
    const std::string& text = profile.string_table(static_cast<int>(label.str()));
    labels[profile.string_table(static_cast<int>(label.key()))] =
        text.empty() ? std::to_string(label.num()) : text;
  }
  return labels;
}

std::string type_of(const pb::Profile& profile, const pb::ValueType& type) {
  return profile.string_table(static_cast<int>(type.type())) + "/" +
         profile.string_table(static_cast<int>(type.unit()));
}

std::string gzipped(const std::string& bytes) {
  auto gzip = otlp::Gzip::create();
  return *(*gzip)->compress(bytes);
}

/// Every reference of a file leads to something, and ids are what the format wants.
void expect_sound(const pb::Profile& profile) {
  ASSERT_GT(profile.string_table_size(), 0);
  EXPECT_EQ(profile.string_table(0), "");
  const auto text = [&](int64_t index) { EXPECT_LT(index, profile.string_table_size()); };
  std::set<std::string> texts(profile.string_table().begin(), profile.string_table().end());
  EXPECT_EQ(texts.size(), static_cast<size_t>(profile.string_table_size())) << "each text once";
  for (int i = 0; i < profile.mapping_size(); ++i) {
    EXPECT_EQ(profile.mapping(i).id(), static_cast<uint64_t>(i) + 1);
    text(profile.mapping(i).filename());
    text(profile.mapping(i).build_id());
  }
  for (int i = 0; i < profile.function_size(); ++i) {
    EXPECT_EQ(profile.function(i).id(), static_cast<uint64_t>(i) + 1);
    text(profile.function(i).name());
    text(profile.function(i).filename());
  }
  for (int i = 0; i < profile.location_size(); ++i) {
    const pb::Location& location = profile.location(i);
    EXPECT_EQ(location.id(), static_cast<uint64_t>(i) + 1);
    EXPECT_LE(location.mapping_id(), static_cast<uint64_t>(profile.mapping_size()));
    for (const pb::Line& line : location.line()) {
      EXPECT_GE(line.function_id(), 1U);
      EXPECT_LE(line.function_id(), static_cast<uint64_t>(profile.function_size()));
    }
  }
  for (const pb::Sample& sample : profile.sample()) {
    EXPECT_EQ(sample.value_size(), profile.sample_type_size());
    for (const uint64_t id : sample.location_id()) {
      EXPECT_GE(id, 1U);
      EXPECT_LE(id, static_cast<uint64_t>(profile.location_size()));
    }
  }
}

TEST(PprofTest, CpuTimeIsSamplesTimesThePeriod) {
  const auto profile = parsed(write_pprof(scene::cpu_profile()));
  expect_sound(profile);
  ASSERT_EQ(profile.sample_type_size(), 2);
  EXPECT_EQ(type_of(profile, profile.sample_type(0)), "samples/count");
  EXPECT_EQ(type_of(profile, profile.sample_type(1)), "cpu/nanoseconds");
  EXPECT_EQ(type_of(profile, profile.period_type()), "cpu/nanoseconds");
  EXPECT_EQ(profile.period(), 52'631'579);
  EXPECT_EQ(profile.time_nanos(), 1'700'000'000'000'000'000);
  EXPECT_EQ(profile.duration_nanos(), 30'000'000'000);
  int64_t samples = 0;
  int64_t nanoseconds = 0;
  for (const pb::Sample& sample : profile.sample()) {
    samples += sample.value(0);
    nanoseconds += sample.value(1);
  }
  EXPECT_EQ(samples, 130);
  EXPECT_NEAR(static_cast<double>(nanoseconds), 130e9 / 19, 10);
}

TEST(PprofTest, LabelsSayWhoseSampleItIsAndWhatItServed) {
  const auto profile = parsed(write_pprof(scene::cpu_profile()));
  bool seen = false;
  for (const pb::Sample& sample : profile.sample()) {
    if (sample.value(0) != 57) continue;
    seen = true;
    EXPECT_EQ(labels_of(profile, sample),
              (std::map<std::string, std::string>{{"process", "nginx"},
                                                  {"pid", "10"},
                                                  {"thread", "nginx"},
                                                  {"service", "web"},
                                                  {"container", "0123abcd"},
                                                  {"route", "GET /users/{id}"}}));
  }
  EXPECT_TRUE(seen);
}

TEST(PprofTest, SpansAreLabelsWhenTheProfileKeepsThem) {
  model::Profile profile({.hz = 19, .by_span = true});
  model::Sample sample = scene::sample("p", 1, "t", 1, {scene::frame(Frame::Kind::kNative, "f")});
  sample.trace_id.fill(0xab);
  sample.span_id.fill(0x12);
  profile.add(sample);
  const auto out = parsed(write_pprof(profile));
  auto labels = labels_of(out, out.sample(0));
  EXPECT_EQ(labels["span_id"], "1212121212121212");
  EXPECT_EQ(labels["trace_id"], "abababababababababababababababab");
}

TEST(PprofTest, InlinedFunctionsAreLinesOfOneLocation) {
  const auto profile = parsed(write_pprof(scene::cpu_profile()));
  for (const pb::Sample& sample : profile.sample()) {
    if (sample.value(0) != 57) continue;
    ASSERT_EQ(sample.location_id_size(), 3);
    const pb::Location& leaf = profile.location(static_cast<int>(sample.location_id(0)) - 1);
    ASSERT_EQ(leaf.line_size(), 2);
    const auto name = [&](int line) {
      const auto& function = profile.function(static_cast<int>(leaf.line(line).function_id()) - 1);
      return profile.string_table(static_cast<int>(function.name()));
    };
    EXPECT_EQ(name(0), "ngx_strlow");
    EXPECT_EQ(name(1), "ngx_http_parse_header_line");
    EXPECT_EQ(leaf.line(0).line(), 80);
    EXPECT_EQ(leaf.address(), 0x3000U);
  }
}

TEST(PprofTest, MappingsCarryBuildIdsAndSayWhatIsLeftToName) {
  const auto profile = parsed(write_pprof(scene::cpu_profile()));
  std::map<std::string, pb::Mapping> mappings;
  for (const pb::Mapping& mapping : profile.mapping()) {
    mappings[profile.string_table(static_cast<int>(mapping.filename()))] = mapping;
  }
  const pb::Mapping& nginx = mappings["/usr/sbin/nginx"];
  EXPECT_EQ(profile.string_table(static_cast<int>(nginx.build_id())), "aa11");
  EXPECT_EQ(nginx.memory_start(), 0x1000U);
  EXPECT_EQ(nginx.memory_limit(), 0x9000U);
  EXPECT_EQ(nginx.file_offset(), 0x1000U);
  EXPECT_TRUE(nginx.has_functions());
  EXPECT_TRUE(nginx.has_filenames());
  EXPECT_TRUE(nginx.has_line_numbers());
  EXPECT_TRUE(nginx.has_inline_frames());
  EXPECT_FALSE(mappings["/opt/bin/stripped"].has_functions());
  EXPECT_TRUE(mappings.contains("[kernel.kallsyms]"));
}

TEST(PprofTest, OffCpuTimeHasItsCauseAsALabel) {
  const auto profile = parsed(write_pprof(scene::off_cpu_profile()));
  expect_sound(profile);
  EXPECT_EQ(type_of(profile, profile.sample_type(0)), "events/count");
  EXPECT_EQ(type_of(profile, profile.sample_type(1)), "offcpu/nanoseconds");
  EXPECT_EQ(profile.period(), 0);
  std::map<std::string, int64_t> by_cause;
  for (const pb::Sample& sample : profile.sample()) {
    by_cause[labels_of(profile, sample)["cause"]] += sample.value(1);
  }
  EXPECT_EQ(by_cause, (std::map<std::string, int64_t>{{"disk", 2'000'000'400},
                                                      {"lock", 500'000'400},
                                                      {"runqueue", 10'000'400},
                                                      {"other", 999},
                                                      {"short", 77'000'801}}));
}

TEST(PprofTest, WhoEndedASleepIsALabelAndPartOfTheStack) {
  const auto written = write_pprof(scene::waker_profile());
  const auto profile = parsed(written);
  expect_sound(profile);
  std::map<std::pair<std::string, std::string>, int64_t> by_waker;
  for (const pb::Sample& sample : profile.sample()) {
    auto labels = labels_of(profile, sample);
    by_waker[{labels["cause"], labels["waker"]}] += sample.value(1);
    EXPECT_EQ(!labels["waker"].empty(), sample.location_id_size() > 2);
  }
  EXPECT_EQ(by_waker, (std::map<std::pair<std::string, std::string>, int64_t>{
                          {{"lock", "walwriter"}, 6'000'000},
                          {{"timer", "[interrupt]"}, 3'000'000},
                          {{"lock", ""}, 1'000'000}}));
  const auto read = read_pprof(*written);
  ASSERT_TRUE(read);
  EXPECT_EQ(write_folded(*read), write_folded(scene::waker_profile()));
}

TEST(PprofTest, WithoutARateThereIsNoTime) {
  model::Profile profile({});
  profile.add(scene::sample("p", 1, "t", 5, {scene::frame(Frame::Kind::kNative, "f")}));
  const auto out = parsed(write_pprof(profile));
  ASSERT_EQ(out.sample_type_size(), 1);
  EXPECT_EQ(type_of(out, out.sample_type(0)), "samples/count");
}

TEST(PprofTest, AnEmptyProfileIsAFileWithoutSamples) {
  const auto profile = parsed(write_pprof(model::Profile({.hz = 19})));
  expect_sound(profile);
  EXPECT_EQ(profile.sample_size(), 0);
  const auto read = read_pprof(*write_pprof(model::Profile({.hz = 19})));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->total_weight(), 0U);
}

TEST(PprofTest, HostileNamesAreTextsOfTheFile) {
  expect_sound(parsed(write_pprof(scene::hostile_profile())));
}

TEST(PprofTest, TheOrderOfSamplesDoesNotChangeTheFile) {
  const auto build = [](bool reverse) {
    model::Profile profile({.hz = 19});
    for (int i = 0; i < 50; ++i) {
      const std::string name = "f" + std::to_string(reverse ? 49 - i : i);
      profile.add(scene::sample("p", 1, "t", 1, {scene::frame(Frame::Kind::kNative, name)}));
    }
    return *write_pprof(profile);
  };
  EXPECT_EQ(build(false), build(true));
}

TEST(PprofTest, WhatWasWrittenReadsBackWithTheSameSums) {
  for (const auto& profile : {scene::cpu_profile(), scene::off_cpu_profile()}) {
    const auto file = write_pprof(profile);
    const auto read = read_pprof(*file);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->settings().kind, profile.settings().kind);
    EXPECT_EQ(read->settings().hz, profile.settings().hz);
    EXPECT_EQ(read->settings().start_unix_ns, profile.settings().start_unix_ns);
    EXPECT_EQ(read->settings().duration_ns, profile.settings().duration_ns);
    EXPECT_EQ(read->total_weight(), profile.total_weight());
    EXPECT_EQ(write_folded(*read), write_folded(profile));
  }
}

TEST(PprofTest, AnyProfileReadsBackWithTheSameSums) {
  std::mt19937 random(7);
  const auto pick = [&random](uint32_t below) { return static_cast<uint32_t>(random() % below); };
  for (int round = 0; round < 30; ++round) {
    const bool off_cpu = pick(2) == 0;
    model::Profile profile(
        {.kind = off_cpu ? model::ProfileKind::kOffCpu : model::ProfileKind::kCpu,
         .hz = off_cpu ? 0 : 1 + pick(999)});
    for (uint32_t i = 0; i < pick(200); ++i) {
      model::Sample sample = scene::sample("p" + std::to_string(pick(3)), 1 + pick(4), "thread",
                                           1 + pick(100'000), {});
      std::vector<Frame> frames;
      for (uint32_t depth = pick(20); depth > 0; --depth) {
        Frame frame =
            scene::frame(Frame::Kind::kNative, "f" + std::to_string(pick(9)), "", pick(50));
        frame.inlined = pick(4) == 0;
        if (pick(3) == 0) frame.function = nullptr;
        if (pick(2) == 0) frame.module = scene::module("/lib/m" + std::to_string(pick(3)));
        frames.push_back(frame);
      }
      // Inlined code lies in the module of what it is inlined into, and has names.
      for (size_t at = frames.size(); at-- > 1;) {
        Frame& inner = frames[at - 1];
        const Frame& outer = frames[at];
        inner.inlined = inner.inlined && inner.function != nullptr && outer.function != nullptr;
        if (inner.inlined) inner.module = outer.module;
      }
      if (!frames.empty()) frames.back().inlined = false;
      sample.stack = model::Stack::of(frames);
      if (off_cpu) sample.cause = pick(2) == 0 ? "disk" : "lock";
      profile.add(sample);
    }
    const auto read = read_pprof(*write_pprof(profile));
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->total_weight(), profile.total_weight());
    if (profile.total_count() > 0) {
      EXPECT_EQ(write_folded(*read), write_folded(profile));
    }
    EXPECT_EQ(read->entries().size(), profile.entries().size());
  }
}

TEST(PprofTest, ADifferenceHasTheBaseWithNegativeValues) {
  const auto before = read_folded("t;a 5\nt;b 2\n");
  const auto after = read_folded("t;a 1\n");
  ASSERT_TRUE(before && after);
  const auto profile = parsed(write_pprof_diff(*before, *after));
  expect_sound(profile);
  int64_t sum = 0;
  int based = 0;
  for (const pb::Sample& sample : profile.sample()) {
    sum += sample.value(0);
    const bool is_base = labels_of(profile, sample).contains("pprof::base");
    EXPECT_EQ(is_base, sample.value(0) < 0);
    based += is_base ? 1 : 0;
  }
  EXPECT_EQ(sum, 1 - 7);
  EXPECT_EQ(based, 2);
  EXPECT_EQ(profile.function_size(), 2) << "one function of both profiles is one";
  EXPECT_FALSE(read_pprof(*write_pprof_diff(*before, *after))) << "a difference is no profile";
  EXPECT_FALSE(write_pprof_diff(*before, scene::off_cpu_profile()));
}

// ---- Files of strangers

pb::Profile minimal() {
  pb::Profile profile;
  for (const char* const text : {"", "samples", "count", "f"}) profile.add_string_table(text);
  profile.add_sample_type()->set_type(1);
  profile.mutable_sample_type(0)->set_unit(2);
  pb::Function& function = *profile.add_function();
  function.set_id(9);
  function.set_name(3);
  pb::Location& location = *profile.add_location();
  location.set_id(8);
  location.add_line()->set_function_id(9);
  pb::Sample& sample = *profile.add_sample();
  sample.add_location_id(8);
  sample.add_value(4);
  return profile;
}

TEST(PprofTest, FilesThatAreNotCompressedAreRead) {
  const auto read = read_pprof(minimal().SerializeAsString());
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(write_folded(*read), "[unnamed];f 4\n");
}

TEST(PprofTest, EveryTruncationIsRefusedOrReadInPart) {
  const std::string whole = minimal().SerializeAsString();
  const std::string packed = gzipped(whole);
  for (size_t size = 0; size < packed.size(); ++size) {
    EXPECT_FALSE(read_pprof(std::string_view(packed).substr(0, size))) << size;
  }
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto read = read_pprof(std::string_view(whole).substr(0, size));
    if (read) {
      EXPECT_LE(read->total_weight(), 4U);
    }
  }
}

TEST(PprofTest, ReferencesToNothingAreErrorsOrNothing) {
  pb::Profile profile = minimal();
  profile.mutable_sample(0)->set_location_id(0, 77);
  EXPECT_FALSE(read_pprof(profile.SerializeAsString()));

  profile = minimal();
  profile.mutable_function(0)->set_name(-5);
  profile.mutable_location(0)->set_mapping_id(1234);
  const auto read = read_pprof(profile.SerializeAsString());
  ASSERT_TRUE(read);
  EXPECT_EQ(write_folded(*read), "[unnamed];[unknown+0x0] 4\n");
}

TEST(PprofTest, AFileWithoutTimeOrCountIsRefusedByItsTypes) {
  pb::Profile profile = minimal();
  profile.set_string_table(1, "inuse_space");
  profile.set_string_table(2, "bytes");
  const auto read = read_pprof(profile.SerializeAsString());
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("inuse_space/bytes"), std::string::npos);
}

TEST(PprofTest, CpuTimeWithoutAPeriodIsReadAsNanoseconds) {
  pb::Profile profile = minimal();
  profile.set_string_table(1, "cpu");
  profile.set_string_table(2, "nanoseconds");
  const auto read = read_pprof(profile.SerializeAsString());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->nanoseconds(read->total_weight()), 4U);
}

TEST(PprofTest, AStackOfMillionsOfFramesIsRefused) {
  pb::Profile profile = minimal();
  for (int i = 0; i < 2'000'000; ++i) profile.mutable_sample(0)->add_location_id(8);
  EXPECT_FALSE(read_pprof(profile.SerializeAsString()));
}

TEST(PprofTest, ManyInlinedLinesAreCutAtTheDepthOfAStack) {
  pb::Profile profile = minimal();
  for (int i = 0; i < 100'000; ++i) profile.mutable_location(0)->add_line()->set_function_id(9);
  const auto read = read_pprof(profile.SerializeAsString());
  ASSERT_TRUE(read);
  EXPECT_LE(read->nodes().size(), model::Profile::kMostFrames + 4);
}

TEST(GunzipTest, MembersFollowEachOther) {
  const std::string two = gzipped("one ") + gzipped("two");
  const auto text = gunzip(two, 100);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "one two");
}

TEST(GunzipTest, ABombIsRefusedBeforeItFillsTheMemory) {
  const std::string packed = gzipped(std::string(32U << 20U, '\0'));
  ASSERT_LT(packed.size(), 1U << 20U);
  const auto text = gunzip(packed, 1U << 20U);
  ASSERT_FALSE(text);
  EXPECT_NE(text.error().message.find("when unpacked"), std::string::npos) << text.error().message;
}

TEST(GunzipTest, ExactlyTheLimitFits) {
  const std::string packed = gzipped(std::string(100'000, 'x'));
  EXPECT_TRUE(gunzip(packed, 100'000));
  EXPECT_FALSE(gunzip(packed, 99'999));
  EXPECT_FALSE(gunzip(packed + "garbage", 100'000));
  EXPECT_FALSE(gunzip("no gzip", 100));
}

}  // namespace
}  // namespace hostlens::exporters::profile
