// SPDX-License-Identifier: Apache-2.0
#include "discovery/cri_lists.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "discovery/container_names.h"
#include "discovery/proc_files.h"
#include "runtime/v1/api.pb.h"

namespace hostlens::discovery {
namespace {

using base::Result;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

using Pods = std::unordered_map<std::string, runtime::v1::PodSandboxMetadata>;
using ImageNames = std::unordered_map<std::string, std::string>;

/// The entries (field 1) of a response, one by one: as a whole, 16 MiB of empty entries would
/// become a gigabyte. `visit` returns false when it has enough.
template <typename Entry, typename Visit>
Result<void> each_entry(std::string_view message, const char* what, const Visit& visit) {
  const auto wrong = [&] { return base::invalid_error(std::string(what) + " is none"); };
  if (message.size() > std::numeric_limits<int>::max()) return wrong();
  CodedInputStream input(reinterpret_cast<const uint8_t*>(message.data()),
                         static_cast<int>(message.size()));
  while (const uint32_t tag = input.ReadTag()) {
    if (tag != WireFormatLite::MakeTag(1, WireFormatLite::WIRETYPE_LENGTH_DELIMITED)) {
      if (!WireFormatLite::SkipField(&input, tag)) return wrong();
      continue;
    }
    uint32_t size = 0;
    if (!input.ReadVarint32(&size)) return wrong();
    const auto start = static_cast<size_t>(input.CurrentPosition());
    if (size > message.size() - start || !input.Skip(static_cast<int>(size))) return wrong();
    Entry entry;
    const std::string_view bytes = message.substr(start, size);
    if (bytes.size() > kMaxCriEntryBytes ||
        !entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      continue;
    }
    if (!visit(entry)) return {};
  }
  return input.ConsumedEntireMessage() ? Result<void>{} : wrong();
}

void set_image_of(model::Container& container, const runtime::v1::Container& entry,
                  const ImageNames& names) {
  if (set_image(container, entry.image().user_specified_image())) return;
  if (set_image(container, entry.image().image())) return;
  for (const std::string& id : {entry.image().image(), entry.image_ref()}) {
    const auto found = names.find(id);
    if (found != names.end() && set_image(container, found->second)) return;
  }
  set_image(container, entry.image_ref());
}

void add_pod(model::Container& container, const runtime::v1::PodSandboxMetadata& pod) {
  add_kubernetes(container, "k8s.pod.name", pod.name());
  add_kubernetes(container, "k8s.namespace.name", pod.namespace_());
  add_kubernetes(container, "k8s.pod.uid", pod.uid());
}

void add_container(const runtime::v1::Container& entry, const Pods& pods, const ImageNames& names,
                   model::Containers& containers) {
  if (!is_container_id(entry.id())) return;
  model::Container container;
  container.id = entry.id();
  container.name = clean_text(entry.metadata().name());
  container.service_name = container.name;
  set_image_of(container, entry, names);
  add_kubernetes_labels(container, [&](std::string_view key) -> std::string_view {
    for (const auto& label : entry.labels()) {
      if (label.key() == key) return label.value();
    }
    return {};
  });
  const auto pod = pods.find(entry.pod_sandbox_id());
  if (pod != pods.end()) add_pod(container, pod->second);
  containers.emplace(entry.id(), std::move(container));
}

}  // namespace

Result<model::Containers> parse_cri_lists(const CriLists& lists) {
  Pods pods;
  auto read = each_entry<runtime::v1::PodSandbox>(
      lists.pods, "the list of pods", [&](runtime::v1::PodSandbox& entry) {
        if (is_container_id(entry.id())) pods[entry.id()] = std::move(*entry.mutable_metadata());
        return pods.size() < kMaxContainers;
      });
  if (!read) return std::move(read).error();
  ImageNames names;
  read = each_entry<runtime::v1::Image>(lists.images, "the list of images",
                                        [&](const runtime::v1::Image& entry) {
                                          if (entry.repo_tags_size() > 0)
                                            names.emplace(entry.id(), entry.repo_tags(0));
                                          return names.size() < kMaxContainers;
                                        });
  if (!read) return std::move(read).error();
  model::Containers containers;
  read = each_entry<runtime::v1::Container>(lists.containers, "the list of containers",
                                            [&](const runtime::v1::Container& entry) {
                                              add_container(entry, pods, names, containers);
                                              return containers.size() < kMaxContainers;
                                            });
  if (!read) return std::move(read).error();
  for (const auto& [id, pod] : pods) {
    if (containers.size() >= kMaxContainers) break;
    model::Container container;
    container.id = id;
    container.service_name = "pause";
    add_pod(container, pod);
    containers.emplace(id, std::move(container));
  }
  return containers;
}

}  // namespace hostlens::discovery
