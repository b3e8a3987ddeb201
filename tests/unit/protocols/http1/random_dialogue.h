// SPDX-License-Identifier: Apache-2.0
// Random valid HTTP/1.1 dialogues and what a parser must make of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "protocols/stream_parser.h"

namespace hostlens::protocols::http1 {

struct Expected {
  std::string method;
  std::string path;
  uint16_t status = 0;
  uint64_t request_body = 0;
  uint64_t response_body = 0;
};

/// One socket call. Bytes behind `seen` are hidden from the parser.
struct Call {
  Flow flow = Flow::kRequest;
  std::string bytes;
  size_t seen = 0;
};

struct Dialogue {
  std::vector<Expected> expected;
  std::vector<Call> calls;
  bool pipelined = false;
};

class DialogueMaker {
 public:
  /// With `hostile` bodies look like messages: nothing for a parser that has to find its way after
  /// a loss.
  explicit DialogueMaker(uint32_t seed, bool hostile = true) : hostile_(hostile), random_(seed) {}

  /// `split` 0: random call boundaries; n: calls of n bytes.
  Dialogue make(bool pipelined, size_t split) {
    Dialogue dialogue;
    dialogue.pipelined = pipelined;
    const size_t groups = 3 + below(5);
    for (size_t g = 0; g < groups; ++g) {
      const size_t depth = pipelined ? 2 + below(5) : 1;
      std::string requests;
      std::string responses;
      for (size_t i = 0; i < depth; ++i) add_exchange(dialogue, requests, responses);
      add_calls(dialogue, Flow::kRequest, requests, split);
      add_calls(dialogue, Flow::kResponse, responses, split);
    }
    return dialogue;
  }
  size_t below(size_t limit) { return random_() % limit; }

 private:
  void add_exchange(Dialogue& dialogue, std::string& requests, std::string& responses) {
    static constexpr const char* kMethods[] = {"GET", "POST", "HEAD", "PUT", "DELETE", "BREW"};
    Expected expected;
    expected.method = kMethods[below(6)];
    expected.path = "/" + std::to_string(dialogue.expected.size());
    const bool request_body = expected.method == "POST" || expected.method == "PUT";
    requests += expected.method + " " + expected.path + " HTTP/1.1\r\nHost: h\r\n" + noise();
    requests += body(request_body, expected.request_body);
    while (below(6) == 0)
      responses += "HTTP/1.1 10" + std::to_string(below(2) * 3) + " Go on\r\n\r\n";
    const size_t kind = below(8);
    expected.status = static_cast<uint16_t>(kind == 0 ? 204 : kind == 1 ? 304 : 205 + below(90));
    responses += "HTTP/1.1 " + std::to_string(expected.status) + " x\r\n" + noise();
    if (kind <= 1) {
      responses += "\r\n";
    } else if (expected.method == "HEAD") {
      responses +=
          below(2) == 0 ? "Content-Length: 77\r\n\r\n" : "Transfer-Encoding: chunked\r\n\r\n";
    } else {
      responses += below(4) == 0 ? "Content-Length: 0\r\n\r\n" : body(true, expected.response_body);
    }
    dialogue.expected.push_back(expected);
  }

  std::string noise() {
    std::string lines;
    for (size_t i = below(4); i > 0; --i) {
      lines += "X-" + std::string(1 + below(10), 'n') + ": " + std::string(below(60), 'v') + "\r\n";
    }
    return lines;
  }

  std::string body(bool wanted, uint64_t& size) {
    if (!wanted) return "\r\n";
    static const std::string kHostile = "HTTP/1.1 200 OK\r\n\r\nGET / HTTP/1.1\r\n\r\n0\r\n\r\n";
    static const std::string kPlain = "{\"name\": \"value\", \"list\": [1, 2, 3]}\r\n\r\n0\r\n";
    const std::string& source = hostile_ ? kHostile : kPlain;
    std::string text;
    for (size_t i = below(4); i > 0; --i) text += source.substr(below(source.size()));
    size = text.size();
    if (below(2) == 0) return "Content-Length: " + std::to_string(size) + "\r\n\r\n" + text;
    std::string chunked = "Transfer-Encoding: chunked\r\n\r\n";
    for (size_t at = 0; at < text.size();) {
      const size_t count = std::min(text.size() - at, 1 + below(30));
      char head[32];
      std::snprintf(head, sizeof(head), below(2) == 0 ? "%zx\r\n" : "%03zX;e=\"v\"\r\n", count);
      chunked += head + text.substr(at, count) + "\r\n";
      at += count;
    }
    return chunked + (below(3) == 0 ? "0\r\nT: v\r\n\r\n" : "0\r\n\r\n");
  }

  void add_calls(Dialogue& dialogue, Flow flow, const std::string& bytes, size_t split) {
    for (size_t at = 0; at < bytes.size();) {
      const size_t count = std::min(bytes.size() - at, split != 0 ? split : 1 + below(120));
      dialogue.calls.push_back({flow, bytes.substr(at, count), count});
      at += count;
    }
  }

  bool hostile_;
  std::mt19937 random_;
};

}  // namespace hostlens::protocols::http1
