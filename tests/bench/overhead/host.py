# SPDX-License-Identifier: Apache-2.0
"""Measures what the kernel signals cost programs that switch, call and read: bystanders, or with --targets observed ones."""
import argparse
import json
import math
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from . import kernel, subjects

BYSTANDERS = """\
listen: 127.0.0.1:{port}
"""
TARGETS = BYSTANDERS + """\
targets: {{include: [{{executable: "*/perf*"}}, {{executable: "*/fio"}}, {{executable: "*/system_calls"}},
  {{executable: "*/nginx"}}]}}
"""
FIO = ["fio", "--name=read", "--rw=randread", "--bs=4k", "--size=64m", "--ioengine=psync", "--direct=0", "--numjobs=1",
       "--time_based", "--runtime={seconds}", "--output-format=json", "--filename={folder}/fio.data"]


class Agent(subjects.Agent):
    CONFIGURATION = BYSTANDERS


def output_of(command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout


def perf_bench(*words):
    """Runs per second of one `perf bench`, which prints seconds."""
    return 1 / float(output_of(["perf", "bench", "-f", "simple", *words]).split()[-1])


class Workloads:
    """Each a rate: more is better."""

    def __init__(self, folder, seconds, nginx):
        self.folder, self.seconds, self.nginx = folder, seconds, nginx

    def pipe(self):
        return perf_bench("sched", "pipe", "-l", str(60000 * self.seconds))

    def hackbench(self):
        return perf_bench("sched", "messaging", "-g", "4", "-l", str(600 * self.seconds))

    def system_calls(self):
        return 1 / subjects.system_call_ns()

    def fio_randread_4k(self):
        command = [word.format(seconds=self.seconds, folder=self.folder) for word in FIO]
        return json.loads(output_of(command))["jobs"][0]["read"]["iops"]

    def nginx_requests(self):
        return subjects.throughput(self.nginx.port, self.seconds)


WORKLOADS = ("pipe", "hackbench", "system_calls", "fio_randread_4k", "nginx_requests")


def compare(measure, folder, pairs):
    """Ratios with the agent to without, who goes first alternating."""
    ratios = []
    for number in range(pairs):
        rates = {}
        for wanted in (False, True) if number % 2 == 0 else (True, False):
            if not wanted:
                rates[wanted] = measure()
                continue
            with Agent(folder, 0) as agent:
                agent.wait()
                rates[wanted] = measure()
        ratios.append(rates[True] / rates[False])
    return ratios


def programs_of(measure, folder):
    """ns of each program while the agent watches one run."""
    before = kernel.programs()
    with Agent(folder, 0) as agent, kernel.statistics():
        agent.wait()
        first = kernel.new(kernel.programs(), before)
        measure()
        return kernel.runs(kernel.new(kernel.programs(), before), first)


def own_use(folder, processes):
    """CPU and memory beside sleeping processes that nobody watches."""
    sleepers = [subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL) for _ in range(processes)]
    try:
        with Agent(folder, 0) as agent:
            agent.wait()
            time.sleep(12)  # what start costs is not idling
            used, begin = agent.cpu_seconds(), time.monotonic()
            time.sleep(60)
            cores = (agent.cpu_seconds() - used) / (time.monotonic() - begin)
            return {"processes": processes, "cores": cores, "rss_bytes": agent.resident_bytes()}
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def standard_error(ratios):
    """Of the median, as for normal noise: 1.25 times that of the mean."""
    return 1.2533 * statistics.stdev(ratios) / math.sqrt(len(ratios)) if len(ratios) > 1 else math.nan


def table(result):
    machine = result["machine"]
    lines = [f"| Linux {machine['kernel']}, {machine['cores']} cores, {machine['pairs']} pairs of {machine['seconds']} s "
             "| rate with the agent / without, median | standard error | least - greatest |", "|---|---|---|---|"]
    for name, ratios in result["ratios"].items():
        lines.append(f"| {name.replace('_', ' ')} | {statistics.median(ratios):.3f} | {standard_error(ratios):.3f} "
                     f"| {min(ratios):.3f} - {max(ratios):.3f} |")
    lines += ["", "| program | ns per run | runs |", "|---|---|---|"]
    for name, (runs, ns) in sorted(result["programs"].items(), key=lambda item: -item[1][1]):
        lines.append(f"| {name} | {ns / runs:.0f} | {runs} |")
    idle = result.get("idle")
    if idle:
        lines += ["", f"Idle beside {idle['processes']} sleeping processes: {idle['cores']:.4f} core, "
                  f"{sum(idle['rss_bytes']) / 2**20:.1f} MiB resident."]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="overhead.sh --host", description=__doc__)
    parser.add_argument("--pairs", type=int, default=9, help="alternations without and with the agent (9)")
    parser.add_argument("--seconds", type=int, default=4, help="of one measurement, about (4)")
    parser.add_argument("--targets", action="store_true", help="the programs are targets")
    parser.add_argument("--only", choices=WORKLOADS, action="append", help="of the workloads; may be repeated")
    parser.add_argument("--json", type=pathlib.Path, help="write all figures there")
    options = parser.parse_args()
    if options.pairs < 1 or options.seconds < 1:
        parser.error("--pairs and --seconds are at least 1")
    if options.targets:
        Agent.CONFIGURATION = TARGETS
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    result = {"ratios": {}, "programs": {}}
    with tempfile.TemporaryDirectory(prefix="hostlens-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)  # nginx's workers are not root
        with subjects.Nginx(folder) as nginx:
            workloads = Workloads(folder, options.seconds, nginx)
            for workload in options.only or WORKLOADS:
                print(workload, file=sys.stderr, flush=True)
                measure = getattr(workloads, workload)
                measure()  # fills caches, and makes fio's file
                result["ratios"][workload] = compare(measure, folder, options.pairs)
                for program, (runs, ns) in programs_of(measure, folder).items():
                    known = result["programs"].get(program, (0, 0))
                    result["programs"][program] = (known[0] + runs, known[1] + ns)
        if not options.only:
            result["idle"] = own_use(folder, 500)
    result["machine"] = {"kernel": platform.release(), "cores": os.cpu_count(), "pairs": options.pairs,
                         "seconds": options.seconds}
    print(table(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
