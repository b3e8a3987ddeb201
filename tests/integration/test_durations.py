# SPDX-License-Identifier: Apache-2.0
"""p50 and p99 are within 5% or 100 us of what the server's own log says.

Both clocks run in the server's process, but not over the same lines: ours from the first receive to the
last send, the log's from the parsed request to the line written behind that send. Whoever takes the CPU
from the server in between is in one and not in the other. Apache, 1,000 quick answers with each request's
own pair: half of the logged times are 10 us longer than ours, one in a hundred 80 to 270 us, the longest
2.9 ms, others 4.5 ms shorter; under SCHED_FIFO 99.5% are within 55 us and all within 81 us, in both
directions. So the servers run there, and the pauses are long enough for 5% to be more than what is left.
"""
import json
import math
import subprocess
import time

import pytest

from harness import otlp, servers
from harness.histogram import quantile
from harness.load import load, request

pytestmark = pytest.mark.alone

PAUSE = 0.1
SLOW = [request("GET", f"/slow?ms={PAUSE * 1000:.0f}", "/slow")]
USERS = [request("GET", "/users/{id}", "/users/{id}")]
LOAD = {"rate": 100, "connections": 16}


@pytest.fixture
def undisturbed(watch):
    """Starts a server by `hostlens run`; only the kernel takes the CPU from it."""
    first = ["chrt", "--fifo", "1"]
    refused = subprocess.run([*first, "true"], capture_output=True, text=True, check=False)
    if refused.returncode != 0:
        pytest.skip(f"no SCHED_FIFO here: {refused.stderr.strip()}")

    def start(server, **options):
        server.command = [*first, *server.command]
        return watch(server, **options)
    return start


def rank(values, q):
    """Nearest rank, as `quantile` counts it."""
    return sorted(values)[math.ceil(q * len(values)) - 1]


def assert_near(ours, theirs, resolution=0.0):
    assert ours == pytest.approx(theirs, rel=0.05, abs=100e-6 + resolution)


def compare(agent, server, report, path, route, resolution=0.0, stop=False):
    agent.wait_for_requests(report.total)
    rows = [row for row in agent.rows() if row["route"] == route]
    if stop:  # the log appears at the end
        agent.stop()
    logged = [seconds for name, seconds in servers.durations(server.log) if name == path]
    assert len(logged) == report.total
    for q in (0.5, 0.99):
        assert_near(quantile(rows, q), rank(logged, q), resolution)


def test_slow_answers_of_apache(directory, undisturbed):
    server = servers.apache(directory)
    agent = undisturbed(server)
    report = load(directory, server.port, 200, plan=SLOW, **LOAD)
    compare(agent, server, report, "/slow", "/slow")


def stalls_per_second():
    """How often a process that only looks at the clock is held up for more than 100 us: by whoever shares the processors of
    a virtual machine, since nobody else runs meanwhile."""
    last = begin = time.monotonic()
    count = 0
    while last < begin + 1:
        now = time.monotonic()
        count += now - last > 100e-6
        last = now
    return count


def test_each_quick_answer_of_apache(directory, undisturbed):
    """Its log knows single requests: each span is held against its own line."""
    server = servers.apache(directory)
    spans = directory / "spans.jsonl"
    agent = undisturbed(server, options=["--otlp-json", spans])
    report = load(directory, server.port, 1000, plan=USERS, rate=500, connections=1)
    agent.wait_for_requests(report.total)
    rows = agent.rows()
    agent.stop()
    logged = dict(servers.durations(server.log))
    lines = [json.loads(line) for line in spans.read_text().splitlines()]
    ours = {span["attributes"]["url.path"]: otlp.seconds(span)
            for span in otlp.spans([line for line in lines if "resourceSpans" in line])}
    assert ours.keys() == logged.keys()
    assert len(ours) == report.total
    differences = [logged[path] - ours[path] for path in ours]
    assert -100e-6 < rank(differences, 0.05)
    assert rank(differences, 0.95) < 100e-6
    assert_near(quantile(rows, 0.5), rank(logged.values(), 0.5))
    if (stalls := stalls_per_second()) > 10:
        pytest.skip(f"this machine stands still {stalls} times a second: no 1st or 99th percentile can be held against the log")
    assert -100e-6 < rank(differences, 0.01)
    assert rank(differences, 0.99) < 100e-6
    assert_near(quantile(rows, 0.99), rank(logged.values(), 0.99))


@pytest.mark.parametrize("name", ["go", "node"])
def test_slow_answers(name, directory, undisturbed):
    server = servers.ALL[name](directory)
    agent = undisturbed(server)
    # Its log's time goes on to the event behind the last byte: code that runs first is slow there.
    warm = load(directory, server.port, 300, plan=USERS, connections=4)
    report = load(directory, server.port, 200, plan=SLOW, **LOAD)
    agent.wait_for_requests(warm.total + report.total)
    compare(agent, server, report, "/slow", "/slow", stop=True)


def test_slow_answers_through_nginx(directory, undisturbed, started):
    upstream = servers.go(directory)
    started(upstream.start(directory))
    server = servers.nginx(directory, upstream.port)
    agent = undisturbed(server)
    plan = [request("GET", f"/proxy/slow?ms={PAUSE * 1000:.0f}", "/proxy/slow")]
    report = load(directory, server.port, 200, plan=plan, **LOAD)
    # Its log counts milliseconds.
    compare(agent, server, report, "/proxy/slow", "/proxy/slow", resolution=0.001)
    assert agent.counts("client") == {("GET", "", 200): 200}


def test_a_pause_is_all_there_and_the_client_saw_no_less(directory, undisturbed):
    """The pause that the server made bounds ours from below, the generator's own clock from above."""
    server = servers.python(directory)
    agent = undisturbed(server)
    report = load(directory, server.port, 50, plan=SLOW, connections=1)
    agent.wait_for_requests(50)
    rows = agent.rows()
    client = report.durations[SLOW[0]["path"]]
    # The client may read the answer, on the other CPU, before the server's send has returned.
    assert PAUSE <= quantile(rows, 0.5) <= client["p50"] * 1.01
    assert rows[0]["duration"]["max"] <= client["max"] * 1.01
