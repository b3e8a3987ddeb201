// SPDX-License-Identifier: Apache-2.0
#include "discovery/cri_lists.h"

#include <gtest/gtest.h>

#include "discovery/container_names.h"
#include "discovery/host_resource.h"
#include "runtime/v1/api.pb.h"

namespace hostlens::discovery {
namespace {

const std::string kId(64, 'a');
const std::string kPod(64, 'b');

/// The only container among what `entry` alone lists.
model::Container only(const runtime::v1::Container& entry, CriLists lists = {}) {
  runtime::v1::ListContainersResponse response;
  *response.add_containers() = entry;
  lists.containers = response.SerializeAsString();
  const auto containers = parse_cri_lists(lists);
  EXPECT_TRUE(containers);
  if (!containers || !containers->contains(entry.id())) return {};
  return containers->at(entry.id());
}

runtime::v1::Container container(const std::string& name) {
  runtime::v1::Container entry;
  entry.set_id(kId);
  entry.set_pod_sandbox_id(kPod);
  entry.mutable_metadata()->set_name(name);
  return entry;
}

void add_label(runtime::v1::Container& entry, const std::string& key, const std::string& value) {
  auto& label = *entry.add_labels();
  label.set_key(key);
  label.set_value(value);
}

CriLists with_pod(const std::string& name) {
  runtime::v1::ListPodSandboxResponse response;
  auto& pod = *response.add_items();
  pod.set_id(kPod);
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_("shop");
  pod.mutable_metadata()->set_uid("u-1");
  return {{}, response.SerializeAsString(), {}};
}

TEST(CriListsTest, TheKubeletsLabelsTellPodAndService) {
  auto entry = container("metadata");
  add_label(entry, "io.kubernetes.container.name", "app");
  add_label(entry, "io.kubernetes.pod.name", "web-7f");
  add_label(entry, "io.kubernetes.pod.namespace", "prod");
  add_label(entry, "io.kubernetes.pod.uid", "u-2");
  add_label(entry, "team", "not told");
  const auto told = only(entry, with_pod("not this one"));
  EXPECT_EQ(told.id, kId);
  EXPECT_EQ(told.name, "metadata");
  EXPECT_EQ(told.service_name, "app");
  EXPECT_EQ(told.kubernetes, (model::Attributes{{"k8s.pod.name", std::string("web-7f")},
                                                {"k8s.namespace.name", std::string("prod")},
                                                {"k8s.pod.uid", std::string("u-2")},
                                                {"k8s.container.name", std::string("app")}}));
}

TEST(CriListsTest, WithoutLabelsTheSandboxTellsThePod) {
  const auto told = only(container("app"), with_pod("web-7f"));
  EXPECT_EQ(told.service_name, "app");
  EXPECT_EQ(told.kubernetes, (model::Attributes{{"k8s.pod.name", std::string("web-7f")},
                                                {"k8s.namespace.name", std::string("shop")},
                                                {"k8s.pod.uid", std::string("u-1")}}));
  EXPECT_TRUE(only(container("app")).kubernetes.empty());
}

TEST(CriListsTest, ASandboxIsAContainerThatPauses) {
  const auto containers = parse_cri_lists(with_pod("web-7f"));
  ASSERT_TRUE(containers);
  ASSERT_TRUE(containers->contains(kPod));
  EXPECT_EQ(containers->at(kPod).service_name, "pause");
  EXPECT_EQ(text_of(containers->at(kPod).kubernetes, "k8s.pod.name"), "web-7f");
}

TEST(CriListsTest, TheImageIsWhatTheUserWroteElseWhatTheRuntimeCallsIt) {
  runtime::v1::ListImagesResponse images;
  images.add_images()->set_id("sha256:untagged");
  images.add_images()->set_id("sha256:known");
  images.mutable_images(1)->add_repo_tags("registry.test:5000/web:1.2");
  images.mutable_images(1)->add_repo_tags("registry.test:5000/web:latest");
  const CriLists lists{{}, {}, images.SerializeAsString()};
  const auto image = [&](const std::string& wanted, const std::string& called,
                         const std::string& reference) {
    auto entry = container("app");
    entry.mutable_image()->set_user_specified_image(wanted);
    entry.mutable_image()->set_image(called);
    entry.set_image_ref(reference);
    const auto told = only(entry, lists);
    return told.image + "|" + (told.image_tags.empty() ? "" : told.image_tags.at(0));
  };
  EXPECT_EQ(image("web:1.3", "sha256:known", "sha256:known"), "web|1.3");
  EXPECT_EQ(image("", "docker.io/library/web:2", "sha256:known"), "docker.io/library/web|2");
  EXPECT_EQ(image("", "sha256:known", ""), "registry.test:5000/web|1.2");
  EXPECT_EQ(image("", "sha256:other", "sha256:known"), "registry.test:5000/web|1.2");
  EXPECT_EQ(image("", "", "registry.test/web@sha256:00"), "registry.test/web|");
  EXPECT_EQ(image("", "sha256:untagged", "sha256:untagged"), "|");
}

TEST(CriListsTest, LeavesOutWhatMakesNoSense) {
  runtime::v1::ListContainersResponse response;
  response.add_containers()->set_id("short");
  response.add_containers()->set_id(std::string(64, 'B'));
  *response.add_containers() = container("app");
  std::string bytes = response.SerializeAsString();
  bytes += std::string("\x0a\x03\x0a\x7f\x41", 5);      // an entry that is cut
  bytes += std::string("\x0a\x04\x0a\x02\xff\xfe", 6);  // and one whose id is no text
  bytes += std::string("\x12\x01x", 3);                 // a field of a later version
  auto huge = container("huge");
  huge.set_id(std::string(64, 'c'));
  add_label(huge, "a", std::string(kMaxCriEntryBytes, 'x'));
  runtime::v1::ListContainersResponse more;
  *more.add_containers() = huge;
  bytes += more.SerializeAsString();
  const auto containers = parse_cri_lists({bytes, {}, {}});
  ASSERT_TRUE(containers) << containers.error().text();
  ASSERT_EQ(containers->size(), 1U);
  EXPECT_EQ(containers->at(kId).name, "app");
}

TEST(CriListsTest, TextsAreCleaned) {
  auto entry = container("web\xff\n");
  add_label(entry, "io.kubernetes.pod.name", "pod\xfe");
  const auto told = only(entry);
  EXPECT_EQ(told.name, "web??");
  EXPECT_EQ(text_of(told.kubernetes, "k8s.pod.name"), "pod?");
}

TEST(CriListsTest, RefusesWhatIsNoList) {
  for (const std::string text : {"\xff\xff nonsense",
                                 "\x0a\x05"
                                 "abc",
                                 "\x0a", "\x07", "\x0a\xff\xff\xff\xff\x0f", "\x0c"}) {
    EXPECT_FALSE(parse_cri_lists({text, {}, {}})) << text;
    EXPECT_FALSE(parse_cri_lists({{}, text, {}})) << text;
    EXPECT_FALSE(parse_cri_lists({{}, {}, text})) << text;
  }
  EXPECT_TRUE(parse_cri_lists({}));
}

TEST(CriListsTest, StaysWithinItsLimits) {
  runtime::v1::ListContainersResponse response;
  for (int i = 0; i < 5000; ++i) {
    char id[65];
    std::snprintf(id, sizeof id, "%064x", i);
    auto entry = container(std::string(300, 'x'));
    entry.set_id(id);
    *response.add_containers() = entry;
  }
  const auto containers = parse_cri_lists({response.SerializeAsString(), with_pod("p").pods, {}});
  ASSERT_TRUE(containers);
  EXPECT_EQ(containers->size(), kMaxContainers);
  EXPECT_LE(containers->begin()->second.name.size(), 256U);
}

}  // namespace
}  // namespace hostlens::discovery
