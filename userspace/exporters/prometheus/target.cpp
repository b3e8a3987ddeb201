// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/target.h"

#include <algorithm>

#include "exporters/prometheus/text.h"

namespace hostlens::exporters::prometheus {
namespace {

bool has_name(const Labels& labels, std::string_view name) {
  return std::any_of(labels.begin(), labels.end(),
                     [&](const Label& label) { return label.name == name; });
}

void add_if_any(Labels& labels, std::string_view name, std::string value) {
  if (!value.empty()) labels.push_back({std::string(name), std::move(value)});
}

}  // namespace

void add_attributes(Labels& labels, const model::Attributes& attributes) {
  const size_t given = labels.size();
  for (const model::Attribute& attribute : attributes) {
    Label label{label_name(attribute.key), label_value(attribute.value)};
    if (!label.value.empty()) labels.push_back(std::move(label));
  }
  const auto first = labels.begin() + static_cast<std::ptrdiff_t>(given);
  std::stable_sort(first, labels.end(),
                   [](const Label& a, const Label& b) { return a.name < b.name; });
  size_t kept = given;
  for (size_t i = given; i < labels.size(); ++i) {
    if (kept > given && labels[kept - 1].name == labels[i].name) {
      std::string& value = labels[kept - 1].value;
      value = clean_text(value + ";" + labels[i].value);
      continue;
    }
    const auto end = labels.begin() + static_cast<std::ptrdiff_t>(given);
    const bool taken = std::any_of(
        labels.begin(), end, [&](const Label& label) { return label.name == labels[i].name; });
    if (taken) continue;
    if (kept != i) labels[kept] = std::move(labels[i]);
    ++kept;
  }
  labels.resize(kept);
}

std::string identity_of(const Labels& labels) {
  std::string identity;
  for (const Label& label : labels) {  // clean texts hold no NUL
    identity.append(label.name).push_back('\0');
    identity.append(label.value).push_back('\0');
  }
  return identity;
}

Targets::Targets(const model::MetricSnapshot& snapshot) : agent_(snapshot.agent.get()) {
  const auto add = [&](const model::Service* service, uint64_t start_unix_ns) {
    if (!service) return;
    const auto [place, is_new] = index_.try_emplace(service, targets_.size());
    if (is_new) {
      Target target;
      target.service = service;
      add_if_any(target.labels, "service_name", clean_text(service->name));
      add_if_any(target.labels, "service_namespace", clean_text(service->ns));
      target.instance = {"service_instance_id", clean_text(service->instance_id)};
      targets_.push_back(std::move(target));
    }
    uint64_t& youngest = targets_[place->second].youngest_unix_ns;
    youngest = std::max(youngest, start_unix_ns);
  };
  add(agent_, 0);
  model::for_each_family(snapshot, [&](const model::MetricFamily& family) {
    for (const model::MetricPoint& point : family.points) {
      add(point.service.get(), point.start_unix_ns);
    }
  });
  std::unordered_map<std::string, const Label*> first_instance;
  std::unordered_map<std::string, bool> shared;
  for (const Target& target : targets_) {
    const std::string identity = identity_of(target.labels);
    const auto [first, is_new] = first_instance.try_emplace(identity, &target.instance);
    if (!is_new && *first->second != target.instance) shared[identity] = true;
  }
  for (Target& target : targets_) {
    if (target.instance.value.empty() || !shared.contains(identity_of(target.labels))) continue;
    target.labels.push_back(target.instance);
  }
}

const Labels& Targets::labels_of(const model::MetricPoint& point) const {
  static const Labels kNone;
  const model::Service* service = service_of(point);
  return service ? targets_[index_.at(service)].labels : kNone;
}

std::vector<Labels> Targets::target_info() const {
  // A service object that replaced another of the same identity speaks for both: a second line
  // would break every join with target_info.
  std::vector<const Target*> speakers;
  std::unordered_map<std::string, size_t> known;
  for (const Target& target : targets_) {
    Labels identity = target.labels;
    identity.push_back(target.instance);
    const auto [place, is_new] = known.try_emplace(identity_of(identity), speakers.size());
    if (is_new) {
      speakers.push_back(&target);
    } else if (target.youngest_unix_ns > speakers[place->second]->youngest_unix_ns) {
      speakers[place->second] = &target;
    }
  }
  std::vector<Labels> lines;
  for (const Target* target : speakers) {
    Labels labels = target->labels;
    const Label& instance = target->instance;
    if (!instance.value.empty() && !has_name(labels, instance.name)) labels.push_back(instance);
    add_attributes(labels, target->service->resource);
    lines.push_back(std::move(labels));
  }
  return lines;
}

}  // namespace hostlens::exporters::prometheus
