# SPDX-License-Identifier: Apache-2.0
"""Programs and maps that appeared with the agent, as bpftool shows them."""
import contextlib
import json
import pathlib
import subprocess

STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")


def _show(kind):
    answer = subprocess.run(["bpftool", "-j", kind, "show"], capture_output=True, text=True, check=True)
    return {entry["id"]: entry for entry in json.loads(answer.stdout or "[]")}


def programs():
    return _show("prog")


def maps():
    return _show("map")


def new(after, before):
    return {key: value for key, value in after.items() if key not in before}


def memory(entries):
    return sum(entry.get("bytes_memlock", 0) for entry in entries.values())


@contextlib.contextmanager
def statistics():
    """Run times of programs, which themselves cost a little: not while anything else is measured."""
    before = STATS.read_text()
    STATS.write_text("1")
    try:
        yield
    finally:
        STATS.write_text(before)


def runs(after, before):
    """Runs and ns of each program between two looks: {name: (runs, ns)}."""
    result = {}
    for key, program in after.items():
        earlier = before.get(key, {})
        count = program.get("run_cnt", 0) - earlier.get("run_cnt", 0)
        ns = program.get("run_time_ns", 0) - earlier.get("run_time_ns", 0)
        if count > 0:
            total = result.get(program.get("name", "?"), (0, 0))
            result[program.get("name", "?")] = (total[0] + count, total[1] + ns)
    return result


def sampling(after, before):
    """Of programs that a clock runs: how often, and ns in all. Who samples runs one a time, whatever that calls then."""
    samplers = {key: program for key, program in after.items() if program["type"] == "perf_event"}
    found = runs(samplers, before).values()
    return max((count for count, _ in found), default=0), sum(ns for _, ns in found)
