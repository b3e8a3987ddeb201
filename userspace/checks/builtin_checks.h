// SPDX-License-Identifier: Apache-2.0
// One maker per type of check; check.cpp has the table.
#pragma once

#include <memory>

#include "checks/check.h"
#include "checks/target.h"

namespace hostlens::checks {

[[nodiscard]] std::unique_ptr<Check> make_tcp_check(const CheckSettings& settings,
                                                    CheckTarget target,
                                                    const CheckEnvironment& environment);
[[nodiscard]] std::unique_ptr<Check> make_http_check(const CheckSettings& settings,
                                                     CheckTarget target,
                                                     const CheckEnvironment& environment);
[[nodiscard]] std::unique_ptr<Check> make_grpc_check(const CheckSettings& settings,
                                                     CheckTarget target,
                                                     const CheckEnvironment& environment);
[[nodiscard]] std::unique_ptr<Check> make_dns_check(const CheckSettings& settings,
                                                    CheckTarget target,
                                                    const CheckEnvironment& environment);
[[nodiscard]] std::unique_ptr<Check> make_tls_check(const CheckSettings& settings,
                                                    CheckTarget target,
                                                    const CheckEnvironment& environment);
[[nodiscard]] std::unique_ptr<Check> make_unit_check(const CheckSettings& settings,
                                                     CheckTarget target,
                                                     const CheckEnvironment& environment);
[[nodiscard]] std::unique_ptr<Check> make_process_check(const CheckSettings& settings,
                                                        CheckTarget target,
                                                        const CheckEnvironment& environment);
[[nodiscard]] std::unique_ptr<Check> make_file_age_check(const CheckSettings& settings,
                                                         CheckTarget target,
                                                         const CheckEnvironment& environment);
[[nodiscard]] std::unique_ptr<Check> make_disk_check(const CheckSettings& settings,
                                                     CheckTarget target,
                                                     const CheckEnvironment& environment);
[[nodiscard]] std::unique_ptr<Check> make_command_check(const CheckSettings& settings,
                                                        CheckTarget target,
                                                        const CheckEnvironment& environment);

}  // namespace hostlens::checks
