// SPDX-License-Identifier: Apache-2.0
#include "discovery/cri_conversation.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/grpc_frame.h"
#include "discovery/answer_stream.h"
#include "runtime/v1/api.pb.h"

namespace hostlens::discovery {
namespace {

using base::Error;
using base::Result;

// Status codes of gRPC that mean something of their own here.
constexpr std::string_view kOk = "0";
constexpr std::string_view kDeadlineExceeded = "4";
constexpr std::string_view kUnimplemented = "12";

Error http2_error(const char* what, int code) {
  return base::invalid_error(std::string(what) + ": " + ::nghttp2_strerror(code));
}

std::string list_running_containers() {
  runtime::v1::ListContainersRequest request;
  request.mutable_filter()->mutable_state()->set_state(runtime::v1::ContainerStateValue::RUNNING);
  return base::grpc_frame(request.SerializeAsString());
}

nghttp2_nv field(std::string_view name, std::string_view value) {
  // Not written to; nghttp2 copies both.
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

struct CriConversation::Call {
  std::string_view path;
  std::string request;
  size_t sent = 0;
  std::string http_status;
  std::string grpc_status;
  std::string body;
  bool closed = false;
};

/// C calls them: nothing is thrown but for want of memory.
struct CriConversation::Callbacks {
  static Call* call_of(nghttp2_session* session, int32_t stream) noexcept {
    return static_cast<Call*>(::nghttp2_session_get_stream_user_data(session, stream));
  }

  static ssize_t read_request(nghttp2_session*, int32_t, uint8_t* to, size_t room, uint32_t* flags,
                              nghttp2_data_source* source, void*) noexcept {
    Call& call = *static_cast<Call*>(source->ptr);
    const size_t size = std::min(room, call.request.size() - call.sent);
    std::memcpy(to, call.request.data() + call.sent, size);
    call.sent += size;
    if (call.sent == call.request.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                       void*) noexcept {
    Call* const call = call_of(session, frame->hd.stream_id);
    if (call == nullptr) return 0;
    const std::string_view key(reinterpret_cast<const char*>(name), name_size);
    const std::string_view text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":status") call->http_status = text;
    if (key == "grpc-status") call->grpc_status = text;
    return 0;
  }

  static int on_data(nghttp2_session* session, uint8_t, int32_t stream, const uint8_t* bytes,
                     size_t size, void*) noexcept {
    // The windows bound it.
    if (Call* const call = call_of(session, stream)) {
      call->body.append(reinterpret_cast<const char*>(bytes), size);
    }
    return 0;
  }

  static int on_close(nghttp2_session* session, int32_t stream, uint32_t, void*) noexcept {
    if (Call* const call = call_of(session, stream)) call->closed = true;
    return 0;
  }
};

CriConversation::CriConversation() {
  const auto call = [](std::string_view path, std::string request) {
    auto made = std::make_unique<Call>();
    made->path = path;
    made->request = std::move(request);
    return made;
  };
  calls_[kContainers] =
      call("/runtime.v1.RuntimeService/ListContainers", list_running_containers());
  calls_[kPods] = call("/runtime.v1.RuntimeService/ListPodSandbox",
                       base::grpc_frame(runtime::v1::ListPodSandboxRequest().SerializeAsString()));
  calls_[kImages] = call("/runtime.v1.ImageService/ListImages",
                         base::grpc_frame(runtime::v1::ListImagesRequest().SerializeAsString()));
}

CriConversation::~CriConversation() { ::nghttp2_session_del(session_); }

Result<std::string> CriConversation::ask() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  if (::nghttp2_session_callbacks_new(&callbacks) != 0 || ::nghttp2_option_new(&option) != 0) {
    ::nghttp2_session_callbacks_del(callbacks);
    return base::errno_error("make an HTTP/2 session", ENOMEM);
  }
  ::nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
  ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data);
  ::nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_close);
  // They would never be sent.
  ::nghttp2_option_set_no_auto_window_update(option, 1);
  int failed = ::nghttp2_session_client_new2(&session_, callbacks, nullptr, option);
  ::nghttp2_session_callbacks_del(callbacks);
  ::nghttp2_option_del(option);
  if (failed != 0) return http2_error("make an HTTP/2 session", failed);

  constexpr int32_t kWindow = kMaxContainerListBytes;
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow}};
  failed = ::nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  if (failed == 0) {
    failed = ::nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindow);
  }
  for (const auto& call : calls_) {
    if (failed != 0) break;
    const nghttp2_nv head[] = {field(":method", "POST"),
                               field(":scheme", "http"),
                               field(":path", call->path),
                               field(":authority", "localhost"),
                               field("content-type", "application/grpc"),
                               field("te", "trailers"),
                               field("grpc-timeout", "3S")};
    nghttp2_data_provider body{};
    body.source.ptr = call.get();
    body.read_callback = Callbacks::read_request;
    failed = std::min(
        0, ::nghttp2_submit_request(session_, nullptr, head, std::size(head), &body, call.get()));
  }
  std::string question;
  while (failed == 0) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = ::nghttp2_session_mem_send(session_, &bytes);
    if (size == 0) return question;
    if (size < 0) {
      failed = static_cast<int>(size);
    } else {
      question.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    }
  }
  return http2_error("ask in HTTP/2", failed);
}

Result<std::unique_ptr<CriConversation>> CriConversation::create() {
  std::unique_ptr<CriConversation> made(new CriConversation());
  if (auto asked = made->ask(); !asked) return std::move(asked).error();
  return made;
}

Result<void> CriConversation::take(std::string_view bytes) {
  const ssize_t taken = ::nghttp2_session_mem_recv(
      session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) return http2_error("read containers", static_cast<int>(taken));
  // Acknowledgements and complaints, which go nowhere.
  const uint8_t* answer = nullptr;
  while (::nghttp2_session_mem_send(session_, &answer) > 0) {
  }
  if (!complete() && ::nghttp2_session_want_read(session_) == 0) {
    return base::invalid_error("read containers: the answer breaks the rules of HTTP/2");
  }
  return {};
}

bool CriConversation::complete() const {
  return std::all_of(calls_.begin(), calls_.end(), [](const auto& call) { return call->closed; });
}

Result<CriLists> CriConversation::lists() const {
  CriLists lists;
  std::string* const into[kCalls] = {&lists.containers, &lists.pods, &lists.images};
  for (size_t i = 0; i < kCalls; ++i) {
    const Call& call = *calls_[i];
    const std::string what(call.path);
    if (call.grpc_status == kUnimplemented) {
      if (i == kImages) continue;  // the kubelet may be told of another socket for it
      return Error{Error::Kind::kNotFound, 0, what + ": not known there", {}};
    }
    if (call.grpc_status == kDeadlineExceeded) {
      return Error{Error::Kind::kBusy, 0, what + ": no answer in time", {}};
    }
    if (call.http_status != "200" || call.grpc_status.empty()) {
      return base::invalid_error(what + ": the answer is none");
    }
    if (call.grpc_status != kOk) {
      return Error{Error::Kind::kIo, 0, what + ": failed there", {}};
    }
    const auto message = base::grpc_message(call.body);
    if (!message) return base::invalid_error(what + ": the answer holds no message");
    *into[i] = *message;
  }
  return lists;
}

Result<std::string> cri_question() { return CriConversation().ask(); }

Result<model::Containers> read_cri_lists(base::UniqueFd stream, uint64_t patience_ns) {
  auto conversation = CriConversation::create();
  if (!conversation) return std::move(conversation).error();
  AnswerStream answer(std::move(stream), patience_ns);
  while (!(*conversation)->complete()) {
    const auto block = answer.next();
    if (!block) return block.error();
    if (block->empty()) return base::invalid_error("read containers: the answer ends early");
    if (auto taken = (*conversation)->take(*block); !taken) return std::move(taken).error();
  }
  const auto lists = (*conversation)->lists();
  if (!lists) return lists.error();
  return parse_cri_lists(*lists);
}

}  // namespace hostlens::discovery
