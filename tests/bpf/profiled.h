// SPDX-License-Identifier: Apache-2.0
// A sampler that knows this test's own children, and unwinds nobody else.
#pragma once

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/limits.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "decoders/profile_decoder.h"
#include "kernel/code_files.h"
#include "kernel/local_host_access.h"
#include "kernel/process_memory.h"
#include "kernel/ring_reader.h"
#include "kernel/slab_source.h"
#include "kernel/target_table.h"
#include "probes/off_cpu_probe.h"
#include "probes/profile_books.h"
#include "probes/profile_probe.h"
#include "probes/unwind_tables.h"
#include "symbols/code/code_tracker.h"
#include "symbols/code/sample_mender.h"

namespace hostlens::testing {

/// Functions of an ELF file by its symbol table, read without any of our own code.
class Functions {
 public:
  explicit Functions(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    Elf64_Ehdr header;
    if (bytes.size() < sizeof header) return;
    std::memcpy(&header, bytes.data(), sizeof header);
    std::vector<Elf64_Shdr> sections(header.e_shnum);
    std::memcpy(sections.data(), bytes.data() + header.e_shoff,
                sections.size() * sizeof(Elf64_Shdr));
    for (const Elf64_Shdr& section : sections) {
      if (section.sh_type != SHT_SYMTAB) continue;
      const char* names = bytes.data() + sections[section.sh_link].sh_offset;
      for (size_t at = 0; at < section.sh_size; at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        std::memcpy(&symbol, bytes.data() + section.sh_offset + at, sizeof symbol);
        if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_value == 0) continue;
        functions_[symbol.st_value] = {symbol.st_value + symbol.st_size, names + symbol.st_name};
      }
    }
  }
  /// "": no function is there.
  [[nodiscard]] std::string at(uint64_t address) const {
    auto next = functions_.upper_bound(address);
    if (next == functions_.begin()) return {};
    --next;
    return address < next->second.end ? next->second.name : std::string{};
  }

 private:
  struct Function {
    uint64_t end = 0;
    std::string name;
  };
  std::map<uint64_t, Function> functions_;
};

/// Where the programs of tests/fixtures/profile are.
inline std::string profiled_program(const std::string& name) {
  char self[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", self, sizeof self);
  std::string path(self, size > 0 ? static_cast<size_t>(size) : 0);
  return path.substr(0, path.rfind('/') + 1) + name;
}

class Profiled {
 public:
  /// `off_cpu`: the stacks of who comes back to a CPU, too, from here on.
  static std::unique_ptr<Profiled> open(
      uint32_t hz, bool targets_only, std::string& why_not, uint64_t table_bytes = 64 << 20,
      bool by_ticks = false, const std::optional<probes::OffCpuProbeSettings>& off_cpu = {}) {
    std::unique_ptr<Profiled> profiled(new Profiled);
    auto types = probes::kernel_types();
    if (!types) {
      why_not = types.error().text();
      return nullptr;
    }
    const probes::KernelProbeContext context{profiled->shared_, types->get(), profiled->report_,
                                             profiled->listeners_};
    probes::ProfileProbeSettings settings;
    settings.hz = hz;
    settings.targets_only = targets_only;
    settings.by_ticks = by_ticks;
    settings.raw_per_second = hz / 4;
    settings.keeps_targets = off_cpu.has_value();
    if (off_cpu) settings.ring_bytes = 8 << 20;
    const uint64_t before = base::monotonic_now_ns();
    profiled->probe_ = probes::ProfileProbe::attach(context, settings);
    if (profiled->probe_ && off_cpu) {
      profiled->off_cpu_ = probes::OffCpuProbe::attach(context, *off_cpu);
      if (!profiled->off_cpu_) profiled->probe_.reset();
    }
    profiled->load_ns_ = base::monotonic_now_ns() - before;
    if (!profiled->probe_) {
      for (const auto& hook : profiled->report_.hooks)
        why_not += hook.hook + ": " + hook.reason + "; ";
      return nullptr;
    }
    if (!profiled->open_tables(table_bytes)) {
      why_not = "the tables cannot be opened";
      return nullptr;
    }
    profiled->probe_->begin();
    return profiled;
  }
  ~Profiled() { ::munmap(bits_, kBitsBytes); }

  [[nodiscard]] probes::ProfileProbe& probe() { return *probe_; }
  [[nodiscard]] probes::OffCpuProbe& off_cpu() { return *off_cpu_; }
  [[nodiscard]] probes::UnwindTables& tables() { return *tables_; }
  [[nodiscard]] symbols::CodeTracker& tracker() { return *tracker_; }
  [[nodiscard]] uint64_t load_ns() const { return load_ns_; }
  [[nodiscard]] probes::ProfileBooks books() {
    auto books = probes::read_profile_books(probe_->maps().books);
    EXPECT_TRUE(books);
    return books ? *books : probes::ProfileBooks{};
  }

  /// A program that waits on its standard input for a byte; already a target.
  struct Child {
    pid_t pid = -1;
    base::UniqueFd input;
    void go() const { EXPECT_EQ(::write(input.get(), "g", 1), 1); }
    void end() {
      input.reset();
      if (pid > 0) ::waitpid(pid, nullptr, 0);
      pid = -1;
    }
  };
  Child start(const std::vector<std::string>& command) {
    int input[2];
    EXPECT_EQ(::pipe2(input, O_CLOEXEC), 0);
    int ready[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      char byte;
      ::dup2(input[0], 0);
      std::vector<char*> arguments;
      for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
      arguments.push_back(nullptr);
      if (::read(ready[0], &byte, 1) == 1) ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    EXPECT_TRUE(targets_->set_process(static_cast<uint32_t>(pid), true));
    begin_off_cpu();
    own_.insert(static_cast<uint32_t>(pid));
    others_.erase(static_cast<uint32_t>(pid));
    EXPECT_EQ(::write(ready[1], "g", 1), 1);
    for (const int fd : {input[0], ready[0], ready[1]}) ::close(fd);
    return {pid, base::UniqueFd(input[1])};
  }

  /// A process that runs already, and its threads.
  void adopt(uint32_t pid) {
    if (!adopted_.insert(pid).second) return;
    own_.insert(pid);
    others_.erase(pid);
    EXPECT_TRUE(targets_->set_process(pid, true));
    EXPECT_TRUE(tracker_->visit(base::monotonic_now_ns()));
    begin_off_cpu();  // last: what the visit takes is no time of theirs
  }

  /// What the worker does all the time.
  void serve() {
    const uint64_t now_ns = base::monotonic_now_ns();
    notices_->consume([&](base::Bytes bytes) {
      decoders::ProfileNotice notice;
      ASSERT_EQ(decoders::decode_profile_notice(bytes, notice), decoders::DecodeStatus::kOk);
      notices_seen_.push_back(notice);
      tracker_->on_notice(notice, now_ns);
    });
    tracker_->read_again(now_ns);
    while (tracker_->build_next(now_ns)) {
    }
    ring_->consume([&](base::Bytes bytes) {
      decoders::ProfileSample sample;
      decoders::ProfileRaw raw;
      const auto status = decoders::decode_profile_sample(bytes, sample);
      if (status == decoders::DecodeStatus::kOk) {
        mender_->on_sample(std::move(sample));
        return;
      }
      ASSERT_EQ(status, decoders::DecodeStatus::kType);
      decoders::ProfileWaker waker;
      if (decoders::decode_profile_waker(bytes, waker) == decoders::DecodeStatus::kOk) {
        mender_->on_waker(std::move(waker));
        return;
      }
      ASSERT_EQ(decoders::decode_profile_raw(bytes, raw), decoders::DecodeStatus::kOk);
      mender_->on_raw(raw);
    });
    mender_->mend(now_ns);
  }
  void serve_once() {
    ::usleep(2000);
    serve();
  }
  /// Until there are so many samples, or so much time has passed.
  void serve_until(size_t samples, uint64_t most_ns) {
    const uint64_t end_ns = base::monotonic_now_ns() + most_ns;
    while (samples_.size() < samples && base::monotonic_now_ns() < end_ns) {
      serve_once();
    }
  }
  /// Serves until the program waits for its byte, and all that it has mapped is known.
  void settle(uint32_t pid) {
    const auto waits = [&] {
      std::ifstream file("/proc/" + std::to_string(pid) + "/syscall");
      std::string call;
      std::string descriptor;
      file >> call >> descriptor;
      return call == "0" && descriptor == "0x0";  // read(2); the loader reads others
    };
    const uint64_t end_ns = base::monotonic_now_ns() + 20'000'000'000;
    while (!waits() && base::monotonic_now_ns() < end_ns) serve_once();
    const auto process = tables_->process(pid);
    ASSERT_TRUE(process);
    const uint64_t again_ns = base::monotonic_now_ns() + 30'000'000;
    while (base::monotonic_now_ns() < end_ns &&
           (base::monotonic_now_ns() < again_ns || !tables_->has_space(process->space) ||
            tracker_->waiting() != 0)) {
      serve_once();
    }
  }
  [[nodiscard]] std::vector<decoders::ProfileSample>& samples() { return samples_; }
  [[nodiscard]] std::vector<decoders::ProfileNotice>& notices() { return notices_seen_; }
  /// What was sampled before counts no more, even if it comes later.
  void clear() {
    serve();
    since_ns_ = base::monotonic_now_ns();
    samples_.clear();
    notices_seen_.clear();
  }

  /// Names of the frames that are in `path`, leaf first.
  [[nodiscard]] std::vector<std::string> names(const decoders::ProfileSample& sample,
                                               const std::string& path) {
    auto& functions = functions_.try_emplace(path, path).first->second;
    std::vector<std::string> names;
    for (const decoders::ProfileFrame& frame : sample.frames) {
      if (frame.kind != PROFILE_FRAME_FILE) continue;
      const symbols::CodeFile* file = tracker_->file(frame.executable);
      if (file == nullptr || file->path != path) continue;
      names.push_back(functions.at(frame.address - (frame.is_return ? 1 : 0)));
    }
    return names;
  }
  /// Samples that may become better yet.
  [[nodiscard]] size_t waiting() const { return mender_->waiting(); }
  /// For a failure's message.
  [[nodiscard]] std::string describe(const decoders::ProfileSample& sample) {
    std::string text = "outcome " + std::to_string(sample.outcome) +
                       (sample.guessed ? " guessed" : "") + ", kernel " +
                       std::to_string(sample.kernel_frames.size()) + ":";
    for (const decoders::ProfileFrame& frame : sample.frames) {
      const symbols::CodeFile* file = tracker_->file(frame.executable);
      char address[40];
      std::snprintf(address, sizeof address, "+0x%llx",
                    static_cast<unsigned long long>(frame.address));
      std::string path = file == nullptr ? "?" : file->path;
      text += " " + path.substr(path.rfind('/') + 1) + address;
    }
    return text;
  }

 private:
  static constexpr size_t kBitsBytes = 4194304 / 8;

  Profiled()
      : shared_({std::begin(probes::OffCpuProbe::kSharedMaps),
                 std::end(probes::OffCpuProbe::kSharedMaps)}) {}

  void begin_off_cpu() {
    if (off_cpu_) {
      EXPECT_TRUE(off_cpu_->begin());
    }
  }

  /// What is sampled of others is left alone, and of them nothing but addresses in the kernel is
  /// seen.
  [[nodiscard]] bool is_own(uint32_t pid) {
    if (own_.contains(pid)) return true;
    if (!others_.insert(pid).second) return false;
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string stat;
    std::getline(file, stat);
    uint32_t parent = 0;
    const size_t end = stat.rfind(')');
    if (end == std::string::npos || std::sscanf(stat.c_str() + end, ") %*c %u", &parent) != 1 ||
        !own_.contains(parent)) {
      return false;
    }
    others_.erase(pid);
    return own_.insert(pid).second;
  }

  [[nodiscard]] bool open_tables(uint64_t table_bytes) {
    const auto own = [](int fd) { return base::UniqueFd(::dup(fd)); };
    const probes::ProfileProbe::Maps maps = probe_->maps();
    auto tables = probes::UnwindTables::open(
        {own(maps.slabs), own(maps.executables), own(maps.spaces), own(maps.processes),
         own(maps.python_spaces), own(maps.hotspot_spaces)},
        slabs_, table_bytes);
    auto ring = kernel::RingReader::open(own(maps.ring));
    auto notices = kernel::RingReader::open(own(maps.notices));
    if (!tables || !ring || !notices) return false;
    tables_ = *std::move(tables);
    ring_ = *std::move(ring);
    notices_ = *std::move(notices);
    void* const bits = ::mmap(nullptr, kBitsBytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                              shared_.fd("target_bits"), 0);
    if (bits == MAP_FAILED) return false;
    bits_ = static_cast<uint64_t*>(bits);
    targets_ = std::make_unique<kernel::TargetTable>(bits_, kBitsBytes / 8, -1);
    host_ = std::make_unique<kernel::LocalHostAccess>(*targets_);
    tracker_ = std::make_unique<symbols::CodeTracker>(*tables_, *host_, files_, memory_,
                                                      [this](uint32_t pid) { return is_own(pid); });
    mender_ = std::make_unique<symbols::SampleMender>(
        *tables_, *tracker_, memory_, [this](decoders::ProfileSample&& sample) {
          if (sample.time_ns >= since_ns_ && is_own(sample.process.pid)) {
            samples_.push_back(std::move(sample));
          }
        });
    return true;
  }

  kernel::AttachReport report_;
  kernel::SharedMaps shared_;
  base::UniqueFd listeners_;
  std::unique_ptr<probes::ProfileProbe> probe_;
  std::unique_ptr<probes::OffCpuProbe> off_cpu_;
  uint64_t load_ns_ = 0;
  kernel::LocalSlabSource slabs_;
  kernel::LocalCodeFiles files_;
  kernel::LocalProcessMemory memory_{[this](uint32_t pid) { return own_.contains(pid); },
                                     [](model::ProcessKey) { return true; }};
  std::unique_ptr<probes::UnwindTables> tables_;
  std::unique_ptr<kernel::RingReader> ring_;
  std::unique_ptr<kernel::RingReader> notices_;
  uint64_t* bits_ = nullptr;
  std::unique_ptr<kernel::TargetTable> targets_;
  std::unique_ptr<kernel::LocalHostAccess> host_;
  std::unique_ptr<symbols::CodeTracker> tracker_;
  std::unique_ptr<symbols::SampleMender> mender_;
  uint64_t since_ns_ = 0;
  std::set<uint32_t> own_;
  std::set<uint32_t> adopted_;
  std::set<uint32_t> others_;
  std::map<std::string, Functions> functions_;
  std::vector<decoders::ProfileSample> samples_;
  std::vector<decoders::ProfileNotice> notices_seen_;
};

}  // namespace hostlens::testing
