# SPDX-License-Identifier: Apache-2.0
"""p50 and p99 are within 5% or 100 us of what the server's own log says."""
import pytest

from harness import servers
from harness.histogram import quantile
from harness.load import load, request

SLOW = [request("GET", "/slow?ms=30", "/slow")]
USER = [request("GET", "/users/1", "/users/{id}")]


def assert_near(ours, theirs, resolution=0.0):
    assert ours == pytest.approx(theirs, rel=0.05, abs=100e-6 + resolution)


def compare(agent, server, report, path, route, resolution=0.0, stop=False, quantiles=(0.5, 0.99)):
    agent.wait_for_requests(report.total)
    rows = [row for row in agent.rows() if row["route"] == route]
    if stop:  # the log appears at the end
        agent.stop()
    logged = servers.durations(server.log, path)
    assert len(logged) == report.total
    for q in quantiles:
        assert_near(quantile(rows, q), logged[int(q * len(logged))], resolution)


def test_slow_answers_of_apache(directory, watch):
    server = servers.apache(directory)
    agent = watch(server)
    report = load(directory, server.port, 200, plan=SLOW, rate=100, connections=4)
    compare(agent, server, report, "/slow", "/slow")


def test_quick_answers_of_apache(directory, watch):
    server = servers.apache(directory)
    agent = watch(server)
    # Its log's time goes on after the last byte, until the thread writes the line: on a busy machine
    # that is most of a quick answer's p99, so the median decides here and p99 above.
    report = load(directory, server.port, 1000, plan=USER, rate=500, connections=1)
    compare(agent, server, report, "/users/1", "/users/{id}", quantiles=(0.5,))


@pytest.mark.parametrize("name", ["go", "node"])
def test_slow_answers(name, directory, watch):
    server = servers.ALL[name](directory)
    agent = watch(server)
    # Its log's time goes on to the event behind the last byte: code that runs first is slow there.
    warm = load(directory, server.port, 300, plan=USER, connections=4)
    report = load(directory, server.port, 200, plan=SLOW, rate=100, connections=4)
    agent.wait_for_requests(warm.total + report.total)
    compare(agent, server, report, "/slow", "/slow", stop=True)


def test_slow_answers_through_nginx(directory, watch, started):
    upstream = servers.go(directory)
    started(upstream.start(directory))
    server = servers.nginx(directory, upstream.port)
    agent = watch(server)
    plan = [request("GET", "/proxy/slow?ms=30", "/proxy/slow")]
    report = load(directory, server.port, 200, plan=plan, rate=100, connections=4)
    # Its log counts milliseconds.
    compare(agent, server, report, "/proxy/slow", "/proxy/slow", resolution=0.001)
    assert agent.counts("client") == {("GET", "", 200): 200}


def test_a_slow_upload_counts_from_its_first_byte(directory, watch):
    """The generator's own clock bounds ours from above; the pause the server made from below."""
    server = servers.python(directory)
    agent = watch(server)
    report = load(directory, server.port, 50, plan=SLOW, connections=1)
    agent.wait_for_requests(50)
    rows = agent.rows()
    client = report.durations["/slow?ms=30"]
    assert 0.030 <= quantile(rows, 0.5) <= client["p50"] * 1.01
    assert rows[0]["duration"]["max"] <= client["max"]
