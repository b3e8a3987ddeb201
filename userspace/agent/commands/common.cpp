// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string_view>

#include "agent/commands/commands.h"
#include "agent/exit_codes.h"

namespace hostlens::agent {

void print_error(const base::Error& error) {
  std::istringstream lines(error.text());
  for (std::string line; std::getline(lines, line);) {
    std::fprintf(stderr, "hostlens: %s\n", line.c_str());
  }
}

int exit_code_of(const base::Error& error) {
  switch (error.kind) {
    case base::Error::Kind::kInvalid:
      return kExitUsage;
    case base::Error::Kind::kUnsupported:
      return kExitUnsupported;
    case base::Error::Kind::kDenied:
    case base::Error::Kind::kNotFound:
    case base::Error::Kind::kBusy:
    case base::Error::Kind::kIo:
      break;
  }
  return kExitFailure;
}

bool use_colour(int fd) {
  const char* no_colour = ::getenv("NO_COLOR");
  const char* terminal = ::getenv("TERM");
  return ::isatty(fd) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

bool use_unicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {  // the first that is set decides
    const char* value = ::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale(value);
    for (const std::string_view code : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
      if (locale.find(code) != std::string_view::npos) return true;
    }
    return false;
  }
  return false;
}

}  // namespace hostlens::agent
