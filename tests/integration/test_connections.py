# SPDX-License-Identifier: Apache-2.0
"""Connections: opened, open, failed, their bytes and how long a connect takes."""
import socket
import struct

from harness import servers
from harness.load import load
from harness.polling import settles
from harness.process import free_port

CLIENT = """
import signal, socket, sys
for _ in range(int(sys.argv[2])):
    s = socket.socket()
    try:
        s.connect(("127.0.0.1", int(sys.argv[1])))
    except OSError:
        pass
    s.close()
signal.pause()
"""


def test_opened_and_open_connections_and_their_bytes(directory, watch):
    server = servers.nginx(directory)
    agent = watch(server)
    report = load(directory, server.port, 5000, per_connection=5)
    agent.wait_for_requests(report.total)
    assert agent.counts() == report.counts
    # 5 requests each, and one that is not full at the end of each of the 16.
    assert report.connections >= report.total // 5
    settles(lambda: agent.metrics().sum("hostlens_connection_opened_total",
                                        hostlens_connection_role="server"), report.connections)
    settles(lambda: agent.metrics().sum("hostlens_connection_active", network_transport="tcp"), 0)

    def moved():
        metrics = agent.metrics()
        return tuple(metrics.sum("hostlens_connection_io_bytes_total", network_io_direction=direction,
                                 hostlens_connection_role="server")
                     for direction in ("receive", "transmit"))
    settles(moved, (report.sent, report.received))


def test_open_connections_are_shown_while_they_are_open(directory, watch):
    server = servers.go(directory)
    agent = watch(server)
    clients = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(7)]
    try:
        # The probe learns whose connection it is from its first bytes.
        for client in clients:
            client.sendall(b"GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n")
            client.recv(4096)
        settles(lambda: agent.metrics().sum("hostlens_connection_active"), 7)
    finally:
        for client in clients:
            client.close()
    settles(lambda: agent.metrics().sum("hostlens_connection_active"), 0)


def test_a_new_connection_for_each_request(directory, watch):
    server = servers.hyper(directory)
    agent = watch(server)
    report = load(directory, server.port, 5000, per_connection=1)
    settles(agent.counts, report.counts)
    assert report.connections == report.total
    settles(lambda: agent.metrics().sum("hostlens_connection_opened_total"), report.total)


def test_connects_of_a_client_have_a_latency(directory, run):
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        agent = run([servers.PYTHON, "-c", CLIENT, str(listener.getsockname()[1]), "20"])
        settles(lambda: agent.metrics().sum("hostlens_tcp_connect_duration_seconds_count"), 20)
    metrics = agent.metrics()
    assert 0 < metrics.sum("hostlens_tcp_connect_duration_seconds_sum") < 1
    assert metrics.sum("hostlens_connection_opened_total", hostlens_connection_role="client") == 20
    assert metrics.sum("hostlens_connection_failed_total") == 0


def test_refused_connects_are_failures(directory, run):
    agent = run([servers.PYTHON, "-c", CLIENT, str(free_port()), "5"])
    settles(lambda: agent.metrics().sum("hostlens_connection_failed_total", error_type="ECONNREFUSED"), 5)
    assert agent.metrics().sum("hostlens_connection_active") == 0


def test_resets_are_counted(directory, watch):
    server = servers.go(directory)
    agent = watch(server)
    for _ in range(3):
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(b"GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        client.recv(4096)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    settles(lambda: agent.metrics().sum("hostlens_tcp_resets_total"), 3)
