# SPDX-License-Identifier: Apache-2.0
"""Runtimes that speak Kubernetes' CRI: one that answers what a test says, and the real containerd.

Messages are written by their field numbers, apart from the agent's own schema.
"""
import concurrent.futures
import contextlib
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile

import pytest

from .process import Process

grpc = pytest.importorskip("grpc", reason="python3-grpcio is not installed: packaging/dependencies.sh test")

BUSYBOX = pathlib.Path("/bin/busybox")


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def message(*fields):
    """(number, value) pairs; a value is a number, a text, or bytes: a message."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
            continue
        value = value.encode() if isinstance(value, str) else value
        out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def text_of(answer, wanted):
    """The text with this number in a flat message of texts."""
    at = 0
    while at < len(answer):
        number, size = answer[at] >> 3, answer[at + 1]
        if number == wanted:
            return answer[at + 2:at + 2 + size].decode()
        at += 2 + size
    raise AssertionError(f"no field {wanted} in {answer!r}")


def labels(number, **values):
    """A map field; dots are written as underscores."""
    return [(number, message((1, key.replace("_", ".")), (2, value))) for key, value in values.items()]


class FakeCri:
    """gRPC on a UNIX socket. `answers` by name of the call: bytes, or an exception to raise; a call
    that is missing is not implemented."""

    def __init__(self, directory):
        self.path = str(directory / "cri.sock")
        self.answers = {}
        self.asked = []
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4),
                                  handlers=[self])
        self.server.add_insecure_port(f"unix:{self.path}")
        self.server.start()

    def service(self, call):  # of grpc.GenericRpcHandler
        self.asked.append(call.method)
        if call.method not in self.answers:
            return None

        def answer(request, context):
            value = self.answers[call.method]
            if isinstance(value, grpc.StatusCode):
                context.abort(value, "as the test says")
            return value
        return grpc.unary_unary_rpc_method_handler(answer)

    def list(self, containers=(), pods=(), images=()):
        self.answers = {
            "/runtime.v1.RuntimeService/ListContainers": message(*((1, one) for one in containers)),
            "/runtime.v1.RuntimeService/ListPodSandbox": message(*((1, one) for one in pods)),
            "/runtime.v1.ImageService/ListImages": message(*((1, one) for one in images)),
        }

    def stop(self):
        self.server.stop(None).wait()


CONTAINERD = """\
version = 2
root = "DIRECTORY/root"
state = "DIRECTORY/state"
[grpc]
  address = "DIRECTORY/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  stream_server_port = "0"
  sandbox_image = "hostlens.test/tools/busybox:1"
  restrict_oom_score_adj = true  # without CAP_SYS_RESOURCE it cannot be lowered
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
"""


class Containerd:
    """The real one in folders of its own, driven by the very interface."""
    IMAGE = "hostlens.test/tools/busybox"

    def __init__(self, directory):
        for name in ("containerd", "runc", "ctr"):
            if not shutil.which(name):
                pytest.skip(f"{name} is not installed: apt install containerd runc")
        if not BUSYBOX.exists() or "static" not in subprocess.run(
                ["file", "-L", BUSYBOX], capture_output=True, text=True, check=True).stdout:
            pytest.skip("busybox-static is not installed: an image needs a static program")
        self.directory = directory / "containerd"
        self.directory.mkdir()
        self.path = str(self.directory / "containerd.sock")
        file = self.directory / "config.toml"
        file.write_text(CONTAINERD.replace("DIRECTORY", str(self.directory)))
        self.process = Process(["containerd", "-c", file], self.directory, "containerd")
        self.sandboxes = []
        self.process.until(self.serves, 30, "containerd serves")
        self.channel = grpc.insecure_channel(f"unix:{self.path}")
        self.import_image()

    def serves(self):
        return os.path.exists(self.path) and "containerd successfully booted" in self.process.stderr()

    def call(self, method, request, seconds=30):
        return self.channel.unary_unary(f"/runtime.v1.{method}")(request, timeout=seconds,
                                                                 wait_for_ready=True)

    def import_image(self):
        """As `docker save` writes it: one layer with one program."""
        layer = archive({"bin/busybox": BUSYBOX.read_bytes()})
        settings = {"architecture": "amd64" if os.uname().machine == "x86_64" else "arm64", "os": "linux",
                    "config": {"Entrypoint": ["/bin/busybox"], "Cmd": ["sleep", "3600"]},
                    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(layer)}"]}}
        manifest = [{"Config": "config.json", "RepoTags": [f"{self.IMAGE}:1"], "Layers": ["layer.tar"]}]
        file = self.directory / "image.tar"
        file.write_bytes(archive({"config.json": json.dumps(settings).encode(), "layer.tar": layer,
                                  "manifest.json": json.dumps(manifest).encode()}))
        subprocess.run(["ctr", "-a", self.path, "-n", "k8s.io", "images", "import", "--snapshotter",
                        "native", file], check=True, capture_output=True, timeout=60)

    def pod(self, name, uid):
        """A sandbox on the host's network, which needs no plugins; its id and its settings."""
        options = message((1, 2))  # network: the node's
        settings = message((1, message((1, name), (2, uid), (3, "shop"))),
                           (8, message((2, message((1, options))))))
        sandbox = text_of(self.call("RuntimeService/RunPodSandbox", message((1, settings))), 1)
        self.sandboxes.append(sandbox)
        return sandbox, settings

    def run(self, pod, name, image, command, **values):
        """Starts a container as the kubelet does, and returns its id."""
        sandbox, settings = pod
        container = message((1, message((1, name))), (2, message((1, image))),
                            *((3, word) for word in command), *labels(9, **values))
        made = self.call("RuntimeService/CreateContainer",
                         message((1, sandbox), (2, container), (3, settings)))
        self.call("RuntimeService/StartContainer", message((1, text_of(made, 1))))
        return text_of(made, 1)

    def image_id(self):
        answer = self.call("ImageService/ImageStatus", message((1, message((1, f"{self.IMAGE}:1")))))
        start = answer.index(b"sha256:")
        return answer[start:start + 71].decode()

    def stop(self):
        with contextlib.suppress(grpc.RpcError):
            for sandbox in self.sandboxes:
                self.call("RuntimeService/StopPodSandbox", message((1, sandbox)))
                self.call("RuntimeService/RemovePodSandbox", message((1, sandbox)))
        self.channel.close()
        self.process.stop()


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def digest(content):
    return hashlib.sha256(content).hexdigest()
