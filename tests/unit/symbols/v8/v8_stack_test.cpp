// SPDX-License-Identifier: Apache-2.0
#include "symbols/v8/v8_stack.h"

#include <gtest/gtest.h>

namespace hostlens::symbols {
namespace {

V8Place in_v8(std::string_view symbol, bool is_leaf) {
  return {.in_file = true, .in_v8 = true, .is_leaf = is_leaf, .symbol = symbol};
}

TEST(V8Stack, CompiledCodeIsItsFunction) {
  EXPECT_EQ(v8_show({}), V8Show::kFunction);
  EXPECT_EQ(v8_show({.is_leaf = true}), V8Show::kFunction);
}

TEST(V8Stack, TheInterpreterGivesWayToTheFunction) {
  EXPECT_EQ(v8_show(in_v8("Builtins_InterpreterEntryTrampoline", false)), V8Show::kFunction);
  EXPECT_EQ(v8_show(in_v8("Builtins_InterpreterEntryTrampoline", true)), V8Show::kFunction);
  EXPECT_EQ(v8_show(in_v8("Builtins_AddHandler", true)), V8Show::kFunction);
  EXPECT_EQ(v8_show(in_v8("Builtins_BaselineOutOfLinePrologue", true)), V8Show::kFunction);
}

TEST(V8Stack, WithoutSymbolsToo) {
  EXPECT_EQ(v8_show(in_v8("", false)), V8Show::kFunction);
  EXPECT_EQ(v8_show(in_v8("", true)), V8Show::kFunction);
}

TEST(V8Stack, CodeWithoutAFrameWasCalledByTheFunction) {
  EXPECT_EQ(v8_show(in_v8("Builtins_StringPrototypeCharCodeAt", true)), V8Show::kBoth);
  EXPECT_EQ(v8_show({.in_file = true, .in_v8 = false, .is_leaf = true, .symbol = {}}),
            V8Show::kBoth)
      << "code of another library, without a row";
}

TEST(V8Stack, ABuiltinIsItsCode) {
  V8Place place = in_v8("Builtins_ArrayMap", false);
  place.builtin = true;
  EXPECT_EQ(v8_show(place), V8Show::kCode);
  place.symbol = {};
  EXPECT_EQ(v8_show(place), V8Show::kFunction);
}

TEST(V8Stack, TheInterpreterIsKnownByName) {
  for (const char* name :
       {"Builtins_InterpreterEntryTrampoline", "Builtins_LdaZeroHandler",
        "Builtins_CallPropertyWideHandler", "Builtins_BaselineOnStackReplacement"}) {
    EXPECT_TRUE(is_v8_interpreter(name)) << name;
  }
  for (const char* name :
       {"Builtins_ArrayMap", "Builtins_JSEntry", "signalHandler", "", "Handler", "Builtins_"}) {
    EXPECT_FALSE(is_v8_interpreter(name)) << name;
    EXPECT_FALSE(is_v8_handler(name)) << name;
  }
  EXPECT_TRUE(is_v8_handler("Builtins_LdaZeroHandler"));
  EXPECT_FALSE(is_v8_handler("Builtins_InterpreterPushArgsThenFastConstructFunction"));
}

}  // namespace
}  // namespace hostlens::symbols
