// SPDX-License-Identifier: Apache-2.0
// What the program's exit status means; part of its documented interface.
#pragma once

namespace hostlens::agent {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;      ///< something went wrong at run time
inline constexpr int kExitUsage = 2;        ///< arguments or configuration are wrong
inline constexpr int kExitUnsupported = 3;  ///< a privilege or something of the kernel is missing
inline constexpr int kExitNoAnswer = 4;     ///< nothing answers at the address
// `health` exits as plugins of Nagios do: 0 ok, 1 degraded, 2 failing, and
inline constexpr int kExitHealthUnknown = 3;  ///< unknown, or no agent answers
// `run` exits with its command's own status; 128 + N when signal N ended it, and as shells do:
inline constexpr int kExitCannotExecute = 126;
inline constexpr int kExitNotFound = 127;
inline constexpr int kExitSignalBase = 128;

}  // namespace hostlens::agent
