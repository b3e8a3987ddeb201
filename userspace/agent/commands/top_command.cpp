// SPDX-License-Identifier: Apache-2.0
// `hostlens top`: the live table of a running agent.
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "agent/api_client.h"
#include "agent/commands/commands.h"
#include "agent/exit_codes.h"
#include "agent/health_table.h"
#include "agent/host_page.h"
#include "agent/request_table.h"
#include "agent/signal_source.h"
#include "agent/terminal_text.h"
#include "agent/top_screen.h"
#include "agent/trace_tree.h"
#include "base/clock.h"

namespace hostlens::agent {
namespace {

using base::Result;

constexpr size_t kPlainWidth = 120;  ///< when the output is no terminal

PageStyle screen_style() {
  PageStyle style{kPlainWidth, 24, use_colour(STDOUT_FILENO), use_unicode()};
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return style;
  style.width = size.ws_col;
  style.height = std::max<size_t>(size.ws_row, 1);
  return style;
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
    std::fputs(render(table, {screen_style().width, 1000, use_colour(STDOUT_FILENO)}).c_str(),
               stdout);
  }
  return kExitOk;
}

int print_trace(ApiClient& client) {
  auto body = client.get("/api/v1/traces?limit=1000");
  if (!body) return fail(body.error());
  const auto tree = trace_tree(*body, screen_style().width);
  if (!tree) return fail(tree.error());
  std::fputs(tree->empty() ? "no trace was seen yet\n" : tree->c_str(), stdout);
  return kExitOk;
}

/// The pages and what they were made of last.
class LiveTop {
 public:
  LiveTop(ApiClient& client, std::string address, web::RequestRows first)
      : client_(client),
        address_(std::move(address)),
        table_(table_since_start(first)),
        before_(std::move(first)) {}

  /// Requests are followed on every page: what came between two looks would be missed else.
  void look() {
    auto now = fetch(client_);
    trouble_ = now ? "" : now.error().text();
    if (!now || now->monotonic_ns == before_.monotonic_ns) return;  // no newer snapshot was taken
    const auto seconds = seconds_between(before_, *now);
    table_ = seconds ? request_table(*now, &before_, *seconds) : table_since_start(*now);
    before_ = *std::move(now);
  }

  void draw() {
    const PageStyle screen = screen_style();
    PageStyle room = screen;
    room.height = room_of(screen);
    std::string status;
    std::vector<std::string> lines;
    if (page_ == TopPage::kRequests) {
      lines = requests(room, status);
    } else if (page_ == TopPage::kHost) {
      lines = host(room, status);
    } else {
      lines = health(room, status);
    }
    std::fputs(top_screen(page_, address_, std::move(lines), status, screen).c_str(), stdout);
    std::fflush(stdout);
  }

  /// True when another page is to be shown.
  bool turn(char key) {
    const TopPage before = std::exchange(page_, page_after(page_, key));
    return page_ != before;
  }

 private:
  static std::vector<std::string> sorry(const std::string& trouble, const PageStyle& room) {
    std::vector<std::string> lines = wrapped(trouble, room.width);
    for (std::string& line : lines) line = terminal_text(line, room.width);
    return lines;
  }

  std::vector<std::string> requests(const PageStyle& room, std::string& status) const {
    if (!trouble_.empty()) return sorry(trouble_, room);
    status = fmt::format("the last {:.0f} s", table_.seconds);
    if (table_.rows.empty()) return {"no requests"};
    const size_t rows = room.height > 2 ? room.height - 2 : 1;  // heading, number of the others
    return lines_of(render(table_, {room.width, rows, room.colour}));
  }

  std::vector<std::string> host(const PageStyle& room, std::string& status) {
    auto body = client_.get("/api/v1/host");
    if (!body) return sorry(body.error().text(), room);
    const auto rows = web::host_rows_from_json(*body);
    if (!rows) return sorry(rows.error().text(), room);
    status = host_page_time(*rows);
    return host_page(*rows, room);
  }

  std::vector<std::string> health(const PageStyle& room, std::string& status) {
    auto body = client_.get("/api/v1/health");
    if (!body) return sorry(body.error().text(), room);
    const auto answer = health_answer(*body, std::nullopt);
    if (!answer) return sorry(answer.error().text(), room);
    status = health_summary(*answer);
    const HealthStyle style{room.width, room.height, room.colour};
    return lines_of(render(*answer, style, base::unix_now_ns()));
  }

  ApiClient& client_;
  std::string address_;
  TopPage page_ = TopPage::kRequests;
  RequestTable table_;
  web::RequestRows before_;
  std::string trouble_;
};

enum class Wish : uint8_t { kNone, kEnd, kDraw };

/// Until then, or until a key, another size of the terminal or a signal wants something.
Wish wait(const SignalSource& signals, bool keys, uint64_t until_ns, LiveTop& top) {
  for (;;) {
    const uint64_t now_ns = base::monotonic_now_ns();
    if (now_ns >= until_ns) return Wish::kNone;
    const uint64_t left_ms = std::min<uint64_t>((until_ns - now_ns) / 1'000'000 + 1, 60'000);
    pollfd fds[2] = {{signals.fd(), POLLIN, 0}, {keys ? STDIN_FILENO : -1, POLLIN, 0}};
    if (::poll(fds, 2, static_cast<int>(left_ms)) <= 0) continue;
    if (fds[0].revents != 0) {
      return signals.next().number == SIGWINCH ? Wish::kDraw : Wish::kEnd;
    }
    if (fds[1].revents == 0) continue;
    char key = 0;
    if (::read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q') return Wish::kEnd;
    if (top.turn(key)) return Wish::kDraw;
  }
}

int show_live(ApiClient& client, const std::string& address, const TopOptions& options) {
  auto first = fetch(client);
  if (!first) return fail(first.error());
  auto signals = SignalSource::create({SIGINT, SIGTERM, SIGHUP, SIGWINCH});
  if (!signals) return fail(signals.error());
  const LiveTerminal terminal;
  LiveTop top(client, address, *std::move(first));
  const uint64_t begin_ns = base::monotonic_now_ns();
  const uint64_t end_ns = options.for_ns ? begin_ns + *options.for_ns : UINT64_MAX;
  for (uint64_t next_ns = begin_ns + options.interval_ns;;) {
    top.draw();
    const Wish wish = wait(**signals, terminal.keys(), std::min(next_ns, end_ns), top);
    if (wish == Wish::kEnd || base::monotonic_now_ns() >= end_ns) return kExitOk;
    if (wish == Wish::kDraw) continue;
    next_ns += options.interval_ns;
    top.look();
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
