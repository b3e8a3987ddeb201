// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/encode_profiles.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "opentelemetry/proto/collector/profiles/v1development/profiles_service.pb.h"

namespace hostlens::exporters::otlp {
namespace {

using opentelemetry::proto::collector::profiles::v1development::ExportProfilesServiceRequest;
namespace pb = opentelemetry::proto::profiles::v1development;

std::shared_ptr<const model::Service> service(const std::string& name) {
  auto made = std::make_shared<model::Service>();
  made->name = name;
  made->resource = {{"service.name", name}};
  return made;
}

model::Frame frame(const std::string& function, uint64_t address) {
  static const auto module = std::make_shared<const model::Module>(
      model::Module{"/usr/bin/program", "abcd", 0x1000, 0x9000, 0x400});
  model::Frame made;
  made.kind = model::Frame::Kind::kNative;
  made.address = address;
  made.module = module;
  made.line = 12;
  made.function = std::make_shared<const model::Function>(
      model::Function{function, "program.c", "_Z" + function});
  return made;
}

model::Sample sample(uint32_t pid, const std::string& leaf, uint64_t weight = 1) {
  model::Sample made;
  made.process = {pid, 1};
  made.process_name = "program";
  made.thread_name = "main";
  made.route = "/users/{id}";
  made.trace_id[0] = 1;
  made.span_id[0] = 2;
  made.weight = weight;
  made.stack = model::Stack::of(std::vector{frame(leaf, 0x2000), frame("main", 0x3000)});
  return made;
}

model::Profile::Settings cpu_settings() {
  model::Profile::Settings settings;
  settings.hz = 50;
  settings.start_unix_ns = 1'700'000'000'000'000'000;
  settings.duration_ns = 10'000'000'000;
  settings.by_span = true;
  return settings;
}

std::vector<ExportProfilesServiceRequest> encoded(const model::ProfileBatch& batch,
                                                  size_t limit = kRequestBytes) {
  std::vector<ExportProfilesServiceRequest> requests;
  encode_profiles(
      batch,
      [&](const EncodedRequest& request) {
        EXPECT_TRUE(requests.emplace_back().ParseFromString(request.body));
      },
      limit);
  return requests;
}

/// Follows the indices of one request, and fails when one is out of its table.
class Reader {
 public:
  explicit Reader(const ExportProfilesServiceRequest& request)
      : tables_(request.dictionary()), request_(request) {}

  [[nodiscard]] const std::string& text(int32_t index) const {
    return tables_.string_table().at(index);
  }
  [[nodiscard]] std::vector<std::string> functions(const pb::Sample& sample) const {
    std::vector<std::string> names;
    for (const int32_t index : tables_.stack_table().at(sample.stack_index()).location_indices()) {
      for (const pb::Line& line : tables_.location_table().at(index).lines()) {
        names.push_back(text(tables_.function_table().at(line.function_index()).name_strindex()));
      }
    }
    return names;
  }
  [[nodiscard]] std::map<std::string, std::string> attributes(const auto& holder) const {
    std::map<std::string, std::string> found;
    for (const int32_t index : holder.attribute_indices()) {
      const auto& attribute = tables_.attribute_table().at(index);
      found[text(attribute.key_strindex())] = attribute.value().has_int_value()
                                                  ? std::to_string(attribute.value().int_value())
                                                  : attribute.value().string_value();
    }
    return found;
  }
  [[nodiscard]] const pb::Profile& profile(int resource = 0) const {
    return request_.resource_profiles(resource).scope_profiles(0).profiles(0);
  }
  [[nodiscard]] const pb::ProfilesDictionary& tables() const { return tables_; }

 private:
  const pb::ProfilesDictionary& tables_;
  const ExportProfilesServiceRequest& request_;
};

TEST(EncodeProfilesTest, EveryFieldOfASampleArrives) {
  model::ProfileBatch batch(cpu_settings());
  batch.services[{7, 1}] = service("shop");
  batch.profile.add(sample(7, "work", 3));
  const auto requests = encoded(batch);
  ASSERT_EQ(requests.size(), 1U);
  const Reader reader(requests.front());
  const auto& resource = requests.front().resource_profiles(0).resource();
  EXPECT_EQ(resource.attributes(0).value().string_value(), "shop");
  const pb::Profile& profile = reader.profile();
  EXPECT_EQ(reader.text(profile.sample_type().type_strindex()), "samples");
  EXPECT_EQ(reader.text(profile.sample_type().unit_strindex()), "count");
  EXPECT_EQ(reader.text(profile.period_type().unit_strindex()), "nanoseconds");
  EXPECT_EQ(profile.period(), 20'000'000);
  EXPECT_EQ(profile.time_unix_nano(), 1'700'000'000'000'000'000U);
  EXPECT_EQ(profile.duration_nano(), 10'000'000'000U);
  ASSERT_EQ(profile.samples_size(), 1);
  const pb::Sample& sample = profile.samples(0);
  EXPECT_EQ(sample.values(0), 3);
  EXPECT_EQ(reader.functions(sample), (std::vector<std::string>{"work", "main"}));
  EXPECT_EQ(reader.attributes(sample),
            (std::map<std::string, std::string>{{"process.pid", "7"},
                                                {"process.executable.name", "program"},
                                                {"thread.name", "main"},
                                                {"http.route", "/users/{id}"}}));
  const pb::Link& link = reader.tables().link_table().at(sample.link_index());
  EXPECT_EQ(link.trace_id(), std::string("\1") + std::string(15, '\0'));
  EXPECT_EQ(link.span_id(), std::string("\2") + std::string(7, '\0'));
  const int32_t leaf = reader.tables().stack_table().at(sample.stack_index()).location_indices(0);
  const pb::Location& location = reader.tables().location_table().at(leaf);
  EXPECT_EQ(location.address(), 0x2000U);
  EXPECT_EQ(location.lines(0).line(), 12);
  EXPECT_EQ(reader.attributes(location)["profile.frame.type"], "native");
  const pb::Mapping& mapping = reader.tables().mapping_table().at(location.mapping_index());
  EXPECT_EQ(reader.text(mapping.filename_strindex()), "/usr/bin/program");
  EXPECT_EQ(mapping.memory_start(), 0x1000U);
  EXPECT_EQ(mapping.memory_limit(), 0x9000U);
  EXPECT_EQ(mapping.file_offset(), 0x400U);
  EXPECT_EQ(reader.attributes(mapping)["process.executable.build_id.gnu"], "abcd");
}

TEST(EncodeProfilesTest, TheFirstElementOfEachTableIsTheEmptyOne) {
  model::ProfileBatch batch(cpu_settings());
  batch.profile.add(sample(7, "work"));
  const auto requests = encoded(batch);
  const pb::ProfilesDictionary& tables = requests.front().dictionary();
  EXPECT_EQ(tables.string_table(0), "");
  EXPECT_EQ(tables.mapping_table(0).ByteSizeLong(), 0U);
  EXPECT_EQ(tables.location_table(0).ByteSizeLong(), 0U);
  EXPECT_EQ(tables.function_table(0).ByteSizeLong(), 0U);
  EXPECT_EQ(tables.link_table(0).ByteSizeLong(), 0U);
  EXPECT_EQ(tables.attribute_table(0).ByteSizeLong(), 0U);
  EXPECT_EQ(tables.stack_table(0).ByteSizeLong(), 0U);
}

TEST(EncodeProfilesTest, EachServiceHasItsResourceAndTheRestIsTheAgents) {
  model::ProfileBatch batch(cpu_settings());
  batch.agent = service("hostlens");
  batch.services[{7, 1}] = service("shop");
  batch.services[{8, 1}] = service("stock");
  for (const uint32_t pid : {7U, 8U, 9U}) batch.profile.add(sample(pid, "work"));
  const auto requests = encoded(batch);
  std::set<std::string> names;
  for (const auto& resource : requests.front().resource_profiles()) {
    names.insert(resource.resource().attributes(0).value().string_value());
    EXPECT_EQ(resource.scope_profiles(0).profiles(0).samples_size(), 1);
  }
  EXPECT_EQ(names, (std::set<std::string>{"hostlens", "shop", "stock"}));
}

TEST(EncodeProfilesTest, InlinedFunctionsAreLinesOfOneLocation) {
  model::ProfileBatch batch(cpu_settings());
  model::Sample inlined = sample(7, "inner");
  model::Frame inner = inlined.stack.leaf();
  inner.inlined = true;
  inlined.stack.pop();
  inlined.stack.push(frame("outer", 0x2000));
  inlined.stack.push(inner);
  batch.profile.add(inlined);
  const auto requests = encoded(batch);
  const Reader reader(requests.front());
  const pb::Sample& sample = reader.profile().samples(0);
  EXPECT_EQ(reader.functions(sample), (std::vector<std::string>{"inner", "outer", "main"}));
  EXPECT_EQ(reader.tables().stack_table().at(sample.stack_index()).location_indices_size(), 2);
}

TEST(EncodeProfilesTest, TimesOffCpuAreNanosecondsWithTheirCause) {
  model::Profile::Settings settings = cpu_settings();
  settings.kind = model::ProfileKind::kOffCpu;
  settings.hz = 0;
  model::ProfileBatch batch(settings);
  model::Sample waiting = sample(7, "read", 5'000'000);
  waiting.cause = "disk";
  batch.profile.add(waiting);
  const auto requests = encoded(batch);
  const Reader reader(requests.front());
  EXPECT_EQ(reader.text(reader.profile().sample_type().type_strindex()), "off_cpu");
  EXPECT_EQ(reader.text(reader.profile().sample_type().unit_strindex()), "nanoseconds");
  EXPECT_FALSE(reader.profile().has_period_type());
  EXPECT_EQ(reader.profile().samples(0).values(0), 5'000'000);
  EXPECT_EQ(reader.attributes(reader.profile().samples(0))["hostlens.thread.blocked.cause"],
            "disk");
}

TEST(EncodeProfilesTest, ALargeProfileIsCutIntoRequestsThatStandAlone) {
  model::ProfileBatch batch(cpu_settings());
  batch.services[{7, 1}] = service("shop");
  constexpr uint64_t kSamples = 2'000;
  for (uint64_t i = 0; i < kSamples; ++i) {
    batch.profile.add(sample(7, "function_" + std::to_string(i)));
  }
  constexpr size_t kLimit = 20'000;
  uint64_t items = 0;
  encode_profiles(
      batch,
      [&](const EncodedRequest& request) {
        items += request.items;
        EXPECT_LT(request.body.size(), kLimit + 1'000);
      },
      kLimit);
  EXPECT_EQ(items, kSamples);
  std::set<std::string> functions;
  const auto requests = encoded(batch, kLimit);
  EXPECT_GT(requests.size(), 5U);
  for (const auto& request : requests) {
    const Reader reader(request);
    for (const pb::Sample& sample : reader.profile().samples()) {
      functions.insert(reader.functions(sample).front());
    }
  }
  EXPECT_EQ(functions.size(), kSamples);
}

TEST(EncodeProfilesTest, StrangersTextBecomesUtf8) {
  model::ProfileBatch batch(cpu_settings());
  model::Sample strange = sample(7, "bad\xff");
  strange.thread_name = "\xfe";
  batch.profile.add(strange);
  EXPECT_EQ(encoded(batch).size(), 1U);
}

TEST(EncodeProfilesTest, AnEmptyProfileIsNoRequest) {
  EXPECT_TRUE(encoded(model::ProfileBatch(cpu_settings())).empty());
}

}  // namespace
}  // namespace hostlens::exporters::otlp
