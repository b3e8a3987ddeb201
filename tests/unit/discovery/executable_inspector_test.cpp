// SPDX-License-Identifier: Apache-2.0
#include "discovery/executable_inspector.h"

#include <gtest/gtest.h>

#include "discovery/host_resource.h"
#include "discovery/process_table.h"
#include "unit/discovery/fake_host.h"

namespace hostlens::discovery {
namespace {

class ExecutableInspectorTest : public ::testing::Test {
 protected:
  /// With the real program behind it, so that there is something to find.
  void put(uint32_t pid, const std::string& program) {
    host_.put({.pid = pid,
               .executable = program,
               .arguments = {program},
               .environment = {},
               .sockets = {}});
    std::filesystem::copy_file(program, host_.root() + program,
                               std::filesystem::copy_options::overwrite_existing);
  }
  std::unique_ptr<ExecutableInspector> make(ExecutableInspectorSettings settings = {}) {
    settings.pause_ns = 0;
    return std::make_unique<ExecutableInspector>(settings, host_);
  }
  std::unique_ptr<ProcessTable> table(ExecutableInspector* inspector) {
    ProcessTableSettings settings;
    settings.executables = inspector;
    return *ProcessTable::create(std::move(settings), host_, host_.proc());
  }
  static std::string_view runtime_of(const model::Process& process) {
    return text_of(process.resource, "process.runtime.name");
  }

  const std::string python_ = std::filesystem::canonical("/usr/bin/python3");
  FakeHost host_;
};

TEST_F(ExecutableInspectorTest, AProcessGetsItsRuntimeWhenItIsKnown) {
  put(7, python_);
  const auto inspector = make();
  const auto processes = table(inspector.get());
  const auto before = processes->resolve(7);
  EXPECT_EQ(text_of(before->resource, "process.runtime.version"), "");
  inspector->wait();
  processes->tick(1);
  const auto after = processes->resolve(7);
  EXPECT_EQ(runtime_of(*after), "cpython");
  EXPECT_TRUE(text_of(after->resource, "process.runtime.version").starts_with("3."));
  EXPECT_EQ(after->service, before->service);  // the series go on
}

TEST_F(ExecutableInspectorTest, TheSameFileIsReadOnce) {
  put(7, python_);
  const auto inspector = make();
  const auto processes = table(inspector.get());
  processes->resolve(7);
  inspector->wait();
  const int opened = host_.opened_executables;
  // Others with the same file: known at once, and not looked into again.
  std::filesystem::create_directories(host_.proc() + "/8");
  for (const uint32_t pid : {8U, 9U}) {
    host_.put({.pid = pid, .executable = {}, .arguments = {"x"}, .environment = {}, .sockets = {}});
    std::filesystem::create_symlink(host_.root() + python_,
                                    host_.proc() + "/" + std::to_string(pid) + "/exe");
    EXPECT_NE(text_of(processes->resolve(pid)->resource, "process.runtime.version"), "");
  }
  EXPECT_EQ(host_.opened_executables, opened + 2);  // each to learn its path
}

TEST_F(ExecutableInspectorTest, ForkedCopiesAreTold) {
  put(7, python_);
  const auto inspector = make();
  const auto processes = table(inspector.get());
  processes->resolve(7);
  processes->on_fork({.process = {8, 200}, .parent_pid = 7});
  processes->on_fork({.process = {9, 201}, .parent_pid = 7});
  processes->resolve(9);
  inspector->wait();
  processes->tick(1);
  EXPECT_NE(text_of(processes->resolve(8)->resource, "process.runtime.version"), "");
  EXPECT_NE(text_of(processes->resolve(9)->resource, "process.runtime.version"), "");
}

TEST_F(ExecutableInspectorTest, AnEndedProcessTellsNothingOfOthers) {
  put(7, python_);
  const auto inspector = make();
  FileKey file;
  struct stat status {};
  ASSERT_EQ(::stat((host_.root() + python_).c_str(), &status), 0);
  file = file_key_of(status);
  inspector->request({99, 1}, file, python_);
  inspector->wait();
  EXPECT_EQ(inspector->find(file), nullptr);
  inspector->request({7, 100}, file, python_);
  inspector->wait();
  EXPECT_NE(inspector->find(file), nullptr);
}

TEST_F(ExecutableInspectorTest, BoundsWhatItQueuesAndRemembers) {
  const auto inspector = make({.root = {}, .max_queue = 10, .max_known = 5});
  for (uint64_t i = 1; i <= 1000; ++i) inspector->request({99, 1}, {1, i, 1}, "/usr/bin/x");
  EXPECT_GT(inspector->over_limit_total(), 0U);
  inspector->wait();
}

TEST_F(ExecutableInspectorTest, NamesThePackageOfAFileOfThisHost) {
  put(7, python_);
  std::filesystem::create_directories(host_.root() + "/var/lib/dpkg/info");
  std::ofstream(host_.root() + "/var/lib/dpkg/info/snake.list") << python_ << "\n";
  std::ofstream(host_.root() + "/var/lib/dpkg/status") << "Package: snake\nVersion: 1-2\n";
  const auto inspector = make({.root = host_.root()});
  struct stat status {};
  ASSERT_EQ(::stat((host_.root() + python_).c_str(), &status), 0);
  inspector->request({7, 100}, file_key_of(status), python_);
  inspector->wait();
  const auto found = inspector->find(file_key_of(status));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(text_of(*found, "hostlens.package.name"), "snake");
  EXPECT_EQ(text_of(*found, "hostlens.package.version"), "1-2");
  EXPECT_EQ(text_of(*found, "process.runtime.name"), "cpython");
}

}  // namespace
}  // namespace hostlens::discovery
