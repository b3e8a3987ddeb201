# SPDX-License-Identifier: Apache-2.0
"""Supervisor and worker: who may what, and what the death of either costs."""
import json
import os
import signal
import subprocess

import pytest

from harness import agent as agents
from harness import servers
from harness.load import load
from harness.polling import eventually, settles
from harness.process import alive

pytestmark = pytest.mark.alone


def loaded():
    listing = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, check=True)
    return {program["id"] for program in json.loads(listing.stdout)}


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)


def test_the_worker_has_no_capabilities_and_its_own_user(watch, directory):
    agent = watch(servers.nginx(directory))
    status = status_of(agent.worker())
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert "0" not in status["Uid"].split()
    assert status["NoNewPrivs"] == "1"


def test_a_killed_worker_is_replaced_and_goes_on_counting(watch, directory):
    server = servers.nginx(directory)
    before = loaded()
    agent = watch(server)
    probes = loaded() - before
    assert probes
    for death in range(1, 3):
        worker = agent.worker()
        os.kill(worker, signal.SIGKILL)
        eventually(lambda worker=worker: agent.worker() not in (None, worker), 20, "a new worker")
        agent.until(lambda: agent.get("/readyz", check=False)[0] == 200, 20, "it answers")
        assert agent.json("/api/v1/status")["worker_restarts"] == death
        assert probes <= loaded(), "the probes stay attached"
        report = load(directory, server.port, 500)
        settles(lambda: sum(agent.counts().values()) >= report.total, True)


def test_a_killed_supervisor_leaves_nothing(watch, directory, started):
    server = servers.nginx(directory)
    before = loaded()
    agent = watch(server)
    worker = agent.worker()
    command = [pid for pid in agents.children(agent.pid) if pid != worker]
    probes = loaded() - before
    os.kill(agent.pid, signal.SIGKILL)
    eventually(lambda: not alive(worker), 10, "the worker is gone")
    eventually(lambda: not probes & loaded(), 10, "the programs are unloaded")
    # The command was never ours to end.
    assert [pid for pid in command if alive(pid)] == command


def test_a_stopped_agent_leaves_nothing(directory, started):
    server = servers.nginx(directory)
    started(server.start(directory))
    before = loaded()
    agent = started(agents.agent(directory, agents.CONFIGURATION +
                                 f"targets: {{include: [{{port: {server.port}}}]}}\n"))
    probes = loaded() - before
    assert probes
    assert agent.stop() == 0
    eventually(lambda: not probes & loaded(), 10, "the programs are unloaded")


def test_ten_starts_leave_nothing(directory):
    before = loaded()
    for _ in range(10):
        assert agents.hostlens("run", "--listen", "127.0.0.1:0", "--", "true").returncode == 0
    eventually(lambda: not loaded() - before, 10, lambda: f"unloaded: {loaded() - before}")
