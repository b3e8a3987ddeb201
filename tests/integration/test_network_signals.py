# SPDX-License-Identifier: Apache-2.0
"""Accept queues, datagrams, dropped packets and system calls of a program that knows what it did."""
import json
import os
import subprocess

import pytest

from harness import servers
from harness.agent import run
from harness.polling import eventually, settles

# A listener that never accepts, datagrams to itself and to a closed port, and known system calls for ever.
PROGRAM = """
import ctypes, json, os, signal, socket, time

listener = socket.create_server(("127.0.0.1", 0), backlog=2)
clients = []
for _ in range(3):
    client = socket.socket()
    client.connect(listener.getsockname())
    clients.append(client)
beyond = socket.socket()
beyond.setblocking(False)
beyond.connect_ex(listener.getsockname())

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(20):
    sender.sendto(b"x" * 500, receiver.getsockname())
    receiver.recv(1000)

closed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
closed.bind(("127.0.0.1", 0))
nobody = closed.getsockname()
closed.close()
for _ in range(10):
    sender.sendto(b"x", nobody)
print(json.dumps({"port": listener.getsockname()[1]}), flush=True)

libc = ctypes.CDLL(None)
while True:
    for _ in range(50):
        libc.getppid()
    for _ in range(5):
        libc.open(b"/nonexistent", 0)
    time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    agent = run(tmp_path_factory.mktemp("network"), [servers.PYTHON, "-c", PROGRAM])
    try:
        agent.told = json.loads(agent.until(agent.stdout, 30, "its port"))
        yield agent
    finally:
        agent.stop()


def test_an_accept_queue_shows_how_full_it_is(agent):
    port = str(agent.told["port"])
    settles(lambda: agent.metrics().sum("hostlens_listen_queue", server_port=port), 3, 15)
    assert agent.metrics().sum("hostlens_listen_queue_limit", server_port=port) == 2
    eventually(lambda: agent.metrics().sum("hostlens_listen_overflows_total", server_port=port) >= 1, 15,
               "the connect beyond the queue")


def test_datagrams_are_counted_by_service(agent):
    page = agent.page_of_now()
    assert page.sum("hostlens_udp_datagrams_total", network_io_direction="transmit") == 30
    assert page.sum("hostlens_udp_io_bytes_total", network_io_direction="transmit") == 10010
    assert page.sum("hostlens_udp_datagrams_total", network_io_direction="receive") == 20
    assert page.sum("hostlens_udp_io_bytes_total", network_io_direction="receive") == 10000
    assert page.sum("hostlens_packet_drops_total", reason="NO_SOCKET") >= 10


def test_syscalls_shows_every_call_of_a_service_and_what_that_cost(agent):
    services = {labels["service_name"] for labels, _ in agent.page_of_now().samples["hostlens_udp_datagrams_total"]}
    assert len(services) == 1
    out = subprocess.run([os.environ.get("HOSTLENS", "build/release/bin/hostlens"), "syscalls", "--service",
                          services.pop(), "--for", "2s", "--address", agent.address],
                         capture_output=True, text=True, timeout=60, check=True).stdout
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line}
    # SYSCALL COUNT PER_SECOND P50 P99 TOTAL ERRORS: 50 getppid for 5 opens, but for the rounds at both ends.
    getppid, opens = int(lines["getppid"][1]), int(lines["openat"][1])
    assert opens > 50
    assert abs(getppid - 10 * opens) <= 100, out
    assert lines["openat"][6:] == ["ENOENT", str(opens)]
    assert "s observed; that took" in out
