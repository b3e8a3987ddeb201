# SPDX-License-Identifier: Apache-2.0
"""Shares of functions by `hostlens profile`, and by others that watch the same run: perf, and a program that measures itself."""
import collections
import json
import math
import pathlib
import re
import shutil
import subprocess

import pytest

from harness.agent import HOSTLENS, ended

pytestmark = pytest.mark.alone

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures/profile"
HZ = 499
PARTS = {"forty": 0.4, "thirty": 0.3, "twenty": 0.2, "ten": 0.1}


def stacks(path):
    """Weights by stack, root first."""
    lines = (line.rsplit(" ", 1) for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines())
    return {tuple(stack.split(";")): int(weight) for stack, weight in lines}


def counts_of(found, names):
    """Samples below each of the functions; the one nearest to the root counts."""
    counts = collections.Counter()
    for stack, weight in found.items():
        below = [name for name in map(plain, stack) if name in names]
        if below:
            counts[below[0]] += weight
    return counts


def plain(frame):
    """Of Python's: without its file."""
    return re.sub(r" \([^()]+\.py\)$", "", frame)


def bound(share, *samples):
    """Four standard errors of the difference of two shares, of so many samples each; of one and the truth."""
    return 4 * math.sqrt(share * (1 - share) * sum(1 / count for count in samples))


def perf_stacks(perf, data, command):
    """What perf recorded of the command, root first."""
    text = subprocess.run([perf, "script", "--no-inline", "-i", data, "-F", "comm,ip,sym"], capture_output=True, text=True,
                          check=True).stdout
    found = collections.Counter()
    for sample in text.split("\n\n"):
        comm, *frames = sample.strip("\n").splitlines() or [""]
        if comm.strip() == command:
            found[tuple(frame.split(None, 1)[1] for frame in reversed(frames) if frame.strip())] += 1
    return found


@pytest.mark.parametrize("how", ["fp", "dwarf"])
def test_shares_are_those_that_perf_finds_in_the_same_run(tmp_path, how):
    compiler, perf = shutil.which("gcc"), shutil.which("perf")
    if compiler is None or perf is None:
        pytest.skip("no C compiler" if compiler is None else "no perf")
    pointers = "-fno-omit-frame-pointer" if how == "fp" else "-fomit-frame-pointer"
    program = tmp_path / "shares"
    subprocess.run([compiler, "-O2", pointers, "-o", program, FIXTURES / "shares.c"], check=True)
    ours, data = tmp_path / "shares.folded", tmp_path / "perf.data"
    # perf's events are inherited, by our own processes too: those are told apart by their names.
    result = ended([perf, "record", "-q", "-F", str(HZ), "-e", "cpu-clock:u", "--call-graph", how, "-o", str(data), "--", HOSTLENS,
                    "profile", "--hz", str(HZ), "-o", str(ours), "--", str(program), "1500"], text=True)
    if "stacks cannot be sampled" in result.stderr or result.returncode == 3:
        pytest.skip("stacks cannot be sampled here: " + result.stderr)
    assert result.returncode == 0, result.stderr
    theirs = perf_stacks(perf, data, "shares")
    by_us, by_perf = counts_of(stacks(ours), PARTS), counts_of(theirs, PARTS)
    samples = by_us.total(), by_perf.total()
    assert min(samples) > 200, (samples, result.stderr)
    for name, truth in PARTS.items():
        shares = by_us[name] / samples[0], by_perf[name] / samples[1]
        assert abs(shares[0] - shares[1]) < bound(truth, *samples), (name, shares, samples)
        assert abs(shares[0] - truth) < bound(truth, samples[0]), (name, shares, samples)
    # Both see the leaf with its whole way from main, but for the few instructions of the others, and for interrupts of it.
    # By frame pointers not who calls a function that has none.
    way = ("main", "forty", "turns", "turn")
    ways = (way, ("main", "forty", "turn")) if how == "fp" else (way,)
    for found, counts, known in ((stacks(ours), by_us, (way,)), (theirs, by_perf, ways)):
        seen = sum(weight for stack, weight in found.items() if any(stack[-len(one):] == one for one in known))
        assert seen > 0.95 * counts["forty"], found


def test_shares_of_python_are_those_that_the_program_measures(tmp_path):
    """By its own clock of CPU time, around each call: in the interpreter, in sorted() with a key, in json and in re."""
    python = "/usr/bin/python3"
    if not pathlib.Path(python).exists():
        pytest.skip(f"no {python}")
    ours = tmp_path / "python.folded"
    result = ended([HOSTLENS, "profile", "--hz", str(HZ), "-o", str(ours), "--", python, str(FIXTURES / "python_shares.py"), "2"],
                   text=True)
    if result.returncode == 3:
        pytest.skip("stacks cannot be sampled here: " + result.stderr)
    assert result.returncode == 0, result.stderr
    spent = json.loads(result.stdout)
    counts = counts_of(stacks(ours), spent)
    samples = counts.total()
    assert samples > 300, (samples, result.stderr)
    for name, ns in spent.items():
        truth = ns / sum(spent.values())
        assert abs(counts[name] / samples - truth) < bound(truth, samples), (name, counts[name] / samples, truth, samples)
