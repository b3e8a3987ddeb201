// SPDX-License-Identifier: Apache-2.0
#include "agent/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "kernel/debug_cache.h"

namespace hostlens::agent {
namespace {

constexpr uint32_t kMagic = 0x484c4d31;  // "HLM1"

/// One description of every message's fields serves both directions: `fields(archive, message)`
/// calls archive(field) in wire order.
class Writer {
 public:
  explicit Writer(MessageBytes& bytes) : bytes_(bytes) {}
  template <typename T>
  void number(const T& value) {
    std::memcpy(bytes_.data() + position_, &value, sizeof(T));
    position_ += sizeof(T);
  }
  void flag(const bool& value) { number(static_cast<uint8_t>(value ? 1 : 0)); }
  template <typename E>
  void choice(const E& value, E) {
    number(static_cast<uint8_t>(value));
  }
  void mask(const FdMask& value) { number(value.bits()); }
  void pid(const uint32_t& value) { number(value); }

 private:
  MessageBytes& bytes_;
  size_t position_ = 0;
};

class Reader {
 public:
  explicit Reader(base::Bytes bytes) : reader_(bytes) {}
  template <typename T>
  void number(T& value) {
    const auto read = reader_.read<T>();
    if (read) {
      value = *read;
    } else {
      ok_ = false;
    }
  }
  void flag(bool& value) {
    uint8_t raw = 0;
    number(raw);
    require(raw <= 1);
    value = raw == 1;
  }
  template <typename E>
  void choice(E& value, E last) {
    uint8_t raw = 0;
    number(raw);
    require(raw <= static_cast<uint8_t>(last));
    if (ok_) value = static_cast<E>(raw);
  }
  void mask(FdMask& value) {
    uint32_t bits = 0;
    number(bits);
    value = FdMask(bits);
    require(value.valid());
  }
  void pid(uint32_t& value) {
    number(value);
    require(value >= 1 && value <= kMaxPid);
  }
  void require(bool condition) { ok_ = ok_ && condition; }
  /// Nothing but zeros may follow.
  [[nodiscard]] bool finished() {
    const auto rest = reader_.read_bytes(reader_.remaining());
    return ok_ &&
           std::all_of(rest->begin(), rest->end(), [](std::byte b) { return b == std::byte{}; });
  }

 private:
  base::ByteReader reader_;
  bool ok_ = true;
};

template <typename Archive>
void fields(Archive& archive, auto& m, const Hello*) {
  archive.mask(m.fds);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const Reload*) {
  archive.mask(m.fds);
  archive.number(m.generation);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const Stop*) {
  archive.number(m.deadline_ns);
}
template <typename Archive>
void fields(Archive&, auto&, const Ready*) {}
template <typename Archive>
void fields(Archive& archive, auto& m, const Reloaded*) {
  archive.number(m.generation);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const Heartbeat*) {
  archive.number(m.rounds);
  archive.number(m.records);
  archive.number(m.exchanges);
  archive.number(m.pending_bytes);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const OpenProcessFile*) {
  archive.number(m.id);
  archive.pid(m.process.pid);
  archive.number(m.process.start_ticks);
  archive.choice(m.what, kernel::ProcessFile::kPerfMap);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const SetTarget*) {
  archive.number(m.id);
  archive.pid(m.process.pid);
  archive.number(m.process.start_ticks);
  archive.flag(m.is_target);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const SetTargetCgroup*) {
  archive.number(m.id);
  archive.number(m.cgroup_id);
  archive.flag(m.is_target);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const OpenContainerList*) {
  archive.number(m.id);
  archive.number(m.runtime);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const WatchSystemCalls*) {
  archive.number(m.id);
  archive.number(m.duration_ns);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const MakeSlab*) {
  archive.number(m.id);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const OpenCode*) {
  archive.number(m.id);
  archive.pid(m.process.pid);
  archive.number(m.process.start_ticks);
  archive.number(m.start);
  archive.number(m.limit);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const OpenOutput*) {
  archive.number(m.id);
  archive.number(m.index);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const OpenKernelSymbols*) {
  archive.number(m.id);
}
template <typename Archive>
void build_id(Archive& archive, auto& id) {
  archive.number(id.size);
  for (auto& byte : id.bytes) archive.number(byte);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const OpenDebugSymbols*) {
  archive.number(m.id);
  archive.number(m.process.pid);
  archive.number(m.process.start_ticks);
  archive.flag(m.of_host);
  build_id(archive, m.build_id);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const OpenCachedSymbols*) {
  archive.number(m.id);
  build_id(archive, m.build_id);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const MakeCacheFile*) {
  archive.number(m.id);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const KeepCacheFile*) {
  archive.number(m.id);
  build_id(archive, m.build_id);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const TakeOneSampleIn*) {
  archive.number(m.id);
  archive.number(m.count);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const OpenLinkedDebugFile*) {
  archive.number(m.id);
  archive.pid(m.process.pid);
  archive.number(m.process.start_ticks);
  archive.number(m.start);
  archive.number(m.limit);
  archive.choice(m.folder, kernel::DebugFolder::kDebugRoot);
  archive.number(m.size);
  for (auto& character : m.name) archive.number(character);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const ReadMemory*) {
  archive.number(m.id);
  archive.pid(m.process.pid);
  archive.number(m.process.start_ticks);
  archive.number(m.address);
  archive.number(m.bytes);
}
template <typename Archive>
void fields(Archive& archive, auto& m, const Reply*) {
  archive.number(m.id);
  archive.flag(m.ok);
  archive.flag(m.has_fd);
  archive.choice(m.error, base::Error::Kind::kIo);
  archive.number(m.errno_value);
}

bool consistent(const BuildIdBytes& id) {
  return id.size >= 2 && id.size <= BuildIdBytes::kMostBytes &&
         std::all_of(id.bytes.begin() + id.size, id.bytes.end(),
                     [](uint8_t byte) { return byte == 0; });
}

bool consistent(const Message& message) {
  if (const auto* hello = std::get_if<Hello>(&message)) {
    return hello->fds.has(FdSlot::kRequests) && hello->fds.has(FdSlot::kSettings) &&
           hello->fds.has(FdSlot::kLedger);
  }
  if (const auto* reload = std::get_if<Reload>(&message)) {
    FdMask rest = reload->fds;
    FdMask allowed;
    for (FdSlot slot : {FdSlot::kSettings, FdSlot::kListen, FdSlot::kOtlpJson}) allowed.add(slot);
    return rest.has(FdSlot::kSettings) && (rest.bits() & ~allowed.bits()) == 0;
  }
  if (const auto* reply = std::get_if<Reply>(&message)) return reply->ok || !reply->has_fd;
  if (const auto* symbols = std::get_if<OpenDebugSymbols>(&message)) {
    return consistent(symbols->build_id);
  }
  if (const auto* open = std::get_if<OpenCachedSymbols>(&message)) {
    return consistent(open->build_id);
  }
  if (const auto* keep = std::get_if<KeepCacheFile>(&message)) return consistent(keep->build_id);
  if (const auto* take = std::get_if<TakeOneSampleIn>(&message)) {
    return take->count >= 1 && take->count <= kernel::HostAccess::kMostOneIn;
  }
  if (const auto* file = std::get_if<OpenLinkedDebugFile>(&message)) {
    const std::string_view all(file->name.data(), file->name.size());
    return kernel::is_file_name(all.substr(0, file->size)) &&
           all.find_first_not_of('\0', file->size) == all.npos;
  }
  return true;
}

template <size_t I = 0>
std::optional<Message> decode_kind(uint16_t kind, Reader& reader) {
  if constexpr (I < std::variant_size_v<Message>) {
    if (kind != I) return decode_kind<I + 1>(kind, reader);
    std::variant_alternative_t<I, Message> message;
    fields(reader, message, &message);
    if (!reader.finished()) return std::nullopt;
    return Message(message);
  } else {
    return std::nullopt;
  }
}

}  // namespace

base::Result<BuildIdBytes> build_id_bytes(std::string_view text) {
  if (!kernel::is_build_id(text)) return base::invalid_error("no build id of 2 to 20 bytes");
  BuildIdBytes id;
  id.size = static_cast<uint8_t>(text.size() / 2);
  for (size_t i = 0; i < id.size; ++i) {
    (void)std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, id.bytes[i], 16);
  }
  return id;
}

std::string text_of(const BuildIdBytes& build_id) {
  std::string text;
  for (size_t i = 0; i < build_id.size; ++i) text += fmt::format("{:02x}", build_id.bytes[i]);
  return text;
}

MessageBytes encode(const Message& message) {
  MessageBytes bytes{};
  Writer writer(bytes);
  writer.number(kMagic);
  writer.number(kProtocolVersion);
  writer.number(static_cast<uint16_t>(message.index()));
  std::visit([&](const auto& m) { fields(writer, m, &m); }, message);
  return bytes;
}

std::optional<Message> decode(base::Bytes bytes) {
  if (bytes.size() != kMessageBytes) return std::nullopt;
  Reader reader(bytes);
  uint32_t magic = 0;
  uint16_t version = 0;
  uint16_t kind = 0;
  reader.number(magic);
  reader.number(version);
  reader.number(kind);
  if (magic != kMagic || version != kProtocolVersion) return std::nullopt;
  auto message = decode_kind(kind, reader);
  if (message && !consistent(*message)) return std::nullopt;
  return message;
}

size_t fd_count(const Message& message) {
  if (const auto* hello = std::get_if<Hello>(&message)) return hello->fds.count();
  if (const auto* reload = std::get_if<Reload>(&message)) return reload->fds.count();
  if (const auto* reply = std::get_if<Reply>(&message)) return reply->has_fd ? 1 : 0;
  return 0;
}

}  // namespace hostlens::agent
