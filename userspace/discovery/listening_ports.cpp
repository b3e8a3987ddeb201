// SPDX-License-Identifier: Apache-2.0
#include "discovery/listening_ports.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

constexpr size_t kMaxListeners = 4096;
constexpr size_t kMaxTableBytes = 1U << 20;
constexpr size_t kMaxSocketsPerProcess = 65536;
constexpr std::string_view kListenState = "0A";

std::string_view word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view found = line.substr(0, line.find(' '));
  line.remove_prefix(found.size());
  return found;
}

template <typename Number>
bool read_number(std::string_view text, Number& number, int radix) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, radix);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

/// Reads a table as far as it lists listeners: on a busy server the rest is megabytes.
std::string read_head(int directory, const char* name) {
  const base::UniqueFd file(::openat(directory, name, O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 16 * 1024> block;
  while (file && text.size() < kMaxTableBytes) {
    const ssize_t got = ::read(file.get(), block.data(), block.size());
    if (got <= 0) break;
    text.append(block.data(), static_cast<size_t>(got));
    const size_t last_line = text.rfind('\n', text.size() - 2);
    if (last_line == std::string::npos) continue;
    std::string_view line = std::string_view(text).substr(last_line + 1);
    word(line), word(line), word(line);
    if (const std::string_view state = word(line); state.size() == 2 && state != kListenState)
      break;
  }
  return text;
}

}  // namespace

std::vector<ListeningSocket> parse_listening(std::string_view table) {
  std::vector<ListeningSocket> sockets;
  table.remove_prefix(std::min(table.find('\n'), table.size()));  // the heading
  while (!table.empty() && sockets.size() < kMaxListeners) {
    table.remove_prefix(1);
    std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(line.size());
    word(line);  // "0:"
    const std::string_view local = word(line);
    word(line);  // remote
    const std::string_view state = word(line);
    if (state.size() == 2 && state != kListenState) break;
    for (int skipped = 0; skipped < 5; ++skipped)
      word(line);  // queues, timer, retransmits, uid, timeout
    ListeningSocket socket;
    const size_t colon = local.rfind(':');
    if (state == kListenState && colon != std::string_view::npos &&
        read_number(local.substr(colon + 1), socket.port, 16) &&
        read_number(word(line), socket.inode, 10)) {
      sockets.push_back(socket);
    }
  }
  return sockets;
}

const ListeningPorts::InodePorts* ListeningPorts::listeners_near(model::ProcessKey key) {
  const std::string path = reader_.proc_root() + "/" + std::to_string(key.pid) + "/net";
  base::UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    auto opened = reader_.host().open_process_file(key, kernel::ProcessFile::kSocketTables);
    if (!opened) return nullptr;
    directory = std::move(*opened);
  }
  struct stat status {};
  if (::fstatat(directory.get(), "tcp", &status, 0) != 0) return nullptr;
  auto [entry, is_new] = ports_of_inode_of_namespace_.try_emplace(status.st_ino);
  if (is_new) {
    for (const char* name : {"tcp", "tcp6"}) {
      for (const ListeningSocket& socket : parse_listening(read_head(directory.get(), name))) {
        entry->second.emplace(socket.inode, socket.port);
      }
    }
  }
  return &entry->second;
}

std::vector<uint64_t> ListeningPorts::socket_inodes(model::ProcessKey key) {
  std::vector<uint64_t> inodes;
  // The worker may not look into another user's /proc/PID/fd, not even by a descriptor of it: the
  // supervisor lists the numbers.
  if (auto list = reader_.host().open_process_file(key, kernel::ProcessFile::kSocketInodes)) {
    const std::string bytes = read_bounded(list->get(), kMaxSocketsPerProcess * sizeof(uint64_t));
    inodes.resize(bytes.size() / sizeof(uint64_t));
    if (inodes.empty()) return inodes;
    std::memcpy(inodes.data(), bytes.data(), inodes.size() * sizeof(uint64_t));
  }
  return inodes;
}

std::vector<uint16_t> ListeningPorts::ports_of(model::ProcessKey key) {
  std::vector<uint16_t> ports;
  const InodePorts* listeners = listeners_near(key);
  if (listeners == nullptr || listeners->empty()) return ports;
  for (const uint64_t inode : socket_inodes(key)) {
    const auto found = listeners->find(inode);
    if (found != listeners->end()) ports.push_back(found->second);
  }
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  return ports;
}

}  // namespace hostlens::discovery
