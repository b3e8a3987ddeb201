// SPDX-License-Identifier: Apache-2.0
#include "health/signal.h"

namespace hostlens::health {

std::string_view to_string(State state) {
  switch (state) {
    case State::kOk:
      return "ok";
    case State::kDegraded:
      return "degraded";
    case State::kFailing:
      return "failing";
    case State::kUnknown:
      break;
  }
  return "unknown";
}

int64_t number_of(State state) {
  switch (state) {
    case State::kOk:
      return 0;
    case State::kDegraded:
      return 1;
    case State::kFailing:
      return 2;
    case State::kUnknown:
      break;
  }
  return -1;
}

int badness(State state) {
  switch (state) {
    case State::kOk:
      return 0;
    case State::kUnknown:
      return 1;
    case State::kDegraded:
      return 2;
    case State::kFailing:
      break;
  }
  return 3;
}

}  // namespace hostlens::health
