// SPDX-License-Identifier: Apache-2.0
// What holds at one address of a function: where the CFA is and where the caller's registers are.
// Of the registers only those that a row tells: rbx, rbp, rsp and the return address.
#pragma once

#include <cstdint>

namespace hostlens::symbols {

struct CfaRule {
  enum class Kind : uint8_t {
    kNone,                ///< no instruction defined it
    kRegister,            ///< reg + offset
    kPlt,                 ///< rsp + 8 + ((rip & 15) >= offset ? 8 : 0)
    kDereference,         ///< *(reg + offset) + add
    kIndexedDereference,  ///< *(rsp + 8 * r9 + offset) + add
    kUnknownExpression,
  };
  Kind kind = Kind::kNone;
  uint8_t reg = 0;  ///< DWARF number; 255: one beyond 254
  int64_t offset = 0;
  int64_t add = 0;
};

struct RegisterRule {
  enum class Kind : uint8_t {
    kUnset,  ///< no instruction named it: unchanged, by the psABI's default
    kUndefined,
    kSame,
    kCfaOffset,   ///< *(CFA + value)
    kCfaValue,    ///< CFA + value
    kRegister,    ///< in register `reg`
    kAtRegister,  ///< *(reg + value)
    kUnknown,     ///< another expression
  };
  Kind kind = Kind::kUnset;
  uint8_t reg = 0;
  int64_t value = 0;
};

struct FrameRules {
  CfaRule cfa;
  RegisterRule rbx;
  RegisterRule rbp;
  RegisterRule rsp;
  RegisterRule return_address;
};

}  // namespace hostlens::symbols
