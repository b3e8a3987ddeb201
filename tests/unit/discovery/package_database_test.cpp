// SPDX-License-Identifier: Apache-2.0
#include "discovery/package_database.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace hostlens::discovery {
namespace {

class PackageDatabaseTest : public ::testing::Test {
 protected:
  PackageDatabaseTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dpkg.XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(root_ + "/var/lib/dpkg/info");
  }
  ~PackageDatabaseTest() override { std::filesystem::remove_all(root_); }
  void write(const std::string& file, const std::string& text) {
    std::ofstream(root_ + "/var/lib/dpkg/" + file) << text;
  }
  std::string root_;
};

TEST_F(PackageDatabaseTest, NamesPackageAndVersionOfEachFile) {
  write("info/nginx-light.list", "/.\n/usr\n/usr/sbin/nginx\n");
  write("info/bash.list", "/.\n/bin\n/bin/bash\n");
  write("info/libc6:amd64.list", "/lib/ld.so\n");
  write("info/libc6:amd64.md5sums", "/usr/bin/none\n");
  write("status",
        "Package: nginx-light\nStatus: install ok installed\nVersion: 1.22.1-9\n\n"
        "Package: bash\nDescription: a shell\n Version: no\nVersion: 5.2\n\n"
        "Version: 9\n");
  const auto found = find_packages(
      root_, {"/usr/sbin/nginx", "/usr/bin/bash", "/usr/lib/ld.so", "/opt/own", "/usr/bin/none"});
  EXPECT_EQ(found.size(), 3U);
  EXPECT_EQ(found.at("/usr/sbin/nginx"), (Package{"nginx-light", "1.22.1-9"}));
  EXPECT_EQ(found.at("/usr/bin/bash"), (Package{"bash", "5.2"}));
  EXPECT_EQ(found.at("/usr/lib/ld.so"), (Package{"libc6", ""}));
}

TEST_F(PackageDatabaseTest, WithoutADatabaseNothingIsKnown) {
  std::filesystem::remove_all(root_ + "/var");
  EXPECT_TRUE(find_packages(root_, {"/usr/sbin/nginx"}).empty());
  EXPECT_TRUE(find_packages(root_, {}).empty());
}

TEST(LivePackageDatabaseTest, AgreesWithDpkg) {
  FILE* const pipe = ::popen("dpkg-query -W -f '${Version}' coreutils 2>/dev/null", "r");
  ASSERT_NE(pipe, nullptr);
  char version[128] = "";
  (void)!std::fgets(version, sizeof version, pipe);
  ::pclose(pipe);
  if (version[0] == '\0') GTEST_SKIP() << "no dpkg on this host";
  const auto found = find_packages("", {"/usr/bin/env"});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.at("/usr/bin/env"), (Package{"coreutils", version}));
}

}  // namespace
}  // namespace hostlens::discovery
