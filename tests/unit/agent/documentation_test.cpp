// SPDX-License-Identifier: Apache-2.0
// What operators read names what the code knows: keys of the configuration, stages and reasons of
// the books, exit codes.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "agent/configuration.h"
#include "agent/configuration_schema.h"
#include "base/ledger.h"

namespace hostlens::agent {
namespace {

std::string packaging_file(const std::string& name) {
  std::ifstream file(std::string(FIXTURES) + "/../../packaging/" + name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// `cell` as a line's first one in a table of the page.
std::string row_of(const std::string& page, std::string_view cell) {
  const size_t begin = page.find("\n| `" + std::string(cell) + "` |");
  if (begin == std::string::npos) return {};
  return page.substr(begin + 1, page.find('\n', begin + 1) - begin - 1);
}

TEST(DocumentationTest, ThePageNamesEveryKeyWithWhatIsAllowedAndItsDefault) {
  const std::string page = packaging_file("README.md");
  for (const ConfigurationKey& key : configuration_keys()) {
    const std::string row = row_of(page, key.path);
    ASSERT_FALSE(row.empty()) << key.path;
    EXPECT_NE(row.find("| `" + std::string(key.default_value) + "` |"), std::string::npos) << row;
    if (!key.allowed.starts_with("a list of mappings")) {
      EXPECT_NE(row.find("| " + std::string(key.allowed) + " |"), std::string::npos) << row;
    }
    EXPECT_EQ(row.find("Needs a restart") != std::string::npos, !key.reload) << row;
  }
}

TEST(DocumentationTest, ThePageNamesNoKeyThatDoesNotExist) {
  const std::string page = packaging_file("README.md");
  const size_t begin = page.find("| Key | Allowed |");
  ASSERT_NE(begin, std::string::npos);
  const std::string table = page.substr(begin, page.find("\n\n", begin) - begin);
  size_t rows = 0;
  for (size_t at = table.find("\n| `"); at != std::string::npos; at = table.find("\n| `", at + 1)) {
    ++rows;
  }
  EXPECT_EQ(rows, configuration_keys().size());
}

TEST(DocumentationTest, ThePackagedFileNamesEveryKey) {
  const std::string file = packaging_file("hostlens.yaml");
  for (const ConfigurationKey& key : configuration_keys()) {
    const std::string last(key.path.substr(key.path.rfind('.') + 1));
    const size_t depth = static_cast<size_t>(std::count(key.path.begin(), key.path.end(), '.'));
    const std::string line = "\n" + std::string(2 * depth, ' ') + last + ":";
    EXPECT_NE(file.find(line), std::string::npos) << key.path;
  }
}

TEST(DocumentationTest, ThePackagedFileIsTheDefault) {
  const ConfigurationOutcome outcome = parse_configuration(packaging_file("hostlens.yaml"), "f");
  ASSERT_TRUE(outcome.ok()) << outcome.errors.front();
  Configuration expected;
  // The file states these, so that variables of the environment do not win over it.
  expected.otlp = outcome.configuration.otlp;
  EXPECT_EQ(outcome.configuration, expected);
}

TEST(DocumentationTest, ThePageNamesEveryStageAndReasonOfTheBooks) {
  const std::string page = packaging_file("README.md");
  for (size_t i = 0; i < base::LedgerPage::kStages; ++i) {
    const std::string name(base::to_string(static_cast<base::Stage>(i)));
    EXPECT_NE(page.find("`" + name + "`"), std::string::npos) << name;
  }
  for (size_t i = 0; i < base::LedgerPage::kReasons; ++i) {
    const std::string name(base::to_string(static_cast<base::DropReason>(i)));
    EXPECT_FALSE(row_of(page, name).empty()) << name;
  }
}

}  // namespace
}  // namespace hostlens::agent
