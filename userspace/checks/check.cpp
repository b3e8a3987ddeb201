// SPDX-License-Identifier: Apache-2.0
#include "checks/check.h"

#include <cstring>
#include <utility>

#include "base/clock.h"
#include "checks/builtin_checks.h"
#include "checks/target.h"

namespace hostlens::checks {
namespace {

using Make = std::unique_ptr<Check> (*)(const CheckSettings&, CheckTarget, const CheckEnvironment&);

/// By CheckType.
constexpr Make kMakers[] = {
    make_tcp_check,  make_http_check,    make_grpc_check,     make_dns_check,  make_tls_check,
    make_unit_check, make_process_check, make_file_age_check, make_disk_check, make_command_check};

class WrongCheck final : public Check {
 public:
  explicit WrongCheck(std::string why) : why_(std::move(why)) {}
  model::CheckResult run(const Deadline&) noexcept override { return failed("target", why_); }

 private:
  std::string why_;
};

}  // namespace

uint64_t Deadline::left_ns() const {
  const uint64_t now_ns = base::monotonic_now_ns();
  return end_ns_ > now_ns ? end_ns_ - now_ns : 0;
}

int Deadline::left_ms() const {
  const uint64_t left = left_ns();
  return left == 0 ? 0 : static_cast<int>(left / 1'000'000 + 1);
}

std::unique_ptr<Check> make_check(const CheckSettings& settings,
                                  const CheckEnvironment& environment) {
  CheckTarget target;
  if (settings.type != CheckType::kCommand) {
    auto parsed = parse_target(settings.type, settings.target);
    if (!parsed) return std::make_unique<WrongCheck>(parsed.error().message);
    target = *std::move(parsed);
  }
  return kMakers[static_cast<size_t>(settings.type)](settings, std::move(target), environment);
}

model::CheckResult passed(std::string text) {
  model::CheckResult result;
  result.outcome = model::CheckResult::Outcome::kPassed;
  result.text = std::move(text);
  return result;
}

model::CheckResult failed(std::string error_type, std::string text) {
  model::CheckResult result;
  result.outcome = model::CheckResult::Outcome::kFailed;
  result.error_type = std::move(error_type);
  result.text = std::move(text);
  return result;
}

model::CheckResult failed_with_errno(std::string_view what, int error) {
  const char* const name = ::strerrorname_np(error);
  return failed(name != nullptr ? name : "errno", std::string(what) + ": " + std::strerror(error));
}

}  // namespace hostlens::checks
