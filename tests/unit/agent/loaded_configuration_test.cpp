// SPDX-License-Identifier: Apache-2.0
#include "agent/loaded_configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace hostlens::agent {
namespace {

using base::Error;
using ::testing::HasSubstr;

class LoadedConfigurationTest : public ::testing::Test {
 protected:
  LoadedConfigurationTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "loaded.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~LoadedConfigurationTest() override { std::filesystem::remove_all(directory_); }
  std::string file(const std::string& text) {
    const std::string path = directory_ / "hostlens.yaml";
    std::ofstream(path) << text;
    return path;
  }
  std::filesystem::path directory_;
};

TEST_F(LoadedConfigurationTest, NoPathIsTheDefaults) {
  const auto loaded = load_configuration("", {});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->configuration, Configuration{});
  EXPECT_EQ(loaded->text, "");
}

TEST_F(LoadedConfigurationTest, KeepsTheTextAndLetsOverridesWin) {
  const std::string path = file("interval: 10s\nuser: somebody\n");
  const auto loaded = load_configuration(path, {{"interval", "20s"}});
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->file, path);
  EXPECT_EQ(loaded->text, "interval: 10s\nuser: somebody\n");
  EXPECT_EQ(loaded->configuration.interval_ns, 20'000'000'000U);
  EXPECT_EQ(loaded->configuration.user, "somebody");
}

TEST_F(LoadedConfigurationTest, TellsEveryMistakeOnALineOfItsOwn) {
  const auto loaded = load_configuration(file("intervall: 10s\nlisten: nowhere\n"), {});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, Error::Kind::kInvalid);
  const std::string& message = loaded.error().message;
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 1);
  EXPECT_THAT(message, HasSubstr(":1: "));
  EXPECT_THAT(message, HasSubstr(":2: "));
}

TEST_F(LoadedConfigurationTest, NamesAFileThatCannotBeRead) {
  const auto missing = load_configuration(directory_ / "none.yaml", {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, Error::Kind::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("none.yaml"));
  EXPECT_FALSE(load_configuration(directory_, {}));
}

TEST_F(LoadedConfigurationTest, RefusesWhatHasNoEnd) {
  const auto endless = load_configuration("/dev/zero", {});
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().kind, Error::Kind::kInvalid);
  EXPECT_THAT(endless.error().message, HasSubstr("1 MiB"));
}

}  // namespace
}  // namespace hostlens::agent
