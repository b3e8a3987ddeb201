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

}  // namespace hostlens::agent
