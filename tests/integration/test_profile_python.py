# SPDX-License-Identifier: Apache-2.0
"""`hostlens profile` of unmodified CPython 3.9 to 3.13: the functions of a program in its order, between native frames."""
import collections
import json
import math
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from harness.agent import HOSTLENS
from harness.oracles import oracle
from harness.polling import eventually
from harness.process import Process, cpu_seconds
from harness.recordings import profile, stacks

pytestmark = pytest.mark.alone

PROGRAM = pathlib.Path(__file__).parents[1] / "fixtures/profile/python_work.py"
# What each part's stacks are, from its own function on; a sample may be of any of these on the way to the last.
CHAINS = {
    "split": ["split", ("large", "small")],
    "recursion": ["recursion"] + 21 * ["recurse"] + ["spin"],
    "generator": ["generator", "numbers", "spin"],
    "sorting": ["sorting", "Keys.key", "spin"],
    "reducing": ["reducing", "reducing.<locals>.<lambda>", "spin"],
    "from_c": ["from_c", "compare", "spin"],
    "catching": ["catching", "throw", "spin"],
}
LOOP = "_PyEval_EvalFrameDefault"
PYTHON_FRAME = re.compile(r"^(.+) \(([^()]+\.py)\)$")


def interpreters():
    """(version, path): Debian's, and what pyenv has built; not each of them unless all are wanted."""
    root = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    every = "HOSTLENS_EVERY" in os.environ
    for minor in range(9, 14) if every else (9, 11, 13):
        name = f"python3.{minor}"
        found = [pathlib.Path("/usr/bin") / name, *sorted(root.glob(f"versions/3.{minor}.*/bin/{name}"))]
        found = [path for path in found if path.exists()][:None if every else 1]
        for path in found:
            yield pytest.param((minor, path), id=f"3.{minor}{'-debian' if path.parts[1] == 'usr' else ''}")
        if not found:
            yield pytest.param((minor, None), id=f"3.{minor}")


@pytest.fixture(scope="module", params=interpreters())
def python(request):
    minor, path = request.param
    if path is None:
        pytest.skip(f"no python3.{minor} in /usr/bin nor of pyenv")
    return minor, path


def functions(stack, file="python_work.py"):
    """Python's own, root first."""
    matches = (PYTHON_FRAME.match(frame) for frame in stack)
    return [match.group(1) for match in matches if match and match.group(2) == file]


def name_in(minor, name):
    """3.9 and 3.10 keep no qualified names in a code object."""
    return name if minor >= 11 else name.rsplit(".", 1)[-1]


@pytest.fixture(scope="module")
def recording(python, tmp_path_factory):
    minor, path = python
    folder = tmp_path_factory.mktemp(f"python3.{minor}")
    result = profile("-o", folder / "work.folded", "-o", folder / "work.json", "--", path, PROGRAM, "0.4", *CHAINS, "threads")
    return minor, stacks(folder / "work.folded"), json.loads((folder / "work.json").read_text()), result


def of_part(found, part):
    """Python's functions from the part's own on, and weights."""
    for stack, weight in found:
        chain = functions(stack)
        if part in chain:
            yield chain[chain.index(part):], stack, weight


@pytest.mark.parametrize("part", CHAINS)
def test_stacks_are_those_of_the_program(recording, part):
    minor, found, _, result = recording
    if part == "from_c" and "no ctypes" in result.stdout:
        pytest.skip("this interpreter was built without ctypes")
    expected = [{name_in(minor, name)} if isinstance(name, str) else set(name) for name in CHAINS[part]]
    samples = collections.Counter()
    for chain, stack, weight in of_part(found, part):
        fits = len(chain) <= len(expected) and all(name in names for name, names in zip(chain, expected))
        samples["right" if fits else "wrong"] += weight
        samples["whole"] += weight if fits and len(chain) == len(expected) else 0
        assert fits or weight < 5, stack
    everything = samples["right"] + samples["wrong"]
    # 200 at the most; a machine that is shared gives fewer.
    assert everything > 60, samples
    assert samples["wrong"] <= 0.005 * everything, samples
    assert samples["whole"] > (0.02 if part == "catching" else 0.6) * everything, samples


def test_callers_in_c_are_between_the_functions(recording):
    minor, found, _, result = recording
    for part, callee in (("sorting", "Keys.key"), ("reducing", "reducing.<locals>.<lambda>"), ("from_c", "compare")):
        if part == "from_c" and "no ctypes" in result.stdout:
            continue
        seen = 0
        for chain, stack, weight in of_part(found, part):
            if len(chain) < 2:
                continue
            caller = stack.index(f"{part} (python_work.py)")
            called = stack.index(f"{name_in(minor, callee)} (python_work.py)")
            assert called > caller + 1, stack
            if part == "from_c":
                assert any("qsort" in frame for frame in stack[caller + 1:called]), stack
            seen += weight
        assert seen > 30, part


def test_from_3_11_on_no_native_frame_is_between_python_calls(recording):
    minor, found, _, _ = recording
    if minor < 11:
        pytest.skip("each call has a native frame of its own before 3.11")
    whole = [stack for chain, stack, _ in of_part(found, "recursion") if len(chain) == 23]
    assert whole
    for stack in whole:
        frames = [frame for frame in stack if frame == "recurse (python_work.py)"]
        begin = stack.index(frames[0])
        assert stack[begin:begin + 21] == frames


def test_the_interpreters_loop_has_given_way(recording):
    _, found, _, _ = recording
    everything = sum(weight for _, weight in found)
    left = sum(weight for stack, weight in found if LOOP in stack)
    # At the beginning of a call no frame is there yet, at its end no more; and before the process was known.
    assert left <= 0.03 * everything, (left, everything)


def test_shares_are_those_of_the_work(recording):
    _, found, _, _ = recording
    counts = collections.Counter()
    for chain, _, weight in of_part(found, "split"):
        if len(chain) == 2:
            counts[chain[1]] += weight
    samples = counts["large"] + counts["small"]
    assert samples > 60
    assert abs(counts["large"] / samples - 0.75) < 4 * math.sqrt(0.75 * 0.25 / samples), counts


def test_threads_without_the_lock_have_their_stacks_too(recording):
    _, found, _, _ = recording
    samples = sum(weight for stack, weight in found if "in_thread (python_work.py)" in stack)
    assert samples > 30
    for stack, _ in found:
        if "in_thread (python_work.py)" in stack:
            assert any(re.search(r"_bootstrap(_inner)? \(threading\.py\)$", frame) for frame in stack), stack
            assert "main (python_work.py)" not in stack


def test_lines_are_in_speedscope(recording):
    _, _, speedscope, _ = recording
    source = PROGRAM.read_text().splitlines()
    lines = {frame["line"] for frame in speedscope["shared"]["frames"]
             if frame["name"] == "large (python_work.py)" and frame.get("file", "").endswith("/python_work.py") and frame.get("line")}
    first = source.index("def large():") + 1
    assert lines and lines <= set(range(first, first + 5)), lines
    assert next(i for i, line in enumerate(source, 1) if "line of large" in line) in lines


def test_lines_and_files_are_in_pprof(python, tmp_path):
    go = shutil.which("go")
    if go is None:
        pytest.skip("no go: its pprof was not asked")
    _, path = python
    profile("-o", tmp_path / "work.pb.gz", "--", path, PROGRAM, "0.5", "split")
    text = subprocess.run([go, "tool", "pprof", "-lines", "-sample_index=samples", "-top", tmp_path / "work.pb.gz"],
                          capture_output=True, text=True, check=True).stdout
    line = next(i for i, line in enumerate(PROGRAM.read_text().splitlines(), 1) if "line of large" in line)
    assert re.search(rf"\blarge {re.escape(str(PROGRAM))}:{line}$", text, re.M), text


def test_a_process_that_runs_already_is_known(python, tmp_path, directory, started):
    _, path = python
    process = started(Process([path, PROGRAM, "30", "split"], directory, "python"))
    profile("--pid", process.pid, "--for", "1s", "-o", tmp_path / "running.folded")
    found = stacks(tmp_path / "running.folded")
    everything = sum(weight for _, weight in found)
    split = sum(weight for _, _, weight in of_part(found, "split"))
    assert everything > 50 and split > 0.9 * everything, found


def last_name(name):
    """py-spy tells no qualified names."""
    return name.rsplit(".", 1)[-1]


def by_function(found):
    """Of samples by stack: those of each function's own code, and those of it and what it calls."""
    own, total = collections.Counter(), collections.Counter()
    for stack, weight in found.items():
        own[stack[-1]] += weight
        for name in set(stack):
            total[name] += weight
    return own, total


def chance(ours, theirs, share):
    """That so many of both are no more uneven where `share` of all samples are ours: an exact binomial test, two-sided."""
    both = ours + theirs

    def probability(count):
        ways = math.lgamma(both + 1) - math.lgamma(count + 1) - math.lgamma(both - count + 1)
        return math.exp(ways + count * math.log(share) + (both - count) * math.log(1 - share))
    return 2 * min(sum(map(probability, range(ours + 1))), sum(map(probability, range(ours, both + 1))))


def assert_equal(ours, theirs, samples):
    """Counts of two samples of one program: none differs by more than happens once in a million times."""
    share = samples[0] / sum(samples)
    for key in ours.keys() | theirs.keys():
        assert chance(ours[key], theirs[key], share) > 1e-6, (key, ours[key], theirs[key], samples)


def test_stacks_and_shares_are_those_of_py_spy(python, directory, started):
    """Both look at the same process at the same time: py-spy stops it and reads its memory. Which CPU time is whose needs two CPUs:
    where py-spy takes the program's own, it finds it where the kernel lets go of it."""
    _, path = python
    py_spy, cpus = oracle("py-spy"), sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("one CPU: py-spy would see the program only where it is preempted")
    program = started(Process(["taskset", "-c", str(cpus[1]), path, PROGRAM, "forever", *CHAINS], directory, "python"))
    ours, theirs = directory / "ours.folded", directory / "theirs.folded"
    recorder = started(Process([HOSTLENS, "profile", "--hz", "499", "--pid", str(program.pid), "--for", "120s", "-o", ours], directory,
                               "recorder"))
    eventually(lambda: "recording" in recorder.stderr() or not recorder.running(), 20, recorder.stderr)
    if not recorder.running() and recorder.wait() == 3:
        pytest.skip("stacks cannot be sampled here: " + recorder.stderr())
    judge = started(Process(["taskset", "-c", str(cpus[0]), py_spy, "record", "--format", "raw", "--function", "--rate", "499",
                             "--duration", "unlimited", "--pid", str(program.pid), "--output", theirs], directory, "py-spy"))
    begin = cpu_seconds(program.pid)
    judge.until(lambda: cpu_seconds(program.pid) - begin > 5, 100, "five seconds of CPU time")
    for process in (judge, recorder):
        process.signal(signal.SIGINT)
        assert process.wait(20) == 0, process.stderr()
    by_us, by_them = collections.Counter(), collections.Counter()
    for stack, weight in stacks(ours):
        names = tuple(last_name(match.group(1)) for match in map(PYTHON_FRAME.match, stack) if match)
        by_us.update({names: weight} if names else {})
    for stack, weight in stacks(theirs):
        by_them[tuple(re.fullmatch(r"(.+) \(.*\)", frame).group(1) for frame in stack)] += weight
    samples = by_us.total(), by_them.total()
    assert min(samples) > 600, samples
    for mine, other in zip(by_function(by_us), by_function(by_them)):
        assert_equal(mine, other, samples)
    assert_equal(by_us, by_them, samples)
    # On its way into a recursion a program has more stacks than are seen by both.
    for found, among in ((by_us, by_them), (by_them, by_us)):
        alone = {stack: weight for stack, weight in found.items() if stack not in among}
        assert sum(alone.values()) <= 0.02 * found.total(), alone
    # And both know what the program's text says.
    for found in (by_us, by_them):
        large, small = (sum(weight for stack, weight in found.items() if stack[-1] == name) for name in ("large", "small"))
        assert abs(large / (large + small) - 0.75) < 4 * math.sqrt(0.75 * 0.25 / (large + small)), (large, small)


def sleeping(minor):
    """Before 3.11 time.sleep() is a select()."""
    return "[timer]" if minor >= 11 else "[poll]"


def test_sleep_is_under_the_function_that_sleeps(python, tmp_path):
    minor, path = python
    profile("--off-cpu", "-o", tmp_path / "sleep.folded", "--", path, PROGRAM, "0", "sleep")
    naps = sum(weight for stack, weight in stacks(tmp_path / "sleep.folded")
               if functions(stack) == ["<module>", "main", "sleep", "nap"] and stack[-1] == sleeping(minor))
    assert naps > 0.95 * 50 * 20_000, naps


def test_a_sleep_that_does_not_end_is_cut_with_its_functions(python, tmp_path):
    minor, path = python
    profile("--off-cpu", "--for", "1s", "-o", tmp_path / "wait.folded", "--", path, PROGRAM, "0", "wait")
    waits = sum(weight for stack, weight in stacks(tmp_path / "wait.folded")
                if functions(stack) == ["<module>", "main", "wait"] and stack[-1] == sleeping(minor))
    assert waits > 300_000, waits
