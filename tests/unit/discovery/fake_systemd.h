// SPDX-License-Identifier: Apache-2.0
// A bus with a service manager on it, behind a UNIX socket of its own. The virtual machines' tests
// ask the real one.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace hostlens::discovery {

struct FakeUnit {
  std::string active = "active";
  std::string sub = "running";
  std::string result = "success";
  uint32_t restarts = 0;
  uint64_t since_us = 0;
  uint32_t main_pid = 0;
};

/// What it does with a call.
enum class FakeMood { kAnswers, kSilent, kTalksNonsense, kRefuses, kHangsUp };

class FakeSystemd {
 public:
  FakeSystemd() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fake_bus.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (directory_ + "/bus").copy(address.sun_path, sizeof address.sun_path - 1);
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), 4) != 0) {
      std::abort();
    }
    wake_.reset(::eventfd(0, EFD_CLOEXEC));
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeSystemd() {
    const uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
    thread_.join();
    std::filesystem::remove_all(directory_);
  }

  [[nodiscard]] std::string address() const { return "unix:path=" + directory_ + "/bus"; }
  void put(const std::string& name, const FakeUnit& unit) {
    const std::lock_guard lock(mutex_);
    units_[name] = unit;
  }
  void set_mood(FakeMood mood) { mood_ = mood; }
  /// Calls since the last time, the greeting not counted: "ListUnitsFiltered", "Get Result".
  std::vector<std::string> take_calls() {
    const std::lock_guard lock(mutex_);
    return std::exchange(calls_, {});
  }

 private:
  static int on_message(sd_bus_message* call, void* self, sd_bus_error*) {
    return static_cast<FakeSystemd*>(self)->answer(call);
  }

  int answer(sd_bus_message* call) {
    if (::sd_bus_message_is_method_call(call, "org.freedesktop.DBus", "Hello") > 0) {
      return ::sd_bus_reply_method_return(call, "s", ":1.7");
    }
    switch (mood_.load()) {
      case FakeMood::kSilent:
        return 1;
      case FakeMood::kTalksNonsense:
        return ::sd_bus_reply_method_return(call, "tt", uint64_t{1}, uint64_t{2});
      case FakeMood::kRefuses:
        return ::sd_bus_reply_method_errorf(call, SD_BUS_ERROR_ACCESS_DENIED, "not for you");
      case FakeMood::kHangsUp:
        return -ECONNRESET;
      case FakeMood::kAnswers:
        break;
    }
    const std::lock_guard lock(mutex_);
    const std::string member = ::sd_bus_message_get_member(call);
    if (member == "Get") return answer_get(call);
    calls_.push_back(member);
    std::vector<std::string> words;
    if (member == "ListUnitsByPatterns") (void)read_words(call);
    return answer_list(call, member, read_words(call));
  }

  static std::vector<std::string> read_words(sd_bus_message* call) {
    char** raw = nullptr;
    std::vector<std::string> words;
    if (::sd_bus_message_read_strv(call, &raw) < 0 || raw == nullptr) return words;
    for (char** word = raw; *word != nullptr; ++word) {
      words.emplace_back(*word);
      ::free(*word);
    }
    ::free(raw);
    return words;
  }

  static std::string path_of(const std::string& unit) {
    char* path = nullptr;
    (void)::sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path);
    std::string text(path);
    ::free(path);
    return text;
  }

  int answer_list(sd_bus_message* call, const std::string& member,
                  const std::vector<std::string>& words) {
    sd_bus_message* reply = nullptr;
    (void)::sd_bus_message_new_method_return(call, &reply);
    (void)::sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
    for (const auto& [name, unit] : units_) {
      bool listed = false;
      for (const std::string& word : words) {
        listed = listed || (member == "ListUnitsFiltered" ? word == unit.active : word == name);
      }
      if (!listed) continue;
      (void)::sd_bus_message_append(reply, "(ssssssouso)", name.c_str(), "a text", "loaded",
                                    unit.active.c_str(), unit.sub.c_str(), "",
                                    path_of(name).c_str(), 0, "", "/");
    }
    (void)::sd_bus_message_close_container(reply);
    const int sent = ::sd_bus_send(nullptr, reply, nullptr);
    ::sd_bus_message_unref(reply);
    return sent;
  }

  int answer_get(sd_bus_message* call) {
    const char* interface = nullptr;
    const char* property = nullptr;
    (void)::sd_bus_message_read(call, "ss", &interface, &property);
    calls_.push_back(std::string("Get ") + property);
    const std::string path = ::sd_bus_message_get_path(call);
    for (const auto& [name, unit] : units_) {
      if (path_of(name) != path) continue;
      const std::string_view wanted = property;
      if (wanted == "StateChangeTimestamp") {
        return ::sd_bus_reply_method_return(call, "v", "t", unit.since_us);
      }
      if (wanted == "Result") {
        return ::sd_bus_reply_method_return(call, "v", "s", unit.result.c_str());
      }
      if (wanted == "NRestarts") {
        return ::sd_bus_reply_method_return(call, "v", "u", unit.restarts);
      }
      if (wanted == "MainPID") return ::sd_bus_reply_method_return(call, "v", "u", unit.main_pid);
    }
    return ::sd_bus_reply_method_errorf(call, SD_BUS_ERROR_UNKNOWN_OBJECT, "no such unit");
  }

  void serve() {
    for (;;) {
      pollfd ready[2] = {{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
      (void)::poll(ready, 2, -1);
      if (ready[1].revents != 0) return;
      serve_client(base::UniqueFd(
          ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)));
    }
  }

  void serve_client(base::UniqueFd client) {
    sd_bus* bus = nullptr;
    sd_id128_t id{};
    id.bytes[0] = 1;
    (void)::sd_bus_new(&bus);
    const int fd = client.release();  // the bus closes it
    (void)::sd_bus_set_fd(bus, fd, fd);
    (void)::sd_bus_set_server(bus, 1, id);
    (void)::sd_bus_add_filter(bus, nullptr, on_message, this);
    int done = ::sd_bus_start(bus);
    while (done >= 0) {
      done = ::sd_bus_process(bus, nullptr);
      if (done != 0) continue;
      const int events = ::sd_bus_get_events(bus);
      pollfd ready[2] = {{fd, static_cast<short>(events), 0}, {wake_.get(), POLLIN, 0}};
      (void)::poll(ready, 2, -1);
      if (ready[1].revents != 0) break;
    }
    ::sd_bus_close(bus);
    ::sd_bus_unref(bus);
  }

  std::string directory_;
  base::UniqueFd listener_;
  base::UniqueFd wake_;
  std::atomic<FakeMood> mood_{FakeMood::kAnswers};
  std::mutex mutex_;
  std::map<std::string, FakeUnit> units_;
  std::vector<std::string> calls_;
  std::thread thread_;
};

}  // namespace hostlens::discovery
