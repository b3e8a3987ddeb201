# SPDX-License-Identifier: Apache-2.0
"""The books balance: received = forwarded + dropped + held, and forwarded = received of the next."""
import os
import signal
import socket

import pytest

from harness import agent as agents
from harness import servers
from harness.books import at_rest, dropped, lost, wrong
from harness.load import Load, load
from harness.polling import eventually, settles
from harness.process import alive

pytestmark = pytest.mark.alone

SMALL_RING = agents.CONFIGURATION + "limits: {data_ring: 64KiB}\n"


def balanced(agent, seconds=15):
    return eventually(lambda: at_rest(agent), seconds,
                      lambda: f"the books are at rest: {wrong(agent.books())} {agent.books()}")


def test_after_a_load_nothing_is_missing(directory, watch):
    server = servers.nginx(directory)
    agent = watch(server)
    report = load(directory, server.port, 10000)
    agent.wait_for_requests(report.total)
    books = balanced(agent)
    assert lost(books) == {}
    assert books["match"]["received"] == report.total
    assert books["correlate"]["forwarded"] == report.total
    assert books["kernel"]["received"] >= report.total


def test_metrics_show_the_same_books(directory, watch):
    server = servers.go(directory)
    agent = watch(server)
    load(directory, server.port, 500)
    books = balanced(agent)

    def shown():
        metrics = agent.metrics()
        return {stage: (metrics.records(stage, "received"), metrics.records(stage, "forwarded"),
                        metrics.records(stage, "dropped"),
                        metrics.sum("hostlens_records_held", stage=stage)) for stage in books}
    settles(shown, {stage: (entry["received"], entry["forwarded"], sum(entry["dropped"].values()),
                            entry["held"]) for stage, entry in books.items()})


def test_a_stopped_worker_costs_what_the_ring_cannot_hold(directory, watch):
    server = servers.nginx(directory)
    agent = watch(server, configuration=SMALL_RING)
    worker = agent.worker()
    os.kill(worker, signal.SIGSTOP)
    report = load(directory, server.port, 4000)
    os.kill(worker, signal.SIGCONT)
    # The kernel's own counters are read every now and then.
    eventually(lambda: dropped(agent.books(), "kernel"), 5, "the loss is known")
    books = balanced(agent)
    missing = dropped(books, "kernel")
    assert set(missing) == {"ring_full"}
    assert books["kernel"]["received"] == books["kernel"]["forwarded"] + missing["ring_full"]
    counted = books["correlate"]["forwarded"]
    assert 0 < counted < report.total
    settles(lambda: sum(agent.counts().values()), counted)
    # It goes on as if nothing had happened; so few fit into the ring, however late the worker comes.
    after = load(directory, server.port, 100)
    agent.wait_for_requests(counted + after.total)


def test_a_short_stop_costs_nothing(directory, watch):
    """What fits into the ring waits there."""
    server = servers.nginx(directory)
    agent = watch(server)
    worker = agent.worker()
    os.kill(worker, signal.SIGSTOP)
    report = load(directory, server.port, 2000)
    os.kill(worker, signal.SIGCONT)
    settles(agent.counts, report.counts)
    assert lost(balanced(agent)) == {}


def test_a_killed_worker_costs_what_it_held(directory, watch):
    server = servers.nginx(directory)
    agent = watch(server)
    first = load(directory, server.port, 1000)
    agent.wait_for_requests(first.total)
    worker = agent.worker()
    running = Load(directory, f"127.0.0.1:{server.port}", 6000, rate=2000)
    eventually(lambda: agent.books()["match"]["received"] > first.total + 500, 10, "the load is seen")
    os.kill(worker, signal.SIGKILL)
    running.report()
    eventually(lambda: agent.worker() not in (None, worker), 20, "a new worker")
    agent.until(lambda: agent.get("/readyz", check=False)[0] == 200, 20, "it answers")
    books = balanced(agent)
    assert not alive(worker)
    # What the dead one had in hand, and the exchanges that were cut in two by its death.
    assert set(dropped(books)) <= {"worker_restart", "orphan", "gap", "undetected", "unknown_connection"}
    assert books["kernel"]["dropped"] == {}
    assert agent.json("/api/v1/status")["worker_restarts"] == 1
    # Connections that lived through it are still followed.
    second = load(directory, server.port, 500)
    settles(lambda: balanced(agent)["match"]["received"] >=
            books["match"]["received"] + second.total, True)


def test_a_collector_that_is_away_costs_nothing_else(directory, watch):
    server = servers.go(directory)
    agent = watch(server, options=["--otlp-endpoint", "http://127.0.0.1:9"])
    report = load(directory, server.port, 2000)
    settles(agent.counts, report.counts)
    books = balanced(agent)
    assert books["correlate"]["forwarded"] == report.total
    assert books["export_otlp"]["received"] == report.total
    assert books["export_otlp"]["held"] == report.total
    assert dropped(books) == {}


@pytest.mark.parametrize("limit, reason", [("connections: 16", "track_limit"),
                                           ("outstanding_requests: 1", "pipeline_limit")])
def test_limits_drop_with_their_own_reason(directory, watch, limit, reason):
    server = servers.nginx(directory)
    agent = watch(server, configuration=agents.CONFIGURATION + f"limits: {{{limit}}}\n")
    request = b"GET /items/1 HTTP/1.1\r\nHost: a\r\n\r\n"
    clients = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(64)]
    try:
        for client in clients:
            client.sendall(request * 8)
        for client in clients:
            left = 8
            while left:
                got = client.recv(65536)
                assert got, "the server closed the connection"
                left -= got.count(b"item\n")
        if reason == "track_limit":
            # The idlest were let go: their next bytes belong to connections that are not known.
            for client in clients:
                client.sendall(request)
                client.recv(65536)
        eventually(lambda: dropped(agent.books()).get(reason, 0) > 0, 5,
                   lambda: f"{reason}: {agent.books()}")
    finally:
        for client in clients:
            client.close()
    balanced(agent)
