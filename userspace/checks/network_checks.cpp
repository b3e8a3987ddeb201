// SPDX-License-Identifier: Apache-2.0
// tcp: somebody accepts. dns: a name has an address.
#include <algorithm>
#include <utility>

#include "checks/builtin_checks.h"
#include "checks/resolve.h"

namespace hostlens::checks {
namespace {

using model::CheckResult;

class TcpCheck final : public Check {
 public:
  explicit TcpCheck(CheckTarget target) : target_(std::move(target)) {}
  CheckResult run(const Deadline& deadline) noexcept override {
    auto connected = connect_to(target_.host, target_.port, deadline);
    if (auto* problem = std::get_if<CheckResult>(&connected)) return std::move(*problem);
    return passed("connected");
  }

 private:
  CheckTarget target_;
};

class DnsCheck final : public Check {
 public:
  explicit DnsCheck(CheckTarget target) : target_(std::move(target)) {}
  CheckResult run(const Deadline&) noexcept override {
    auto resolved = resolve(target_.text, 0);
    if (auto* problem = std::get_if<CheckResult>(&resolved)) return std::move(*problem);
    const auto& addresses = std::get<0>(resolved);
    std::string all;
    for (const Address& address : addresses) all += (all.empty() ? "" : ", ") + address.text();
    const bool found =
        target_.wanted.empty()
            ? !addresses.empty()
            : std::any_of(addresses.begin(), addresses.end(),
                          [&](const Address& is) { return is.text() == target_.wanted; });
    if (found) return passed(target_.text + " is " + all);
    return failed("wrong_address", target_.text + " is " + all + ", not " + target_.wanted);
  }

 private:
  CheckTarget target_;
};

}  // namespace

std::unique_ptr<Check> make_tcp_check(const CheckSettings&, CheckTarget target,
                                      const CheckEnvironment&) {
  return std::make_unique<TcpCheck>(std::move(target));
}

std::unique_ptr<Check> make_dns_check(const CheckSettings&, CheckTarget target,
                                      const CheckEnvironment&) {
  return std::make_unique<DnsCheck>(std::move(target));
}

}  // namespace hostlens::checks
