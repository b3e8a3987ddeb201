# SPDX-License-Identifier: Apache-2.0
"""Which stacks are whole, by what `hostlens profile` says at the end of a recording; with --stops, which are right: threads are
stopped again and again, and libdwfl tells where each stands, as our unwinder in the kernel does. One row for each program."""
import argparse
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from overhead.subjects import HOSTLENS

from .subjects import SUBJECTS, Missing

SUMMARY = re.compile(r"hostlens: (\d+) samples in [\d.]+ s; ([\d.]+)% of stacks whole(?: \(others: (.*?)\))?; "
                     r"([\d.]+)% of frames have a name")
VERDICTS = re.compile(r"verdicts (\d+) (\d+) (\d+) (\d+) (\d+) without (\d+) frames (\d+) equal (\d+)")
# Until interpreters have compiled what they run and every library is loaded.
WARM_SECONDS = 3


def record(pid, arguments, folder):
    """The row of one recording."""
    words = [HOSTLENS, "profile", "--hz", arguments.hz, "--pid", pid, "--for", f"{arguments.seconds}s", "-o", folder / "p.folded"]
    ended = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    found = SUMMARY.search(ended.stderr)
    if ended.returncode != 0 or found is None:
        raise SystemExit(f"unwind: hostlens profile said\n{ended.stderr}")
    samples, whole, others, named = found.groups()
    return int(samples), float(whole), 100 - float(named), others or ""


def recorded(pid, arguments, folder):
    samples, whole, unnamed, others = record(pid, arguments, folder)
    return f"{samples} | {whole:.2f}% | {unnamed:.1f}% | {others}", ""


def judged(pid, arguments, _folder):
    """The row of so many stops, and every difference."""
    ended = subprocess.run([HOSTLENS.parent / "stack_oracle", str(pid), str(arguments.stops)], capture_output=True, text=True,
                           check=False)
    *differences, last = ended.stdout.splitlines() or [""]
    found = VERDICTS.fullmatch(last)
    if ended.returncode not in (0, 1) or found is None:
        raise SystemExit(f"unwind: stack_oracle said\n{ended.stdout}{ended.stderr}")
    equal, truncated, to_made_code, judge_lost, different, without, frames, equal_frames = found.groups()
    return (f"{equal} | {to_made_code} | {truncated} | {judge_lost} | {different} | {without} | {equal_frames} of {frames}",
            "\n".join(differences))


RECORDED = (recorded, ("Samples", "Whole", "Frames without a name", "Others, by outcome"))
JUDGED = (judged, ("Equal", "to code made at run time", "as far as there is room", "as far as libdwfl comes", "Different",
                   "Without a stack", "Frames equal"))


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/unwind.sh", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of each recording")
    parser.add_argument("--hz", type=int, default=199)
    parser.add_argument("--stops", type=int, help="compare so many stacks of each with libdwfl's")
    parser.add_argument("program", nargs="*", help="of: " + ", ".join(SUBJECTS))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = parser.parse_args()
    unknown = [name for name in arguments.program if name not in SUBJECTS]
    if unknown:
        parser.error(f"no such program: {unknown[0]}; there are {', '.join(SUBJECTS)}")
    row_of, columns = JUDGED if arguments.stops else RECORDED
    missing = {}
    details = {}
    print("\n".join(("| " + " | ".join(("Program", *columns)) + " |", "|---" * (len(columns) + 1) + "|")), flush=True)
    for name in arguments.program or SUBJECTS:
        with tempfile.TemporaryDirectory(prefix="hostlens-unwind.") as made:
            folder = pathlib.Path(made)
            try:
                with SUBJECTS[name](folder) as pid:
                    time.sleep(WARM_SECONDS)
                    row, details[name] = row_of(pid, arguments, folder)
            except Missing as error:
                missing[name] = error
                continue
        print(f"| {name} | {row} |", flush=True)
    for name, text in details.items():
        if text:
            print(f"\n{name}:\n{text}")
    for name, error in missing.items():
        print(f"unwind: {name} was left out: there is no {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
