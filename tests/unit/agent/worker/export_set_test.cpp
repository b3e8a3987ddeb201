// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/export_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/agent/worker/fake_exporter.h"

namespace hostlens::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Made = base::Result<std::unique_ptr<exporters::Exporter>>;

/// What the rows below have made, in order. Rows are plain functions: there is no other place.
std::vector<std::shared_ptr<ExporterRecord>> made_records;

Made make(std::string name) {
  made_records.push_back(std::make_shared<ExporterRecord>());
  return std::unique_ptr<exporters::Exporter>(
      std::make_unique<FakeExporter>(made_records.back(), std::move(name)));
}

std::string identity(const std::string& row, const std::string& settings) {
  return settings.empty() ? "" : row + " " + settings;
}

constexpr ExporterRow kRows[] = {
    {[](const ExporterParts& parts) { return identity("a", parts.configuration.otlp_json_path); },
     [](const ExporterParts& parts) -> Made {
       if (parts.configuration.otlp_json_path == "impossible") return base::invalid_error("a: no");
       return make("a");
     }},
    {[](const ExporterParts& parts) { return identity("b", parts.configuration.user); },
     [](const ExporterParts&) { return make("b"); }},
};

class ExportSetTest : public ::testing::Test {
 protected:
  ExportSetTest() { made_records.clear(); }

  std::vector<std::string> update(const std::string& a, const std::string& b) {
    Configuration configuration;
    configuration.otlp_json_path = a;
    configuration.user = b;
    return set_->update({configuration, {}, -1, ledger_});
  }

  base::LedgerPage page_;
  base::Ledger ledger_{page_};
  std::unique_ptr<ExportSet> set_ = std::make_unique<ExportSet>(kRows);
};

TEST_F(ExportSetTest, MakesWhatIsAskedFor) {
  EXPECT_THAT(update("", ""), IsEmpty());
  EXPECT_THAT(set_->exporters(), IsEmpty());
  EXPECT_THAT(update("1", "1"), IsEmpty());
  EXPECT_THAT(set_->exporters(), SizeIs(2));
}

TEST_F(ExportSetTest, OneOfTheSameIdentityStays) {
  update("1", "1");
  const auto before = set_->exporters();
  update("1", "2");
  const auto after = set_->exporters();
  ASSERT_THAT(after, SizeIs(2));
  EXPECT_EQ(after[0], before[0]);
  EXPECT_THAT(made_records, SizeIs(3));
  set_.reset();  // waits for those that retire
  EXPECT_EQ(made_records[0]->shutdowns, 0U);
  EXPECT_EQ(made_records[1]->shutdowns, 1U);
  EXPECT_EQ(made_records[2]->shutdowns, 0U);
}

TEST_F(ExportSetTest, OneThatIsNoLongerWantedIsShutDownOnce) {
  update("1", "1");
  update("", "1");
  EXPECT_THAT(set_->exporters(), SizeIs(1));
  update("", "1");
  set_.reset();
  EXPECT_EQ(made_records[0]->shutdowns, 1U);
  EXPECT_EQ(made_records[1]->shutdowns, 0U);
}

TEST_F(ExportSetTest, OneThatCannotBeMadeIsToldAndHoldsNobodyUp) {
  EXPECT_THAT(update("impossible", "1"), ElementsAre("a: no"));
  EXPECT_THAT(set_->exporters(), SizeIs(1));
}

TEST_F(ExportSetTest, MetricsGoToThoseInUse) {
  update("1", "1");
  set_->submit(std::make_shared<model::MetricSnapshot>());
  update("", "1");
  set_->submit(std::make_shared<model::MetricSnapshot>());
  set_.reset();
  EXPECT_EQ(made_records[0]->metrics, 1U);
  EXPECT_EQ(made_records[1]->metrics, 2U);
}

TEST_F(ExportSetTest, EachChangeIsNewsOnce) {
  update("1", "1");
  EXPECT_THAT(set_->news(), IsEmpty());
  made_records[0]->problem = "down";
  EXPECT_THAT(set_->news(), ElementsAre("a: down"));
  EXPECT_THAT(set_->news(), IsEmpty());
  update("1", "2");  // the one in trouble stays, and so does what was said of it
  EXPECT_THAT(set_->news(), IsEmpty());
  made_records[0]->problem = "refused";
  EXPECT_THAT(set_->news(), ElementsAre("a: refused"));
  made_records[0]->problem = "";
  EXPECT_THAT(set_->news(), ElementsAre("a: delivers again"));
  EXPECT_THAT(set_->news(), IsEmpty());
}

TEST_F(ExportSetTest, ShutdownReachesEveryExporterInUse) {
  update("1", "1");
  set_->shutdown(std::chrono::steady_clock::now());
  EXPECT_EQ(made_records[0]->shutdowns, 1U);
  EXPECT_EQ(made_records[1]->shutdowns, 1U);
}

}  // namespace
}  // namespace hostlens::agent
