// SPDX-License-Identifier: Apache-2.0
#include "agent/health_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/terminal_text.h"

namespace hostlens::agent {
namespace {

using nlohmann::json;

constexpr size_t kMostRows = 100'000;
constexpr size_t kStateWidth = 8;
constexpr size_t kSinceWidth = 6;
constexpr size_t kEnoughEvidence = 36;

const std::string& text_of(const json& value, const char* key) {
  return value.at(key).get_ref<const std::string&>();
}

std::string age(const std::string& since, uint64_t now_unix_ns) {
  std::tm utc{};
  if (::strptime(since.c_str(), "%Y-%m-%dT%H:%M:%S", &utc) == nullptr) return "?";
  const time_t then = ::timegm(&utc);
  const auto now = static_cast<time_t>(now_unix_ns / 1'000'000'000);
  const auto seconds = now > then ? now - then : 0;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{} min", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", std::min<int64_t>(seconds / 86400, 9999));
}

std::string_view colour_of(std::string_view state) {
  if (state == "failing") return "\x1b[31m";
  if (state == "degraded") return "\x1b[33m";
  if (state == "ok") return "\x1b[32m";
  return "\x1b[35m";
}

class Page {
 public:
  Page(const HealthAnswer& answer, const HealthStyle& style) : style_(style) {
    for (const HealthRow& row : answer.rows) {
      service_ = std::max(service_, std::min<size_t>(row.service.size(), 24));
      signal_ = std::max(signal_, std::min<size_t>(row.signal.size(), 24));
    }
    // The evidence gets half the line, or what is enough for most of it.
    const size_t evidence = std::min(style.width / 2, kEnoughEvidence);
    const size_t fixed = kStateWidth + kSinceWidth + 4 + evidence;
    const size_t names = style.width > fixed ? style.width - fixed : 0;
    if (service_ + signal_ > names) {
      service_ = std::max<size_t>(7, std::min(service_, names / 2));
      signal_ = std::max<size_t>(8, std::min(signal_, names > service_ ? names - service_ : 0));
    }
    const size_t before = kStateWidth + kSinceWidth + service_ + signal_ + 4;
    evidence_ = std::max<size_t>(20, style.width > before ? style.width - before : 0);
  }

  [[nodiscard]] std::string line(std::string_view state, std::string_view service,
                                 std::string_view signal, std::string_view since,
                                 std::string_view evidence, bool coloured) const {
    std::string out = terminal_cell(state, kStateWidth);
    if (coloured && style_.colour) out = fmt::format("{}{}\x1b[0m", colour_of(state), out);
    out += " " + terminal_cell(service, service_) + " " + terminal_cell(signal, signal_) + " " +
           terminal_cell(since, kSinceWidth) + " " + terminal_text(evidence, evidence_);
    out.erase(out.find_last_not_of(' ') + 1);
    return out + "\n";
  }

  [[nodiscard]] std::string row(const HealthRow& is, uint64_t now_unix_ns) const {
    const std::string since = age(is.since, now_unix_ns);
    std::vector<std::string> lines = wrapped(is.text, evidence_);
    constexpr size_t kMostLines = 4;  // a command's output is no evidence beyond that
    lines.resize(std::min(lines.size(), is.state == "ok" ? size_t{1} : kMostLines));
    if (is.state == "ok") lines[0] = is.text;
    const std::string_view service = is.service.empty() ? "(host)" : std::string_view(is.service);
    std::string out = line(is.state, service, is.signal, since, lines[0], true);
    for (size_t i = 1; i < lines.size(); ++i) out += line("", "", "", "", lines[i], false);
    return out;
  }

 private:
  HealthStyle style_;
  size_t service_ = 7;
  size_t signal_ = 8;
  size_t evidence_ = 20;
};

}  // namespace

base::Result<HealthAnswer> health_answer(std::string_view text,
                                         const std::optional<std::string>& service) {
  HealthAnswer answer;
  try {
    json document = json::parse(text);
    json& signals = document.at("signals");
    if (!signals.is_array() || signals.size() > kMostRows) {
      return base::invalid_error("the answer has no list of signals");
    }
    json kept = json::array();
    for (json& signal : signals) {
      HealthRow row{text_of(signal, "state"), text_of(signal, "service"), text_of(signal, "signal"),
                    text_of(signal, "since"), text_of(signal.at("evidence"), "text")};
      if (service && row.service != *service) continue;
      answer.rows.push_back(std::move(row));
      kept.push_back(std::move(signal));
    }
    signals = std::move(kept);
    if (!service) {
      for (const json& missing : document.at("unavailable")) {
        answer.unavailable.push_back({text_of(missing, "signal"), text_of(missing, "reason")});
      }
    } else {
      document.erase("unavailable");
    }
    answer.json = document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  } catch (const json::exception& error) {
    return base::invalid_error(std::string("the answer about health is none: ") + error.what());
  }
  return answer;
}

int health_status(const HealthAnswer& answer) {
  bool degraded = false;
  bool unknown = answer.rows.empty();
  for (const HealthRow& row : answer.rows) {
    if (row.state == "failing") return 2;
    degraded |= row.state == "degraded";
    unknown |= row.state != "ok" && row.state != "degraded";
  }
  if (degraded) return 1;
  return unknown ? 3 : 0;
}

std::string health_summary(const HealthAnswer& answer) {
  std::string text;
  for (const std::string_view state : {"failing", "degraded", "unknown", "ok"}) {
    const auto count = std::count_if(answer.rows.begin(), answer.rows.end(),
                                     [&](const HealthRow& row) { return row.state == state; });
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, state);
  }
  return text;
}

std::string render(const HealthAnswer& answer, const HealthStyle& style, uint64_t now_unix_ns) {
  const Page page(answer, style);
  std::string out = page.line("STATE", "SERVICE", "SIGNAL", "SINCE", "EVIDENCE", false);
  size_t rows = 0;
  for (const HealthRow& row : answer.rows) {
    if (rows++ == style.most_rows) break;
    out += page.row(row, now_unix_ns);
  }
  if (answer.unavailable.empty() || rows > style.most_rows) return out;
  out += "\nNot to be had here:\n";
  for (const HealthAnswer::Missing& missing : answer.unavailable) {
    out += terminal_text("  " + missing.signal + ": " + missing.reason, style.width) + "\n";
  }
  return out;
}

}  // namespace hostlens::agent
