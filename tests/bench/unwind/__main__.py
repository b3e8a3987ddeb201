# SPDX-License-Identifier: Apache-2.0
"""Which stacks are whole: one row for each program, from what `hostlens profile` says at the end of a recording."""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from overhead.subjects import HOSTLENS

from .subjects import SUBJECTS, Missing

SUMMARY = re.compile(r"hostlens: (\d+) samples in [\d.]+ s; ([\d.]+)% of stacks whole(?: \(others: (.*?)\))?; "
                     r"([\d.]+)% of frames have a name")
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


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/unwind.sh", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of each recording")
    parser.add_argument("--hz", type=int, default=199)
    parser.add_argument("program", nargs="*", help="of: " + ", ".join(SUBJECTS))
    arguments = parser.parse_args()
    unknown = [name for name in arguments.program if name not in SUBJECTS]
    if unknown:
        parser.error(f"no such program: {unknown[0]}; there are {', '.join(SUBJECTS)}")
    missing = {}
    print("| Program | Samples | Whole | Frames without a name | Others, by outcome |\n|---|---|---|---|---|", flush=True)
    for name in arguments.program or SUBJECTS:
        with tempfile.TemporaryDirectory(prefix="hostlens-unwind.") as made:
            folder = pathlib.Path(made)
            try:
                with SUBJECTS[name](folder) as pid:
                    time.sleep(WARM_SECONDS)
                    samples, whole, unnamed, others = record(pid, arguments, folder)
            except Missing as error:
                missing[name] = error
                continue
        print(f"| {name} | {samples} | {whole:.2f}% | {unnamed:.1f}% | {others} |", flush=True)
    for name, error in missing.items():
        print(f"unwind: {name} was left out: there is no {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
