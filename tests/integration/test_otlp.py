# SPDX-License-Identifier: Apache-2.0
"""What the OpenTelemetry Collector received is exactly what the generator sent, whatever happens between."""
import json

import pytest

from harness import otlp, servers
from harness.agent import CONFIGURATION, HOSTLENS
from harness.agent import run as run_agent
from harness.gate import Gate
from harness.load import MIX, Load, load
from harness.oracles import Collector
from harness.polling import eventually, settles
from harness.process import Process

TOTAL = 40 * sum(entry["weight"] for entry in MIX)


@pytest.fixture
def collector(directory, started):
    return started(Collector(directory))


@pytest.fixture
def gate(collector, started):
    collector.start()
    return started(Gate(collector))


def configuration(**keys):
    otlp_keys = json.dumps(keys)  # JSON is YAML
    return CONFIGURATION + f"exporters: {{otlp: {otlp_keys}}}\n"


def exported(agent):
    return agent.books()["export_otlp"]


def assert_collector_has(collector, report):
    settles(lambda: otlp.server_spans(collector.lines("traces")), report.counts, 10)
    settles(lambda: otlp.request_counts(collector.lines("metrics")), report.counts, 10)


def test_the_collector_has_exactly_the_counts(directory, watch, collector):
    collector.start()
    server = servers.go(directory)
    agent = watch(server, options=["--otlp-endpoint", collector.url])
    report = load(directory, server.port, TOTAL)
    assert_collector_has(collector, report)
    spans = otlp.spans(collector.lines("traces"))
    assert len({span["spanId"] for span in spans}) == TOTAL
    for point in otlp.points(collector.lines("metrics"), "http.server.request.duration"):
        assert point["unit"] == "s"
        assert point["temporality"] == 2  # cumulative
        assert point["resource"]["service.name"]
    settles(lambda: exported(agent)["held"], 0)
    assert exported(agent)["dropped"] == {}


def test_the_last_second_is_sent_on_the_way_out(directory, watch, collector):
    collector.start()
    server = servers.go(directory)
    agent = watch(server, options=["--otlp-endpoint", collector.url],
                  configuration="listen: 127.0.0.1:0\ninterval: 1h\n")
    report = load(directory, server.port, TOTAL)
    agent.stop()
    assert_collector_has(collector, report)


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_headers_and_compression_are_as_configured(directory, watch, gate, compression):
    server = servers.go(directory)
    watch(server, configuration=configuration(
        endpoint=gate.url, compression=compression, headers={"authorization": "Bearer token-1"}))
    report = load(directory, server.port, TOTAL)
    assert_collector_has(gate.collector, report)
    for path, headers, _ in gate.requests:
        headers = {name.lower(): value for name, value in headers.items()}
        assert path in ("/v1/traces", "/v1/metrics", "/v1development/profiles")
        assert headers["authorization"] == "Bearer token-1"
        assert headers["content-type"] == "application/x-protobuf"
        assert headers.get("content-encoding", "none") == compression


def test_standard_variables_are_honoured(directory, started, gate):
    server = servers.go(directory)
    agent = started(run_agent(directory, server.command, environment={
        "OTEL_EXPORTER_OTLP_ENDPOINT": gate.url, "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=blue",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}))
    server.wait(agent)
    report = load(directory, server.port, 100)
    settles(lambda: otlp.server_spans(gate.collector.lines("traces")), report.counts, 10)
    headers = {name.lower(): value for name, value in gate.requests[0][1].items()}
    assert headers["x-tenant"] == "blue"
    assert "content-encoding" not in headers


@pytest.mark.parametrize("answers", [[429, 503, 502, 504], ["hang up", "hang up"], ["garbage"]],
                         ids=["overloaded", "closed", "garbage"])
def test_a_receiver_that_recovers_gets_everything(directory, watch, gate, answers):
    gate.headers = {"Retry-After": "1"}
    gate.answers = list(answers)
    server = servers.go(directory)
    agent = watch(server, configuration=configuration(endpoint=gate.url))
    report = load(directory, server.port, TOTAL)
    settles(lambda: otlp.server_spans(gate.collector.lines("traces")), report.counts, 40)
    assert gate.answers == []
    settles(lambda: exported(agent)["held"], 0)
    assert exported(agent)["dropped"] == {}


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_refusal_for_good_is_counted(directory, watch, gate, status):
    """OTLP's specification lists what may be tried again; the rest may not."""
    gate.always = status
    server = servers.go(directory)
    agent = watch(server, configuration=configuration(endpoint=gate.url))
    report = load(directory, server.port, TOTAL)
    settles(lambda: exported(agent)["dropped"].get("rejected"), report.total, 10)
    books = exported(agent)
    assert (books["received"], books["forwarded"]) == (report.total, 0)


def test_a_collector_that_comes_back_misses_nothing(directory, watch, collector):
    server = servers.go(directory)
    agent = watch(server, options=["--otlp-endpoint", collector.url])
    report = load(directory, server.port, TOTAL)  # nobody listens yet
    eventually(lambda: exported(agent)["held"] == TOTAL, 5, "the spans wait")
    collector.start()
    settles(lambda: otlp.server_spans(collector.lines("traces")), report.counts, 40)
    assert exported(agent)["dropped"] == {}


def test_a_collector_restarted_under_load_misses_nothing(directory, watch, collector):
    collector.start()
    server = servers.go(directory)
    agent = watch(server, options=["--otlp-endpoint", collector.url])
    running = Load(directory, f"127.0.0.1:{server.port}", 4000, rate=1000)
    eventually(lambda: collector.lines("traces"), 10, "the first spans")
    collector.stop()
    eventually(lambda: exported(agent)["held"] > 1000, 10, "spans wait")
    collector.start()
    report = running.report()
    settles(lambda: otlp.server_spans(collector.lines("traces")), report.counts, 40)
    assert exported(agent)["dropped"] == {}


def test_the_queue_is_bounded_and_says_what_it_lost(directory, watch):
    """Nobody ever listens: what fits waits, the rest is counted."""
    server = servers.go(directory)
    agent = watch(server, configuration=configuration(endpoint="http://127.0.0.1:9") +
                  "limits: {queue: 64KiB}\n")
    few = load(directory, server.port, 100)  # one request that fits: all at once need not
    settles(lambda: exported(agent)["held"], few.total)
    many = load(directory, server.port, 4000)
    settles(lambda: exported(agent)["received"], few.total + many.total)
    books = exported(agent)
    assert books["dropped"].get("queue_full", 0) > 0
    assert books["forwarded"] == 0
    assert books["held"] > 0
    assert books["received"] == sum(books["dropped"].values()) + books["held"]
    # A slow receiver hurts only itself.
    settles(agent.counts, {key: few.counts.get(key, 0) + count for key, count in many.counts.items()})


def test_the_file_holds_the_same_as_the_collector(directory, watch, collector):
    collector.start()
    server = servers.go(directory)
    file = directory / "out.jsonl"
    agent = watch(server, options=["--otlp-endpoint", collector.url, "--otlp-json", file])
    report = load(directory, server.port, TOTAL)
    assert_collector_has(collector, report)
    agent.stop()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    traces = [line for line in lines if "resourceSpans" in line]
    metrics = [line for line in lines if "resourceMetrics" in line]
    assert len(traces) + len(metrics) == len(lines)
    assert otlp.server_spans(traces) == report.counts
    assert otlp.request_counts(metrics) == report.counts

    def comparable(spans):
        return {span["spanId"]: {key: span.get(key) or None for key in
                                 ("traceId", "parentSpanId", "name", "kind", "startTimeUnixNano",
                                  "endTimeUnixNano", "attributes", "resource")} for span in spans}
    assert comparable(otlp.spans(traces)) == comparable(otlp.spans(collector.lines("traces")))


def test_a_client_span_reaches_the_collector(directory, started, collector):
    """`hostlens run -- curl`: the command is a client."""
    collector.start()
    server = servers.go(directory)
    started(server.start(directory))
    command = Process([HOSTLENS, "run", "--listen", "127.0.0.1:0", "--otlp-endpoint", collector.url,
                       "--", "curl", "-sS", f"http://127.0.0.1:{server.port}/users/3"],
                      directory, "hostlens")
    assert command.wait(20) == 0, command.stderr()
    assert command.stdout() == "user\n"
    span, = eventually(lambda: otlp.spans(collector.lines("traces")), 5, "the span")
    assert (span["kind"], span["name"]) == (3, "GET")
    assert span["attributes"]["url.full"] == f"http://127.0.0.1:{server.port}/users/3"
    assert span["attributes"]["http.response.status_code"] == 200
    assert span["resource"]["service.name"] == "curl"
