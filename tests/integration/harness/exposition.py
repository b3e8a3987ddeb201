# SPDX-License-Identifier: Apache-2.0
"""/metrics as read by Prometheus' own Python parser."""
import collections

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families


class Metrics:
    """Samples by name; a sample is (labels, value)."""

    def __init__(self, families):
        self.samples = collections.defaultdict(list)
        self.types = {}
        for family in families:
            self.types[family.name] = family.type
            for sample in family.samples:
                self.samples[sample.name].append((sample.labels, sample.value))

    def sum(self, name, **labels):
        return sum(value for found, value in self.samples[name]
                   if all(found.get(key) == wanted for key, wanted in labels.items()))

    def request_counts(self, side="server", service=None):
        """{(method, route, status): exchanges}; no route is "", no status 0."""
        counts = collections.Counter()
        for labels, value in self.samples[f"http_{side}_request_duration_seconds_count"]:
            if service is None or labels.get("service_name") == service:
                counts[(labels.get("http_request_method", ""), labels.get("http_route", ""),
                        int(labels.get("http_response_status_code") or 0))] += int(value)
        return dict(counts)

    def records(self, stage, outcome, reason=None):
        labels = {"stage": stage, "outcome": outcome}
        if reason:
            labels["reason"] = reason
        return int(self.sum("hostlens_records_total", **labels))


def read(text):
    return Metrics(text_string_to_metric_families(text))


def read_openmetrics(text):
    return Metrics(openmetrics.text_string_to_metric_families(text))
