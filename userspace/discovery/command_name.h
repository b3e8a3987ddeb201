// SPDX-License-Identifier: Apache-2.0
// What people would call a program by its executable and command line.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hostlens::discovery {

/// The last source of a service name. Never empty when `executable` or `arguments` is not.
///
///   executable itself            /usr/sbin/nginx                    -> nginx
///   python  -m MODULE            python3 -m http.server             -> http.server
///           script               python3 /srv/shop/api.py           -> api
///   gunicorn, uvicorn, hypercorn, daphne, granian: the application
///                                gunicorn -w 4 shop.wsgi:app        -> shop
///   node, bun, deno: script      node server.js                     -> server
///           index and main: their directory (not dist, build, src, lib, bin)
///                                node /srv/shop/dist/index.js       -> shop
///   java    -Dotel.service.name, -Dspring.application.name, then -jar without version, then class
///                                java -jar shop-1.2.3.jar           -> shop
///                                java -cp x com.acme.ShopServer     -> ShopServer
///   ruby, perl, php, lua, sh:    script without extension;  puma [shop] -> shop
///   dotnet: the assembly         dotnet Shop.Api.dll                -> Shop.Api
///   busybox: the applet by argv[0]
///
/// Code given on the command line (-c, -e) and an interactive interpreter keep the interpreter's
/// name.
[[nodiscard]] std::string command_name(std::string_view executable,
                                       std::span<const std::string> arguments);

/// process.runtime.name where the executable tells it ("cpython", "nodejs", ...), else "".
[[nodiscard]] std::string_view runtime_name(std::string_view executable);

/// Last component of a path, without the kernel's " (deleted)".
[[nodiscard]] std::string_view base_name(std::string_view path);

}  // namespace hostlens::discovery
