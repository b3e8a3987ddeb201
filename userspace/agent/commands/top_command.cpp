// SPDX-License-Identifier: Apache-2.0
// `hostlens top`: the live table of a running agent.
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <optional>
#include <utility>

#include "agent/api_client.h"
#include "agent/commands/commands.h"
#include "agent/exit_codes.h"
#include "agent/health_table.h"
#include "agent/request_table.h"
#include "agent/signal_source.h"
#include "agent/terminal_text.h"
#include "agent/trace_tree.h"
#include "base/clock.h"

namespace hostlens::agent {
namespace {

using base::Result;

constexpr size_t kPlainWidth = 120;  ///< when the output is no terminal

struct Screen {
  size_t width = kPlainWidth;
  size_t height = 24;
};

Screen screen_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {};
  return {size.ws_col, size.ws_row};
}

/// Keys without Enter, and a hidden cursor, for as long as it lives.
class LiveTerminal {
 public:
  LiveTerminal() : keys_(::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (keys_) {
      termios raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    std::fputs("\x1b[?1049h\x1b[?25l", stdout);
  }
  ~LiveTerminal() {
    std::fputs("\x1b[?25h\x1b[?1049l", stdout);
    std::fflush(stdout);
    if (keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  LiveTerminal(const LiveTerminal&) = delete;
  LiveTerminal& operator=(const LiveTerminal&) = delete;
  [[nodiscard]] bool keys() const { return keys_; }

 private:
  termios before_{};
  bool keys_;
};

Result<web::RequestRows> fetch(ApiClient& client) {
  auto body = client.get("/api/v1/requests");
  if (!body) return std::move(body).error();
  return web::request_rows_from_json(*body);
}

RequestTable table_since_start(const web::RequestRows& rows) {
  uint64_t start = rows.unix_ns;
  for (const web::RequestRow& row : rows.rows) start = std::min(start, row.start_unix_ns);
  return request_table(rows, nullptr, static_cast<double>(rows.unix_ns - start) / 1e9);
}

int fail(const base::Error& error) {
  print_error(error);
  return error.kind == base::Error::Kind::kNotFound ? kExitNoAnswer : exit_code_of(error);
}

int print_once(ApiClient& client) {
  const auto rows = fetch(client);
  if (!rows) return fail(rows.error());
  const RequestTable table = table_since_start(*rows);
  if (table.rows.empty()) {
    std::fputs("no request was seen yet\n", stdout);
  } else {
    std::fputs(render(table, {screen_size().width, 1000, use_colour(STDOUT_FILENO)}).c_str(),
               stdout);
  }
  return kExitOk;
}

int print_trace(ApiClient& client) {
  auto body = client.get("/api/v1/traces?limit=1000");
  if (!body) return fail(body.error());
  const auto tree = trace_tree(*body, screen_size().width);
  if (!tree) return fail(tree.error());
  std::fputs(tree->empty() ? "no trace was seen yet\n" : tree->c_str(), stdout);
  return kExitOk;
}

std::string first_lines(const std::string& text, size_t lines) {
  size_t end = 0;
  while (lines-- > 0 && end < text.size()) end = std::min(text.find('\n', end), text.size()) + 1;
  return text.substr(0, end);
}

/// What is wrong, for a screen.
Result<std::string> health_page(ApiClient& client, const Screen& screen) {
  auto body = client.get("/api/v1/health");
  if (!body) return std::move(body).error();
  auto answer = health_answer(*body, std::nullopt);
  if (!answer) return std::move(answer).error();
  const size_t rows = screen.height > 6 ? screen.height - 5 : 1;
  const HealthStyle style{screen.width, rows, use_colour(STDOUT_FILENO)};
  return first_lines(render(*answer, style, base::unix_now_ns()), rows + 1);
}

void draw_health(ApiClient& client, const std::string& address) {
  const Screen screen = screen_size();
  std::string page =
      fmt::format("\x1b[H\x1b[Jhostlens top - {} - health - r requests - q ends\n\n", address);
  auto health = health_page(client, screen);
  page += health ? *health : terminal_text(health.error().text(), screen.width) + "\n";
  std::fputs(page.c_str(), stdout);
  std::fflush(stdout);
}

void draw(const RequestTable& table, const std::string& address, const std::string& trouble) {
  const Screen screen = screen_size();
  std::string page =
      fmt::format("\x1b[H\x1b[Jhostlens top - {} - the last {:.0f} s - h health - q ends\n\n",
                  address, table.seconds);
  if (!trouble.empty()) {
    page += terminal_text(trouble, screen.width) + "\n";
  } else if (table.rows.empty()) {
    page += "no requests\n";
  } else {
    const size_t rows = screen.height > 6 ? screen.height - 5 : 1;
    page += render(table, {screen.width, rows, use_colour(STDOUT_FILENO)});
  }
  std::fputs(page.c_str(), stdout);
  std::fflush(stdout);
}

enum class Page : uint8_t { kRequests, kHealth };
enum class Wish : uint8_t { kNone, kEnd, kTurn };

/// Until then, or until a key or a signal says that it ends or shows the other page.
Wish wait(int signal_fd, bool keys, uint64_t until_ns, Page& page) {
  for (;;) {
    const uint64_t now_ns = base::monotonic_now_ns();
    if (now_ns >= until_ns) return Wish::kNone;
    pollfd fds[2] = {{signal_fd, POLLIN, 0}, {keys ? STDIN_FILENO : -1, POLLIN, 0}};
    const int ready = ::poll(fds, 2, static_cast<int>((until_ns - now_ns) / 1'000'000 + 1));
    if (ready <= 0) continue;
    if (fds[0].revents != 0) return Wish::kEnd;
    if (fds[1].revents == 0) continue;
    char key = 0;
    if (::read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q') return Wish::kEnd;
    const Page before = page;
    if (key == 'h' || key == 'H') page = Page::kHealth;
    if (key == 'r' || key == 'R') page = Page::kRequests;
    if (page != before) return Wish::kTurn;
  }
}

int show_live(ApiClient& client, const std::string& address, const TopOptions& options) {
  auto first = fetch(client);
  if (!first) return fail(first.error());
  auto signals = SignalSource::create({SIGINT, SIGTERM, SIGHUP});
  if (!signals) return fail(signals.error());
  const LiveTerminal terminal;
  web::RequestRows before = *std::move(first);
  RequestTable table = table_since_start(before);
  std::string trouble;
  Page page = Page::kRequests;
  const uint64_t begin_ns = base::monotonic_now_ns();
  const uint64_t end_ns = options.for_ns ? begin_ns + *options.for_ns : UINT64_MAX;
  for (uint64_t next_ns = begin_ns + options.interval_ns;;) {
    if (page == Page::kHealth) {
      draw_health(client, address);
    } else {
      draw(table, address, trouble);
    }
    const Wish wish = wait((*signals)->fd(), terminal.keys(), std::min(next_ns, end_ns), page);
    if (wish == Wish::kEnd || base::monotonic_now_ns() >= end_ns) return kExitOk;
    if (wish == Wish::kTurn) continue;
    next_ns += options.interval_ns;
    auto now = fetch(client);
    trouble = now ? "" : now.error().text();
    if (!now || now->monotonic_ns == before.monotonic_ns) continue;  // no newer snapshot was taken
    const auto seconds = seconds_between(before, *now);
    table = seconds ? request_table(*now, &before, *seconds) : table_since_start(*now);
    before = *std::move(now);
  }
}

}  // namespace

int top_command(const TopOptions& options) {
  auto address = agent_address(options.address);
  if (!address) return fail(address.error());
  ApiClient client(*address);
  if (options.trace) return print_trace(client);
  if (options.once || ::isatty(STDOUT_FILENO) != 1) return print_once(client);
  return show_live(client, *address, options);
}

}  // namespace hostlens::agent
