// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/demangle.h"

#define HAVE_DECL_BASENAME 1  // libiberty.h must not declare it, <cstring> has another one
#include <libiberty/demangle.h>

#include <algorithm>
#include <csetjmp>

#include "base/utf8.h"

namespace hostlens::symbols {
namespace {

// libiberty streams a name in pieces and cannot be told to stop: the callbacks below leave it by
// longjmp while its frames own nothing. Its decoders bound their own recursion.
struct Sink {
  std::jmp_buf stop;
  size_t size = 0;
  bool full = false;
  char text[kMaxNameBytes];
};

void take(const char* piece, size_t size, void* opaque) {
  auto& sink = *static_cast<Sink*>(opaque);
  if (sink.full || size > sizeof sink.text - sink.size) std::longjmp(sink.stop, 1);
  std::copy_n(piece, size, sink.text + sink.size);
  sink.size += size;
}

/// The Rust decoder owns memory while it hands out an identifier that was Punycode, and no other
/// piece is not ASCII: it is left at the next piece then, which is none of those.
void take_rust(const char* piece, size_t size, void* opaque) {
  auto& sink = *static_cast<Sink*>(opaque);
  const bool owned = std::any_of(piece, piece + size, [](char c) { return (c & 0x80) != 0; });
  if (owned) sink.full = sink.full || size > sizeof sink.text - sink.size;
  if (!owned || !sink.full) take(piece, size, opaque);
}

using Decoder = int (*)(const char*, int, demangle_callbackref, void*);

/// Nothing with a destructor lives here, as longjmp demands.
bool decode(Decoder decoder, demangle_callbackref callback, const char* mangled, Sink& sink) {
  sink.size = 0;
  sink.full = false;
  if (setjmp(sink.stop) != 0) return false;  // NOLINT(cert-err52-cpp): out of C code, see above
  return decoder(mangled, DMGL_PARAMS | DMGL_ANSI, callback, &sink) != 0 && !sink.full &&
         sink.size != 0;
}

}  // namespace

std::string demangle(std::string_view linker_name) {
  std::string result;
  const bool itanium = linker_name.starts_with("_Z") || linker_name.starts_with("__Z");
  const bool rust = linker_name.starts_with("_R");
  if ((itanium || rust) && linker_name.size() <= kMaxMangledBytes) {
    const std::string mangled(linker_name);
    Sink sink;
    // Rust first: a legacy name is a C++ name as well, with a hash that says nothing.
    if (decode(rust_demangle_callback, take_rust, mangled.c_str(), sink) ||
        (itanium && decode(cplus_demangle_v3_callback, take, mangled.c_str(), sink))) {
      base::assign_utf8(result, std::string_view(sink.text, sink.size));
    }
  }
  if (result.empty()) base::assign_utf8(result, linker_name.substr(0, kMaxNameBytes / 3));
  if (result.size() > kMaxNameBytes) {
    result.resize(base::valid_utf8_prefix(std::string_view(result).substr(0, kMaxNameBytes)));
  }
  return result;
}

}  // namespace hostlens::symbols
