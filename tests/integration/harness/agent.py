# SPDX-License-Identifier: Apache-2.0
"""The agent under test: started, asked over its own ports, ended."""
import json
import os
import pathlib
import re
import subprocess
import urllib.error
import urllib.request

from . import exposition
from .polling import eventually
from .process import Process, children
from .sanitizers import assert_no_report

ROOT = pathlib.Path(__file__).resolve().parents[3]
HOSTLENS = os.path.abspath(os.environ.get("HOSTLENS", ROOT / "build/release/bin/hostlens"))

CONFIGURATION = """\
listen: 127.0.0.1:0
interval: 1s
"""


class Agent(Process):
    """A running `hostlens run` or `hostlens agent`, ready when the constructor returns."""

    def __init__(self, arguments, directory, name="hostlens", **options):
        super().__init__([HOSTLENS, *arguments], directory, name, **options)
        try:
            self.address = self.until(self._address, 20, "the line that says where it listens")
            self.until(lambda: self.get("/readyz", check=False)[0] == 200, 20, "/readyz answers 200")
        except BaseException:
            self.kill()
            raise

    def _address(self):
        found = re.search(r"http://([0-9a-fA-F.:\[\]]+:\d+)", self.stderr())
        return found and found.group(1)

    def get(self, path, accept=None, check=True):
        """Status, headers and body of a page."""
        request = urllib.request.Request(f"http://{self.address}{path}")
        if accept:
            request.add_header("Accept", accept)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            if check:
                raise
            return error.code, error.headers, error.read()
        except OSError:
            if check:
                raise
            return 0, {}, b""

    def json(self, path):
        return json.loads(self.get(path)[2])

    def metrics(self):
        return exposition.read(self.get("/metrics", "text/plain;version=0.0.4")[2].decode())

    def page_of_now(self):
        """A page with all kernel signals of what has happened: two readings later."""
        name = "hostlens_agent_signals_observed_total"
        page = self.metrics()
        for _ in range(2):
            before = page.sum(name)
            page = eventually(lambda: (next_ := self.metrics()).sum(name) > before and next_, 10,  # noqa: B023
                              "another reading")
        return page

    def rows(self, side="server"):
        return [row for row in self.json("/api/v1/requests")["requests"] if row["side"] == side]

    def spans(self):
        """The recent ones, each with its trace id."""
        return [{**span, "trace_id": trace["trace_id"]}
                for trace in self.json("/api/v1/traces?limit=1000")["traces"]
                for span in trace["spans"]]

    def books(self):
        return self.json("/api/v1/status")["records"]

    def counts(self, side="server"):
        return self.metrics().request_counts(side)

    def wait_for_requests(self, total, side="server", seconds=5):
        """Until /metrics counts that many exchanges; more than that is for the caller to see."""
        eventually(lambda: sum(self.counts(side).values()) >= total, seconds,
                   lambda: f"{total} requests in /metrics, got {self.counts(side)}\n{self.books()}")

    def worker(self):
        """Pid of the process without privileges: the child that runs the same program."""
        program = os.path.realpath(HOSTLENS)
        for pid in children(self.pid):
            try:
                if os.path.realpath(os.readlink(f"/proc/{pid}/exe")) == program:
                    return pid
            except OSError:
                continue
        return None


def run(directory, command, options=(), configuration=CONFIGURATION, **rest):
    """`hostlens run` with the command; its own configuration with a free port and short interval."""
    file = directory / "run.yaml"
    file.write_text(configuration)
    return Agent(["run", "--config", file, *options, "--", *command], directory, **rest)


def agent(directory, configuration, **rest):
    """`hostlens agent` with this configuration."""
    file = directory / "agent.yaml"
    file.write_text(configuration)
    return Agent(["agent", "--config", file], directory, **rest)


def ended(arguments, timeout=30, **options):
    """Any command line with the program that ends by itself: what it left."""
    result = subprocess.run([str(word) for word in arguments], capture_output=True, timeout=timeout,
                            check=False, **options)
    assert_no_report(result.stderr)
    return result


def hostlens(*words, **options):
    return ended([HOSTLENS, *words], text=True, **options)
