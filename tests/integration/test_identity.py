# SPDX-License-Identifier: Apache-2.0
"""Who a process is: language runtimes, packages, containers, units, and what cannot be asked."""
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import threading

import pytest

from harness import otlp, servers
from harness.agent import CONFIGURATION
from harness.agent import agent as run_agent
from harness.load import load
from harness.oracles import Collector
from harness.polling import eventually

CONTAINER = "0123456789abcdef" * 4
CGROUP2 = next((path for path in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")
                if os.path.exists(f"{path}/cgroup.controllers")), None)


def said(*command):
    """What a program prints of itself; on either stream."""
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return result.stdout + result.stderr


def python_version():
    return said(servers.PYTHON, "-c", "import platform; print(platform.python_version())").strip()


def node_version():
    return said(servers.program("node"), "--version").strip().removeprefix("v")


def java_version():
    return re.search(r"\(build (\S+?)[,)]", said(servers.program("java"), "-version")).group(1)


def go_version():
    """By Go's own tool, of the very program."""
    return said(servers.program("go"), "version", servers.oracle("go-server")).split()[-1]


RUNTIMES = {
    "python": (servers.python, "cpython", python_version),
    "node": (servers.node, "nodejs", node_version),
    "java": (servers.java, "OpenJDK Runtime Environment", java_version),
    "go": (servers.go, "go", go_version),
}


def observing(directory, started, server, extra="", **options):
    """An agent that knows the server by its port alone."""
    include = f"targets: {{include: [{{port: {server.port}}}]}}\n"
    return started(run_agent(directory, CONFIGURATION + include + extra, **options))


def labels_of(agent, name):
    return [labels for labels, _ in agent.metrics().samples[name]]


@pytest.mark.parametrize("language", RUNTIMES)
def test_a_runtime_is_told_as_it_tells_itself(language, directory, started):
    make, name, version = RUNTIMES[language]
    expected = version()
    server = make(directory)
    started(server.start(directory))
    agent = observing(directory, started, server)

    def told():
        return [labels for labels in labels_of(agent, "hostlens_process_runtimes")
                if labels["process_runtime_name"] == name and
                labels.get("process_runtime_version") == expected]

    rows = eventually(told, 15, lambda: labels_of(agent, "hostlens_process_runtimes"))
    assert rows[0]["service_name"]


def test_spans_carry_runtime_and_package(directory, started):
    server = servers.python(directory)
    started(server.start(directory))
    collector = started(Collector(directory)).start()
    agent = observing(directory, started, server,
                      f"exporters: {{otlp: {{endpoint: '{collector.url}'}}}}\n")
    eventually(lambda: labels_of(agent, "hostlens_process_runtimes"), 15, "a runtime")

    def resource():
        load(directory, server.port, 10)
        found = [span["resource"] for span in otlp.spans(collector.lines("traces"))]
        return found and "hostlens.package.name" in found[-1] and found[-1]

    known = eventually(resource, 20, "a span with all that is known of its process")
    assert known["process.runtime.name"] == "cpython"
    assert known["process.runtime.version"] == python_version()
    path = os.path.realpath(servers.PYTHON)
    assert known["hostlens.package.name"] == said("dpkg", "-S", path).split(":")[0]
    version = said("dpkg-query", "-W", "-f", "${Version}", known["hostlens.package.name"])
    assert known["hostlens.package.version"] == version


class FakeRuntime:
    """Answers like Docker on a UNIX socket; `answer` is everything it says, None: it says nothing."""

    def __init__(self, directory):
        self.path = str(directory / "docker.sock")
        self.answer = b""
        self.asked = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.kept = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.asked.append(client.recv(65536))
            if self.answer is None:
                self.kept.append(client)
                continue
            with client, contextlib.suppress(OSError):
                client.sendall(self.answer)

    def list(self, *containers):
        body = json.dumps(containers).encode()
        self.answer = (b"HTTP/1.0 200 OK\r\nApi-Version: 1.43\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(body)) + body

    def stop(self):
        self.listener.close()
        for client in self.kept:
            client.close()


@pytest.fixture
def runtime(directory, started):
    return started(FakeRuntime(directory))


@pytest.fixture
def contained(directory, started):
    """A server in a cgroup such as Docker makes."""
    if CGROUP2 is None:
        pytest.skip("no cgroup2 on this host")
    folder = pathlib.Path(CGROUP2) / f"docker-{CONTAINER}.scope"
    folder.mkdir()

    class Cgroup:
        @staticmethod
        def stop():
            eventually(lambda: not (folder / "cgroup.procs").read_text(), 10, "an empty cgroup")
            folder.rmdir()

    started(Cgroup)
    server = servers.python(directory)
    process = started(server.start(directory))
    (folder / "cgroup.procs").write_text(str(process.pid))
    return server


def sockets(runtime):
    return f"containers: {{sockets: [{runtime.path}]}}\n"


def errors(agent, scraper, reason):
    return agent.metrics().sum("hostlens_scrape_errors_total", scraper=scraper, reason=reason)


def test_a_container_is_called_as_its_runtime_calls_it(directory, started, contained, runtime):
    runtime.list({"Id": CONTAINER, "Names": ["/web-1"], "Image": "shop/web:1.2", "State": "running",
                  "Labels": {"io.kubernetes.pod.name": "web-7f"}})
    agent = observing(directory, started, contained, sockets(runtime))
    eventually(lambda: runtime.asked, 10, "the runtime is asked")

    def named():
        load(directory, contained.port, 10)
        return agent.counts() and [row for row in labels_of(agent, "target_info")
                                   if row.get("service_name") == "web-1"]

    info = eventually(named, 15, lambda: labels_of(agent, "target_info"))[0]
    assert info["container_id"] == CONTAINER
    assert info["container_name"] == "web-1"
    assert info["container_image_name"] == "shop/web"
    assert info["k8s_pod_name"] == "web-7f"
    for question in runtime.asked:
        assert question.startswith(b"GET /containers/json ")


@pytest.mark.parametrize("answer,reason", [
    (b"SSH-2.0-OpenSSH_9.2\r\n", "garbage"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nnonsense", "garbage"),
    (None, "stuck"),
])
def test_a_runtime_that_talks_nonsense_is_counted(answer, reason, directory, started, contained,
                                                   runtime):
    runtime.answer = answer
    agent = observing(directory, started, contained, sockets(runtime))
    load(directory, contained.port, 100)
    eventually(lambda: errors(agent, "container_runtime", reason) >= 1, 20,
               lambda: agent.metrics().samples["hostlens_scrape_errors_total"])
    # The rest goes on: the container by its short id, nothing lost.
    agent.wait_for_requests(100)
    assert agent.metrics().request_counts(service=CONTAINER[:12])


def test_without_a_bus_units_are_unknown_and_the_rest_is_told(directory, started):
    server = servers.python(directory)
    started(server.start(directory))
    agent = observing(directory, started, server, environment={
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={directory}/no-bus"})
    eventually(lambda: errors(agent, "unit", "unreadable") >= 2, 15, "each failure is counted")
    page = agent.metrics()
    assert not page.samples["hostlens_unit_state"]
    assert page.sum("system_uptime_seconds") > 0


def test_a_bus_that_hangs_holds_nothing_up(directory, started):
    server = servers.python(directory)
    started(server.start(directory))
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(directory / "bus"))
        (directory / "bus").chmod(0o666)  # for the worker, as the real one's
        mute.listen()
        agent = observing(directory, started, server, environment={
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={directory}/bus"})
        eventually(lambda: errors(agent, "unit", "stuck") >= 1, 15, "the silence is counted")

        def uptime():
            return agent.metrics().sum("system_uptime_seconds")

        first = uptime()
        eventually(lambda: uptime() > first, 5, "the host is read as ever")
        load(directory, server.port, 100)
        agent.wait_for_requests(100)
