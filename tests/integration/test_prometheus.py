# SPDX-License-Identifier: Apache-2.0
"""/metrics as a real Prometheus scrapes it and as promtool checks it."""
import re
import subprocess

import pytest

from harness import exposition, servers
from harness.agent import CONFIGURATION
from harness.load import load, request
from harness.oracles import PrometheusServer, oracle
from harness.polling import eventually, settles

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
PROTOBUF = ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
            "encoding=delimited")


@pytest.fixture
def loaded(directory, watch):
    """An agent with a load behind it, and the load's report."""
    server = servers.go(directory)
    agent = watch(server)
    report = load(directory, server.port, 2000, rate=4000)
    agent.wait_for_requests(report.total)
    return agent, report


def counts(result):
    return {(series["metric"].get("http_request_method", ""), series["metric"].get("http_route", ""),
             int(series["metric"].get("http_response_status_code", 0))): int(float(series["value"][1]))
            for series in result}


BY = "by (http_request_method, http_route, http_response_status_code)"


def test_native_histograms_hold_the_generators_counts(loaded, directory, started):
    agent, report = loaded
    prometheus = started(PrometheusServer(directory, agent.address, native=True))
    query = f"sum {BY} (histogram_count(http_server_request_duration_seconds))"
    settles(lambda: counts(prometheus.query(query)), report.counts, 10)
    quantile = prometheus.query(
        "histogram_quantile(0.5, sum(http_server_request_duration_seconds))")
    assert 0 < float(quantile[0]["value"][1]) < 5


def test_classic_histograms_hold_the_generators_counts(loaded, directory, started):
    agent, report = loaded
    prometheus = started(PrometheusServer(directory, agent.address, native=False))
    for suffix, more in (("count", ""), ("bucket", '{le="+Inf"}')):
        query = f"sum {BY} (http_server_request_duration_seconds_{suffix}{more})"
        settles(lambda query=query: counts(prometheus.query(query)), report.counts, 10)
    quantile = prometheus.query("histogram_quantile(0.5, sum by (le) "
                                "(http_server_request_duration_seconds_bucket))")
    assert 0 < float(quantile[0]["value"][1]) < 5


def test_exemplars_lead_to_spans(loaded, directory, started):
    agent, _ = loaded
    prometheus = started(PrometheusServer(directory, agent.address, native=False))

    def exemplars():
        found = prometheus.api("query_exemplars",
                               query="http_server_request_duration_seconds_bucket",
                               start="0", end="9999999999")
        return [exemplar["labels"] for series in found for exemplar in series["exemplars"]]
    labels = eventually(exemplars, 10, "exemplars in Prometheus")
    for exemplar in labels:
        assert set(exemplar) == {"trace_id", "span_id"}
        assert len(exemplar["trace_id"]) == 32 and len(exemplar["span_id"]) == 16


def test_target_info_carries_the_resource(loaded, directory, started):
    agent, _ = loaded
    prometheus = started(PrometheusServer(directory, agent.address, native=False))
    joined = eventually(lambda: prometheus.query(
        "sum by (host_name) (http_server_request_duration_seconds_count * on (service_name) "
        "group_left (host_name) target_info)"), 10, "target_info joins")
    assert joined[0]["metric"]["host_name"]


def test_promtool_finds_nothing_to_complain_about(loaded):
    agent, _ = loaded
    _, _, text = agent.get("/metrics", "text/plain;version=0.0.4")
    check = subprocess.run([oracle("promtool", "debian-promtool"), "check", "metrics"], input=text,
                           capture_output=True, check=False)
    complaints = (check.stdout + check.stderr).decode().splitlines()
    # The conventions name what is there at a time "count", which promtool keeps for histograms. The
    # Collector's translation gives the same names.
    counts = re.compile(r"(system|process)_\w+_count non-histogram and non-summary metrics "
                        r'should not have "_count" suffix')
    assert [line for line in complaints if not counts.fullmatch(line)] == []


def test_openmetrics_is_read_by_a_strict_parser(loaded):
    """promtool knows the older format only."""
    agent, report = loaded
    _, _, text = agent.get("/metrics", OPENMETRICS)
    assert exposition.read_openmetrics(text.decode()).request_counts() == report.counts


@pytest.mark.parametrize("accept, wanted", [
    (None, "text/plain; version=0.0.4"),
    ("*/*", "text/plain; version=0.0.4"),
    (OPENMETRICS, "application/openmetrics-text; version=1.0.0"),
    (f"{PROTOBUF};q=0.6,{OPENMETRICS};q=0.5,*/*;q=0.1", "application/vnd.google.protobuf"),
    (f"{OPENMETRICS};q=0.2,text/plain;version=0.0.4;q=0.9", "text/plain; version=0.0.4"),
])
def test_the_format_is_the_one_asked_for(loaded, accept, wanted):
    agent, _ = loaded
    _, headers, body = agent.get("/metrics", accept)
    assert headers["Content-Type"].replace(";", "; ").replace(";  ", "; ").startswith(wanted)
    assert body


@pytest.mark.alone
def test_a_finished_request_is_visible_within_a_second(directory, watch):
    server = servers.nginx(directory)
    agent = watch(server)
    for total in range(1, 6):
        load(directory, server.port, 1, connections=1)
        agent.wait_for_requests(total, seconds=1)


def test_series_of_a_family_are_limited(directory, watch):
    server = servers.go(directory)
    agent = watch(server, configuration=CONFIGURATION + "limits: {series_per_family: 20}\n")
    plan = [request("GET", f"/users/{'abcdefghij'[i // 10]}{'klmnopqrst'[i % 10]}", "")
            for i in range(60)]
    load(directory, server.port, 600, plan=plan)
    agent.wait_for_requests(600)
    samples = agent.metrics().samples["http_server_request_duration_seconds_count"]
    assert len(samples) <= 21
    assert sum(value for labels, value in samples if labels.get("otel_metric_overflow") == "true") > 0
    assert sum(value for _, value in samples) == 600
