// SPDX-License-Identifier: Apache-2.0
#include "discovery/cri_conversation.h"

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include "base/grpc_frame.h"
#include "discovery/answer_stream.h"
#include "discovery/host_resource.h"

namespace hostlens::discovery {
namespace {

using base::Error;

constexpr const char* kContainers = "/runtime.v1.RuntimeService/ListContainers";
constexpr const char* kPods = "/runtime.v1.RuntimeService/ListPodSandbox";
constexpr const char* kImages = "/runtime.v1.ImageService/ListImages";

struct Answer {
  std::string body = base::grpc_frame("");
  std::string grpc_status = "0";  ///< "": no trailers
  std::string status = "200";
};

/// A server made of nghttp2 that hears the question and says what the test wants.
class Server {
 public:
  explicit Server(std::map<std::string, Answer> answers) : answers_(std::move(answers)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    ::nghttp2_session_callbacks_new(&callbacks);
    ::nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    ::nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    ::nghttp2_session_server_new(&session_, callbacks, this);
    ::nghttp2_session_callbacks_del(callbacks);
    ::nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Server() { ::nghttp2_session_del(session_); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// All that it says to those bytes.
  std::string hear(std::string_view bytes) {
    const ssize_t taken = ::nghttp2_session_mem_recv(
        session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    EXPECT_EQ(taken, static_cast<ssize_t>(bytes.size()));
    std::string said;
    const uint8_t* out = nullptr;
    for (ssize_t size = 0; (size = ::nghttp2_session_mem_send(session_, &out)) > 0;) {
      said.append(reinterpret_cast<const char*>(out), static_cast<size_t>(size));
    }
    return said;
  }

  struct Heard {
    std::map<std::string, std::string> head;
    std::string body;
    size_t sent = 0;
  };
  std::map<int32_t, Heard> heard;

 private:
  static nghttp2_nv field(const char* name, const std::string& value) {
    const auto bytes = [](const char* text) {
      return reinterpret_cast<uint8_t*>(const_cast<char*>(text));
    };
    return {bytes(name), bytes(value.c_str()), std::strlen(name), value.size(),
            NGHTTP2_NV_FLAG_NONE};
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                       void* self) {
    auto& head = static_cast<Server*>(self)->heard[frame->hd.stream_id].head;
    head.emplace(std::string(reinterpret_cast<const char*>(name), name_size),
                 std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }
  static int on_data(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* bytes, size_t size,
                     void* self) {
    static_cast<Server*>(self)->heard[stream].body.append(reinterpret_cast<const char*>(bytes),
                                                          size);
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_DATA && ends) {
      static_cast<Server*>(self)->answer(frame->hd.stream_id);
    }
    return 0;
  }
  static ssize_t read(nghttp2_session* session, int32_t stream, uint8_t* to, size_t room,
                      uint32_t* flags, nghttp2_data_source* source, void* self) {
    const Answer& answer = *static_cast<const Answer*>(source->ptr);
    size_t& sent = static_cast<Server*>(self)->heard[stream].sent;
    const size_t size = std::min(room, answer.body.size() - sent);
    std::memcpy(to, answer.body.data() + sent, size);
    sent += size;
    if (sent < answer.body.size()) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!answer.grpc_status.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const nghttp2_nv trailer = field("grpc-status", answer.grpc_status);
      ::nghttp2_submit_trailer(session, stream, &trailer, 1);
    }
    return static_cast<ssize_t>(size);
  }
  void answer(int32_t stream) {
    const auto found = answers_.find(heard[stream].head[":path"]);
    if (found == answers_.end()) return;
    const nghttp2_nv head[] = {field(":status", found->second.status)};
    nghttp2_data_provider body{};
    body.source.ptr = &found->second;
    body.read_callback = read;
    ::nghttp2_submit_response(session_, stream, head, 1, &body);
  }

  std::map<std::string, Answer> answers_;
  nghttp2_session* session_ = nullptr;
};

std::map<std::string, Answer> all_empty() {
  return {{kContainers, {}}, {kPods, {}}, {kImages, {}}};
}

std::string answer_of(std::map<std::string, Answer> answers) {
  return Server(std::move(answers)).hear(*cri_question());
}

std::unique_ptr<CriConversation> conversation() {
  auto made = CriConversation::create();
  EXPECT_TRUE(made);
  return *std::move(made);
}

/// The error of a whole answer; kUnsupported: there is none.
Error::Kind failure(std::map<std::string, Answer> answers) {
  const auto made = conversation();
  const auto taken = made->take(answer_of(std::move(answers)));
  if (!taken) return taken.error().kind;
  EXPECT_TRUE(made->complete());
  const auto lists = made->lists();
  return lists ? Error::Kind::kUnsupported : lists.error().kind;
}

TEST(CriConversationTest, AsksForListsAndForNothingElse) {
  Server server({});
  server.hear(*cri_question());
  std::set<std::string> paths;
  for (const auto& [stream, heard] : server.heard) {
    paths.insert(heard.head.at(":path"));
    EXPECT_EQ(heard.head.at(":method"), "POST");
    EXPECT_EQ(heard.head.at("content-type"), "application/grpc");
    EXPECT_EQ(heard.head.at("te"), "trailers");
    // Containers that run (state 1); everything of the others.
    EXPECT_EQ(heard.body, heard.head.at(":path") == kContainers
                              ? base::grpc_frame(std::string("\x0a\x04\x12\x02\x08\x01", 6))
                              : base::grpc_frame(""));
  }
  EXPECT_EQ(paths, (std::set<std::string>{kContainers, kPods, kImages}));
  EXPECT_EQ(*cri_question(), *cri_question());
}

TEST(CriConversationTest, TakesAnAnswerThatIsCutAnywhere) {
  auto answers = all_empty();
  answers[kContainers].body = base::grpc_frame("containers");
  answers[kPods].body = base::grpc_frame("pods");
  answers[kImages].body = base::grpc_frame(std::string(200'000, 'i'));
  const std::string answer = answer_of(answers);
  for (const size_t size : {size_t{1}, size_t{7}, answer.size()}) {
    const auto made = conversation();
    for (size_t at = 0; at < answer.size(); at += size) {
      EXPECT_FALSE(made->complete());
      ASSERT_TRUE(made->take(std::string_view(answer).substr(at, size)));
    }
    ASSERT_TRUE(made->complete());
    const auto lists = made->lists();
    ASSERT_TRUE(lists) << lists.error().text();
    EXPECT_EQ(lists->containers, "containers");
    EXPECT_EQ(lists->pods, "pods");
    EXPECT_EQ(lists->images, std::string(200'000, 'i'));
  }
}

TEST(CriConversationTest, ARuntimeWithoutCriIsNotFound) {
  auto answers = all_empty();
  answers[kContainers] = {"", "12", "200"};
  EXPECT_EQ(failure(answers), Error::Kind::kNotFound);
}

TEST(CriConversationTest, ImagesMayBeKeptElsewhere) {
  auto answers = all_empty();
  answers[kImages] = {"", "12", "200"};
  EXPECT_EQ(failure(answers), Error::Kind::kUnsupported);
}

TEST(CriConversationTest, EachFailureIsTold) {
  const auto with = [](const Answer& answer) {
    auto answers = all_empty();
    answers[kPods] = answer;
    return failure(answers);
  };
  EXPECT_EQ(with({}), Error::Kind::kUnsupported);
  EXPECT_EQ(with({"", "4", "200"}), Error::Kind::kBusy);
  EXPECT_EQ(with({"", "14", "200"}), Error::Kind::kIo);
  EXPECT_EQ(with({base::grpc_frame(""), "", "200"}), Error::Kind::kInvalid);
  EXPECT_EQ(with({base::grpc_frame(""), "0", "502"}), Error::Kind::kInvalid);
  EXPECT_EQ(with({"", "0", "200"}), Error::Kind::kInvalid);
  EXPECT_EQ(with({std::string("\1\0\0\0\0", 5), "0", "200"}), Error::Kind::kInvalid);
}

TEST(CriConversationTest, RefusesWhatIsNoHttp2) {
  for (const std::string& text :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string("SSH-2.0-OpenSSH_9.2\r\n"),
        std::string(64, '\0'), std::string("\0\0\0\4\1\0\0\0\0", 9)}) {
    EXPECT_FALSE(conversation()->take(text)) << text;
  }
}

TEST(CriConversationTest, AnAnswerBeyondTheWindowsIsRefused) {
  auto answers = all_empty();
  answers[kContainers].body = base::grpc_frame(std::string(kMaxContainerListBytes + 1, 'x'));
  // A server that keeps to the windows stops there.
  const auto made = conversation();
  EXPECT_TRUE(made->take(answer_of(answers)));
  EXPECT_FALSE(made->complete());
  // One that does not is not listened to.
  const std::string data = std::string("\0\x40\0\0\0\0\0\0\1", 9) + std::string(16384, 'x');
  EXPECT_FALSE(made->take(data) && made->take(data));
}

/// What a runtime that was asked and says this is taken for.
base::Result<model::Containers> read_answer(const std::string& answer, uint64_t patience_ns) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const base::UniqueFd runtime(ends[1]);
  EXPECT_EQ(::send(runtime.get(), answer.data(), answer.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(answer.size()));
  // Not closed: who is answered does not wait for the end.
  return read_cri_lists(base::UniqueFd(ends[0]), patience_ns);
}

TEST(ReadCriListsTest, ReadsWhatContainerdSaid) {
  std::ifstream file(FIXTURES "/fuzz/cri/containerd", std::ios::binary);
  std::string answer(std::istreambuf_iterator<char>(file), {});
  ASSERT_FALSE(answer.empty());
  answer.erase(0, 1);  // the fuzzer's choice
  const auto containers = read_answer(answer, 60'000'000'000);
  ASSERT_TRUE(containers) << containers.error().text();
  ASSERT_EQ(containers->size(), 2U);
  for (const auto& [id, container] : *containers) {
    EXPECT_EQ(text_of(container.kubernetes, "k8s.pod.name"), "web-7f");
    EXPECT_EQ(text_of(container.kubernetes, "k8s.namespace.name"), "shop");
    if (container.service_name == "pause") continue;
    EXPECT_EQ(container.service_name, "app");
    EXPECT_EQ(container.name, "app");
    EXPECT_EQ(container.image, "hostlens.test/tools/busybox");
    EXPECT_EQ(container.image_tags, std::vector<std::string>{"1"});
  }
}

TEST(ReadCriListsTest, SilenceAndAnEarlyEndAreFailures) {
  EXPECT_EQ(read_answer("", 50'000'000).error().kind, Error::Kind::kBusy);
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  ::close(ends[1]);
  EXPECT_EQ(read_cri_lists(base::UniqueFd(ends[0]), 60'000'000'000).error().kind,
            Error::Kind::kInvalid);
}

}  // namespace
}  // namespace hostlens::discovery
