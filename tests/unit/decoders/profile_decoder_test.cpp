// SPDX-License-Identifier: Apache-2.0
#include "decoders/profile_decoder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "records/signal.h"

namespace hostlens::decoders {
namespace {

template <typename T>
std::vector<std::byte> bytes_of(const T& record, const std::vector<uint64_t>& tail = {}) {
  std::vector<std::byte> bytes(sizeof(T) + tail.size() * sizeof(uint64_t));
  std::memcpy(bytes.data(), &record, sizeof(T));
  if (!tail.empty()) {
    std::memcpy(bytes.data() + sizeof(T), tail.data(), tail.size() * sizeof(uint64_t));
  }
  return bytes;
}

constexpr uint64_t file_frame(uint64_t executable, uint64_t address) {
  return uint64_t{PROFILE_FRAME_FILE} << PROFILE_FRAME_KIND_SHIFT |
         executable << PROFILE_FRAME_EXECUTABLE_SHIFT | address;
}
constexpr uint64_t kKernelFrame = 0xffffffff81000000;
constexpr uint64_t kAnonymous =
    uint64_t{PROFILE_FRAME_ANONYMOUS} << PROFILE_FRAME_KIND_SHIFT | 0x7f0000001000;
const std::vector<uint64_t> kFrames{kKernelFrame, file_frame(7, 0x1234),
                                    PROFILE_FRAME_RETURN | file_frame(8191, 0xff'ffff'ffff),
                                    PROFILE_FRAME_RETURN | kAnonymous};

profile_sample_record sample_record() {
  profile_sample_record record{};
  record.header = {1'000, RECORD_PROFILE_SAMPLE, 3, sizeof(record) + 4 * sizeof(uint64_t)};
  record.process = {.start_boottime_ns = 1'234'567'890, .pid = 100, .tid = 101};
  record.cgroup_id = 55;
  record.weight = 2;
  std::memcpy(record.comm, "worker", 7);
  record.kernel_frames = 1;
  record.user_frames = 3;
  record.outcome = PROFILE_TRUNCATED;
  record.flags = PROFILE_SAMPLE_GUESSED | PROFILE_SAMPLE_RAW;
  return record;
}

profile_notice_record notice_record() {
  profile_notice_record record{};
  record.header = {2'000, RECORD_PROFILE_NOTICE, 0, sizeof(record)};
  record.process = {.start_boottime_ns = 1'234'567'890, .pid = 100, .tid = 101};
  record.space = 9;
  record.address = 0x5555;
  record.executable = 12;
  record.reason = PROFILE_NOTICE_ADDRESS;
  return record;
}

profile_raw_record raw_record(size_t stack_bytes) {
  profile_raw_record record{};
  record.header = {3'000, RECORD_PROFILE_RAW, 0,
                   static_cast<uint32_t>(sizeof(record) + stack_bytes)};
  record.process = {.start_boottime_ns = 1'234'567'890, .pid = 100, .tid = 101};
  record.space = 9;
  record.inherited = 8;
  record.pc = 0x400000;
  record.registers[7] = 0x7ffc0010;
  record.stack_start = 0x7ffc0000;
  return record;
}

TEST(ProfileDecoderTest, ReadsPythonFramesBehindTheOthers) {
  profile_sample_record record = sample_record();
  record.python_outcome = PYTHON_TRUNCATED;
  record.python_version = PYTHON_3_12;
  record.python_frames = 3;
  record.header.size += 6 * sizeof(uint64_t);
  std::vector<uint64_t> words = kFrames;
  const uint64_t python[] = {0x7f0000001230,
                             uint64_t{0xabcdef01} << 32 | 0xfffffffe,
                             PYTHON_FRAME_ENTRY | 0x7f0000004560,
                             uint64_t{1} << 32 | 46,
                             PYTHON_FRAME_ENTRY,
                             0};
  words.insert(words.end(), std::begin(python), std::end(python));
  ProfileSample sample;
  sample.python_frames.resize(9);  // of an earlier one
  ASSERT_EQ(decode_profile_sample(bytes_of(record, words), sample), DecodeStatus::kOk);
  EXPECT_EQ(sample.frames.size(), 3U);
  EXPECT_EQ(sample.python, PYTHON_TRUNCATED);
  EXPECT_EQ(sample.version, PYTHON_3_12);
  const std::vector<PythonFrame> expected{
      {0x7f0000001230, -2, 0xabcdef01, false}, {0x7f0000004560, 46, 1, true}, {0, 0, 0, true}};
  EXPECT_EQ(sample.python_frames, expected);
  const auto bytes = bytes_of(record, words);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(decode_profile_sample(base::Bytes(bytes).first(size), sample), DecodeStatus::kOk);
  }
}

TEST(ProfileDecoderTest, ReadsJavaFramesOfTwoWords) {
  profile_sample_record record = sample_record();
  record.user_frames = 5;
  record.header.size += 4 * sizeof(uint64_t);
  constexpr uint64_t kJava = uint64_t{PROFILE_FRAME_JAVA} << PROFILE_FRAME_KIND_SHIFT;
  std::vector<uint64_t> words = kFrames;
  const uint64_t java[] = {kJava | 0x7f0000002000, uint64_t{2} << 56 | uint64_t{0x1234} << 32 | 77,
                           PROFILE_FRAME_RETURN | kJava | 0x7f0000003000,
                           uint64_t{1} << 56 | uint64_t{0xffffff} << 32 | 0xabcdef01};
  words.insert(words.begin() + 2, std::begin(java), std::end(java));
  ProfileSample sample;
  ASSERT_EQ(decode_profile_sample(bytes_of(record, words), sample), DecodeStatus::kOk);
  ASSERT_EQ(sample.frames.size(), 5U);
  EXPECT_EQ(sample.frames[1], (ProfileFrame{PROFILE_FRAME_JAVA, false, 0, 0x7f0000002000,
                                            HOTSPOT_FRAME_COMPILED, 0x1234, 77}));
  EXPECT_EQ(sample.frames[2],
            (ProfileFrame{PROFILE_FRAME_JAVA, true, 0, 0x7f0000003000, HOTSPOT_FRAME_INTERPRETED,
                          HOTSPOT_PLACE_UNKNOWN, 0xabcdef01}));
  EXPECT_EQ(sample.frames[4].kind, PROFILE_FRAME_ANONYMOUS);
  const auto bytes = bytes_of(record, words);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(decode_profile_sample(base::Bytes(bytes).first(size), sample), DecodeStatus::kOk);
  }
  words[3] = uint64_t{4} << 56;  // no such type
  EXPECT_EQ(decode_profile_sample(bytes_of(record, words), sample), DecodeStatus::kField);
}

TEST(ProfileDecoderTest, AJavaFrameWithoutItsSecondWordIsRefused) {
  profile_sample_record record = sample_record();
  std::vector<uint64_t> words = kFrames;
  words.back() = uint64_t{PROFILE_FRAME_JAVA} << PROFILE_FRAME_KIND_SHIFT | 0x1000;
  ProfileSample sample;
  EXPECT_EQ(decode_profile_sample(bytes_of(record, words), sample), DecodeStatus::kField);
  words = kFrames;
  words[1] = uint64_t{PROFILE_FRAME_JAVA} << PROFILE_FRAME_KIND_SHIFT | 0x1000;
  words[2] = uint64_t{1} << 56;
  EXPECT_EQ(decode_profile_sample(bytes_of(record, words), sample), DecodeStatus::kTruncated);
}

TEST(ProfileDecoderTest, RefusesPythonThatCannotBe) {
  ProfileSample sample;
  profile_sample_record record = sample_record();
  record.python_outcome = PYTHON_OUTCOME_COUNT;
  EXPECT_EQ(decode_profile_sample(bytes_of(record, kFrames), sample), DecodeStatus::kField);
  record = sample_record();
  record.python_version = PYTHON_VERSION_COUNT;
  EXPECT_EQ(decode_profile_sample(bytes_of(record, kFrames), sample), DecodeStatus::kField);
  record = sample_record();
  record.python_frames = PYTHON_FRAMES_MAX + 1;
  EXPECT_EQ(decode_profile_sample(bytes_of(record, kFrames), sample), DecodeStatus::kField);
  record.python_frames = 1;  // and there are none
  EXPECT_EQ(decode_profile_sample(bytes_of(record, kFrames), sample), DecodeStatus::kTruncated);
}

TEST(ProfileDecoderTest, ReadsFramesOfV8BehindTheOthers) {
  profile_sample_record record = sample_record();
  record.v8_frames = 2;
  record.header.size += 4 * sizeof(uint64_t);
  std::vector<uint64_t> words = kFrames;
  const uint64_t v8[] = {0x1234567800f1, 0x7f0000004561,
                         uint64_t{2} << V8_FRAME_INDEX_SHIFT | 2 * 17, 0};
  words.insert(words.end(), std::begin(v8), std::end(v8));
  ProfileSample sample;
  sample.v8_frames.resize(9);  // of an earlier one
  ASSERT_EQ(decode_profile_sample(bytes_of(record, words), sample), DecodeStatus::kOk);
  const std::vector<V8Frame> expected{
      {.frame = 0, .shared = 0x1234567800f1, .name = 0x7f0000004561}, {.frame = 2, .type = 17}};
  EXPECT_EQ(sample.v8_frames, expected);
  const auto bytes = bytes_of(record, words);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(decode_profile_sample(base::Bytes(bytes).first(size), sample), DecodeStatus::kOk);
  }
}

TEST(ProfileDecoderTest, RefusesFramesOfV8ThatCannotBe) {
  ProfileSample sample;
  profile_sample_record record = sample_record();
  record.v8_frames = V8_FRAMES_MAX + 1;
  EXPECT_EQ(decode_profile_sample(bytes_of(record, kFrames), sample), DecodeStatus::kField);
  record.v8_frames = 1;  // and there are none
  EXPECT_EQ(decode_profile_sample(bytes_of(record, kFrames), sample), DecodeStatus::kTruncated);
  V8Frame frame;
  const auto index = [](uint64_t value) { return value << V8_FRAME_INDEX_SHIFT; };
  EXPECT_TRUE(decode_v8_frame(index(2) | 0x1001, 0, 1, 3, false, frame));
  EXPECT_FALSE(decode_v8_frame(index(3) | 0x1001, 0, 1, 3, false, frame)) << "no such frame";
  EXPECT_FALSE(decode_v8_frame(index(1) | 0x1001, 0, 1, 3, false, frame)) << "it was told of";
  EXPECT_FALSE(decode_v8_frame(index(2) | 0x1003, 0, 1, 3, false, frame)) << "a weak pointer";
  EXPECT_FALSE(decode_v8_frame(index(2) | 2 * V8_FRAME_TYPES, 0, 1, 3, false, frame));
  EXPECT_FALSE(decode_v8_frame(index(2), 0, 1, 3, false, frame)) << "no type";
}

TEST(ProfileDecoderTest, AJSFunctionIsNotTakenForWhatItRefersTo) {
  V8Frame frame;
  ASSERT_TRUE(decode_v8_frame(0x1001, 0, -1, 1, true, frame));
  EXPECT_EQ(frame, (V8Frame{.function = 0x1001}));
}

TEST(ProfileDecoderTest, ReadsEveryFieldOfASample) {
  ProfileSample sample;
  sample.frames.resize(5);  // of an earlier one
  ASSERT_EQ(decode_profile_sample(bytes_of(sample_record(), kFrames), sample), DecodeStatus::kOk);
  EXPECT_EQ(sample.time_ns, 1'000U);
  EXPECT_EQ(sample.process, (model::ProcessKey{100, 123}));
  EXPECT_EQ(sample.start_boottime_ns, 1'234'567'890U);
  EXPECT_EQ(sample.tid, 101U);
  EXPECT_EQ(sample.cpu, 3U);
  EXPECT_EQ(sample.cgroup_id, 55U);
  EXPECT_EQ(sample.weight, 2U);
  EXPECT_EQ(sample.comm, "worker");
  EXPECT_EQ(sample.outcome, PROFILE_TRUNCATED);
  EXPECT_TRUE(sample.guessed);
  EXPECT_TRUE(sample.has_raw);
  EXPECT_EQ(sample.kernel_frames, std::vector<uint64_t>{kKernelFrame});
  ASSERT_EQ(sample.frames.size(), 3U);
  EXPECT_EQ(sample.frames[0], (ProfileFrame{PROFILE_FRAME_FILE, false, 7, 0x1234}));
  EXPECT_EQ(sample.frames[1], (ProfileFrame{PROFILE_FRAME_FILE, true, 8191, 0xff'ffff'ffff}));
  EXPECT_EQ(sample.frames[2], (ProfileFrame{PROFILE_FRAME_ANONYMOUS, true, 0, 0x7f0000001000}));
}

TEST(ProfileDecoderTest, ReadsEveryFieldOfANotice) {
  ProfileNotice notice;
  ASSERT_EQ(decode_profile_notice(bytes_of(notice_record()), notice), DecodeStatus::kOk);
  EXPECT_EQ(notice.time_ns, 2'000U);
  EXPECT_EQ(notice.process, (model::ProcessKey{100, 123}));
  EXPECT_EQ(notice.space, 9U);
  EXPECT_EQ(notice.reason, PROFILE_NOTICE_ADDRESS);
  EXPECT_EQ(notice.address, 0x5555U);
  EXPECT_EQ(notice.executable, 12U);
}

TEST(ProfileDecoderTest, ReadsARawStack) {
  const auto bytes = bytes_of(raw_record(16), {1, 2});
  ProfileRaw raw;
  ASSERT_EQ(decode_profile_raw(bytes, raw), DecodeStatus::kOk);
  EXPECT_EQ(raw.time_ns, 3'000U);
  EXPECT_EQ(raw.tid, 101U);
  EXPECT_EQ(raw.space, 9U);
  EXPECT_EQ(raw.inherited, 8U);
  EXPECT_EQ(raw.pc, 0x400000U);
  EXPECT_EQ(raw.registers[7], 0x7ffc0010U);
  EXPECT_EQ(raw.stack_start, 0x7ffc0000U);
  EXPECT_EQ(raw.stack.data(), bytes.data() + sizeof(profile_raw_record));
  EXPECT_EQ(raw.stack.size(), 16U);
}

TEST(ProfileDecoderTest, RejectsEveryTruncation) {
  ProfileSample sample;
  ProfileNotice notice;
  ProfileRaw raw;
  const auto of_sample = bytes_of(sample_record(), kFrames);
  const auto of_notice = bytes_of(notice_record());
  const auto of_raw = bytes_of(raw_record(16), {1, 2});
  for (size_t size = 0; size < of_sample.size(); ++size) {
    EXPECT_EQ(decode_profile_sample(base::Bytes(of_sample).first(size), sample),
              DecodeStatus::kTruncated);
  }
  for (size_t size = 0; size < of_notice.size(); ++size) {
    EXPECT_EQ(decode_profile_notice(base::Bytes(of_notice).first(size), notice),
              DecodeStatus::kTruncated);
  }
  for (size_t size = 0; size < of_raw.size(); ++size) {
    EXPECT_EQ(decode_profile_raw(base::Bytes(of_raw).first(size), raw), DecodeStatus::kTruncated);
  }
}

TEST(ProfileDecoderTest, RejectsOtherTypes) {
  ProfileSample sample;
  ProfileNotice notice;
  ProfileRaw raw;
  EXPECT_EQ(decode_profile_sample(bytes_of(raw_record(0)), sample), DecodeStatus::kType);
  EXPECT_EQ(decode_profile_raw(bytes_of(sample_record(), kFrames), raw), DecodeStatus::kTruncated);
  auto wrong = notice_record();
  wrong.header.type = RECORD_PROFILE_SAMPLE;
  EXPECT_EQ(decode_profile_notice(bytes_of(wrong), notice), DecodeStatus::kType);
}

TEST(ProfileDecoderTest, TimesOffCpuHaveACauseAndSumsHaveNoStack) {
  for (const unsigned cause :
       {0U, unsigned{BLOCKED_DISK}, unsigned{BLOCKED_OTHER}, unsigned{PROFILE_CAUSE_RUNQUEUE}}) {
    auto record = sample_record();
    record.cause = static_cast<uint8_t>(cause);
    ProfileSample sample;
    ASSERT_EQ(decode_profile_sample(bytes_of(record, kFrames), sample), DecodeStatus::kOk);
    EXPECT_EQ(sample.cause, cause);
    EXPECT_EQ(sample.frames.size(), 3U);
  }
  auto record = sample_record();
  record.cause = PROFILE_CAUSE_SHORT;
  record.outcome = PROFILE_NO_STACK;
  record.kernel_frames = record.user_frames = 0;
  record.header.size = sizeof(record);
  record.weight = 3'600'000'000'000;
  ProfileSample sample;
  ASSERT_EQ(decode_profile_sample(bytes_of(record), sample), DecodeStatus::kOk);
  EXPECT_EQ(sample.cause, PROFILE_CAUSE_SHORT);
  EXPECT_EQ(sample.weight, 3'600'000'000'000U);
  EXPECT_TRUE(sample.frames.empty() && sample.kernel_frames.empty());
}

TEST(ProfileDecoderTest, ASleepSaysWhetherAThreadOrAnInterruptEndedIt) {
  auto record = sample_record();
  record.cause = BLOCKED_LOCK;
  const std::pair<unsigned, WokenBy> flags[] = {{0, WokenBy::kUnknown},
                                                {PROFILE_SAMPLE_WAKER, WokenBy::kThread},
                                                {PROFILE_SAMPLE_INTERRUPT, WokenBy::kInterrupt}};
  for (const auto& [flag, woken_by] : flags) {
    record.flags = static_cast<uint8_t>(PROFILE_SAMPLE_RAW | flag);
    ProfileSample sample;
    sample.waker = std::make_shared<ProfileWaker>();  // of an earlier one
    ASSERT_EQ(decode_profile_sample(bytes_of(record, kFrames), sample), DecodeStatus::kOk);
    EXPECT_EQ(sample.woken_by, woken_by);
    EXPECT_EQ(sample.waker, nullptr);
    EXPECT_TRUE(sample.has_raw);
  }
}

profile_sample_record waker_record() {
  auto record = sample_record();
  record.header.type = RECORD_PROFILE_WAKER;
  record.weight = 4711;
  record.cause = PROFILE_WAKER_SOFTIRQ;
  return record;
}

TEST(ProfileDecoderTest, ReadsAWakerAndWhoItWakes) {
  ProfileWaker waker;
  const auto bytes = bytes_of(waker_record(), kFrames);
  ASSERT_EQ(decode_profile_waker(bytes, waker), DecodeStatus::kOk);
  EXPECT_EQ(waker.sleeper, 4711U);
  EXPECT_EQ(waker.how, PROFILE_WAKER_SOFTIRQ);
  EXPECT_EQ(waker.stack.tid, 101U);
  EXPECT_EQ(waker.stack.comm, "worker");
  EXPECT_EQ(waker.stack.frames.size(), 3U);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(decode_profile_waker(base::Bytes(bytes).first(size), waker),
              DecodeStatus::kTruncated);
  }
}

TEST(ProfileDecoderTest, RefusesWakersThatCannotBe) {
  const auto waker_with = [](auto change) {
    auto record = waker_record();
    change(record);
    ProfileWaker waker;
    return decode_profile_waker(bytes_of(record, kFrames), waker);
  };
  EXPECT_EQ(waker_with([](auto& r) { r.header.type = RECORD_PROFILE_SAMPLE; }),
            DecodeStatus::kType);
  EXPECT_EQ(waker_with([](auto& r) { r.cause = 0; }), DecodeStatus::kField);
  EXPECT_EQ(waker_with([](auto& r) { r.cause = PROFILE_WAKER_SOFTIRQ + 1; }), DecodeStatus::kField);
  EXPECT_EQ(waker_with([](auto& r) { r.weight = 0; }), DecodeStatus::kField);
  EXPECT_EQ(waker_with([](auto& r) { r.weight = uint64_t{1} << 32 | 1; }), DecodeStatus::kField);
  EXPECT_EQ(waker_with([](auto& r) { r.flags = PROFILE_SAMPLE_WAKER; }), DecodeStatus::kField);
  EXPECT_EQ(waker_with([](auto& r) { r.process.pid = 0; }), DecodeStatus::kField);
  ProfileSample sample;
  EXPECT_EQ(decode_profile_sample(bytes_of(waker_record(), kFrames), sample), DecodeStatus::kType);
}

TEST(ProfileDecoderTest, RejectsFieldsOutOfRange) {
  const auto sample_with = [](auto change) {
    auto record = sample_record();
    change(record);
    ProfileSample sample;
    return decode_profile_sample(bytes_of(record, kFrames), sample);
  };
  EXPECT_EQ(sample_with([](auto& r) { r.outcome = PROFILE_OUTCOME_COUNT; }), DecodeStatus::kField);
  EXPECT_EQ(sample_with([](auto& r) { r.flags = 16; }), DecodeStatus::kField);
  EXPECT_EQ(sample_with([](auto& r) { r.flags = PROFILE_SAMPLE_WAKER | PROFILE_SAMPLE_INTERRUPT; }),
            DecodeStatus::kField);
  EXPECT_EQ(sample_with([](auto& r) { r.cause = BLOCKED_OTHER + 1; }), DecodeStatus::kField);
  EXPECT_EQ(sample_with([](auto& r) { r.cause = PROFILE_CAUSE_SHORT + 1; }), DecodeStatus::kField);
  EXPECT_EQ(sample_with([](auto& r) { r.process.pid = 0; }), DecodeStatus::kField);
  EXPECT_EQ(sample_with([](auto& r) { r.user_frames = 201; }), DecodeStatus::kField);
  EXPECT_EQ(sample_with([](auto& r) { r.kernel_frames = 128; }), DecodeStatus::kField);
  EXPECT_EQ(sample_with([](auto& r) { r.user_frames = 4; }), DecodeStatus::kTruncated);
  EXPECT_EQ(sample_with([](auto& r) { r.kernel_frames = 0, r.user_frames = 4; }),
            DecodeStatus::kField);  // a kernel address is no frame

  const auto notice_with = [](auto change) {
    auto record = notice_record();
    change(record);
    ProfileNotice notice;
    return decode_profile_notice(bytes_of(record), notice);
  };
  EXPECT_EQ(notice_with([](auto& r) { r.reason = 0; }), DecodeStatus::kField);
  EXPECT_EQ(notice_with([](auto& r) { r.reason = 5; }), DecodeStatus::kField);
  EXPECT_EQ(notice_with([](auto& r) { r.space = 0; }), DecodeStatus::kField);
  EXPECT_EQ(notice_with([](auto& r) { r.executable = 8192; }), DecodeStatus::kField);

  auto record = raw_record(16);
  record.stack_start += 8;
  ProfileRaw raw;
  EXPECT_EQ(decode_profile_raw(bytes_of(record, {1, 2}), raw), DecodeStatus::kField);
  record.stack_start = ~uint64_t{0xfff};
  EXPECT_EQ(decode_profile_raw(bytes_of(record, {1, 2}), raw), DecodeStatus::kOk);
}

TEST(ProfileDecoderTest, RejectsFramesOfNoKindOrExecutable) {
  ProfileFrame frame;
  const auto words_of = [&](uint64_t word) { return decode_frame({&word, 1}, frame); };
  EXPECT_EQ(words_of(0), 0U);
  EXPECT_EQ(words_of(uint64_t{5} << PROFILE_FRAME_KIND_SHIFT), 0U);
  EXPECT_EQ(words_of(file_frame(0, 1)), 0U);
  EXPECT_EQ(words_of(file_frame(8192, 1)), 0U);
  EXPECT_EQ(words_of(file_frame(1, 1)), 1U);
  EXPECT_EQ(decode_frame({}, frame), 0U);
}

}  // namespace
}  // namespace hostlens::decoders
