// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/oom_kill.h"

namespace hostlens::health {

/// One line in valid UTF-8: who was killed, how large it was, which limit it met and who asked.
[[nodiscard]] std::string oom_text(const model::OomKill& kill);

}  // namespace hostlens::health
