# SPDX-License-Identifier: Apache-2.0
"""Hosts with many processes, and with many that come and go: no end is lost, and memory stays bounded."""
import os
import pathlib
import re
import signal
import subprocess

import pytest

from harness.agent import CONFIGURATION
from harness.agent import agent as run_agent
from harness.polling import eventually

pytestmark = pytest.mark.alone

SLEEPING, SHORT, CGROUPS = 5000, 10000, 2000
EXITS = "hostlens_process_exits_total"
MIB = 1 << 20


@pytest.fixture
def sleepers():
    """Processes that do nothing, all in one process group that is ours."""
    pids, group = [], 0
    try:
        for _ in range(SLEEPING):
            pids.append(os.posix_spawn("/bin/sleep", ["sleep", "1000"], {}, setpgroup=group))
            group = group or pids[0]
        yield pids
    finally:
        if group:
            os.killpg(group, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)


def spawn(count):
    for _ in range(count):
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)


def resident(agent):
    """Of supervisor and worker, without what files on disk back."""
    total = 0
    for pid in (agent.pid, agent.worker()):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        total += int(re.search(r"RssAnon:\s+(\d+)", status).group(1)) * 1024
    return total


def unified_root():
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup2 " in line:
            return pathlib.Path(line.split()[4])
    return None


@pytest.mark.usefixtures("sleepers")
def test_no_end_is_lost_among_thousands_and_memory_stays(directory, started):
    agent = started(run_agent(directory, CONFIGURATION))
    before = agent.page_of_now()
    spawn(100)
    memory = resident(agent)
    spawn(SHORT - 100)
    ends = eventually(lambda: (gain := agent.metrics().sum(EXITS) - before.sum(EXITS)) >= SHORT and gain, 15, "the last ends")
    # What else ends on this host meanwhile.
    assert ends <= SHORT + 200
    page = agent.metrics()
    assert page.sum("hostlens_process_execs_total") - before.sum("hostlens_process_execs_total") >= SHORT
    lost = page.sum("hostlens_agent_signals_lost_total", reason="no_room")
    assert lost <= page.sum("hostlens_agent_signals_observed_total") / 100
    assert len(page.samples[EXITS]) <= 200, "by service, reason and code, never by process"
    assert resident(agent) - memory <= 12 * MIB


def test_thousands_of_cgroups_cost_no_more_than_the_limit(directory, started):
    root = unified_root()
    if root is None:
        pytest.skip("no cgroup v2 is mounted")
    agent = started(run_agent(directory, CONFIGURATION + "limits: {series_per_family: 300}\n"))
    spawn(20)
    memory = resident(agent)
    parent = root / f"hostlens-churn-{os.getpid()}"
    try:
        parent.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup may be made: {error}")
    try:
        for number in range(CGROUPS):
            cgroup = parent / str(number)
            cgroup.mkdir()
            subprocess.run(["sh", "-c", f"echo $$ >{cgroup}/cgroup.procs; exit 117"], check=False)
            cgroup.rmdir()
    finally:
        parent.rmdir()
    eventually(lambda: agent.metrics().sum(EXITS, code="117") >= CGROUPS, 15, "the last end")
    page = agent.metrics()
    assert page.sum(EXITS, code="117") == CGROUPS
    waits = page.samples["hostlens_thread_runqueue_duration_seconds_count"]
    assert 0 < len(waits) <= 301, "and one for the rest"
    assert resident(agent) - memory <= 12 * MIB
