# SPDX-License-Identifier: Apache-2.0
"""`hostlens profile` of unmodified JVMs without any flag: methods in the order of the program, between native frames."""
import collections
import json
import math
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness.agent import HOSTLENS
from harness.process import Process
from harness.recordings import profile, stacks

pytestmark = pytest.mark.alone

SOURCE = pathlib.Path(__file__).parents[1] / "fixtures/profile/JavaWork.java"
SUMMARY = re.compile(r"hostlens: (\d+) (?:samples|waits) in [\d.]+ s; ([\d.]+)% of stacks whole(?: \((others: .*?)\))?;")
# What a thread's stack begins with, by names that C libraries have for it.
ROOTS = ("clone", "clone3", "__clone", "__clone3", "start_thread", "_start")
PARTS = ["split", "recursion", "sorting", "initializing", "catching", "copying", "allocating", "threads"]


def machines():
    """The one on the PATH; with HOSTLENS_EVERY all that are installed; those of HOSTLENS_JVMS (homes, separated by colons)."""
    installed = shutil.which("java")
    homes = {pathlib.Path(installed).resolve().parents[1]} if installed else set()
    if "HOSTLENS_EVERY" in os.environ:
        homes |= {path.resolve() for path in pathlib.Path("/usr/lib/jvm").glob("*") if (path / "bin/java").exists()}
    homes |= {pathlib.Path(home).resolve() for home in os.environ.get("HOSTLENS_JVMS", "").split(":") if home}
    for home in sorted(homes):
        version = re.search(r'JAVA_VERSION="(\d+)', (home / "release").read_text(encoding="utf-8"))
        name = version.group(1) if version else home.name
        yield pytest.param((home, []), id=name)
        yield pytest.param((home, ["-Xint"]), id=f"{name}-interpreted")
    if not homes:
        yield pytest.param((None, []), id="none")


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    compiler = shutil.which("javac")
    if compiler is None:
        pytest.skip("no javac")
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run([compiler, "--release", "11", "-d", folder, SOURCE], check=True)
    return folder


@pytest.fixture(scope="module", params=machines())
def java(request, classes):
    home, options = request.param
    if home is None:
        pytest.skip("no java on the PATH")
    return [home / "bin/java", "-Xmx128m", *options, "-cp", classes, "JavaWork"]


def is_interpreted(java):
    return "-Xint" in java


def methods(stack):
    """Those of the program, root first."""
    return [frame.removeprefix("JavaWork.") for frame in stack if frame.startswith("JavaWork.")]


@pytest.fixture(scope="module")
def recording(java, tmp_path_factory):
    folder = tmp_path_factory.mktemp("java")
    result = profile("-o", folder / "work.folded", "-o", folder / "work.json", "--", *java, "0.5", *PARTS)
    return java, stacks(folder / "work.folded"), json.loads((folder / "work.json").read_text()), result


def of_part(found, part):
    for stack, weight in found:
        own = methods(stack)
        if part in own:
            yield own[own.index(part):], stack, weight


def total(found):
    return sum(weight for *_, weight in found)


def count(found, fits):
    return sum(weight for *parts, weight in found if fits(*parts))


def test_stacks_of_a_running_machine_are_whole(java, tmp_path, directory, started):
    process = started(Process([*map(str, java), "60", "split"], directory, "java"))
    subprocess.run([HOSTLENS, "profile", "--pid", str(process.pid), "--for", "2s", "-o", str(tmp_path / "warm.folded")],
                   capture_output=True, check=False)  # until what is hot has been compiled
    result = profile("--pid", process.pid, "--for", "3s", "-o", tmp_path / "running.folded")
    samples, whole, others = SUMMARY.search(result.stderr).groups()
    assert int(samples) > 200, result.stderr
    assert float(whole) >= 99.5, result.stderr


def test_each_stack_begins_where_the_thread_does(recording):
    _, found, _, _ = recording
    java_stacks = [(stack, weight) for stack, weight in found if methods(stack)]
    rooted = count(java_stacks, lambda stack: any(frame.split("@")[0] in ROOTS for frame in stack[:4]))
    assert total(java_stacks) > 500
    # What was sampled before the JVM was known is not.
    assert rooted >= 0.97 * total(java_stacks), (rooted, total(java_stacks))


def test_shares_are_those_of_the_work(recording):
    _, found, _, _ = recording
    counts = collections.Counter()
    for own, _, weight in of_part(found, "split"):
        counts[own[1] if len(own) > 1 else "split"] += weight
    samples = counts["large"] + counts["small"]
    assert samples > 100, counts
    assert counts["split"] <= 0.1 * samples, counts
    assert abs(counts["large"] / samples - 0.6) < 4 * math.sqrt(0.6 * 0.4 / samples), counts


def test_recursion_has_every_frame(recording):
    java, found, _, _ = recording
    chains = [(own, weight) for own, _, weight in of_part(found, "recursion") if own[-1] == "spin"]
    assert total(chains) > 100
    # Of compiled code the leaf is an estimate: what comes just before an inlined call is taken for the callee's.
    least = 0.99 if is_interpreted(java) else 0.95
    right = count(chains, lambda own: own == ["recursion"] + 101 * ["recurse"] + ["spin"])
    assert right >= least * total(chains), collections.Counter(len(own) for own, _ in chains)


def test_the_library_is_between_the_methods(recording):
    java, found, _, _ = recording
    seen = [(stack, weight) for own, stack, weight in of_part(found, "sorting") if "compare" in own]
    assert total(seen) > 100
    for stack, weight in seen:
        between = stack[stack.index("JavaWork.sorting") + 1:stack.index("JavaWork.compare")]
        assert any(frame.startswith(("java.util.Arrays.sort", "java.util.TimSort")) for frame in between), stack
        assert between[0] == "java.util.ArrayList.sort", stack


def test_native_frames_are_where_java_was_called(recording):
    _, found, _, _ = recording
    name = "Initialized.<clinit>"
    seen = [(stack, weight) for stack, weight in found if f"JavaWork${name}" in stack and stack[-1] == "JavaWork.spin"]
    assert total(seen) > 100
    for stack, _ in seen:
        between = stack[stack.index("JavaWork.initializing") + 1:stack.index(f"JavaWork${name}")]
        called = next(i for i, frame in enumerate(between) if frame == "java.lang.Class.forName0")
        natives = between[called + 1:]
        assert any("InstanceKlass::initialize" in frame or "call_class_initializer" in frame for frame in natives), stack
        assert any("JavaCalls::call" in frame for frame in natives), stack
        assert not any(frame.startswith("JavaWork.") for frame in natives), stack


def test_leaves_in_the_machine_have_their_callers(recording):
    _, found, _, _ = recording
    filled = [(stack, weight) for own, stack, weight in of_part(found, "catching")
              if "java.lang.Throwable.fillInStackTrace" in stack]
    assert total(filled) > 30
    for stack, _ in filled:
        assert stack.index("JavaWork.fail") < stack.index("java.lang.Throwable.fillInStackTrace"), stack
    assert total(list(of_part(found, "copying"))) > 100
    assert total(list(of_part(found, "allocating"))) > 50


def test_threads_have_stacks_of_their_own(recording):
    _, found, _, _ = recording
    seen = [(stack, weight) for own, stack, weight in of_part(found, "inThread")]
    assert total(seen) > 200
    for stack, _ in seen:
        assert "JavaWork.main" not in stack
    assert count(seen, lambda stack: "java.lang.Thread.run" in stack) >= 0.97 * total(seen)


def test_frames_have_names(recording):
    _, found, _, result = recording
    said = re.search(r"Java in (\d+) samples; ([\d.]+)% of its frames have a name", result.stderr)
    assert said, result.stderr
    assert float(said.group(2)) >= 99, result.stderr


def test_lines_are_in_speedscope(recording):
    java, _, speedscope, _ = recording
    source = SOURCE.read_text(encoding="utf-8").splitlines()
    frames = [frame for frame in speedscope["shared"]["frames"] if frame["name"] == "JavaWork.large"]
    assert {frame.get("file") for frame in frames} == {"JavaWork.java"}
    first = source.index("    static void large() {") + 1
    lines = {frame["line"] for frame in frames if frame.get("line")}
    assert lines and lines <= set(range(first, first + 7)), lines
    loop = next(i for i, line in enumerate(source, 1) if "line of large" in line)
    # A compiled loop is known by its poll, which is its head's.
    assert loop in lines or (not is_interpreted(java) and loop - 1 in lines), lines


@pytest.mark.parametrize("part, chain", [("napping", ["main", "run", "napping", "nap"]), ("waiting", ["main", "run", "waiting"])])
def test_sleep_is_under_the_method_that_sleeps(java, part, chain, tmp_path, directory, started):
    """Naps end while it is recorded; the wait does not, and is cut."""
    process = started(Process([*map(str, java), "0", part], directory, "java"))
    process.until(lambda: "JavaWork" in pathlib.Path(f"/proc/{process.pid}/cmdline").read_text(), 10, "the JVM")
    best = 0
    for _ in range(5):  # until it sleeps
        profile("--off-cpu", "--pid", process.pid, "--for", "1s", "-o", tmp_path / "sleep.folded")
        best = count(stacks(tmp_path / "sleep.folded"), lambda stack: methods(stack) == chain)
        if best > 800_000:
            break
    assert best > 800_000, best


@pytest.fixture
def virtual_threads(tmp_path):
    """A program with virtual threads, on the oldest JVM that has them."""
    homes = [*pathlib.Path("/usr/lib/jvm").glob("*"), *map(pathlib.Path, filter(None, os.environ.get("HOSTLENS_JVMS", "").split(":")))]
    found = {}
    for home in homes:
        release = home / "release"
        version = release.exists() and re.search(r'JAVA_VERSION="(\d+)', release.read_text(encoding="utf-8"))
        if version and int(version.group(1)) >= 21 and (home / "bin/javac").exists():
            found[int(version.group(1))] = home
    if not found:
        pytest.skip("no JDK 21 or later in /usr/lib/jvm nor HOSTLENS_JVMS: no virtual threads")
    home = found[min(found)]
    subprocess.run([home / "bin/javac", "-d", tmp_path, SOURCE.with_name("VirtualWork.java")], check=True)
    return [home / "bin/java", "-cp", tmp_path, "VirtualWork"]


def test_a_virtual_thread_that_slept_says_what_is_in_the_heap(virtual_threads, tmp_path):
    result = profile("-o", tmp_path / "virtual.folded", "--", *virtual_threads, "4")
    whole = SUMMARY.search(result.stderr).group(2)
    at_work = [(stack, weight) for stack, weight in stacks(tmp_path / "virtual.folded") if "VirtualWork.spin" in stack]
    assert total(at_work) > 200 and float(whole) >= 99, result.stderr
    gap = "[virtual thread: frames in the heap]"

    def is_told(stack):
        """The carrier's frames, and then either all of the thread's own or that some are missing."""
        own = stack.index("VirtualWork.recurse") if "VirtualWork.recurse" in stack else 0
        carrier = {"java.util.concurrent.ForkJoinWorkerThread.run", "jdk.internal.vm.Continuation.run"} <= set(stack[:own])
        return carrier and (gap in stack[:own] or stack.count("VirtualWork.recurse") == 11)

    assert count(at_work, is_told) >= 0.99 * total(at_work), [stack for stack, _ in at_work if not is_told(stack)]
    marked = count(at_work, lambda stack: gap in stack)
    assert marked > 0.5 * total(at_work), (marked, total(at_work))
