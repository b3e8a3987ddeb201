// SPDX-License-Identifier: Apache-2.0
#include "discovery/host_resource.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "unit/discovery/fake_host.h"

namespace hostlens::discovery {
namespace {

TEST(HostResourceTest, ReadsMachineIdAndRelease) {
  const FakeHost host;
  std::filesystem::create_directories(host.root() + "/etc");
  std::ofstream(host.root() + "/etc/machine-id") << "5c1e1a5d0f9b4a1e8f7a6b5c4d3e2f10\n";
  std::ofstream(host.root() + "/etc/os-release")
      << "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME='Debian'\nVERSION_ID=12\nX\n";
  const auto attributes = read_host_resource(host.root());
  EXPECT_EQ(text_of(attributes, "host.id"), "5c1e1a5d0f9b4a1e8f7a6b5c4d3e2f10");
  EXPECT_EQ(text_of(attributes, "os.description"), "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(text_of(attributes, "os.name"), "Debian");
  EXPECT_EQ(text_of(attributes, "os.version"), "12");
  EXPECT_EQ(text_of(attributes, "os.type"), "linux");
  EXPECT_FALSE(text_of(attributes, "host.name").empty());
}

TEST(HostResourceTest, LeavesOutWhatCannotBeRead) {
  const FakeHost host;
  EXPECT_EQ(text_of(read_host_resource(host.root()), "host.id"), "");
}

TEST(HostResourceTest, InstanceIdIsUuidVersionFiveOfItsSeed) {
  const std::string id = stable_instance_id("a");
  ASSERT_EQ(id.size(), 36U);
  EXPECT_EQ(id[14], '5');
  EXPECT_EQ(stable_instance_id("a"), id);
  EXPECT_NE(stable_instance_id("b"), id);
}

}  // namespace
}  // namespace hostlens::discovery
