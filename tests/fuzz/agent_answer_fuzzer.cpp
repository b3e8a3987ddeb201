// SPDX-License-Identifier: Apache-2.0
// Any bytes as the answer of an agent, which `top` and `health` read from whoever listens there: a
// page or an error, and nothing on it but printable text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/health_table.h"
#include "agent/host_page.h"
#include "agent/request_table.h"
#include "agent/trace_tree.h"
#include "base/utf8.h"
#include "web/host_rows.h"
#include "web/request_rows.h"

namespace {

void check(std::string_view page) {
  if (hostlens::base::valid_utf8_prefix(page) != page.size()) std::abort();
  for (size_t i = 0; i < page.size(); ++i) {
    const auto byte = static_cast<unsigned char>(page[i]);
    if ((byte < 0x20 && byte != '\n') || byte == 0x7F) std::abort();
    if (byte == 0xC2 && static_cast<unsigned char>(page[i + 1]) < 0xA0) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hostlens::agent;
  if (size == 0) return 0;
  const size_t width = data[0];
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (const auto rows = hostlens::web::request_rows_from_json(text)) {
    const RequestTable all = request_table(*rows, nullptr, 1);
    for (const TableRow& row : all.rows) {
      if (row.duration.counts.size() > 4096) std::abort();
    }
    check(render(all, {width, 40, false}));
    check(render(request_table(*rows, &*rows, 1), {width, 40, false}));
  }
  if (const auto tree = trace_tree(text, width)) check(*tree);
  if (const auto health = health_answer(text, std::nullopt)) {
    check(render(*health, {width, 40, false}, 1'700'000'000'000'000'000));
    if (const int status = health_status(*health); status < 0 || status > 3) std::abort();
    // What is handed on is read again to the same.
    const auto again = health_answer(health->json, std::nullopt);
    if (!again || again->json != health->json) std::abort();
  }
  if (const auto host = hostlens::web::host_rows_from_json(text)) {
    for (const size_t height : {size_t{5}, size_t{24}, size_t{60}}) {
      const auto lines = host_page(*host, {width, height, false, (width & 1U) != 0});
      if (lines.size() > height) std::abort();
      for (const std::string& line : lines) check(line + "\n");
    }
    if (!hostlens::web::host_rows_from_json(hostlens::web::to_json(*host))) std::abort();
  }
  return 0;
}
