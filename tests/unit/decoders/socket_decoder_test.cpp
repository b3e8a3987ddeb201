// SPDX-License-Identifier: Apache-2.0
#include "decoders/socket_decoder.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "records/process.h"
#include "records/socket.h"

namespace hostlens::decoders {
namespace {

using model::ControlEvent;
using model::SocketData;

template <typename T>
T with_header(uint16_t type) {
  T record{};
  record.header.time_ns = 1'000;
  record.header.type = type;
  record.header.size = sizeof(T);
  return record;
}

template <typename T>
std::vector<std::byte> bytes_of(const T& record, std::string_view tail = {}) {
  std::vector<std::byte> bytes(sizeof(T) + tail.size());
  std::memcpy(bytes.data(), &record, sizeof(T));
  std::ranges::transform(tail, bytes.begin() + sizeof(T),
                         [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

socket_data_record data_record(uint32_t payload_size) {
  auto record = with_header<socket_data_record>(RECORD_SOCKET_DATA);
  record.header.size += payload_size;
  record.connection = 7;
  record.position = (1ULL << 32) + 5;
  record.pid = 100;
  record.tid = 101;
  record.length = 20;
  record.payload_size = payload_size;
  record.flags = SOCKET_DATA_SEND;
  record.srtt_us = 33;
  record.retransmits = 2;
  return record;
}

socket_opened_record opened_record() {
  auto record = with_header<socket_opened_record>(RECORD_SOCKET_OPENED);
  record.process = {.start_boottime_ns = 1'234'567'890, .pid = 100, .tid = 101};
  record.connection = 7;
  record.connect_latency_ns = 99;
  record.local = {.ip = {127, 0, 0, 1}, .port = 4000, .family = AF_INET, .reserved = 0};
  record.remote = {.ip = {127, 0, 0, 2}, .port = 80, .family = AF_INET, .reserved = 0};
  record.network_namespace = 55;
  record.send_position = 11;
  record.receive_position = 22;
  record.flags = SOCKET_OPENED_CLIENT | SOCKET_OPENED_MID_LIFE | SOCKET_OPENED_POSITIONS_KNOWN;
  return record;
}

TEST(SocketDecoderTest, ReadsEveryFieldOfADataRecord) {
  const auto bytes = bytes_of(data_record(4), "text");
  SocketData event;
  ASSERT_EQ(decode_data(bytes, event), DecodeStatus::kOk);
  EXPECT_EQ(event.time_ns, 1'000U);
  EXPECT_EQ(event.connection, 7U);
  EXPECT_EQ(event.position, (1ULL << 32) + 5);
  EXPECT_EQ(event.pid, 100U);
  EXPECT_EQ(event.tid, 101U);
  EXPECT_EQ(event.direction, model::Direction::kSend);
  EXPECT_EQ(event.length, 20U);
  EXPECT_EQ(event.payload.size(), 4U);
  EXPECT_EQ(std::memcmp(event.payload.data(), "text", 4), 0);
  EXPECT_EQ(event.srtt_us, 33U);
  EXPECT_EQ(event.retransmits, 2U);
  EXPECT_FALSE(event.end_of_stream);
  EXPECT_FALSE(event.length_only);
}

TEST(SocketDecoderTest, ReadsTheEndOfAStreamAndLengthOnly) {
  auto record = data_record(0);
  record.length = 0;
  record.flags = SOCKET_DATA_END_OF_STREAM | SOCKET_DATA_LENGTH_ONLY;
  SocketData event;
  ASSERT_EQ(decode_data(bytes_of(record), event), DecodeStatus::kOk);
  EXPECT_EQ(event.direction, model::Direction::kReceive);
  EXPECT_TRUE(event.end_of_stream);
  EXPECT_TRUE(event.length_only);
}

TEST(SocketDecoderTest, RejectsEveryTruncationOfADataRecord) {
  const auto bytes = bytes_of(data_record(4), "text");
  for (size_t length = 0; length < bytes.size(); ++length) {
    SocketData event;
    EXPECT_EQ(decode_data({bytes.data(), length}, event), DecodeStatus::kTruncated) << length;
  }
}

TEST(SocketDecoderTest, IgnoresPaddingBehindARecord) {
  // The kernel's reservations have a few sizes; what lies behind the record is of an older one.
  const auto bytes = bytes_of(data_record(4), "text" + std::string(124, 'o'));
  SocketData event;
  ASSERT_EQ(bytes.size(), sizeof(socket_data_record) + 128);
  EXPECT_EQ(decode_data(bytes, event), DecodeStatus::kOk);
  EXPECT_EQ(std::memcmp(event.payload.data(), "text", 4), 0);
  EXPECT_EQ(event.payload.size(), 4U);
}

TEST(SocketDecoderTest, RejectsSizesThatContradictEachOther) {
  auto record = data_record(4);
  record.header.size = sizeof(record) + 3;
  SocketData event;
  EXPECT_EQ(decode_data(bytes_of(record, "text"), event), DecodeStatus::kTruncated);
  record = data_record(4);
  record.length = 3;  // less than was copied of it
  EXPECT_EQ(decode_data(bytes_of(record, "text"), event), DecodeStatus::kField);
  record = data_record(0);
  record.header.size = 10;
  EXPECT_EQ(decode_data(bytes_of(record), event), DecodeStatus::kTruncated);
}

TEST(SocketDecoderTest, RejectsRecordsOfTheOtherRing) {
  SocketData event;
  EXPECT_EQ(decode_data(bytes_of(opened_record()), event), DecodeStatus::kType);
  ControlEvent control;
  EXPECT_EQ(decode_control(bytes_of(data_record(0)), control), DecodeStatus::kType);
}

TEST(SocketDecoderTest, RejectsUnknownFlagsAndNoConnection) {
  SocketData event;
  auto record = data_record(0);
  record.flags = 8;
  EXPECT_EQ(decode_data(bytes_of(record), event), DecodeStatus::kField);
  record = data_record(0);
  record.connection = 0;
  EXPECT_EQ(decode_data(bytes_of(record), event), DecodeStatus::kField);
}

TEST(SocketDecoderTest, ReadsAnOpening) {
  ControlEvent event;
  ASSERT_EQ(decode_control(bytes_of(opened_record()), event), DecodeStatus::kOk);
  const auto& opened = std::get<model::SocketOpened>(event);
  EXPECT_EQ(opened.connection, 7U);
  EXPECT_EQ(opened.process.pid, 100U);
  EXPECT_EQ(opened.process.start_ticks, 123U);
  EXPECT_EQ(opened.tid, 101U);
  EXPECT_EQ(opened.role, model::SocketRole::kClient);
  EXPECT_TRUE(opened.mid_life);
  EXPECT_EQ(opened.local.text(), "127.0.0.1:4000");
  EXPECT_EQ(opened.remote.text(), "127.0.0.2:80");
  EXPECT_EQ(opened.network_namespace, 55U);
  EXPECT_EQ(opened.connect_latency_ns, 99U);
  EXPECT_TRUE(opened.positions_known);
  EXPECT_EQ(opened.send_position, 11U);
  EXPECT_EQ(opened.receive_position, 22U);
}

TEST(SocketDecoderTest, StoresMappedIpv4AsIpv4) {
  auto record = opened_record();
  record.remote = {.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3},
                   .port = 80,
                   .family = AF_INET6,
                   .reserved = 0};
  ControlEvent event;
  ASSERT_EQ(decode_control(bytes_of(record), event), DecodeStatus::kOk);
  EXPECT_EQ(std::get<model::SocketOpened>(event).remote.text(), "10.1.2.3:80");
}

TEST(SocketDecoderTest, RejectsUnknownAddressFamiliesAndPids) {
  auto record = opened_record();
  record.remote.family = AF_PACKET;
  ControlEvent event;
  EXPECT_EQ(decode_control(bytes_of(record), event), DecodeStatus::kField);
  record = opened_record();
  record.process.pid = 0;
  EXPECT_EQ(decode_control(bytes_of(record), event), DecodeStatus::kField);
}

TEST(SocketDecoderTest, ReadsAClose) {
  auto record = with_header<socket_closed_record>(RECORD_SOCKET_CLOSED);
  record.connection = 7;
  record.bytes_sent = 1ULL << 40;
  record.bytes_received = 3;
  record.reason = SOCKET_CLOSE_RESET_BY_PEER;
  record.reset_reason = RESET_WHILE_HALF_CLOSED;
  ControlEvent event;
  ASSERT_EQ(decode_control(bytes_of(record), event), DecodeStatus::kOk);
  const auto& closed = std::get<model::SocketClosed>(event);
  EXPECT_EQ(closed.bytes_sent, 1ULL << 40);
  EXPECT_EQ(closed.reason, model::CloseReason::kResetByPeer);
  EXPECT_EQ(closed.reset_reason, model::ResetReason::kWhileHalfClosed);
  record.reset_reason = RESET_REASON_COUNT;
  EXPECT_EQ(decode_control(bytes_of(record), event), DecodeStatus::kField);
  record.reset_reason = RESET_NONE;
  record.reason = 4;
  EXPECT_EQ(decode_control(bytes_of(record), event), DecodeStatus::kField);
}

TEST(SocketDecoderTest, ReadsAFailedConnect) {
  auto record = with_header<connect_failed_record>(RECORD_CONNECT_FAILED);
  record.process = {.start_boottime_ns = 0, .pid = 5, .tid = 5};
  record.remote = {.ip = {127, 0, 0, 1}, .port = 81, .family = AF_INET, .reserved = 0};
  record.errno_value = 111;
  record.latency_ns = 42;
  ControlEvent event;
  ASSERT_EQ(decode_control(bytes_of(record), event), DecodeStatus::kOk);
  EXPECT_EQ(std::get<model::ConnectFailed>(event).errno_value, 111);
  EXPECT_EQ(std::get<model::ConnectFailed>(event).latency_ns, 42U);
  record.errno_value = 5000;
  EXPECT_EQ(decode_control(bytes_of(record), event), DecodeStatus::kField);
}

TEST(SocketDecoderTest, ReadsTheLifeOfAProcess) {
  auto exec = with_header<process_exec_record>(RECORD_PROCESS_EXEC);
  exec.process = {.start_boottime_ns = 20'000'000, .pid = 5, .tid = 6};
  exec.flags = PROCESS_IS_TARGET;
  exec.cgroup_id = 9;
  exec.parent_pid = 4;
  std::memcpy(exec.comm, "sixteen-letters!", sizeof(exec.comm));  // no terminator
  ControlEvent event;
  ASSERT_EQ(decode_control(bytes_of(exec), event), DecodeStatus::kOk);
  EXPECT_EQ(std::get<model::ProcessExec>(event).comm, "sixteen-letters!");
  EXPECT_EQ(std::get<model::ProcessExec>(event).process.start_ticks, 2U);
  EXPECT_TRUE(std::get<model::ProcessExec>(event).is_target);

  auto fork = with_header<process_fork_record>(RECORD_PROCESS_FORK);
  fork.process = {.start_boottime_ns = 0, .pid = 7, .tid = 7};
  fork.parent_pid = 5;
  ASSERT_EQ(decode_control(bytes_of(fork), event), DecodeStatus::kOk);
  EXPECT_EQ(std::get<model::ProcessFork>(event).parent_pid, 5U);
  EXPECT_FALSE(std::get<model::ProcessFork>(event).is_target);

  auto exit = with_header<process_exit_record>(RECORD_PROCESS_EXIT);
  exit.process = {.start_boottime_ns = 0, .pid = 7, .tid = 7};
  exit.exit_code = 0x700;
  ASSERT_EQ(decode_control(bytes_of(exit), event), DecodeStatus::kOk);
  EXPECT_EQ(std::get<model::ProcessExit>(event).exit_code, 0x700U);
}

TEST(SocketDecoderTest, RejectsEveryTruncationOfControlRecords) {
  const auto bytes = bytes_of(opened_record());
  for (size_t length = 0; length < bytes.size(); ++length) {
    ControlEvent event;
    EXPECT_EQ(decode_control({bytes.data(), length}, event), DecodeStatus::kTruncated) << length;
  }
}

}  // namespace
}  // namespace hostlens::decoders
