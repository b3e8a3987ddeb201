// SPDX-License-Identifier: Apache-2.0
// What a loaded socket probe saw, for tests that trigger its hooks themselves.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "decoders/socket_decoder.h"
#include "kernel/ring_reader.h"
#include "probes/socket_counters.h"
#include "probes/socket_probe.h"

namespace hostlens::testing {

/// A data record with its own copy of the payload.
struct Call {
  model::SocketData event;
  std::string payload;
};

/// One probe for a whole suite: loading costs more than the tests.
class Observed {
 public:
  static base::Result<std::unique_ptr<Observed>> open(const probes::SocketProbeSettings& settings) {
    auto probe = probes::SocketProbe::attach(settings);
    if (!probe) return std::move(probe).error();
    auto control = kernel::RingReader::open(base::UniqueFd(::dup((*probe)->control_ring_fd())));
    if (!control) return std::move(control).error();
    auto data = kernel::RingReader::open(base::UniqueFd(::dup((*probe)->data_ring_fd())));
    if (!data) return std::move(data).error();
    return std::unique_ptr<Observed>(
        new Observed(*std::move(probe), *std::move(control), *std::move(data)));
  }

  probes::SocketProbe& probe() { return *probe_; }

  /// Reads both rings; what was there before is kept until `clear`.
  void drain() {
    control_->consume([this](base::Bytes bytes) {
      model::ControlEvent event;
      EXPECT_EQ(decoders::decode_control(bytes, event), decoders::DecodeStatus::kOk);
      events_.push_back(std::move(event));
    });
    data_->consume([this](base::Bytes bytes) {
      Call call;
      EXPECT_EQ(decoders::decode_data(bytes, call.event), decoders::DecodeStatus::kOk);
      call.payload.assign(reinterpret_cast<const char*>(call.event.payload.data()),
                          call.event.payload.size());
      call.event.payload = {};
      calls_.push_back(std::move(call));
    });
  }
  void clear() {
    drain();
    calls_.clear();
    events_.clear();
  }
  std::vector<Call>& calls() {
    drain();
    return calls_;
  }
  std::vector<Call> calls(model::Direction direction) {
    std::vector<Call> matching;
    for (const Call& call : calls()) {
      if (call.event.direction == direction) matching.push_back(call);
    }
    return matching;
  }
  template <typename T>
  std::vector<T> events() {
    drain();
    std::vector<T> matching;
    for (const model::ControlEvent& event : events_) {
      if (const T* one = std::get_if<T>(&event)) matching.push_back(*one);
    }
    return matching;
  }
  probes::SocketCounters counters() {
    auto reader = probes::SocketCounterReader::open(base::UniqueFd(::dup(probe_->counters_fd())));
    EXPECT_TRUE(reader);
    auto counters = reader->read();
    EXPECT_TRUE(counters);
    return *counters;
  }

 private:
  Observed(std::unique_ptr<probes::SocketProbe> probe, std::unique_ptr<kernel::RingReader> control,
           std::unique_ptr<kernel::RingReader> data)
      : probe_(std::move(probe)), control_(std::move(control)), data_(std::move(data)) {}

  std::unique_ptr<probes::SocketProbe> probe_;
  std::unique_ptr<kernel::RingReader> control_;
  std::unique_ptr<kernel::RingReader> data_;
  std::vector<Call> calls_;
  std::vector<model::ControlEvent> events_;
};

}  // namespace hostlens::testing
