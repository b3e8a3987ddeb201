# SPDX-License-Identifier: Apache-2.0
"""Connections older than the agent, exchanges that never end, and real servers' own ways."""
import base64
import json
import os
import socket
import subprocess

from harness import agent as agents
from harness import servers
from harness.polling import eventually, settles
from harness.process import Process, free_port, listens


def exchange(client, text, end=b"\r\n\r\n"):
    """Sends and reads until `end` was seen."""
    client.sendall(text)
    seen = b""
    while not seen.endswith(end):
        got = client.recv(65536)
        assert got, f"closed after {seen!r}"
        seen += got
    return seen


def connect(port):
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def test_connections_older_than_the_agent_are_picked_up(directory, started):
    server = servers.go(directory)
    process = started(server.start(directory))
    request = b"GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n"
    with connect(server.port) as client:
        exchange(client, request, b"user\n")
        configuration = agents.CONFIGURATION + f"targets: {{include: [{{pid: {process.pid}}}]}}\n"
        agent = started(agents.agent(directory, configuration))
        for _ in range(5):
            exchange(client, request, b"user\n")
        settles(agent.counts, {("GET", "/users/{id}", 200): 5})


def test_an_answer_without_its_request_is_an_orphan(directory, started):
    port = free_port()
    process = started(Process([servers.PYTHON, servers.FIXTURES / "wire/server.py", port], directory, "wire",
                              stdin=subprocess.PIPE))
    answer = ["send", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nuser\n"]
    script = [["read_until", "\r\n\r\n"], ["wait"], answer, ["read_until", "\r\n\r\n"], answer]

    def say(text):
        process.child.stdin.write(text + b"\n")
        process.child.stdin.flush()

    process.until(lambda: listens(port), 10, "it listens")
    say(json.dumps(script).encode())
    request = b"GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n"
    with connect(port) as client:
        client.sendall(request)
        process.until(lambda: "waits" in process.stdout(), 10, "it has read the request")
        configuration = agents.CONFIGURATION + f"targets: {{include: [{{pid: {process.pid}}}]}}\n"
        agent = started(agents.agent(directory, configuration))
        say(b"go on")
        exchange(client, b"", b"user\n")
        exchange(client, request, b"user\n")
        settles(agent.counts, {("GET", "/users/{id}", 200): 1})
        books = agent.books()
        lost = (books["match"]["dropped"].get("orphan", 0) +
                books["track"]["dropped"].get("undetected", 0))
        assert lost == 1, books


def test_an_exchange_that_never_ends_times_out(directory, watch):
    server = servers.go(directory)
    agent = watch(server, configuration=agents.CONFIGURATION + "limits: {exchange_timeout: 1s}\n")
    with connect(server.port) as client:
        client.sendall(b"GET /slow?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n")
        settles(lambda: [(row["status"], row["error_type"]) for row in agent.rows()],
                [(0, "timeout")], 10)


def test_active_requests_are_shown_while_they_run(directory, watch):
    server = servers.go(directory)
    agent = watch(server)
    with connect(server.port) as client:
        client.sendall(b"GET /slow?ms=2500 HTTP/1.1\r\nHost: a\r\n\r\n")
        settles(lambda: agent.metrics().sum("http_server_active_requests"), 1)
        exchange(client, b"", b"slow\n")
    settles(lambda: agent.metrics().sum("http_server_active_requests"), 0)


def test_expect_100_continue_of_curl(directory, watch):
    server = servers.python(directory)
    agent = watch(server)
    subprocess.run(["curl", "-sSf", "-o", "/dev/null", "-H", "Expect: 100-continue", "-d", "x" * 5000,
                    f"http://127.0.0.1:{server.port}/orders"], check=True)
    settles(agent.counts, {("POST", "/orders", 201): 1})


def test_websocket_of_node(directory, watch):
    server = servers.node(directory)
    agent = watch(server)
    key = base64.b64encode(os.urandom(16))
    with connect(server.port) as client:
        answer = exchange(client, b"GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                          b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          b"Sec-WebSocket-Key: " + key + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101")
        exchange(client, b"frame", b"frame")
        settles(agent.counts, {("GET", "/socket", 101): 1})
    span, = eventually(agent.spans, 5, "the span")
    assert span["attributes"]["network.protocol.name"] == "websocket"


def test_pipelined_requests_to_nginx(directory, watch):
    server = servers.nginx(directory)
    agent = watch(server)
    request = b"GET /items/7 HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"GET /users/7 HTTP/1.1\r\nHost: a\r\n\r\n"
    with connect(server.port) as client:
        exchange(client, request * 20 + last, b"user\n")
    settles(agent.counts, {("GET", "/items/{id}", 200): 20, ("GET", "/users/{id}", 200): 1})


def test_very_long_headers_to_nginx(directory, watch):
    server = servers.nginx(directory)
    agent = watch(server)
    with connect(server.port) as client:
        for _ in range(3):
            exchange(client, b"GET /users/7 HTTP/1.1\r\nHost: a\r\nCookie: " + b"c" * 30000 +
                     b"\r\n\r\n", b"user\n")
    settles(agent.counts, {("GET", "/users/{id}", 200): 3})


def test_a_refused_request_is_still_one(directory, watch):
    """What nginx itself calls a bad request: an answer of 400 and a close."""
    server = servers.nginx(directory)
    agent = watch(server)
    with connect(server.port) as client:
        exchange(client, b"GET /bad HTTP/1.1\r\n\r\n", b"</html>\r\n")
    settles(lambda: {key[2]: count for key, count in agent.counts().items()}, {400: 1})
