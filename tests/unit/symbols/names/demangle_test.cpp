// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/demangle.h"

#include <gmock/gmock.h>
#include <malloc.h>

#include "base/utf8.h"
#include "unit/symbols/names/commands.h"

namespace hostlens::symbols {
namespace {

TEST(DemangleTest, ShowsNamesAsPeopleWriteThem) {
  EXPECT_EQ(demangle("_ZNSt6vectorIiSaIiEE9push_backERKi"),
            "std::vector<int, std::allocator<int> >::push_back(int const&)");
  EXPECT_EQ(demangle("_Z3fooi.cold"), "foo(int) [clone .cold]");
  EXPECT_EQ(demangle("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE"),
            "core::fmt::Write::write_fmt");
  EXPECT_EQ(demangle("_RINvMs5_NtNtCsjrHSEGnQ3l9_3std2io5errorNtB6_5Error3newReEBa_"),
            "<std::io::error::Error>::new::<&str>");
  EXPECT_EQ(demangle("_RINvCs32gj3y4fnmh_4main5applyNCNvB2_4main0EB2_"),
            "main::apply::<main::main::{closure#0}>");
  EXPECT_EQ(demangle("main"), "main");
  EXPECT_EQ(demangle("_Z"), "_Z");
  EXPECT_EQ(demangle(""), "");
}

TEST(DemangleTest, HostileNamesStayBoundedAndVisible) {
  // Each pair has the one before twice: 2^20 bytes and more.
  std::string doubling = "_Z1fSt4pairIiiE";
  const std::string digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (size_t i = 0; i < 30; ++i) {
    const std::string back = std::string("S") + digits[i] + '_';
    doubling += "S_I" + back + back + 'E';
  }
  EXPECT_EQ(demangle(doubling), doubling);
  const std::string deep = "_Z1f" + std::string(3000, 'P') + 'i';
  EXPECT_FALSE(demangle(deep).empty());
  const std::string nested = "_Z1f" + std::string(2000, 'D') + 'T' + std::string(1000, 'n');
  EXPECT_EQ(demangle(nested), nested);
  const std::string long_name(100'000, 'x');
  EXPECT_LE(demangle(long_name).size(), kMaxNameBytes);
  const std::string shown = demangle("caf\xe9");
  EXPECT_EQ(shown, "caf\xEF\xBF\xBD");
}

/// As the v0 scheme writes a number in a back reference.
std::string base_62(size_t number) {
  constexpr std::string_view kDigits =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string text = "_";
  if (number == 0) return text;
  for (--number;; number /= 62) {
    text.insert(text.begin(), kDigits[number % 62]);
    if (number < 62) return text;
  }
}

TEST(DemangleTest, ARustNameThatGrowsWithoutBoundLeavesNoMemoryBehind) {
  // Each pair has the one before twice, down to an identifier in Punycode.
  const std::string identifier = "30____7hkackfecea1cbdathfdh9hlq6y";
  std::string doubling = "INvC1a1f";
  size_t before = doubling.size();
  doubling += "TNtC1au" + identifier + 'E';
  for (size_t i = 0; i < 12; ++i) {
    const std::string back = 'B' + base_62(before);
    before = doubling.size();
    doubling += 'T' + back + back + 'E';
  }
  doubling = "_R" + doubling + 'E';
  ASSERT_GT(demangle("_RNvC1au" + identifier).size(), 50U) << "it is decoded";
  EXPECT_EQ(demangle(doubling), doubling);
  const size_t used = ::mallinfo2().uordblks;
  for (int i = 0; i < 1000; ++i) (void)demangle(doubling);
  EXPECT_LT(::mallinfo2().uordblks, used + 10'000);
}

void expect_agreement(const std::string& names, const std::string& oracle, const char* what,
                      size_t at_least, double share) {
  const auto mangled = lines_of(names);
  if (mangled.size() < at_least) GTEST_SKIP() << "too few names: " << names;
  const auto expected = lines_of(names + " | " + oracle);
  if (expected.size() != mangled.size()) GTEST_SKIP() << "cannot be run: " << oracle;
  size_t same = 0;
  std::string example;
  for (size_t i = 0; i < mangled.size(); ++i) {
    if (demangle(mangled[i]) == expected[i]) {
      ++same;
    } else if (example.empty()) {
      example = demangle(mangled[i]) + " is not " + expected[i];
    }
  }
  std::printf("%s: %zu of %zu alike %s\n", what, same, mangled.size(), example.c_str());
  EXPECT_GE(static_cast<double>(same), share * static_cast<double>(mangled.size())) << example;
}

// -i, as profiles show names: `std::string` in place of what it stands for, and no hash of Rust.
constexpr const char* kCxxfilt = "c++filt -i";

TEST(DemangleTest, AgreesWithCxxfiltOnAllOfLibstdcxx) {
  expect_agreement(
      "nm -D --defined-only /usr/lib/x86_64-linux-gnu/libstdc++.so.6 | cut -c20- | sed 's/@.*//' |"
      " grep '^_Z' | sort -u",
      kCxxfilt, "c++filt", 4000, 1.0);
}

TEST(DemangleTest, AgreesWithLlvmWhoseDecoderIsAnother) {
  // Without templates, where the two differ in spaces, and clones for transactions. LLVM writes
  // std::nullptr_t, and no constructor's name behind an ABI tag.
  expect_agreement(
      "nm -D --defined-only /usr/lib/x86_64-linux-gnu/libstdc++.so.6 | cut -c20- | sed 's/@.*//' |"
      " grep '^_Z[^G]' | grep -v '[IJ]' | sort -u",
      "llvm-cxxfilt-16 | sed 's/>>/> >/g'", "llvm-cxxfilt", 1000, 0.98);
}

class RustNamesTest : public testing::TestWithParam<const char*> {};

TEST_P(RustNamesTest, EachNameOfAProgramIsWhatAnotherDemanglerSays) {
  const Folder folder;
  const std::string scheme = GetParam();
  folder.write("main.rs",
               "use std::collections::HashMap;\n"
               "fn apply<F: Fn(u32) -> u32>(f: F) -> u32 { f(3) }\n"
               "fn main() { let mut m: HashMap<String, Vec<u32>> = HashMap::new();\n"
               " m.insert(\"a\".to_string(), vec![apply(|x| x + 1)]); println!(\"{:?}\", m); }\n");
  if (!runs("cd " + folder.path("") + " && rustc -g -C symbol-mangling-version=" + scheme +
            (scheme == "legacy" ? " -Z unstable-options" : "") + " main.rs") &&
      !runs("cd " + folder.path("") + " && rustc -g main.rs")) {
    GTEST_SKIP() << "no rustc that works";
  }
  const std::string names = "nm --defined-only " + folder.path("main") + " | cut -c20- | sort -u";
  if (scheme == "v0") {
    const std::string plain = " | grep '^_R' | sed 's/\\.llvm\\..*//; s/\\.[0-9]*$//' | sort -u";
    expect_agreement(names + plain, "llvm-cxxfilt-16", "Rust v0", 10, 1.0);
  } else {
    expect_agreement(names + " | grep '^_ZN.*17h'", kCxxfilt, "Rust legacy", 100, 1.0);
  }
}

INSTANTIATE_TEST_SUITE_P(Schemes, RustNamesTest, testing::Values("v0", "legacy"));

}  // namespace
}  // namespace hostlens::symbols
