// SPDX-License-Identifier: Apache-2.0
// Flame graphs, root at the top: an HTML page (zoom, search, keyboard, light and dark) and an SVG
// picture of the same. Each is one file that works offline and asks nobody for anything; the page
// allows its own script and styles by their hashes alone. Names are strangers': they are escaped.
//
// Of one profile colours tell the kind of code. Of two they tell the change of the share, and a box
// is as wide as the mean of both shares, so that what is gone can be seen.
#pragma once

#include <string>
#include <string_view>

#include "exporters/profile/stack_tree.h"

namespace hostlens::exporters::profile {

/// Boxes of a page or picture; of larger trees the narrowest are left out, which the page says.
inline constexpr size_t kMostPageNodes = 100'000;
inline constexpr size_t kMostPictureNodes = 10'000;

[[nodiscard]] std::string flame_graph_page(StackTree tree, std::string_view title,
                                           size_t most_nodes = kMostPageNodes);
[[nodiscard]] std::string flame_graph_picture(StackTree tree, std::string_view title,
                                              size_t most_nodes = kMostPictureNodes);

/// The CSS class of a look.
[[nodiscard]] std::string_view look_class(Look look);

}  // namespace hostlens::exporters::profile
