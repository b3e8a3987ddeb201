# SPDX-License-Identifier: Apache-2.0
"""What is started: nginx with one file of 1 KiB, the agent on it, and the loads. All end with their `with`."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
HOSTLENS = ROOT / "build/release/bin/hostlens"
LOAD = ROOT / "build/bench/load"
SYSTEM_CALLS = ROOT / "build/bench/system_calls"
CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")

# Debian's defaults for what matters here: sendfile and tcp_nopush on.
NGINX = """\
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{ listen 127.0.0.1:{port}; root {folder}/root; }}
}}
"""

AGENT = """\
listen: 127.0.0.1:{port}
targets: {{include: [{{pid: {pid}}}]}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_bytes(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) * 1024


class Started:
    """A process of ours, ended by its id."""

    def __init__(self, command, folder, name):
        self.log = folder / f"{name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = self.process.pid

    def until(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"overhead: {what} did not come; {self.log.name}:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Nginx(Started):
    def __init__(self, folder):
        self.port = free_port()
        (folder / "root").mkdir()
        (folder / "root" / "1k").write_bytes(b"x" * 1024)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=self.port))
        binary = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        super().__init__([binary, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"], folder, "nginx")
        self.until(self.answers, 10, "nginx")

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False


class Agent(Started):
    CONFIGURATION = AGENT

    def __init__(self, folder, target):
        self.port = free_port()
        (folder / "agent.yaml").write_text(self.CONFIGURATION.format(port=self.port, pid=target))
        self.begin = time.monotonic()
        super().__init__([HOSTLENS, "agent", "--config", folder / "agent.yaml"], folder, "agent")

    def wait(self):
        self.until(lambda: self.page("/readyz") is not None, 30, "/readyz")
        return self

    def page(self, path):
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.read()
        except OSError:
            return None

    def requests(self):
        rows = json.loads(self.page("/api/v1/requests") or b'{"requests": []}')["requests"]
        return sum(row["duration"]["count"] for row in rows if row["side"] == "server")

    def lost(self):
        books = json.loads(self.page("/api/v1/status"))["records"]
        return sum(sum(stage["dropped"].values()) for stage in books.values())

    def pids(self):
        """Supervisor and worker."""
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
        if children.exists():
            return [self.pid, *map(int, children.read_text().split())]
        answer = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.pid)], capture_output=True, text=True,
                                check=False)
        return [self.pid, *map(int, answer.stdout.split())]

    def cpu_seconds(self):
        return cpu_seconds(self.pids())

    def resident_bytes(self):
        """Of supervisor and worker; pages that both share count twice."""
        return [resident_bytes(pid) for pid in self.pids()]


def throughput(port, seconds):
    """Requests per second, as many as it goes."""
    answer = subprocess.run(["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", f"http://127.0.0.1:{port}/1k"],
                            capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in answer or "Socket errors" in answer:
        raise SystemExit(f"overhead: wrk saw errors\n{answer}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", answer).group(1))


def load_command(port, rate, total, folder):
    plan = folder / "plan.json"
    plan.write_text('[{"method": "GET", "path": "/1k", "route": "/1k"}]')
    return [LOAD, "-address", f"127.0.0.1:{port}", "-connections", str(CONNECTIONS), "-rate", str(rate),
            "-total", str(total), "-plan", plan]


def light_load(port, folder):
    """200 requests/s until it is ended."""
    return Started(load_command(port, 200, 1000000, folder), folder, "load")


def steady(port, rate, seconds, folder):
    """At a fixed rate: the load generator's own report."""
    answer = subprocess.run(load_command(port, rate, rate * seconds, folder), capture_output=True, text=True, check=True)
    report = json.loads(answer.stdout)
    if report["failed"]:
        raise SystemExit(f"overhead: requests failed: {report['error']}")
    return report


def system_call_ns():
    return float(subprocess.run([SYSTEM_CALLS], capture_output=True, text=True, check=True).stdout)
