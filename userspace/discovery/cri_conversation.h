// SPDX-License-Identifier: Apache-2.0
// The one conversation with a runtime that speaks CRI: gRPC over HTTP/2 with prior knowledge, three
// calls that only list. All that the client ever says is known before the runtime says a word, so
// the supervisor sends it (cri_question()) and relays what comes, and the worker, which cannot
// send, parses that.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "discovery/cri_lists.h"
#include "model/container.h"

struct nghttp2_session;

namespace hostlens::discovery {

/// Everything that a client sends: preface, settings, windows that hold the largest answer and are
/// never widened, and the requests RuntimeService/ListContainers (those that run), ListPodSandbox
/// and ImageService/ListImages. Always the same bytes. No acknowledgements follow; a server waits
/// longer for them than the relay lives.
[[nodiscard]] base::Result<std::string> cri_question();

/// A client that said cri_question(). Pure; one thread.
class CriConversation {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<CriConversation>> create();
  ~CriConversation();
  CriConversation(const CriConversation&) = delete;
  CriConversation& operator=(const CriConversation&) = delete;

  /// Bytes of the runtime, in order and cut anywhere. kInvalid: no HTTP/2, or it breaks its rules.
  [[nodiscard]] base::Result<void> take(std::string_view bytes);
  /// Whether all calls are answered: nothing more is needed.
  [[nodiscard]] bool complete() const;
  /// The answers, once complete. kNotFound: the runtime does not speak this CRI (containerd without
  /// its plugin, as Docker configures it); kBusy: it ran out of time; kIo: it says that it failed;
  /// kInvalid: no gRPC.
  [[nodiscard]] base::Result<CriLists> lists() const;

 private:
  struct Call;
  struct Callbacks;
  enum { kContainers, kPods, kImages, kCalls };

  CriConversation();
  [[nodiscard]] base::Result<std::string> ask();

  friend base::Result<std::string> cri_question();

  std::array<std::unique_ptr<Call>, kCalls> calls_;
  nghttp2_session* session_ = nullptr;
};

/// Reads the answer from a stream on which the question was asked already. Blocks for `patience_ns`
/// at most: kBusy then. Other errors: as lists() and parse_cri_lists(); kInvalid when it ends early
/// or is too long.
[[nodiscard]] base::Result<model::Containers> read_cri_lists(base::UniqueFd stream,
                                                             uint64_t patience_ns);

}  // namespace hostlens::discovery
