# SPDX-License-Identifier: Apache-2.0
"""Processes that the kernel kills for want of memory, with the evidence."""
import os
import subprocess

from harness import health, servers
from harness.memory_cgroup import MemoryCgroup
from harness.polling import eventually

LIMIT = 48 << 20

# Enters the cgroup, takes more than it may have (and no more than the host can bear), and is killed. Its parent lives on.
GREEDY = f"""
import os, resource, signal, subprocess, sys
code = '''
import mmap, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
open(sys.argv[1], "w").write(str(__import__("os").getpid()))
open("/proc/self/comm", "w").write("greedy\\\\tone")
memory = mmap.mmap(-1, {4 * LIMIT})
for at in range(0, len(memory), 4096): memory[at] = 1
'''
for line in sys.stdin:
    child = subprocess.Popen([sys.executable, "-c", code, sys.argv[1]])
    print(child.pid, child.wait(), flush=True)
"""


def evidence(agent):
    return health.Health(agent).find("oom")["evidence"]


def test_a_kill_is_counted_and_told_with_who_how_large_and_which_limit(run, started):
    name = f"hostlens-oom-{os.getpid()}"
    cgroup = started(MemoryCgroup(name, LIMIT))
    agent = run([servers.PYTHON, "-c", GREEDY, cgroup.members], stdin=subprocess.PIPE)
    before = health.until(agent, "ok", "oom")
    assert before["evidence"]["value"] == 0

    agent.child.stdin.write(b"now\n")
    agent.child.stdin.flush()
    pid, status = agent.until(agent.stdout, 30, "the child's end").split()
    assert (status, cgroup.kills()) == ("-9", 1)

    row = health.until(agent, "degraded", "oom")
    assert row["evidence"]["value"] == 1
    # The kernel's own count and who it was are read one after the other: a kill between the two is named an interval later.
    eventually(lambda: ", the last: " in evidence(agent)["text"], 20, "the last that was killed is named")
    text = evidence(agent)["text"]
    assert f"greedy?one ({pid})" in text, "a process's name does not write into terminals as it likes"
    assert evidence(agent)["value"] == 1
    assert f"cgroup {name} used " in text
    assert " of 48 MiB" in text
    assert agent.metrics().sum("hostlens_oom_kills_total") == 1
    assert f"killed for want of memory: greedy?one ({pid})" in agent.stderr()
