// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_stack.h"

namespace hostlens::symbols {
namespace {

constexpr std::string_view kBuiltins = "Builtins_";

}  // namespace

V8Show v8_show(const V8Place& place) {
  if (!place.in_file) return V8Show::kFunction;
  if (place.builtin) {
    // Its own code, or what that called: the code's name says more, where it has one.
    return place.symbol.empty() ? V8Show::kFunction : V8Show::kCode;
  }
  // Code in the file that calls with a function's frame is the interpreter.
  if (!place.is_leaf || is_v8_interpreter(place.symbol)) return V8Show::kFunction;
  return place.symbol.empty() && place.in_v8 ? V8Show::kFunction : V8Show::kBoth;
}

bool is_v8_handler(std::string_view symbol) {
  return symbol.starts_with(kBuiltins) && symbol.ends_with("Handler");
}

bool is_v8_interpreter(std::string_view symbol) {
  if (!symbol.starts_with(kBuiltins)) return false;
  symbol.remove_prefix(kBuiltins.size());
  return symbol.starts_with("Interpreter") || symbol.starts_with("Baseline") ||
         symbol.ends_with("Handler");
}

}  // namespace hostlens::symbols
