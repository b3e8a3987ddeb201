// SPDX-License-Identifier: Apache-2.0
// What most files include, compiled once for each library where a build has HOSTLENS_PRECOMPILE.
// Every file includes what it needs itself: the release build has none of this.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <spdlog/fmt/fmt.h>
