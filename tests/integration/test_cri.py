# SPDX-License-Identifier: Apache-2.0
"""Names of containers from runtimes that speak Kubernetes' CRI: a fake one with its whims, and containerd."""
import pathlib
import secrets
import socket
import threading

import pytest

from harness import cri, servers
from harness.agent import CONFIGURATION
from harness.agent import agent as run_agent
from harness.cri import grpc, labels, message
from harness.load import load
from harness.polling import eventually
from harness.process import free_port, listens
from test_identity import CGROUP2, errors, labels_of

POD_UID = "0f3a5c1e-0000-4000-8000-123456789abc"
CALLS = ["/runtime.v1.ImageService/ListImages", "/runtime.v1.RuntimeService/ListContainers",
         "/runtime.v1.RuntimeService/ListPodSandbox"]
KUBELET = {"io_kubernetes_container_name": "app", "io_kubernetes_pod_name": "web-7f",
           "io_kubernetes_pod_namespace": "shop", "io_kubernetes_pod_uid": POD_UID}


def sockets(*paths):
    return f"containers: {{sockets: [], cri_sockets: [{', '.join(map(str, paths))}]}}\n"


def observing(directory, started, port, path):
    include = f"targets: {{include: [{{port: {port}}}]}}\n"
    return started(run_agent(directory, CONFIGURATION + include + sockets(path)))


def told(agent, port, directory, service):
    """What /metrics tells of the service, once it is called so."""
    def named():
        load(directory, port, 10)
        return agent.counts() and [row for row in labels_of(agent, "target_info")
                                   if row.get("service_name") == service]
    return eventually(named, 15, lambda: labels_of(agent, "target_info"))[0]


class Contained:
    """A server in a cgroup such as containerd makes for Kubernetes."""

    def __init__(self, directory, started):
        if CGROUP2 is None:
            pytest.skip("no cgroup2 on this host")
        self.id = secrets.token_hex(32)
        self.folder = pathlib.Path(CGROUP2) / f"cri-containerd-{self.id}.scope"
        self.folder.mkdir()
        started(self)
        server = servers.python(directory)
        process = started(server.start(directory))
        (self.folder / "cgroup.procs").write_text(str(process.pid))
        self.port = server.port

    def stop(self):
        eventually(lambda: not (self.folder / "cgroup.procs").read_text(), 10, "an empty cgroup")
        self.folder.rmdir()


@pytest.fixture
def contained(directory, started):
    return Contained(directory, started)


@pytest.fixture
def runtime(directory, started):
    return started(cri.FakeCri(directory))


def test_a_container_is_called_as_kubernetes_calls_it(directory, started, contained, runtime):
    runtime.list(containers=[message((1, contained.id), (3, message((1, "app"))),
                                     (4, message((1, "sha256:00"), (18, "registry.test/shop/web:1.2"))),
                                     *labels(8, **KUBELET))])
    info = told(observing(directory, started, contained.port, runtime.path), contained.port, directory,
                "app")
    assert info["container_id"] == contained.id
    assert info["container_name"] == info["k8s_container_name"] == "app"
    assert info["container_image_name"] == "registry.test/shop/web"
    assert "1.2" in info["container_image_tags"]
    assert (info["k8s_pod_name"], info["k8s_namespace_name"], info["k8s_pod_uid"]) == ("web-7f", "shop",
                                                                                     POD_UID)
    # Nothing but lists was ever asked for.
    assert sorted(set(runtime.asked)) == CALLS


def test_thousands_of_containers_are_read(directory, started, contained, runtime):
    def entry(container, name):
        return message((1, container), (3, message((1, name))), *labels(8, note="x" * 100),
                       *labels(9, padding="y" * 800))

    others = [entry(f"{number:064x}", f"other-{number}") for number in range(3000)]
    runtime.list(containers=[*others, entry(contained.id, "found")])
    assert len(runtime.answers[CALLS[1]]) > 3_000_000  # many times HTTP/2's first window
    told(observing(directory, started, contained.port, runtime.path), contained.port, directory, "found")


def failing(status):
    return lambda runtime: runtime.answers.update({CALLS[1]: status})


@pytest.mark.parametrize("spoil,reason", [
    (failing(b"\xff\xff nonsense"), "garbage"),
    (failing(grpc.StatusCode.UNAVAILABLE), "unreadable"),
    (failing(grpc.StatusCode.DEADLINE_EXCEEDED), "stuck"),
], ids=["nonsense", "failure", "late"])
def test_a_runtime_that_fails_costs_its_names_and_is_counted(spoil, reason, directory, started,
                                                             contained, runtime):
    runtime.list()
    spoil(runtime)
    agent = observing(directory, started, contained.port, runtime.path)
    counted_and_unnamed(agent, directory, contained, reason)


def counted_and_unnamed(agent, directory, contained, reason):
    load(directory, contained.port, 100)
    eventually(lambda: errors(agent, "container_runtime", reason) >= 1, 20,
               lambda: agent.metrics().samples["hostlens_scrape_errors_total"])
    agent.wait_for_requests(100)
    assert agent.metrics().request_counts(service=contained.id[:12])


class RawServer:
    """A UNIX socket that sends `first`, then `again` for ever or until the client is gone."""

    def __init__(self, directory, first, again):
        self.path = str(directory / "raw.sock")
        self.first, self.again = first, again
        self.kept = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.kept.append(client)
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        try:
            client.sendall(self.first)
            while self.again:
                client.sendall(self.again)
        except OSError:
            pass

    def stop(self):
        self.listener.close()
        for client in self.kept:
            client.close()


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


SETTINGS = frame(4) + frame(4, 1)
PING = frame(6, payload=bytes(8))
HEAD = frame(1, 4, 1, b"\x88")  # :status 200


@pytest.mark.parametrize("first,again,reason", [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", "garbage"),
    (b"", b"", "stuck"),
    (SETTINGS + HEAD, b"", "stuck"),
    (SETTINGS, PING * 1000, "garbage"),
    (SETTINGS + HEAD, frame(0, 0, 1, bytes(16384)), "garbage"),
], ids=["another protocol", "silence", "a head alone", "pings without end", "a body without end"])
def test_a_socket_that_talks_nonsense_is_counted(first, again, reason, directory, started, contained):
    raw = started(RawServer(directory, first, again))
    counted_and_unnamed(observing(directory, started, contained.port, raw.path), directory, contained,
                        reason)


def test_a_runtime_that_does_not_know_the_calls_is_no_failure(directory, started, contained, runtime):
    """containerd as Docker configures it."""
    agent = observing(directory, started, contained.port, runtime.path)
    eventually(lambda: set(runtime.asked) == set(CALLS), 10, "the runtime is asked")
    load(directory, contained.port, 100)
    agent.wait_for_requests(100)
    before = agent.metrics().sum("system_uptime_seconds")
    eventually(lambda: agent.metrics().sum("system_uptime_seconds") > before + 1, 10, "two readings")
    assert not [row for row in labels_of(agent, "hostlens_scrape_errors_total")
                if row["scraper"] == "container_runtime"]


def test_containerd_tells_the_names_of_its_containers(directory, started):
    containerd = started(cri.Containerd(directory))
    pod = containerd.pod("web-7f", POD_UID)
    port = free_port()
    # As the kubelet: the image by its digest. crictl: by its name, without labels.
    container = containerd.run(pod, "app", containerd.image_id(),
                               ["/bin/busybox", "httpd", "-f", "-p", f"127.0.0.1:{port}"], **KUBELET)
    other = free_port()
    bare = containerd.run(pod, "bare", f"{containerd.IMAGE}:1",
                          ["/bin/busybox", "httpd", "-f", "-p", f"127.0.0.1:{other}"])
    eventually(lambda: listens(port) and listens(other), 10, "both serve")
    include = f"targets: {{include: [{{port: {port}}}, {{port: {other}}}]}}\n"
    agent = started(run_agent(directory, CONFIGURATION + include + sockets(containerd.path)))
    for service, wanted, number in (("app", container, port), ("bare", bare, other)):
        info = told(agent, number, directory, service)
        assert info["container_id"] == wanted
        assert info["container_name"] == service
        assert info["container_image_name"] == containerd.IMAGE
        assert (info["k8s_pod_name"], info["k8s_namespace_name"]) == ("web-7f", "shop")
        assert info["k8s_pod_uid"] == POD_UID
