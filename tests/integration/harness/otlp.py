# SPDX-License-Identifier: Apache-2.0
"""OTLP JSON, as the collector or the agent's file exporter wrote it, made handy."""
import collections


def plain(attributes):
    """{key: value} of a list of KeyValue."""
    def value(any_value):
        (kind, content), = any_value.items()
        if kind == "intValue":
            return int(content)
        if kind == "arrayValue":
            return [value(entry) for entry in content.get("values", [])]
        return content
    return {entry["key"]: value(entry["value"]) for entry in attributes or []}


def spans(lines):
    """Every span with plain attributes and its resource's."""
    found = []
    for line in lines:
        for group in line["resourceSpans"]:
            resource = plain(group["resource"].get("attributes"))
            for scope in group["scopeSpans"]:
                found += [{**span, "attributes": plain(span.get("attributes")), "resource": resource,
                           "scope": scope.get("scope", {})} for span in scope["spans"]]
    return found


def seconds(span):
    return (int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e9


def key(attributes):
    return (attributes["http.request.method"], attributes.get("http.route", ""),
            attributes.get("http.response.status_code", 0))


def server_spans(lines):
    """{(method, route, status): spans}, SPAN_KIND_SERVER only."""
    return dict(collections.Counter(key(span["attributes"]) for span in spans(lines)
                                    if span["kind"] == 2))


def points(lines, name):
    """The last state of each stream of a metric: its data point with plain attributes."""
    last = {}
    for line in lines:
        for group in line["resourceMetrics"]:
            resource = plain(group["resource"].get("attributes"))
            for scope in group["scopeMetrics"]:
                for metric in scope["metrics"]:
                    if metric["name"] != name:
                        continue
                    (body,) = (metric[kind] for kind in
                               ("exponentialHistogram", "histogram", "sum", "gauge") if kind in metric)
                    for point in body["dataPoints"]:
                        attributes = plain(point.get("attributes"))
                        stream = (repr(sorted(resource.items())), repr(sorted(attributes.items())))
                        last[stream] = {**point, "attributes": attributes, "resource": resource,
                                        "unit": metric.get("unit"),
                                        "temporality": body.get("aggregationTemporality")}
    return list(last.values())


def request_counts(lines, name="http.server.request.duration"):
    counts = collections.Counter()
    for point in points(lines, name):
        counts[key(point["attributes"])] += int(point["count"])
    return dict(counts)
