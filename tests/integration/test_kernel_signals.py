# SPDX-License-Identifier: Apache-2.0
"""Kernel signals of a program that knows what it did."""
import json

import pytest

from harness import servers
from harness.agent import run
from harness.polling import eventually

# Tells how often it slept by the kernel's own count, then waits to be ended.
SLEEPER = """
import json, os, resource, signal, subprocess, sys, time

told = {}
def part(name, work):
    before, began = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw, time.monotonic()
    work()
    told[name] = {"sleeps": resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before,
                  "seconds": time.monotonic() - began}

part("timer", lambda: [time.sleep(0.01) for _ in range(60)])
read, write = os.pipe()
code = "import os, time\\nfor _ in range(40): time.sleep(0.01); os.write(1, b'x')"
child = subprocess.Popen([sys.executable, "-c", code], stdout=write)
part("ipc", lambda: [os.read(read, 1) for _ in range(40)])
child.wait()
for code in ("exit 113", "exit 113", "kill -XCPU $$"):
    subprocess.run(["sh", "-c", code])
print(json.dumps(told), flush=True)
signal.pause()
"""

BLOCKED = "hostlens_thread_blocked_duration_seconds"


@pytest.fixture(scope="module")
def slept(tmp_path_factory):
    """The page when everything is in it, and what the program told."""
    agent = run(tmp_path_factory.mktemp("slept"), [servers.PYTHON, "-c", SLEEPER])
    try:
        told = json.loads(agent.until(agent.stdout, 30, "what it did"))
        page = eventually(lambda: (page := agent.metrics()).sum(
            "hostlens_process_exits_total", code="SIGXCPU") and page, 10,
            "the last exit")
        # The reading that has the last exit has all sleeps before it.
        yield page, told
    finally:
        agent.stop()


def hidden(page):
    """Switches and wake-ups that a virtual machine's kernel did not show anybody, on the whole host."""
    return sum(page.sum("hostlens_agent_signals_lost_total", reason=reason)
               for reason in ("unseen_switch",))


def test_sleeps_are_as_many_as_the_kernel_counts(slept):
    page, told = slept
    ours = page.sum(f"{BLOCKED}_count", cause="ipc", syscall="read")
    assert told["ipc"]["sleeps"] - hidden(page) <= ours
    timers = page.sum(f"{BLOCKED}_count", cause="timer", syscall="clock_nanosleep")
    assert 100 - hidden(page) <= timers <= 100


def test_their_durations_are_the_programs_own(slept):
    page, told = slept
    timers = page.sum(f"{BLOCKED}_sum", cause="timer")
    assert (100 - hidden(page)) * 0.0099 <= timers
    assert timers <= told["timer"]["seconds"] + told["ipc"]["seconds"]


def test_buckets_are_octaves(slept):
    page, _ = slept
    bounds = {float(labels["le"]) for labels, _ in page.samples[f"{BLOCKED}_bucket"]}
    assert bounds == {2.0 ** exponent for exponent in range(-20, 7)} | {float("inf")}
    below, within = (page.sum(f"{BLOCKED}_bucket", cause="timer", le=bound)
                     for bound in ("0.0078125", "0.125"))
    assert below == 0
    assert within >= 95 - hidden(page)


def test_ends_of_processes_have_reason_and_code(slept):
    page, _ = slept
    exits = "hostlens_process_exits_total"
    assert page.sum(exits, reason="exited", code="113") == 2
    assert page.sum(exits, code="SIGXCPU") == 1
    assert page.sum("hostlens_process_execs_total") >= 6


def test_the_whole_hosts_threads_wait_under_somebodys_name(slept):
    page, _ = slept
    waits = page.samples["hostlens_thread_runqueue_duration_seconds_count"]
    assert {labels["reason"] for labels, _ in waits} == {"wakeup", "preempted"}
    assert len({labels["service_name"] for labels, _ in waits}) >= 2
    # In the first interval the kernel may have no memory at hand where the programs want it.
    lost = page.sum("hostlens_agent_signals_lost_total", reason="no_room")
    assert lost <= page.sum("hostlens_agent_signals_observed_total") / 100


def test_every_reason_of_a_loss_is_told(slept):
    page, _ = slept
    reasons = {labels["reason"] for labels, _ in page.samples["hostlens_agent_signals_lost_total"]}
    assert reasons == {"no_room", "unknown_thread", "unseen_switch", "untimed_accept", "untracked"}
