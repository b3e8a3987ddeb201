// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/demangle.h"

#define HAVE_DECL_BASENAME 1  // libiberty.h must not declare it, <cstring> has another one
#include <libiberty/demangle.h>

#include <algorithm>
#include <csetjmp>

#include "base/utf8.h"

namespace hostlens::symbols {
namespace {

// libiberty streams a name in pieces and cannot be told to stop, but its frames own nothing: the
// callbacks below may leave it by longjmp. Its decoders bound their own recursion.
struct Sink {
  std::jmp_buf stop;
  size_t size = 0;
  char text[kMaxNameBytes];
};

void take(const char* piece, size_t size, void* opaque) {
  auto& sink = *static_cast<Sink*>(opaque);
  if (size > sizeof sink.text - sink.size) std::longjmp(sink.stop, 1);
  std::copy_n(piece, size, sink.text + sink.size);
  sink.size += size;
}

using Decoder = int (*)(const char*, int, demangle_callbackref, void*);

/// Nothing with a destructor lives here, as longjmp demands.
bool decode(Decoder decoder, const char* mangled, Sink& sink) {
  sink.size = 0;
  if (setjmp(sink.stop) != 0) return false;  // NOLINT(cert-err52-cpp): out of C code, see above
  return decoder(mangled, DMGL_PARAMS | DMGL_ANSI, take, &sink) != 0 && sink.size != 0;
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
    if (decode(rust_demangle_callback, mangled.c_str(), sink) ||
        (itanium && decode(cplus_demangle_v3_callback, mangled.c_str(), sink))) {
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
