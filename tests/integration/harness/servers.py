# SPDX-License-Identifier: Apache-2.0
"""Unmodified servers (tests/fixtures/servers) on free loopback ports, and their logs."""
import dataclasses
import os
import pathlib
import shutil

import pytest

from .oracles import oracle
from .process import Process, free_port, listens

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures/servers"
PYTHON = "/usr/bin/python3"


@dataclasses.dataclass
class Server:
    """A command that will serve `port`. `log`: lines "DURATION METHOD PATH STATUS"."""
    name: str
    service: str
    port: int
    command: list
    log: pathlib.Path = None
    environment: dict = dataclasses.field(default_factory=dict)

    def wait(self, process):
        process.until(lambda: listens(self.port), 30, f"{self.name} listens on {self.port}")

    def start(self, directory):
        """Without an agent."""
        process = Process(self.command, directory, self.name, environment=self.environment)
        self.wait(process)
        return process


def program(name):
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        pytest.skip(f"{name} is not installed: packaging/dependencies.sh test")
    return found


def _files(directory):
    """What nginx and Apache serve; readable for the users that they become."""
    directory.chmod(0o755)
    files = directory / "files"
    files.mkdir()
    (files / "user.txt").write_text("user\n")
    (files / "item.txt").write_text("item\n")
    (files / "large.txt").write_text("a line of text\n" * 1000)
    return files


def _fill(template, directory, name, **values):
    text = (FIXTURES / template).read_text()
    for key, value in {"DIRECTORY": directory, **values}.items():
        text = text.replace(f"@{key}@", str(value))
    target = directory / name
    target.write_text(text)
    return target


def nginx(directory, upstream=1):
    port = free_port()
    _files(directory)
    file = _fill("nginx/nginx.conf", directory, "nginx.conf", PORT=port, UPSTREAM=upstream)
    return Server("nginx", "nginx", port, [program("nginx"), "-e", "stderr", "-c", str(file)],
                  directory / "access.log")


def apache(directory):
    port = free_port()
    _files(directory)
    shutil.copy(FIXTURES / "apache/slow.cgi", directory / "slow.cgi")
    file = _fill("apache/apache.conf", directory, "apache.conf", PORT=port)
    return Server("apache", "apache2", port, [program("apache2"), "-f", str(file), "-DFOREGROUND"],
                  directory / "access.log")


def python(directory):
    port = free_port()
    return Server("python", "server.py", port, [PYTHON, str(FIXTURES / "python/server.py"), str(port)])


def gunicorn(directory):
    port = free_port()
    return Server("gunicorn", "gunicorn", port,
                  [program("gunicorn"), "--chdir", str(FIXTURES / "gunicorn"), "--bind",
                   f"127.0.0.1:{port}", "--workers", "2", "--worker-class", "gthread", "--threads", "16",
                   "--keep-alive", "60", "--log-level", "warning", "application:application"],
                  environment={"PYTHONDONTWRITEBYTECODE": "1"})


def node(directory):
    port, log = free_port(), directory / "node.log"
    return Server("node", "server.js", port,
                  [program("node"), str(FIXTURES / "node/server.js"), str(port), str(log)], log)


def go(directory):
    port, log = free_port(), directory / "go.log"
    return Server("go", "go-server", port, [oracle("go-server"), f"127.0.0.1:{port}", str(log)], log)


def java(directory):
    port = free_port()
    return Server("java", "Server", port,
                  [program("java"), "-Xmx128m", str(FIXTURES / "java/Server.java"), str(port)])


def hyper(directory):
    port = free_port()
    return Server("hyper", "hyper-server", port, [oracle("hyper-server"), f"127.0.0.1:{port}"])


ALL = {"nginx": nginx, "apache": apache, "python": python, "gunicorn": gunicorn, "node": node,
       "go": go, "java": java, "hyper": hyper}


def together(*servers):
    """One command that runs all of them, for traces across services."""
    arguments = []
    for server in servers:
        arguments += [*server.command, "---"]
    return [PYTHON, str(FIXTURES / "together.py"), *arguments]


def durations(log):
    """(path without its query, seconds) of each line of the server's own log."""
    found = []
    for line in log.read_text().splitlines():
        duration, _, path, _ = line.split()
        # nginx writes seconds with a point, the others microseconds.
        seconds = float(duration) if "." in duration else int(duration) / 1e6
        found.append((path.split("?")[0], seconds))
    return found
