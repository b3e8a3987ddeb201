// SPDX-License-Identifier: Apache-2.0
// The web files of this folder, embedded at build time (embed.cmake). Hashes are SHA-256 in base64,
// for the page's Content-Security-Policy.
#pragma once

#include <string_view>

namespace hostlens::exporters::profile::assets {

extern const std::string_view kPage;  ///< with {{placeholders}}
extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;
extern const std::string_view kLooks;
extern const std::string_view kPicture;  ///< with {{placeholders}}
extern const std::string_view kPictureStyle;
extern const std::string_view kPictureScript;
extern const std::string_view kPageStyleHash;
extern const std::string_view kPageScriptHash;
extern const std::string_view kLooksHash;

}  // namespace hostlens::exporters::profile::assets
