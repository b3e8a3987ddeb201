# SPDX-License-Identifier: Apache-2.0
"""Measures what a storm of programs costs the agent's profiles of the whole host: so many execs a second, of many different
binaries, for a minute; then whether everything is as before, beside an agent that saw no storm."""
import argparse
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

from overhead import subjects

AGENT = """\
listen: 127.0.0.1:{{port}}
targets: {{{{include: [{{{{pid: {{pid}}}}}}]}}}}
interval: 5s
profile: {{{{cpu: {{{{enabled: true, hz: {hz}}}}}, scope: host, limits: {{{{cpu: {cpu}, tables: {tables}}}}}}}}}
"""
# So many functions, so that tables are of different sizes; each program works for some milliseconds.
FUNCTIONS = (10, 100, 1000)
SETTLE = 15  # seconds that an agent takes for tables and names of what runs already
BESIDE = 20  # seconds of a row
COLUMNS = ("second", "execs", "CPU", "anonymous", "shared tables", "builds", "evictions", "samples", "whole", "lost", "rate",
           "descriptors", "held")


def source(functions, milliseconds):
    """A chain of functions with frames of different sizes, called one by one."""
    lines = ["#include <time.h>", "static volatile unsigned long sink;"]
    for number in range(functions):
        lines.append(f"__attribute__((noinline)) static unsigned long f{number}(unsigned long n) {{ volatile char room[{8 * (number % 60) + 8}];"
                     f" room[n % sizeof(room)] = (char)n; for (int i = 0; i < 300; ++i) sink += n * {number + 3}; return sink + room[0]; }}")
    calls = " ".join(f"sum += f{number}(sum);" for number in range(functions))
    lines.append(f"int main(void) {{ unsigned long sum = 1; struct timespec now; do {{ {calls} clock_gettime(CLOCK_PROCESS_CPUTIME_ID,"
                 f" &now); }} while (now.tv_nsec < {milliseconds} * 1000000L && !now.tv_sec); return sum == 42; }}")
    return "\n".join(lines)


def with_build_id(image, number):
    """The same program as another build."""
    at = image.find(struct.pack("<III4s", 4, 20, 3, b"GNU\0"))  # NT_GNU_BUILD_ID, elf(5)
    if at < 0:
        raise SystemExit("churn: the compiler writes no build ids")
    return image[:at + 16] + struct.pack("<Q12x", number + 1) + image[at + 36:] + b"\0" * (number % 4096)


def binaries(folder, count, milliseconds):
    """Without an end: sets of so many programs that no set before had."""
    images = []
    for functions in FUNCTIONS:
        program = folder / f"base{functions}"
        subprocess.run([shutil.which("gcc"), "-O1", "-fomit-frame-pointer", "-Wl,--build-id=sha1", "-x", "c", "-", "-o", program],
                       input=source(functions, milliseconds), text=True, check=True)
        images.append(program.read_bytes())
    for first in itertools.count(0, count):
        made = []
        for number in range(first, first + count):
            path = folder / f"program{number}"
            path.write_bytes(with_build_id(images[number % len(images)], number))
            path.chmod(0o755)
            made.append(str(path))
        yield made


class Storm:
    """Starts programs at their times, and takes note of those that end."""

    def __init__(self, rate):
        self.programs, self.rate, self.started, self.running = [], rate, 0, set()

    def run(self, seconds):
        begin, first = time.monotonic(), self.started
        while (now := time.monotonic() - begin) < seconds:
            while self.started - first < now * self.rate:
                path = self.programs[self.started % len(self.programs)]
                self.running.add(os.posix_spawn(path, [path], {}))
                self.started += 1
            self.reap(os.WNOHANG)
            time.sleep(0.002)

    def reap(self, flags):
        for pid in list(self.running):
            if os.waitpid(pid, flags)[0]:
                self.running.discard(pid)


class Figures:
    """Of an agent, since the last look."""

    def __init__(self, agent):
        self.agent, self.last = agent, None
        self.begin = time.monotonic()

    def page(self):
        lines = self.agent.page("/metrics").decode().splitlines()

        def total(name, *labels):
            return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                       if line.startswith(f"hostlens_profile_{name}") and all(label in line for label in labels))
        return total

    def look(self, execs):
        total = self.page()
        statuses = [pathlib.Path(f"/proc/{pid}/status").read_text() for pid in self.agent.pids()]
        worker = self.agent.pids()[-1]
        status = json.loads(self.agent.page("/api/v1/status"))
        now = {"at": time.monotonic(), "cpu": self.agent.cpu_seconds(), "execs": execs,
               "kernel": total("cost_seconds_total", 'part="sampler"'), "builds": total("table_builds_total"),
               "evictions": total("table_evictions_total"), "runs": total("sampler_runs_total"),
               "samples": total("samples_total"), "whole": total("samples_total", 'outcome="complete"'),
               "lost": total("lost_total"), "rate": total("rate"), "tables": total("table_memory_bytes"),
               "anonymous": sum(int(re.search(r"RssAnon:\s+(\d+)", text).group(1)) for text in statuses) * 1024,
               "descriptors": len(list(pathlib.Path(f"/proc/{worker}/fd").iterdir())),
               "held": sum(stage.get("held", 0) for stage in status["records"].values())}
        last, self.last = self.last or now, now
        spent = max(now["at"] - last["at"], 1e-9)
        since = {key: now[key] - last[key] for key in ("execs", "builds", "evictions", "samples", "whole", "lost", "runs")}
        return {"second": now["at"] - self.begin, "processes": (now["cpu"] - last["cpu"]) / spent,
                "sampler": (now["kernel"] - last["kernel"]) / spent, "spent": spent,
                **since, **{key: now[key] for key in ("anonymous", "tables", "rate", "descriptors", "held")}}


def row(phase, one):
    whole = f"{100 * one['whole'] / one['samples']:.1f}%" if one["samples"] else "-"
    return (f"| {phase} {one['second']:.0f} | {one['execs'] / one['spent']:.0f}/s | {100 * one['processes']:.1f}% + "
            f"{100 * one['sampler']:.2f}% | {one['anonymous'] / 2**20:.1f} MiB | {one['tables'] / 2**20:.0f} MiB "
            f"| {one['builds']:.0f} | {one['evictions']:.0f} | {one['samples']:.0f} of {one['runs']:.0f} | {whole} "
            f"| {one['lost']:.0f} | {one['rate']:.1f} Hz | {one['descriptors']} | {one['held']} |")


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/churn.sh", description=__doc__)
    parser.add_argument("--binaries", type=int, default=500, help="different ones (500)")
    parser.add_argument("--rate", type=int, default=200, help="execs a second (200)")
    parser.add_argument("--seconds", type=int, default=60, help="of the storm (60)")
    parser.add_argument("--after", type=int, default=40, help="seconds that are looked at afterwards (40)")
    parser.add_argument("--storms", type=int, default=1, metavar="N",
                        help="as many, each of other binaries and with its time afterwards (1)")
    parser.add_argument("--beside", type=int, default=0, metavar="SECONDS",
                        help="then so long beside an agent that is started there, in the same seconds: a machine does not take as"
                             " long for the same work at all times (0)")
    parser.add_argument("--milliseconds", type=int, default=2, help="of CPU that a program takes (2)")
    parser.add_argument("--hz", type=int, default=99)
    parser.add_argument("--cpu", default="10%", help="the profiler's own limit (10%%)")
    parser.add_argument("--tables", default="64MiB", help="the limit on tables (64MiB)")
    parser.add_argument("--json", type=pathlib.Path, help="write all figures there")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows = []

    def show(phase, one):
        rows.append({"phase": phase, **one})
        print(row(phase, one), flush=True)
    with tempfile.TemporaryDirectory(prefix="hostlens-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        programs, storm = binaries(folder, options.binaries, options.milliseconds), Storm(options.rate)
        text = AGENT.format(hz=options.hz, cpu=options.cpu, tables=options.tables)
        agent_class = type("Agent", (subjects.Agent,), {"CONFIGURATION": text})
        with agent_class(folder, os.getpid()) as agent:
            agent.wait()
            time.sleep(SETTLE)
            figures = Figures(agent)
            figures.look(0)
            print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|", flush=True)
            for phase, seconds in (("before", 15), *(("storm", options.seconds), ("after", options.after)) * options.storms):
                if phase == "storm":
                    storm.programs = next(programs)
                for _ in range(0, seconds, 5):
                    if phase == "storm":
                        storm.run(5)
                    else:
                        time.sleep(5)
                    show(phase, figures.look(storm.started))
                if phase == "storm":
                    storm.reap(0)
            if options.beside:
                other = folder / "fresh"
                other.mkdir()
                with agent_class(other, os.getpid()) as fresh:
                    fresh.wait()
                    time.sleep(SETTLE)
                    both = {"after": figures, "fresh": Figures(fresh)}
                    for each in both.values():
                        each.look(storm.started)
                    for _ in range(0, options.beside, BESIDE):
                        time.sleep(BESIDE)
                        for phase, each in both.items():
                            show(phase, each.look(storm.started))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
