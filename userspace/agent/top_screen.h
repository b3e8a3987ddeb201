// SPDX-License-Identifier: Apache-2.0
// The frame of `top`: which page is shown, and what the keys do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/host_distributions.h"

namespace hostlens::agent {

enum class TopPage : uint8_t { kRequests, kHost, kHealth };

/// What a key turns to: tab the next one, 1 to 3 each, r requests, h health; else the same page.
[[nodiscard]] TopPage page_after(TopPage page, char key);

/// Lines for the page itself: the frame takes three.
[[nodiscard]] size_t room_of(const PageStyle& screen);

/// The whole screen, without a line end at the end (the terminal would scroll). `address` and
/// `status` are made harmless; `lines` are as they are, those beyond the room are counted in the
/// last one.
[[nodiscard]] std::string top_screen(TopPage page, std::string_view address,
                                     std::vector<std::string> lines, std::string_view status,
                                     const PageStyle& screen);

/// Without the line ends.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);

}  // namespace hostlens::agent
