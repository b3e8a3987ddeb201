// SPDX-License-Identifier: Apache-2.0
#include "scrapers/unit_scraper.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "scrapers/host_metrics.h"
#include "unit/scrapers/host_fixture.h"

namespace hostlens::scrapers {
namespace {

class FixedUnits final : public UnitSource {
 public:
  std::shared_ptr<const discovery::UnitReading> reading(
      std::chrono::milliseconds /*longest*/) noexcept override {
    return last;
  }
  void set(discovery::UnitReading reading) {
    last = std::make_shared<const discovery::UnitReading>(std::move(reading));
  }
  std::shared_ptr<const discovery::UnitReading> last;
};

model::UnitState unit(const std::string& name, const std::string& state, uint32_t restarts,
                      std::shared_ptr<const model::Service> service) {
  model::UnitState unit;
  unit.name = name;
  unit.active_state = state;
  unit.restarts = restarts;
  unit.service = std::move(service);
  return unit;
}

class UnitScraperTest : public ::testing::Test {
 protected:
  UnitScraperTest() {
    HostMetricsSettings settings;
    settings.roots = {fixture("server") + "/proc", fixture("server") + "/sys", fixture("server")};
    settings.units = &units_;
    settings.read_mount = [](const Mount&) { return MountReading{}; };
    host_ = std::make_unique<HostMetrics>(std::move(settings));
  }
  const model::MetricFamily* scrape(const std::string& name) {
    snapshot_ = {};
    snapshot_.unix_ns = base::unix_now_ns();
    host_->scrape(snapshot_);
    for (const model::MetricFamily& family : snapshot_.families) {
      if (family.name == name) return &family;
    }
    return nullptr;
  }
  int64_t errors(const std::string& reason) {
    const model::MetricFamily* const family = scrape("hostlens.scrape.errors");
    if (family == nullptr) return 0;
    for (const model::MetricPoint& point : family->points) {
      if (point.attributes == attributes({{"reason", reason}, {"scraper", "unit"}})) {
        return std::get<int64_t>(point.value);
      }
    }
    return 0;
  }

  FixedUnits units_;
  std::unique_ptr<HostMetrics> host_;
  model::MetricSnapshot snapshot_;
  const std::shared_ptr<const model::Service> web_ = service_of("web");
};

TEST_F(UnitScraperTest, OneStateOfSixIsTheOneItIsIn) {
  units_.set({.units = {unit("web.service", "activating", 0, web_),
                        unit("srv.mount", "failed", 0, nullptr)},
              .error = {}});
  const model::MetricFamily* const family = scrape("hostlens.unit.state");
  ASSERT_NE(family, nullptr);
  ASSERT_EQ(family->points.size(), 12U);
  for (const model::MetricPoint& point : family->points) {
    const bool web = point.service == web_;
    const model::Attributes now =
        web ? attributes({{"state", "activating"}, {"unit", "web.service"}})
            : attributes({{"state", "failed"}, {"unit", "srv.mount"}});
    EXPECT_EQ(std::get<int64_t>(point.value), point.attributes == now ? 1 : 0);
  }
}

TEST_F(UnitScraperTest, AServiceWithoutItsObjectWaitsForIt) {
  units_.set({.units = {unit("other.service", "failed", 1, nullptr)}, .error = {}});
  EXPECT_EQ(scrape("hostlens.unit.state"), nullptr);
}

TEST_F(UnitScraperTest, RestartsThatWereSetBackBeginAnew) {
  units_.set({.units = {unit("web.service", "active", 4, web_)}, .error = {}});
  const model::MetricPoint first = scrape("hostlens.unit.restarts")->points.at(0);
  EXPECT_EQ(std::get<int64_t>(first.value), 4);
  units_.set({.units = {unit("web.service", "active", 5, web_)}, .error = {}});
  const model::MetricPoint second = scrape("hostlens.unit.restarts")->points.at(0);
  EXPECT_EQ(second.start_unix_ns, first.start_unix_ns);
  units_.set({.units = {unit("web.service", "active", 1, web_)}, .error = {}});
  const model::MetricPoint third = scrape("hostlens.unit.restarts")->points.at(0);
  EXPECT_GT(third.start_unix_ns, second.start_unix_ns);
}

TEST_F(UnitScraperTest, CountsEachFailureOnceAndShowsNothingOld) {
  units_.set({.units = {unit("web.service", "active", 0, web_)}, .error = {}});
  EXPECT_NE(scrape("hostlens.unit.state"), nullptr);
  EXPECT_EQ(errors("stuck"), 0);
  units_.set({.units = {}, .error = base::Error{base::Error::Kind::kBusy, 0, "hangs", {}}});
  EXPECT_EQ(scrape("hostlens.unit.state"), nullptr);
  EXPECT_EQ(errors("stuck"), 1);  // the same reading is not counted anew
  units_.set({.units = {}, .error = base::Error{base::Error::Kind::kNotFound, 0, "none", {}}});
  EXPECT_EQ(errors("unreadable"), 1);
  units_.set({.units = {}, .error = base::Error{base::Error::Kind::kInvalid, 0, "odd", {}}});
  EXPECT_EQ(errors("garbage"), 1);
  units_.set({.units = {}, .error = {}, .over_limit = 7});
  EXPECT_EQ(errors("too_many"), 1);
}

}  // namespace
}  // namespace hostlens::scrapers
