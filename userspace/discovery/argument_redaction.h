// SPDX-License-Identifier: Apache-2.0
// Takes secrets out of the arguments of programs before they leave the host.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hostlens::discovery {

enum class ArgumentsMode : uint8_t {
  kDrop,    ///< no arguments at all
  kRedact,  ///< REDACTED in place of what looks like a secret
  kKeep,    ///< as they are
};

/// The arguments that may be shown: at most 64 of 256 bytes each, as valid UTF-8, the program's own
/// name first. Redacted are, whatever the program:
///   - what follows `=` or `:` after a name with one of the words of kSecretName
///   (`--db-password=x`,
///     `API_KEY=x`, `Authorization: Bearer x`), also within an argument (`sh -c "TOKEN=x server"`);
///   - the argument behind an option of such a name (`--token x`);
///   - user and password, and the query, of a URL;
///   - JSON Web Tokens (RFC 7519).
/// What nothing marks as a secret, such as a password that stands alone, is not recognised: such
/// programs want kDrop. Pure; linear in the bytes of the arguments.
[[nodiscard]] std::vector<std::string> show_arguments(const std::vector<std::string>& arguments,
                                                      ArgumentsMode mode);

}  // namespace hostlens::discovery
