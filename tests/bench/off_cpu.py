#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `hostlens profile --off-cpu` of one process costs others that switch and wake each other: `perf bench sched pipe`, alternately
without a recording and with one by each of the given programs. The recorded process sleeps. Needs root."""
import argparse
import itertools
import statistics
import subprocess
import sys

from overhead import kernel
from overhead.host import perf_bench, standard_error


class Recording:
    """Of a process that sleeps, until the end of the block."""

    def __init__(self, program, words):
        self.command = [program, "profile", "--off-cpu", *words, "--for", "1h"]

    def __enter__(self):
        self.sleeper = subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL)
        command = [*self.command, "--pid", str(self.sleeper.pid)]
        self.recorder = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.recorder.stderr:
            if "recording" in line:
                return self
        raise SystemExit(f"{command[0]} does not record")

    def __exit__(self, *_):
        self.recorder.terminate()
        self.recorder.communicate()
        self.sleeper.kill()
        self.sleeper.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="+", metavar="PROGRAM", help="hostlens, of one version or of several; PROGRAM+wakers")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=100000, help="of the pipe, each two switches and two wake-ups (100000)")
    options = parser.parse_args()

    def rate():
        return perf_bench("sched", "pipe", "-l", str(options.rounds))

    def recording(program):
        name, *words = program.split("+")
        return Recording(name, [f"--{word}" for word in words])

    rate()
    ratios = {program: [] for program in options.programs}
    for number, program in itertools.product(range(options.pairs), options.programs):
        rates = {}
        for recorded in (False, True) if number % 2 == 0 else (True, False):
            if recorded:
                with recording(program):
                    rates[recorded] = rate()
            else:
                rates[recorded] = rate()
        ratios[program].append(rates[True] / rates[False])
    print("| program | rate with / without, median | standard error | per round in our programs |\n|---|---|---|---|")
    for program, found in ratios.items():
        with recording(program), kernel.statistics():
            before = kernel.programs()
            rate()
            runs = kernel.runs(kernel.programs(), before)
        told = ", ".join(f"{name} {ns / count:.0f} ns x {count / options.rounds:.1f}" for name, (count, ns) in sorted(runs.items())
                         if count >= options.rounds)
        print(f"| {program} | {statistics.median(found):.3f} | {standard_error(found):.3f} | {told} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
