// SPDX-License-Identifier: Apache-2.0
#include "discovery/listening_ports.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/discovery/fake_host.h"

namespace hostlens::discovery {
namespace {

constexpr std::string_view kTable =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "111 1\n"
    "   1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000    33        0 222 1\n"
    "   2: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 "
    "333 1\n"
    "   3: 0100007F:0051 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "444 1\n";

TEST(ListeningPortsTest, ReadsListenersUntilTheFirstOtherState) {
  const auto sockets = parse_listening(kTable);
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_EQ(sockets[0].port, 8080);
  EXPECT_EQ(sockets[0].inode, 111U);
  EXPECT_EQ(sockets[1].port, 80);
  EXPECT_EQ(sockets[1].inode, 222U);
}

TEST(ListeningPortsTest, EveryTruncationIsHarmless) {
  for (size_t size = 0; size < kTable.size(); ++size) {
    EXPECT_LE(parse_listening(kTable.substr(0, size)).size(), 2U);
  }
}

/// Opens this process's own files: no privilege is needed for them.
class OwnHost final : public kernel::HostAccess {
 public:
  base::Result<base::UniqueFd> open_process_file(model::ProcessKey,
                                                 kernel::ProcessFile what) override {
    if (what == kernel::ProcessFile::kSocketInodes)
      return kernel::list_socket_inodes("/proc/self/fd");
    return base::invalid_error("not asked for");
  }
  base::Result<void> set_target(model::ProcessKey, bool) override { return {}; }
  base::Result<void> set_target_cgroup(uint64_t, bool) override { return {}; }
};

TEST(ListeningPortsTest, FindsTheRealPortOfThisProcess) {
  const base::UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(server.get(), 1), 0);
  ASSERT_EQ(::getsockname(server.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  OwnHost host;
  ProcessReader reader(host, "/proc");
  ListeningPorts ports(reader);
  EXPECT_EQ(ports.ports_of({static_cast<uint32_t>(::getpid()), 0}),
            (std::vector<uint16_t>{ntohs(address.sin_port)}));
}

}  // namespace
}  // namespace hostlens::discovery
