// SPDX-License-Identifier: Apache-2.0
#include "discovery/cgroup_identity.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hostlens::discovery {
namespace {

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

struct Case {
  std::string text;
  std::string unit;
  std::string container_id;
  std::string container_name;
  std::string pod_uid;
};

TEST(CgroupIdentityTest, NamesUnitAndContainerOfEveryLayout) {
  const std::string uid = "8f3c1a52-1111-2222-3333-444455556666";
  std::string underscored = uid;
  for (char& c : underscored) c = c == '-' ? '_' : c;
  const std::vector<Case> cases{
      {"0::/system.slice/nginx.service\n", "nginx.service", "", "", ""},
      {"0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n",
       "postgresql@15-main.service", "", "", ""},
      {"0::/system.slice/docker.service/init\n", "docker.service", "", "", ""},
      {"0::/user.slice/user-1000.slice/session-3.scope\n", "", "", "", ""},
      {"0::/user.slice/user-1000.slice/user@1000.service/init.scope\n", "", "", "", ""},
      {"0::/user.slice/user-1000.slice/user@1000.service\n", "", "", "", ""},
      {"0::/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service\n", "shop.service",
       "", "", ""},
      {"0::/\n", "", "", "", ""},
      {"", "", "", "", ""},
      {"0::/system.slice/docker-" + kId + ".scope\n", "", kId, "", ""},
      {"0::/docker/" + kId + "\n", "", kId, "", ""},
      {"0::/machine.slice/libpod-" + kId + ".scope/container\n", "", kId, "", ""},
      {"0::/machine.slice/libpod-conmon-" + kId + ".scope\n", "", "", "", ""},
      {"0::/system.slice/containerd.service/kubepods-burstable-pod" + underscored +
           ".slice:cri-containerd:" + kId + "\n",
       "", kId, "", ""},
      {"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + underscored +
           ".slice/cri-containerd-" + kId + ".scope\n",
       "", kId, "", uid},
      {"0::/kubepods.slice/kubepods-pod" + underscored + ".slice/crio-" + kId + ".scope\n", "", kId,
       "", uid},
      {"12:pids:/kubepods/burstable/pod" + uid + "/" + kId +
           "\n1:name=systemd:/kubepods/burstable/pod" + uid + "/" + kId + "\n",
       "", kId, "", uid},
      {"9:name=systemd:/system.slice/ssh.service\n4:memory:/system.slice/ssh.service\n0::/\n",
       "ssh.service", "", "", ""},
      {"4:memory:/docker/" + kId + "\n1:cpu:/\n0::/\n", "", kId, "", ""},
      {"0::/lxc.payload.web1/system.slice/nginx.service\n", "nginx.service", "", "web1", ""},
      {"1:name=systemd:/lxc/web1\n", "", "", "web1", ""},
      {"0::/machine.slice/machine-deb\\x2d12.scope/payload/system.slice/a.service\n", "a.service",
       "", "deb-12", ""},
      {"0::/machine.slice/systemd-nspawn@web.service/payload\n", "", "", "web", ""},
      {"0::/docker/" + kId + "/docker/" + std::string(64, 'f') + "\n", "", std::string(64, 'f'), "",
       ""},
      // kubelet's drivers, cgroup v1 and v2, all classes of service, a static pod, kind.
      {"0::/kubepods/besteffort/pod" + uid + "/" + kId + "\n", "", kId, "", uid},
      {"0::/kubepods/pod" + uid + "/" + kId + "\n", "", kId, "", uid},
      {"11:memory:/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + underscored +
           ".slice/docker-" + kId + ".scope\n",
       "", kId, "", uid},
      {"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + std::string(32, 'b') +
           ".slice/cri-containerd-" + kId + ".scope\n",
       "", kId, "", std::string(32, 'b')},
      {"0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
       "kubelet-kubepods-burstable-pod" +
           underscored + ".slice/cri-containerd-" + kId + ".scope\n",
       "", kId, "", uid},
      {"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + underscored +
           ".slice/crio-conmon-" + kId + ".scope\n",
       "", "", "", uid},
      // Rootless engines, nerdctl, podman with cgroupfs, Amazon ECS.
      {"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId +
           ".scope/container\n",
       "", kId, "", ""},
      {"0::/user.slice/user-1000.slice/user@1000.service/app.slice/docker-" + kId + ".scope\n", "",
       kId, "", ""},
      {"0::/system.slice/nerdctl-" + kId + ".scope\n", "", kId, "", ""},
      {"1:name=systemd:/libpod_parent/libpod-" + kId + "\n0::/\n", "", kId, "", ""},
      {"9:perf_event:/ecs/" + std::string(32, 'c') + "/" + kId + "\n", "", kId, "", ""},
      // The monitor of an LXC container is the host's.
      {"0::/lxc.monitor.web1\n", "", "", "", ""},
      {"0::/lxc.payload.web1/init.scope\n", "", "", "web1", ""},
      {"0::/process_api/eca314e154d5787a087efd7927cdc8da\n", "", "", "", ""},
  };
  for (const Case& c : cases) {
    const CgroupIdentity identity = identify_cgroup(c.text);
    EXPECT_EQ(identity.unit, c.unit) << c.text;
    EXPECT_EQ(identity.container_id, c.container_id) << c.text;
    EXPECT_EQ(identity.container_name, c.container_name) << c.text;
    EXPECT_EQ(identity.pod_uid, c.pod_uid) << c.text;
  }
}

TEST(CgroupIdentityTest, ThePathIsTheUnifiedOneUnlessThatIsTheRoot) {
  EXPECT_EQ(identify_cgroup("1:name=systemd:/a\n0::/b\n").path, "/b");
  EXPECT_EQ(identify_cgroup("1:name=systemd:/a\n0::/\n").path, "/a");
}

TEST(CgroupIdentityTest, CallsUnitsAsPeopleDo) {
  EXPECT_EQ(service_name_of_unit("nginx.service"), "nginx");
  EXPECT_EQ(service_name_of_unit("postgresql@15-main.service"), "postgresql");
  EXPECT_EQ(service_name_of_unit("dbus-org.example\\x2dshop.service"), "dbus-org.example-shop");
  EXPECT_EQ(service_name_of_unit(""), "");
}

}  // namespace
}  // namespace hostlens::discovery
