# SPDX-License-Identifier: Apache-2.0
"""One trace across unmodified services, as the OpenTelemetry Collector understood it."""
import os
import platform
import re
import socket
import urllib.error
import urllib.parse
import urllib.request

import pytest

from harness import otlp, servers
from harness.agent import run as run_agent
from harness.oracles import Collector
from harness.polling import eventually

SERVER, CLIENT = 2, 3  # SPAN_KIND_*
ERROR = 2  # STATUS_CODE_ERROR


@pytest.fixture
def collector(directory, started):
    return started(Collector(directory)).start()


def fetch(url, **headers):
    request = urllib.request.Request(url, headers={key.replace("_", "-"): value
                                                   for key, value in headers.items()})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def shape(spans, parent=""):
    """The tree below a parent as nested (kind, service, name) lists."""
    return sorted([span["kind"], span["resource"]["service.name"], span["name"],
                   shape(spans, span["spanId"])]
                  for span in spans if span.get("parentSpanId", "") == parent)


@pytest.fixture(params=["python", "node"])
def chain(request, directory, started, collector):
    """nginx -> Python or Node -> Go, all under one agent that sends to the collector."""
    last = servers.go(directory)
    middle = servers.ALL[request.param](directory)
    first = servers.nginx(directory, middle.port)
    agent = started(run_agent(directory, servers.together(first, middle, last),
                              options=["--otlp-endpoint", collector.url]))
    for server in (first, middle, last):
        server.wait(agent)
    inner = urllib.parse.quote(f"http://127.0.0.1:{last.port}/users/5")
    return first, middle, last, f"http://127.0.0.1:{first.port}/proxy/call?url={inner}"


def collected(collector, count):
    """The spans, when there are so many."""
    return eventually(lambda: (spans := otlp.spans(collector.lines("traces"))) and
                      len(spans) >= count and spans, 10,
                      lambda: f"{count} spans, got {otlp.spans(collector.lines('traces'))}")


def tree(middle):
    """Five spans: each hop has the caller's and the server's."""
    go = [SERVER, "go-server", "GET /users/{id}", []]
    call = [CLIENT, middle.service, "GET", [go]]
    handler = [SERVER, middle.service, "GET /call", [call]]
    proxy = [CLIENT, "nginx", "GET", [handler]]
    return [[SERVER, "nginx", "GET /proxy/call", [proxy]]]


def named_alike(spans, middle):
    """The middle's service name depends on its runtime: what the agent calls it is not the point."""
    for span in spans:
        if span["resource"]["service.name"] not in ("nginx", "go-server"):
            span["resource"]["service.name"] = middle.service
    return spans


def test_a_request_through_three_services_is_one_trace(chain, collector):
    _, middle, _, url = chain
    fetch(url)
    spans = named_alike(collected(collector, 5), middle)
    assert len({span["traceId"] for span in spans}) == 1
    assert shape(spans) == tree(middle)
    by_id = {span["spanId"]: span for span in spans}
    for span in spans:
        parent = by_id.get(span.get("parentSpanId"))
        if parent:
            assert int(parent["startTimeUnixNano"]) <= int(span["startTimeUnixNano"])


def test_ten_requests_in_turn_are_ten_traces(chain, collector):
    _, middle, _, url = chain
    for _ in range(10):
        fetch(url)
    spans = named_alike(collected(collector, 50), middle)
    traces = {}
    for span in spans:
        traces.setdefault(span["traceId"], []).append(span)
    assert [shape(trace) for trace in traces.values()] == [tree(middle)] * 10


def test_incoming_traceparent_is_honoured(chain, collector):
    *_, url = chain
    fetch(url, traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    spans = collected(collector, 5)
    assert {span["traceId"] for span in spans} == {"4bf92f3577b34da6a3ce929d0e0e4736"}
    first, = (span for span in spans if span["name"] == "GET /proxy/call")
    assert first["parentSpanId"] == "00f067aa0ba902b7"


def test_a_passed_on_traceparent_does_not_flatten_the_tree(chain, collector):
    *_, url = chain
    fetch(url, traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    spans = collected(collector, 5)
    roots = [span for span in spans if span.get("parentSpanId") == "00f067aa0ba902b7"]
    assert [(span["kind"], span["resource"]["service.name"]) for span in roots] == [(SERVER, "nginx")]


def test_a_broken_traceparent_is_not(chain, collector):
    *_, url = chain
    fetch(url, traceparent="00-00000000000000000000000000000000-00f067aa0ba902b7-01")
    spans = collected(collector, 5)
    assert len([span for span in spans if not span.get("parentSpanId")]) == 1
    assert "00000000000000000000000000000000" not in {span["traceId"] for span in spans}


def test_spans_follow_the_conventions(directory, started, collector):
    server = servers.python(directory)
    command = ["env", "OTEL_SERVICE_NAME=checkout",
               "OTEL_RESOURCE_ATTRIBUTES=service.namespace=shop,service.version=1.2", *server.command, "--api-token", "SECRET"]
    agent = started(run_agent(directory, command, options=["--otlp-endpoint", collector.url]))
    server.wait(agent)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"POST /orders?coupon=SECRET HTTP/1.1\r\nHost: shop.test:81\r\n"
                       b"User-Agent: buyer/2\r\nContent-Length: 3\r\n\r\nabc")
        port = client.getsockname()[1]
        client.recv(4096)
        span, = collected(collector, 1)
    wanted = {"http.request.method": "POST", "http.route": "/orders", "url.path": "/orders",
              "url.scheme": "http", "http.response.status_code": 201, "server.address": "shop.test",
              "server.port": 81, "client.address": "127.0.0.1", "client.port": port,
              "network.peer.address": "127.0.0.1", "network.peer.port": port,
              "network.protocol.version": "1.1", "user_agent.original": "buyer/2",
              "http.request.body.size": 3, "http.response.body.size": 8}
    assert {key: span["attributes"].get(key) for key in wanted} == wanted
    assert "SECRET" not in str(span)
    assert (span["kind"], span["name"]) == (SERVER, "POST /orders")
    assert re.fullmatch("[0-9a-f]{32}", span["traceId"])
    assert re.fullmatch("[0-9a-f]{16}", span["spanId"])
    assert span["scope"]["name"]
    resource = span["resource"]
    wanted = {"service.name": "checkout", "service.namespace": "shop", "service.version": "1.2",
              "host.name": platform.node(), "os.type": "linux",
              "process.executable.name": os.path.basename(os.path.realpath(servers.PYTHON))}
    assert {key: resource.get(key) for key in wanted} == wanted
    assert resource["process.command_args"] == [*server.command, "--api-token", "REDACTED"]
    assert resource["process.pid"] > 0
    assert resource["service.instance.id"]


def test_errors_have_status_and_type(directory, started, collector):
    server = servers.go(directory)
    agent = started(run_agent(directory, server.command,
                              options=["--otlp-endpoint", collector.url]))
    server.wait(agent)
    for path in ("/fail", "/missing"):
        with pytest.raises(urllib.error.HTTPError):
            fetch(f"http://127.0.0.1:{server.port}{path}")
    spans = {span["attributes"]["url.path"]: span for span in collected(collector, 2)}
    assert spans["/fail"]["status"]["code"] == ERROR
    assert spans["/fail"]["attributes"]["error.type"] == "500"
    # A client's mistake is no error of the server.
    assert spans["/missing"].get("status", {}).get("code", 0) == 0
    assert "error.type" not in spans["/missing"]["attributes"]
