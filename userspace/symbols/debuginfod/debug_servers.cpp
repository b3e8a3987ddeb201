// SPDX-License-Identifier: Apache-2.0
#include "symbols/debuginfod/debug_servers.h"

#include <elf.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "symbols/elf/elf_view.h"

namespace hostlens::symbols {
namespace {

constexpr long kOk = 200;
constexpr long kNotFoundStatus = 404;
/// What debuginfod answers to the header of a limit that the file is above.
constexpr long kTooLargeStatus = 406;
constexpr long kMostRedirects = 5;
constexpr const char* kUserAgent = "hostlens";  // no version, no system: a build id alone is told
constexpr const char* kNobodys = "0000000000000000000000000000000000000000";

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string place_of(const std::string& server, const std::string& build_id) {
  return server + "/buildid/" + build_id + "/debuginfo";
}

/// A server whose mirrors are elsewhere says so; who asked by https stays with it.
void prepare(CURL* easy, const std::string& url, uint64_t timeout_ns) {
  ::curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     std::max(1L, static_cast<long>(timeout_ns / 1'000'000)));
  ::curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
  ::curl_easy_setopt(easy, CURLOPT_MAXREDIRS, kMostRedirects);
  ::curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
                     url.starts_with("https:") ? "https" : "http,https");
  ::curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);  // what a refusal says is of no use
}

Download outcome_of(const base::WebTransfer::End& end) {
  if (end.cancelled) return Download::kCancelled;
  switch (end.code) {
    case CURLE_OK:
      return end.status == kOk ? Download::kStored : Download::kRefused;
    case CURLE_HTTP_RETURNED_ERROR:
      if (end.status == kNotFoundStatus) return Download::kNotFound;
      return end.status == kTooLargeStatus ? Download::kTooLarge : Download::kRefused;
    case CURLE_FILESIZE_EXCEEDED:
      return Download::kTooLarge;
    case CURLE_OPERATION_TIMEDOUT:
      return Download::kTimeout;
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Download::kRefused;
    default:
      return Download::kUnreachable;
  }
}

size_t ignore_body(char*, size_t, size_t count, void*) { return count; }

}  // namespace

base::Result<std::unique_ptr<DebugServers>> DebugServers::create(DebuginfodSettings settings,
                                                                 kernel::DebugCache& cache) {
  std::unique_ptr<DebugServers> servers(new DebugServers(std::move(settings), cache));
  for (const std::string& url : servers->settings_.urls) {
    auto shown = base::shown_url(url);
    if (!shown) return std::move(shown).error().with_context("debuginfod");
    servers->servers_.push_back({without_slash(url), *std::move(shown)});
  }
  auto transfer = base::WebTransfer::create(kUserAgent);
  if (!transfer) return std::move(transfer).error();
  servers->transfer_ = *std::move(transfer);
  servers->transfer_->add_header("X-DEBUGINFOD-MAXSIZE: " +
                                 std::to_string(servers->settings_.max_bytes));
  CURL* easy = servers->transfer_->easy();
  ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
  ::curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                     static_cast<curl_off_t>(servers->settings_.max_bytes));
  return servers;
}

size_t DebugServers::on_body(char* bytes, size_t, size_t count, void* context) {
  Body& body = *static_cast<Body*>(context);
  if (count > body.room) {
    body.stopped_by = Download::kTooLarge;
    return 0;  // ends the transfer
  }
  body.room -= count;
  for (size_t done = 0; done < count;) {
    const ssize_t written = ::write(body.fd, bytes + done, count - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      body.stopped_by = Download::kCache;
      return 0;
    }
    done += static_cast<size_t>(written);
  }
  return count;
}

Download DebugServers::transfer(const Server& server, const std::string& build_id, int fd) {
  CURL* easy = transfer_->easy();
  prepare(easy, place_of(server.url, build_id), settings_.timeout_ns);
  Body body{.fd = fd, .room = settings_.max_bytes};
  ::curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  const base::WebTransfer::End end = transfer_->run();
  const Download outcome = body.stopped_by != Download::kStored ? body.stopped_by : outcome_of(end);
  if (is_passing(outcome) && outcome != Download::kCancelled) {
    spdlog::debug("debuginfod: {}: {}: {}", server.shown,
                  kDownloadNames[static_cast<size_t>(outcome)], base::failure_text(end));
  }
  return outcome;
}

Download DebugServers::judge(base::UniqueFd file, const std::string& build_id) {
  auto source = FileSource::open(std::move(file));
  auto elf = source ? ElfView::open(*source) : base::Result<ElfView>(source.error());
  if (!elf) return Download::kBroken;
  if (elf->build_id() != build_id) return Download::kMismatch;
  const auto& sections = elf->sections();
  const bool has_symbols =
      std::ranges::find(sections, uint32_t{SHT_SYMTAB}, &ElfSection::type) != sections.end();
  return has_symbols ? Download::kStored : Download::kNoSymbols;
}

Download DebugServers::ask(Server& server, const std::string& build_id) {
  auto file = cache_.new_file();
  if (!file) {
    spdlog::debug("debuginfod: {}", file.error().text());
    return Download::kCache;
  }
  Download outcome = transfer(server, build_id, file->get());
  if (outcome == Download::kTimeout || outcome == Download::kUnreachable) {
    server.rests_until = Clock::now() + kRest;
  }
  if (outcome == Download::kStored) outcome = judge(*std::move(file), build_id);
  if (outcome != Download::kStored) return outcome;
  auto kept = cache_.keep(build_id);
  if (kept) return Download::kStored;
  spdlog::debug("debuginfod: {}", kept.error().text());
  return kept.error().kind == base::Error::Kind::kBusy ? Download::kTooLarge : Download::kCache;
}

Download DebugServers::fetch(const std::string& build_id) {
  Download worst = Download::kNotFound;
  for (Server& server : servers_) {
    // Who rests may have it.
    const bool rests = server.rests_until > Clock::now();
    const Download outcome = rests ? Download::kUnreachable : ask(server, build_id);
    if (outcome == Download::kStored || outcome == Download::kCancelled) return outcome;
    worst = std::max(worst, outcome);
  }
  return worst;
}

DebugServers::Clock::time_point DebugServers::rests_until() const {
  auto first = Clock::time_point::max();
  for (const Server& server : servers_) first = std::min(first, server.rests_until);
  return first;
}

base::Result<void> DebugServers::probe(const std::string& url, uint64_t timeout_ns) {
  auto transfer = base::WebTransfer::create(kUserAgent);
  if (!transfer) return std::move(transfer).error();
  CURL* easy = (*transfer)->easy();
  prepare(easy, place_of(without_slash(url), kNobodys), timeout_ns);
  ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &ignore_body);
  const base::WebTransfer::End end = (*transfer)->run();
  if (outcome_of(end) == Download::kNotFound) return {};
  if (end.status != 0) {
    return base::invalid_error("answers " + std::to_string(end.status) +
                               " to a build id that nobody has, not 404");
  }
  return base::Error{base::Error::Kind::kIo, 0, base::failure_text(end), {}};
}

}  // namespace hostlens::symbols
