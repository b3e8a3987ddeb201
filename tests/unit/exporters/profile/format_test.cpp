// SPDX-License-Identifier: Apache-2.0
#include "exporters/profile/format.h"

#include <gtest/gtest.h>

#include "exporters/profile/folded.h"
#include "exporters/profile/gunzip.h"
#include "unit/exporters/profile/scene.h"

namespace hostlens::exporters::profile {
namespace {

constexpr std::array kFormats{ProfileFormat::kPprof, ProfileFormat::kFolded, ProfileFormat::kSvg,
                              ProfileFormat::kHtml, ProfileFormat::kSpeedscope};

TEST(ProfileFormatTest, TheEndingOfTheNameChooses) {
  EXPECT_EQ(*format_of_file("a.pb.gz"), ProfileFormat::kPprof);
  EXPECT_EQ(*format_of_file("/tmp/x.y/a.folded"), ProfileFormat::kFolded);
  EXPECT_EQ(*format_of_file("./a.svg"), ProfileFormat::kSvg);
  EXPECT_EQ(*format_of_file("a.b.html"), ProfileFormat::kHtml);
  EXPECT_EQ(*format_of_file("a.json"), ProfileFormat::kSpeedscope);
}

TEST(ProfileFormatTest, OtherNamesAreRefusedWithAListOfWhatThereIs) {
  for (const char* const name :
       {"profile", "a.gz", "a.pb", "a.txt", ".html", "x.html/", "", "a.SVG"}) {
    const auto format = format_of_file(name);
    ASSERT_FALSE(format) << name;
    for (const char* const ending : {".pb.gz", ".folded", ".svg", ".html", ".json"}) {
      EXPECT_NE(format.error().text().find(ending), std::string::npos) << format.error().text();
    }
  }
}

TEST(ProfileFormatTest, EveryKindIsWrittenTheSameTwice) {
  for (const auto format : kFormats) {
    for (const auto& profile : {scene::cpu_profile(), scene::off_cpu_profile(),
                                scene::hostile_profile(), model::Profile({.hz = 19})}) {
      const auto once = write_profile(profile, format, "title");
      const auto twice = write_profile(profile, format, "title");
      ASSERT_TRUE(once && twice);
      EXPECT_EQ(*once, *twice);
      EXPECT_TRUE(write_profile_diff(profile, profile, format, "title"));
    }
    EXPECT_FALSE(write_profile_diff(scene::cpu_profile(), scene::off_cpu_profile(), format, ""));
  }
}

TEST(ProfileFormatTest, ReadingTellsPprofFromText) {
  const auto profile = scene::cpu_profile();
  const std::string packed = *write_profile(profile, ProfileFormat::kPprof, "");
  const std::string folded = *write_profile(profile, ProfileFormat::kFolded, "");
  for (const std::string& bytes : {packed, *gunzip(packed, 1U << 20U), folded}) {
    const auto read = read_profile(bytes);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(write_folded(*read), folded);
  }
  EXPECT_FALSE(read_profile("<html>"));
}

}  // namespace
}  // namespace hostlens::exporters::profile
