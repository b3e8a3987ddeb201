// SPDX-License-Identifier: Apache-2.0
#include "agent/profile_languages.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hostlens::agent {
namespace {

TEST(ProfileLanguagesTest, EachVersionOfPythonThatIsReadNeedsNothing) {
  for (const char* version : {"3.9.2", "3.10.12", "3.11.2", "3.12.0", "3.13.1"}) {
    const ProfileOutlook outlook = profile_outlook("cpython", version);
    EXPECT_TRUE(outlook.remedy.empty()) << version;
    EXPECT_NE(outlook.seen.find("Python functions"), std::string_view::npos) << version;
  }
}

TEST(ProfileLanguagesTest, OtherVersionsOfPythonSayWhichAreRead) {
  for (const char* version : {"", "2.7.18", "3.8.10", "3.14.0", "3", "3.x"}) {
    EXPECT_EQ(profile_outlook("cpython", version).remedy, "CPython 3.9 to 3.13 are read")
        << version;
  }
}

TEST(ProfileLanguagesTest, EachNodeThatIsReadNeedsNothing) {
  for (const char* version : {"16.20.2", "18.20.4", "20.0.0", "22.1.0", "24.2.0"}) {
    const ProfileOutlook outlook = profile_outlook("nodejs", version);
    EXPECT_TRUE(outlook.remedy.empty()) << version;
    EXPECT_NE(outlook.seen.find("JavaScript functions"), std::string_view::npos) << version;
  }
}

TEST(ProfileLanguagesTest, OtherNodesSayWhatHelps) {
  for (const char* version : {"", "14.21.3", "26.0.0", "x"}) {
    EXPECT_NE(profile_outlook("nodejs", version).remedy.find("--perf-basic-prof"),
              std::string_view::npos)
        << version;
  }
}

TEST(ProfileLanguagesTest, WhatCompilesAtRunTimeSaysHowItIsNamed) {
  EXPECT_FALSE(profile_outlook(".NET", "8").remedy.empty());
}

TEST(ProfileLanguagesTest, JavaNeedsNothingFromJdk11On) {
  for (const char* version : {"11.0.13", "17.0.15+6-Debian-1", "21", "25.0.3+9-LTS"}) {
    const ProfileOutlook outlook = profile_outlook("OpenJDK Runtime Environment", version);
    EXPECT_EQ(outlook.remedy, "") << version;
    EXPECT_NE(outlook.seen.find("Java methods"), std::string_view::npos) << version;
  }
  for (const char* version : {"1.8.0_402", "10.0.2", ""}) {
    EXPECT_EQ(profile_outlook("Java(TM) SE Runtime Environment", version).remedy,
              "JDK 11 and later are read")
        << version;
  }
}

TEST(ProfileLanguagesTest, WhatIsCompiledBeforeNeedsNothing) {
  for (const char* runtime : {"go", "rustc", "gcc", "clang", "native"}) {
    EXPECT_TRUE(profile_outlook(runtime, "1").remedy.empty()) << runtime;
    EXPECT_NE(profile_outlook(runtime, "1").seen.find("functions"), std::string_view::npos);
  }
}

TEST(ProfileLanguagesTest, ThisTestItselfRuns) {
  const auto found = running_languages();
  EXPECT_TRUE(std::any_of(found.begin(), found.end(), [](const RunningLanguage& language) {
    return language.processes > 0 && !language.runtime.empty();
  }));
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end(),
                             [](const RunningLanguage& a, const RunningLanguage& b) {
                               return a.processes > b.processes;
                             }));
}

}  // namespace
}  // namespace hostlens::agent
