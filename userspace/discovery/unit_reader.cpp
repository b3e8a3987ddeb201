// SPDX-License-Identifier: Apache-2.0
#include "discovery/unit_reader.h"

#include <systemd/sd-bus.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "discovery/proc_files.h"

namespace hostlens::discovery {
namespace {

using base::Error;

constexpr const char* kSystemd = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnit = "org.freedesktop.systemd1.Unit";
constexpr const char* kService = "org.freedesktop.systemd1.Service";
constexpr const char* kSystemBus = "unix:path=/run/dbus/system_bus_socket";
/// `systemctl reset-failed` sets the restarts of a unit back without a change of its state.
constexpr int kReadsUntilAnew = 30;

struct UnreferMessage {
  void operator()(sd_bus_message* message) const { ::sd_bus_message_unref(message); }
};
using MessagePtr = std::unique_ptr<sd_bus_message, UnreferMessage>;

Error bus_error(const char* what, int negative_errno) {
  const int error = -negative_errno;
  if (error == ETIMEDOUT) {
    return Error{Error::Kind::kBusy, error, std::string(what) + ": systemd does not answer", {}};
  }
  if (error == EBADR) {  // no such object
    return Error{Error::Kind::kNotFound, error, std::string(what) + ": no such unit", {}};
  }
  if (error == EBADMSG || error == ENXIO || error == EINVAL) {
    return Error{Error::Kind::kInvalid, error, std::string(what) + ": the answer is none", {}};
  }
  return base::errno_error(what, error);
}

/// The interface on which a unit of this type has its `Result`; nullptr: it has none.
const char* result_interface(std::string_view unit) {
  constexpr std::array<std::pair<std::string_view, const char*>, 6> kTypes{{
      {".service", kService},
      {".mount", "org.freedesktop.systemd1.Mount"},
      {".socket", "org.freedesktop.systemd1.Socket"},
      {".timer", "org.freedesktop.systemd1.Timer"},
      {".swap", "org.freedesktop.systemd1.Swap"},
      {".path", "org.freedesktop.systemd1.Path"},
  }};
  for (const auto& [suffix, interface] : kTypes) {
    if (unit.ends_with(suffix)) return interface;
  }
  return nullptr;
}

/// Patterns are globs, names are not: "a\x2db.service" must match itself only.
std::string as_pattern(std::string_view name) {
  std::string pattern;
  for (const char letter : name) {
    if (std::string_view("*?[]\\").find(letter) != std::string_view::npos) pattern += '\\';
    pattern += letter;
  }
  return pattern;
}

int append_words(sd_bus_message* message, const std::vector<std::string>& words) {
  int done = ::sd_bus_message_open_container(message, 'a', "s");
  for (size_t i = 0; done >= 0 && i < words.size(); ++i) {
    done = ::sd_bus_message_append(message, "s", words[i].c_str());
  }
  return done < 0 ? done : ::sd_bus_message_close_container(message);
}

}  // namespace

void UnitReader::CloseBus::operator()(sd_bus* bus) const {
  ::sd_bus_close(bus);  // nothing is worth a flush, which could block
  ::sd_bus_unref(bus);
}

UnitReader::UnitReader(UnitReaderSettings settings) : settings_(std::move(settings)) {
  if (settings_.address.empty()) settings_.address = kSystemBus;
}

UnitReader::~UnitReader() = default;

UnitReader::Answer UnitReader::connect() {
  sd_bus* raw = nullptr;
  if (const int made = ::sd_bus_new(&raw); made < 0) return bus_error("make a bus", made);
  std::unique_ptr<sd_bus, CloseBus> bus(raw);
  int done = ::sd_bus_set_address(raw, settings_.address.c_str());
  if (done >= 0) done = ::sd_bus_set_bus_client(raw, 1);
  if (done >= 0) done = ::sd_bus_start(raw);
  // A call would wait for the bus to greet us for 90 s, whatever its own limit.
  while (done >= 0 && (done = ::sd_bus_is_ready(raw)) == 0) {
    const uint64_t now_ns = base::monotonic_now_ns();
    if (now_ns >= deadline_ns_) done = -ETIMEDOUT;
    if (done >= 0) done = ::sd_bus_process(raw, nullptr);
    if (done == 0) done = ::sd_bus_wait(raw, (deadline_ns_ - now_ns) / 1000);
  }
  if (done < 0) {
    return bus_error("connect to the system bus", done)
        .with_remedy("unit states need dbus and " + settings_.address);
  }
  bus_ = std::move(bus);
  return {};
}

UnitReader::Answer UnitReader::limit_next_call() {
  const uint64_t now_ns = base::monotonic_now_ns();
  if (now_ns >= deadline_ns_) return bus_error("ask systemd", -ETIMEDOUT);
  // 0 would mean the default of 25 s.
  const uint64_t left_us = std::max<uint64_t>((deadline_ns_ - now_ns) / 1000, 1);
  if (const int set = ::sd_bus_set_method_call_timeout(bus_.get(), left_us); set < 0) {
    return bus_error("ask systemd", set);
  }
  return {};
}

UnitReader::Answer UnitReader::list(const char* method, const std::vector<std::string>& words,
                                    UnitReading& reading, bool with_patterns) {
  if (auto limited = limit_next_call(); !limited) return limited;
  sd_bus_message* raw = nullptr;
  int done =
      ::sd_bus_message_new_method_call(bus_.get(), &raw, kSystemd, kManagerPath, kManager, method);
  MessagePtr call(raw);
  if (done >= 0 && with_patterns) done = append_words(raw, {});  // in every state
  if (done >= 0) done = append_words(raw, words);
  raw = nullptr;
  if (done >= 0) done = ::sd_bus_call(bus_.get(), call.get(), 0, nullptr, &raw);
  const MessagePtr answer(raw);
  if (done >= 0) done = ::sd_bus_message_enter_container(raw, 'a', "(ssssssouso)");
  while (done >= 0) {
    const char* name = nullptr;
    const char* active = nullptr;
    const char* sub = nullptr;
    const char* path = nullptr;
    const char* skipped = nullptr;
    uint32_t job = 0;
    done = ::sd_bus_message_read(raw, "(ssssssouso)", &name, &skipped, &skipped, &active, &sub,
                                 &skipped, &path, &job, &skipped, &skipped);
    if (done == 0) return {};
    if (done < 0) break;
    const bool known = std::any_of(reading.units.begin(), reading.units.end(),
                                   [&](const model::UnitState& unit) { return unit.name == name; });
    if (known) continue;
    if (reading.units.size() >= settings_.max_units) {
      ++reading.over_limit;
      continue;
    }
    model::UnitState& unit = reading.units.emplace_back();
    unit.name = clean_text(name);
    unit.active_state = clean_text(active, 32);
    unit.sub_state = clean_text(sub, 32);
    paths_.emplace_back(path);
  }
  return bus_error("list units", done);
}

UnitReader::Answer UnitReader::ask_number(const std::string& path, const char* interface,
                                          const char* property, char type, void* value) {
  if (auto limited = limit_next_call(); !limited) return limited;
  const int done = ::sd_bus_get_property_trivial(bus_.get(), kSystemd, path.c_str(), interface,
                                                 property, nullptr, type, value);
  if (done < 0) return bus_error(property, done);
  return {};
}

UnitReader::Answer UnitReader::ask_text(const std::string& path, const char* interface,
                                        const char* property, std::string& value) {
  if (auto limited = limit_next_call(); !limited) return limited;
  char* text = nullptr;
  const int done = ::sd_bus_get_property_string(bus_.get(), kSystemd, path.c_str(), interface,
                                                property, nullptr, &text);
  if (done < 0) return bus_error(property, done);
  value = clean_text(text, 64);
  ::free(text);
  return {};
}

UnitReader::Answer UnitReader::describe(model::UnitState& unit, const std::string& path) {
  uint64_t since_us = 0;
  auto asked = ask_number(path, kUnit, "StateChangeTimestamp", 't', &since_us);
  if (!asked) return asked;
  unit.since_unix_ns = since_us < UINT64_MAX / 1000 ? since_us * 1000 : 0;
  Known& known = known_[unit.name];
  known.seen = true;
  const model::UnitState& before = known.state;
  if (--known.reads_left > 0 && before.since_unix_ns == unit.since_unix_ns &&
      before.active_state == unit.active_state && before.sub_state == unit.sub_state) {
    unit = before;
    return {};
  }
  if (const char* const interface = result_interface(unit.name)) {
    asked = ask_text(path, interface, "Result", unit.result);
    if (asked && interface == kService) {
      asked = ask_number(path, kService, "NRestarts", 'u', &unit.restarts);
      if (asked) asked = ask_number(path, kService, "MainPID", 'u', &unit.main_pid);
    }
  }
  if (!asked) {
    known_.erase(unit.name);
    return asked;
  }
  known.state = unit;
  known.reads_left = kReadsUntilAnew;
  return {};
}

UnitReading UnitReader::read(const std::vector<std::string>& wanted) {
  UnitReading reading;
  paths_.clear();
  deadline_ns_ = base::monotonic_now_ns() + settings_.patience_ns;
  Answer done = bus_ == nullptr ? connect() : Answer{};
  std::vector<std::string> patterns;
  for (const std::string& name : wanted) {
    if (patterns.size() < settings_.max_units) {
      patterns.push_back(as_pattern(name));
    } else {
      ++reading.over_limit;
    }
  }
  if (done && !patterns.empty()) done = list("ListUnitsByPatterns", patterns, reading, true);
  if (done) done = list("ListUnitsFiltered", {"failed"}, reading, false);
  for (auto& [name, known] : known_) known.seen = false;
  for (size_t i = 0; done && i < reading.units.size(); ++i) {
    done = describe(reading.units[i], paths_[i]);
    // A unit that was unloaded since the list was made is nobody's fault.
    if (!done && done.error().kind == Error::Kind::kNotFound) done = Answer{};
  }
  if (done) {
    std::erase_if(known_, [](const auto& item) { return !item.second.seen; });
  } else {
    reading.error = std::move(done).error();
    bus_.reset();  // an answer that comes late must not be taken for the next one
  }
  return reading;
}

}  // namespace hostlens::discovery
