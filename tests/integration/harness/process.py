# SPDX-License-Identifier: Apache-2.0
"""Children of the tests: output in files, ended by their process id, never left behind."""
import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess

from .polling import eventually
from .sanitizers import assert_no_report


_given_ports = set()


def free_port():
    """A port that nobody listens on, and that the kernel gives to nobody who asks for any: the agent does, and so do clients.

    Never the same twice, nor one of another worker of pytest: whoever was given it may be about to listen on it.
    """
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = random.randrange(12_000 + worker, max(first, 14_000), workers)
        if port in _given_ports:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given_ports.add(port)
            return port


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listens(port):
    """Without connecting, which the agent would see: state 0A in the kernel's table."""
    wanted = f"0100007F:{port:04X}"
    tables = ["/proc/net/tcp", "/proc/net/tcp6"]
    for table in tables:
        with open(table, encoding="ascii") as lines:
            for line in lines:
                fields = line.split()
                if fields[3] == "0A" and fields[1].endswith(f":{wanted.split(':')[1]}"):
                    return True
    return False


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def cpu_seconds(pid):
    """Of all threads of a process, those that have ended too."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    """Direct children, by the kernel's list of each thread."""
    found = []
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/children", encoding="ascii") as text:
                found += [int(word) for word in text.read().split()]
    except FileNotFoundError:
        pass
    return found


class Process:
    """A started program. `stop` is safe to call twice."""

    def __init__(self, arguments, directory, name, environment=None, stdin=subprocess.DEVNULL,
                 cwd=None):
        self.name = name
        self.arguments = [str(word) for word in arguments]
        self.stdout_path = directory / f"{name}.stdout"
        self.stderr_path = directory / f"{name}.stderr"
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.child = subprocess.Popen(self.arguments, stdin=stdin, stdout=out, stderr=err,
                                          cwd=cwd, env={**os.environ, **(environment or {})},
                                          start_new_session=True)
        self.pid = self.child.pid

    def stdout(self):
        return self.stdout_path.read_text(errors="replace")

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def running(self):
        return self.child.poll() is None

    def wait(self, seconds=15):
        try:
            status = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds} s\n{self.stderr()}") from None
        assert_no_report(self.stderr())
        return status

    def until(self, look, seconds, what):
        """Waits for `look`; a failure when the process ends before."""
        def checked():
            if not self.running():
                raise AssertionError(
                    f"{self.name} ended with {self.child.returncode} before: {what}\n{self.stderr()}")
            return look()
        return eventually(checked, seconds, lambda: f"{what}\n{self.stderr()}")

    def signal(self, number):
        self.child.send_signal(number)

    def stop(self, seconds=15):
        """SIGTERM, then the exit status; what is left of the session is killed."""
        if self.running():
            self.signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        finally:
            self.kill()

    def kill(self):
        """Everything in the session that we made for it."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        assert_no_report(self.stderr())
