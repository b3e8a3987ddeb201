// SPDX-License-Identifier: Apache-2.0
#include "agent/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace hostlens::agent {
namespace {

/// "<3>" and so on: sd-daemon(3).
class JournalPriority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string_view prefix = message.level >= spdlog::level::err    ? "<3>"
                                    : message.level == spdlog::level::warn ? "<4>"
                                    : message.level == spdlog::level::info ? "<6>"
                                                                           : "<7>";
    out.append(prefix.data(), prefix.data() + prefix.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JournalPriority>();
  }
};

}  // namespace

void set_up_logging(bool quiet) {
  auto logger = std::make_shared<spdlog::logger>("hostlens",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  if (::getenv("JOURNAL_STREAM") != nullptr) {
    formatter->add_flag<JournalPriority>('*').set_pattern("%*%v");
  } else {
    formatter->set_pattern("hostlens: %l: %v");
  }
  logger->set_formatter(std::move(formatter));
  logger->set_level(quiet ? spdlog::level::warn : spdlog::level::info);
  if (const char* level = ::getenv("HOSTLENS_LOG")) {
    logger->set_level(spdlog::level::from_str(level));
  } else if (quiet) {
    // The worker is a program of its own: it learns it from here.
    ::setenv("HOSTLENS_LOG", "warning", 1);
  }
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace hostlens::agent
