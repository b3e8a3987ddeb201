# SPDX-License-Identifier: Apache-2.0
"""`hostlens profile`: a recording of a command, its files, its exit status, and differences of two."""
import collections
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from harness import servers
from harness.agent import HOSTLENS, ended
from harness.process import Process

PROFILE = [HOSTLENS, "profile", "--hz", "499"]

# Three parts of the work in one function, one in another: the shares of a known split.
SPLIT = """
#include <time.h>
static volatile unsigned long sink;
__attribute__((noinline, noclone)) static void turn(void) { for (int i = 0; i < 1000; ++i) sink += i; }
__attribute__((noinline, noclone)) static void large(void) { for (int i = 0; i < 30; ++i) turn(); __asm__ volatile(""); }
__attribute__((noinline, noclone)) static void small(void) { for (int i = 0; i < 10; ++i) turn(); __asm__ volatile(""); }
int main(void)
{
	struct timespec now = { 0 };
	do {
		large();
		small();
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	} while (now.tv_sec < 2);
	return 7;
}
"""


def profile(*words, **options):
    result = ended([*PROFILE, *map(str, words)], **options)
    if result.returncode == 3:
        pytest.skip("stacks cannot be sampled here: " + str(result.stderr))
    return result


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("split")
    (folder / "split.c").write_text(SPLIT)
    subprocess.run([compiler, "-O2", "-fomit-frame-pointer", "-o", folder / "split", folder / "split.c"], check=True)
    return folder / "split"


def stacks(path):
    """Weights by stack, root first."""
    found = {}
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        stack, weight = line.rsplit(" ", 1)
        found[tuple(stack.split(";"))] = int(weight)
    return found


def share_of(found, function):
    return sum(weight for stack, weight in found.items() if function in stack) / sum(found.values())


def test_shares_are_those_of_the_work(split, tmp_path):
    result = profile("-o", tmp_path / "split.folded", "--", split)
    assert result.returncode == 7
    found = stacks(tmp_path / "split.folded")
    samples = sum(found.values())
    # Two seconds of CPU at 499 per second; a machine that is shared gives fewer ticks, never more.
    assert 300 < samples <= 1100, samples
    whole = {stack: weight for stack, weight in found.items() if stack[1:2] == ("_start",)}
    assert sum(whole.values()) >= 0.9 * samples, found
    large, small = (share_of(whole, name) for name in ("large", "small"))
    bound = 4 * math.sqrt(0.75 * 0.25 / sum(whole.values()))
    assert abs(large / (large + small) - 0.75) < bound, (large, small)
    for stack in whole:
        assert stack[0] == "split"
        if "turn" in stack:
            assert stack[stack.index("turn") - 1] in ("large", "small") and "main" in stack


def test_all_files_tell_the_same_recording(split, tmp_path):
    files = [tmp_path / f"split.{ending}" for ending in ("folded", "json", "html", "svg", "pb.gz")]
    outputs = [word for file in files for word in ("-o", file)]
    result = profile(*outputs, "--", split)
    assert result.returncode == 7, result.stderr
    samples = sum(stacks(files[0]).values())
    speedscope = json.loads(files[1].read_text())
    assert speedscope["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    unit = {"seconds": 1, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}
    seconds = sum(sum(one["weights"]) * unit[one["unit"]] for one in speedscope["profiles"])
    assert seconds == pytest.approx(samples / 499, rel=1e-3)
    for file in files[2:4]:
        text = file.read_text()
        assert "large" in text and "http://" not in text.replace("http://www.w3.org/", "")
    assert f"{samples} samples" in result.stderr.decode() if isinstance(result.stderr, bytes) else result.stderr
    go = shutil.which("go")
    if go is None:
        pytest.skip("no go: its pprof was not asked for the .pb.gz; the rest passed")
    top = subprocess.run([go, "tool", "pprof", "-sample_index=samples", "-top", files[4]], capture_output=True, text=True,
                         check=True).stdout
    by_function = {line.split()[-1]: line.split() for line in top.splitlines() if re.match(r"\s+\d", line)}
    assert f"of {samples} total" in top or f"of {samples}" in top
    assert int(by_function["large"][3]) == sum(
        weight for stack, weight in stacks(files[0]).items() if "large" in stack)


@pytest.mark.parametrize("folder", [".", ".debug"])
def test_a_stripped_file_has_the_names_of_the_file_that_its_debug_link_names(split, tmp_path, folder):
    if shutil.which("objcopy") is None:
        pytest.skip("no objcopy")
    bare, debug = tmp_path / "bare", tmp_path / folder / "bare.debug"
    debug.parent.mkdir(exist_ok=True)
    subprocess.run(["objcopy", "--remove-section=.note.gnu.build-id", split, bare], check=True)
    subprocess.run(["objcopy", "--only-keep-debug", bare, debug], check=True)
    subprocess.run(["objcopy", "--strip-all", f"--add-gnu-debuglink={debug}", bare], check=True)
    files = {"with": tmp_path / "with.folded", "wrong": tmp_path / "wrong.folded"}
    assert profile("-o", files["with"], "--", bare).returncode == 7
    debug.write_bytes(debug.read_bytes() + b"other")
    assert profile("-o", files["wrong"], "--", bare).returncode == 7
    assert share_of(stacks(files["with"]), "turn") > 0.8
    assert share_of(stacks(files["wrong"]), "turn") == 0, "its checksum is another one"


def test_code_without_unwind_tables_is_unwound_by_those_of_its_debug_file(tmp_path):
    compiler = shutil.which("gcc")
    if compiler is None or shutil.which("objcopy") is None:
        pytest.skip("no C compiler")
    (tmp_path / "split.c").write_text(SPLIT)
    full, bare, debug = tmp_path / "full", tmp_path / "bare", tmp_path / "bare.debug"
    subprocess.run([compiler, "-O2", "-g", "-fomit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables",
                    "-o", full, tmp_path / "split.c"], check=True)
    subprocess.run(["objcopy", "--only-keep-debug", full, debug], check=True)
    subprocess.run(["objcopy", "--strip-all", f"--add-gnu-debuglink={debug}", full, bare], check=True)
    assert profile("-o", tmp_path / "p.folded", "--", bare).returncode == 7
    found = stacks(tmp_path / "p.folded")
    whole = sum(weight for stack, weight in found.items() if stack[1:2] == ("_start",) and "main" in stack)
    assert whole > 0.9 * sum(found.values()), found


def test_the_command_keeps_its_limit_of_open_files():
    limited = ["sh", "-c", f"ulimit -Sn 321; exec {HOSTLENS} profile -- sh -c 'ulimit -Sn >&2'"]
    result = ended(limited)
    if result.returncode == 3:
        pytest.skip("stacks cannot be sampled here: " + str(result.stderr))
    assert b"321\n" in result.stderr


def test_without_a_file_functions_are_printed(split):
    result = profile("--", split)
    assert result.returncode == 7
    rows = [line.split(None, 2) for line in result.stdout.decode().splitlines()[1:]]
    shares = {row[2]: float(row[1]) for row in rows if len(row) == 3}
    assert shares["turn"] > 80, result.stdout


def test_for_ends_the_command_and_is_a_success(tmp_path):
    begin = time.monotonic()
    result = profile("--for", "1s", "-o", tmp_path / "idle.folded", "--", "sleep", "60")
    assert result.returncode == 0 and time.monotonic() - begin < 50
    assert (tmp_path / "idle.folded").exists()


def test_a_running_process_and_its_children_are_recorded_alone(split, tmp_path, directory, started):
    script = ("import subprocess, sys, time\n"
              "sys.stdin.readline()\n"
              f"subprocess.run(['{split}'])\n"
              "time.sleep(600)\n")
    go, ready = os.pipe()
    parent = started(Process([servers.PYTHON, "-c", script], directory, "parent", stdin=go))
    recorder = started(Process([*PROFILE, "--pid", str(parent.pid), "--for", "4s", "-o", str(tmp_path / "child.folded")],
                               directory, "hostlens"))
    os.write(ready, b"\n")
    os.close(ready)
    os.close(go)
    assert recorder.wait(120) == 0
    threads = collections.Counter()
    for stack, weight in stacks(tmp_path / "child.folded").items():
        threads[stack[0]] += weight
    assert threads["split"] > 0 and set(threads) <= {"split", "python3", "hostlens"}, threads


def test_what_changed_between_two_recordings_is_told(split, tmp_path):
    for name in ("a", "b"):
        assert profile("-o", tmp_path / f"{name}.folded", "--", split).returncode == 7
    text = (tmp_path / "b.folded").read_text().replace("large", "larger")
    (tmp_path / "b.folded").write_text(text)
    result = ended([HOSTLENS, "profile", "diff", tmp_path / "a.folded", tmp_path / "b.folded"])
    assert result.returncode == 0
    rows = {line.split()[-1]: line.split() for line in result.stdout.decode().splitlines()[1:]}
    assert float(rows["large"][4]) == 0 and float(rows["large"][3]) > 50
    assert float(rows["larger"][3]) == 0 and float(rows["larger"][4]) > 50


@pytest.mark.parametrize("words, said", [
    (["-o", "profile.xyz", "--", "true"], ".svg or .html (flame graph)"),
    (["--hz", "0", "--", "true"], "--hz"),
    (["--for", "soon"], "soon"),
    (["--pid", "4194304"], "--pid 4194304"),
    (["--unit", "a", "--service", "b"], "--service"),
    (["-o", "/no/such/folder/p.svg", "--", "true"], "/no/such/folder/p.svg"),
])
def test_mistakes_are_named(words, said):
    result = ended([HOSTLENS, "profile", *words])
    assert result.returncode != 0 and said in result.stderr.decode(), result.stderr
