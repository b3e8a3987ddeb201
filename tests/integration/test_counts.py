# SPDX-License-Identifier: Apache-2.0
"""Counts by method, route and status equal the load generator's, exactly, over eight servers."""
import pytest

from harness import agent as agents
from harness import servers
from harness.books import lost
from harness.load import load, request
from harness.polling import settles

pytestmark = pytest.mark.alone

# Requests: about two seconds of each server at what it can bear of 10,000/s.
TOTALS = {"nginx": 24000, "apache": 10000, "python": 6000, "gunicorn": 6000, "node": 12000,
          "go": 20000, "java": 10000, "hyper": 24000}


def assert_books_hold_no_loss(agent):
    books = agent.books()
    assert lost(books) == {}, books


@pytest.mark.parametrize("name", servers.ALL)
def test_counts_equal_the_generators(name, directory, watch, rates):
    server = servers.ALL[name](directory)
    agent = watch(server)
    report = load(directory, server.port, TOTALS[name], rate=10000)
    agent.wait_for_requests(report.total)
    rates.append(f"{name:10} {report.total:6} requests, {report.rate:6.0f}/s attained of 10000/s")
    assert agent.counts() == report.counts
    assert agent.counts("client") == {}
    assert_books_hold_no_loss(agent)


def test_body_sizes_sum_up_to_the_generators_bytes(directory, watch):
    server = servers.go(directory)
    agent = watch(server)
    report = load(directory, server.port, 4000)
    agent.wait_for_requests(report.total)
    metrics = agent.metrics()
    assert metrics.sum("http_server_request_body_size_bytes_sum") == report.request_bytes
    assert metrics.sum("http_server_response_body_size_bytes_sum") == report.response_bytes


def test_the_agent_watches_what_listens_on_a_port(directory, started):
    server = servers.nginx(directory)
    unwatched = servers.hyper(directory)
    configuration = agents.CONFIGURATION + f"targets: {{include: [{{port: {server.port}}}]}}\n"
    agent = started(agents.agent(directory, configuration))
    started(unwatched.start(directory))
    started(server.start(directory))
    # How soon a port is seen after it opened is no promise: ask until the first request is counted.
    def seen():
        load(directory, server.port, 1, plan=[request("DELETE", "/users/{id}", "")], connections=1)
        return sum(agent.counts().values()) > 0
    settles(seen, True, 10)
    report = load(directory, server.port, 10000, rate=10000)
    load(directory, unwatched.port, 100)
    settles(lambda: {key: count for key, count in agent.counts().items() if key[0] != "DELETE"},
            report.counts)


def test_the_agent_watches_a_process_that_ran_before_it(directory, started):
    server = servers.nginx(directory)
    process = started(server.start(directory))
    configuration = agents.CONFIGURATION + f"targets: {{include: [{{pid: {process.pid}}}]}}\n"
    agent = started(agents.agent(directory, configuration))
    report = load(directory, server.port, 5000)
    agent.wait_for_requests(report.total)
    assert agent.counts() == report.counts
