# SPDX-License-Identifier: Apache-2.0
"""`hostlens profile` of unmodified Go programs, whose runtime calls on another stack than the goroutine's."""
import collections
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness.process import Process
from harness.recordings import profile, stacks

pytestmark = pytest.mark.alone

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures/profile"
ALLOCATING = pathlib.Path(__file__).parents[1] / "bench/unwind/programs/work.go"
WHOLE = re.compile(r"hostlens: (\d+) samples in [\d.]+ s; ([\d.]+)% of stacks whole")


def builds():
    """By the compiler on the PATH, and by Debian's where it is another: before 1.21 the runtime keeps frame pointers in another way."""
    compilers = {shutil.which("go"), *map(str, pathlib.Path("/usr/lib").glob("go-*/bin/go"))} - {None}
    for compiler in sorted(compilers):
        version = subprocess.run([compiler, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout.strip()
        yield pytest.param((compiler, []), id=version)
        yield pytest.param((compiler, ["-ldflags=-s -w"]), id=f"{version}-stripped")
    if not compilers:
        yield pytest.param(None, id="none")


@pytest.fixture(scope="module", params=builds())
def build(request, tmp_path_factory):
    if request.param is None:
        pytest.skip("no go")
    compiler, flags = request.param
    folder = tmp_path_factory.mktemp("go")

    def make(name, source, **environment):
        program = folder / name
        made = subprocess.run([compiler, "build", *flags, "-o", program, source], capture_output=True, text=True, check=False,
                              env={**os.environ, "GO111MODULE": "off", **environment})
        assert made.returncode == 0, made.stderr
        return program

    return make


def whole(recording):
    samples, share = WHOLE.search(recording.stderr).groups()
    return int(samples), float(share)


def test_stacks_go_on_from_the_threads_stack_to_the_goroutines(build, tmp_path):
    recording = profile("--for", "4s", "-o", tmp_path / "work.folded", "--", build("work", ALLOCATING))
    samples, share = whole(recording)
    assert samples >= 400 and share >= 99.5, recording.stderr
    weight_of = {tuple(stack[1:]): weight for stack, weight in stacks(tmp_path / "work.folded")}
    found = [list(stack) for stack in weight_of]
    called = [(stack, stack.index("runtime.systemstack")) for stack in found if "runtime.systemstack" in stack]
    assert len(called) >= 20, len(called)
    # What is sampled before the program's rows are there is unwound later from a copy, which holds one stack.
    weights = collections.Counter()
    for stack, at in called:
        begun = at >= 1 and stack[0] in ("runtime.goexit", "runtime.mstart", "runtime.rt0_go")
        weights[begun] += weight_of[tuple(stack)]
    assert weights[False] <= 2 + 0.005 * weights[True], [stack for stack, at in called if at < 1]
    assert any("main.produce" in frame or "main.main.gowrap" in frame for stack, at in called for frame in stack[:at])


def test_the_scheduler_is_called_by_the_threads_start(build, directory, started, tmp_path):
    # The program runs already, so its rows are there before its first sample.
    program = started(Process([build("work", ALLOCATING)], directory, "work"))
    profile("--pid", program.pid, "--for", "4s", "-o", tmp_path / "work.folded")
    found = [stack[1:] for stack, _ in stacks(tmp_path / "work.folded")]
    for entry in ("runtime.mcall", "runtime.morestack"):
        left = [stack for stack in found if entry in stack]
        # Before it leaves the goroutine it calls nothing, but the kernel may come between.
        calls = [stack for stack in left if any(not frame.endswith("_[k]") for frame in stack[stack.index(entry) + 1:])]
        wrong = [stack for stack in calls if stack[stack.index(entry) - 1] != "runtime.mstart"]
        assert len(wrong) <= 0.005 * len(left), [stack[stack.index(entry) - 1:] for stack in wrong[:5]]
    assert any("runtime.mcall" in stack for stack in found)


def test_c_that_go_calls_has_its_caller_in_go(build, tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler, which cgo takes")
    program = build("calls_c", FIXTURES / "go_calls_c/main.go", CGO_ENABLED="1")
    if "spin_in_c" not in subprocess.run(["nm", program], capture_output=True, text=True, check=False).stdout:
        pytest.skip("C's functions have no names in a stripped program")
    recording = profile("-o", tmp_path / "c.folded", "--", program, "3")
    samples, share = whole(recording)
    assert samples >= 1000 and share >= 99.5, recording.stderr
    in_c = [(stack, weight) for stack, weight in stacks(tmp_path / "c.folded") if "spin_in_c" in stack]
    assert 0.2 * samples <= sum(weight for _, weight in in_c) <= 0.8 * samples
    right = sum(weight for stack, weight in in_c
                if stack[1] == "runtime.goexit" and "main.callC" in stack[:stack.index("spin_in_c")] and "main.main" in stack)
    # Of the first few, which are unwound later from a copy of the stack, the goroutine's stack is not in the copy.
    assert right >= 0.99 * sum(weight for _, weight in in_c), in_c
