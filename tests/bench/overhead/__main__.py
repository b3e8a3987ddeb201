# SPDX-License-Identifier: Apache-2.0
"""Measures what the agent costs on nginx, static 1 KiB, keep-alive, all on the same cores."""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import signal
import statistics
import sys
import tempfile
import time

from . import kernel, subjects

FIXED_RATE = 12000
CPU_RATE = 10000
# Of any variant; the kernel shows 15 characters. They run for every socket call, targets' or not.
SOCKET_CALL_PROGRAMS = ("tp_btf__sock_s", "tp_btf__sock_r", "fexit__", "tp_btf__sys_exi")


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.nginx = None
        self.result = {}

    def say(self, text):
        print(f"[{time.monotonic() - self.begin:5.0f}s] {text}", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def agent(self, wanted=True):
        if not wanted:
            yield None
            return
        with subjects.Agent(self.folder, self.nginx.pid) as agent:
            yield agent.wait()

    def pairs(self, measure):
        """measure() without and with the agent, who goes first alternating: drift hits both alike."""
        off, on, lost = [], [], 0
        for number in range(self.options.pairs):
            for wanted in (False, True) if number % 2 == 0 else (True, False):
                with self.agent(wanted) as agent:
                    (on if wanted else off).append(measure())
                    if agent:
                        lost += agent.lost()
        return off, on, lost

    def max_throughput(self):
        off, on, lost = self.pairs(lambda: subjects.throughput(self.nginx.port, self.options.seconds))
        ratios = [with_agent / without for without, with_agent in zip(off, on)]
        self.result["throughput"] = {
            "off": off, "on": on, "ratio_median": statistics.median(ratios), "ratio_min": min(ratios),
            "ratio_max": max(ratios), "records_lost": lost}

    def latency(self):
        def measure():
            report = subjects.steady(self.nginx.port, FIXED_RATE, self.options.seconds, self.folder)
            return {**report["durations"]["/1k"], "rate": report["rate"]}

        off, on, lost = self.pairs(measure)
        result = {"rate": FIXED_RATE, "records_lost": lost,
                  "attained": statistics.median(run["rate"] for run in off + on)}
        for name in ("p50", "p99"):
            result[f"{name}_off_us"] = statistics.median(run[name] for run in off) * 1e6
            result[f"{name}_on_us"] = statistics.median(run[name] for run in on) * 1e6
        self.result["latency"] = result

    def other_system_calls(self):
        # The least of several: everything else on the machine only adds.
        off, on, _ = self.pairs(lambda: min(subjects.system_call_ns() for _ in range(3)))
        self.result["system_call"] = {"off_ns": min(off), "on_ns": min(on), "added_ns": min(on) - min(off)}

    def start(self):
        """From its execution to the first request that an answer shows, under a light load."""
        with subjects.light_load(self.nginx.port, self.folder), subjects.Agent(self.folder, self.nginx.pid) as agent:
            agent.until(lambda: agent.requests() > 0, 20, "a request")
            self.result["start_to_first_record_s"] = time.monotonic() - agent.begin

    def own_use(self):
        programs, maps = kernel.programs(), kernel.maps()
        with self.agent() as agent:
            time.sleep(2)  # what start and the first snapshots cost is not idling
            map_bytes = kernel.memory(kernel.new(kernel.maps(), maps))
            idle = self.cores(agent, lambda: time.sleep(10))
            before = agent.requests()
            used = agent.cpu_seconds()
            report = subjects.steady(self.nginx.port, CPU_RATE, self.options.seconds * 2, self.folder)
            time.sleep(1.5)  # until the last requests are counted
            used = agent.cpu_seconds() - used
            counted = agent.requests() - before
            self.result["agent"] = {
                "cores_idle": idle, "cores_at_10000": used / report["seconds"],
                "cpu_us_per_request": used / report["total"] * 1e6, "rss_bytes": sum(agent.resident_bytes()),
                "rss_bytes_by_process": agent.resident_bytes(),
                "map_bytes": map_bytes, "requests_sent": report["total"], "requests_counted": counted,
                "records_lost": agent.lost()}
            self.kernel_time(programs)

    @staticmethod
    def cores(agent, during):
        used, begin = agent.cpu_seconds(), time.monotonic()
        during()
        return (agent.cpu_seconds() - used) / (time.monotonic() - begin)

    def kernel_time(self, programs):
        with kernel.statistics():
            before = kernel.new(kernel.programs(), programs)
            report = subjects.steady(self.nginx.port, CPU_RATE, self.options.seconds, self.folder)
            runs = kernel.runs(kernel.new(kernel.programs(), programs), before)
        calls = {name: value for name, value in runs.items() if name.startswith(SOCKET_CALL_PROGRAMS)}
        count, ns = (sum(column) for column in zip(*(calls or {"": (0, 0)}).values()))
        self.result["kernel"] = {
            "programs": {name: {"runs": value[0], "ns": value[1]} for name, value in runs.items()},
            "ns_per_socket_call": ns / count if count else None,
            "ns_per_request": sum(value[1] for value in runs.values()) / report["total"]}

    def run(self):
        self.begin = time.monotonic()
        with subjects.Nginx(self.folder) as self.nginx:
            for name, phase in (("max throughput", self.max_throughput), ("latency at a fixed rate", self.latency),
                                ("other system calls", self.other_system_calls), ("start", self.start),
                                ("CPU, memory and time in the kernel", self.own_use)):
                self.say(name)
                phase()
        self.result["machine"] = {"kernel": platform.release(), "cores": os.cpu_count(), "pairs": self.options.pairs,
                                  "seconds": self.options.seconds}
        return self.result


def table(result):
    speed, delay, call = result["throughput"], result["latency"], result["system_call"]
    agent, inside, machine = result["agent"], result["kernel"], result["machine"]
    lost = speed["records_lost"] + delay["records_lost"] + agent["records_lost"]
    per_call = inside["ns_per_socket_call"]
    rows = [
        ("max throughput, on / off", f"{speed['ratio_median']:.3f} ({speed['ratio_min']:.3f} - {speed['ratio_max']:.3f})"),
        ("requests/s without, with", f"{statistics.median(speed['off']):.0f}, {statistics.median(speed['on']):.0f}"),
        (f"p50 at {delay['rate']} requests/s, off, on", f"{delay['p50_off_us']:.0f} us, {delay['p50_on_us']:.0f} us"),
        (f"p99 at {delay['rate']} requests/s, off, on", f"{delay['p99_off_us']:.0f} us, {delay['p99_on_us']:.0f} us"),
        ("agent CPU per request", f"{agent['cpu_us_per_request']:.2f} us"),
        (f"agent at {CPU_RATE} requests/s", f"{agent['cores_at_10000']:.3f} core"),
        ("agent idle", f"{agent['cores_idle']:.4f} core"),
        ("in BPF per socket call", "not seen" if per_call is None else f"{per_call:.0f} ns"),
        ("in BPF per request", f"{inside['ns_per_request']:.0f} ns"),
        ("added to getppid()", f"{call['added_ns']:.1f} ns of {call['off_ns']:.0f} ns"),
        ("memory of both processes (RSS)", f"{agent['rss_bytes'] / 2**20:.1f} MiB"),
        ("BPF maps at rest", f"{agent['map_bytes'] / 2**20:.1f} MiB"),
        ("start to first record", f"{result['start_to_first_record_s']:.2f} s"),
        ("requests sent, counted", f"{agent['requests_sent']}, {agent['requests_counted']}"),
        ("records lost", str(lost)),
    ]
    head = f"Linux {machine['kernel']}, {machine['cores']} cores, {machine['pairs']} pairs of {machine['seconds']} s"
    lines = [f"| {head} | |", "|---|---|"] + [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="overhead.sh", description=__doc__)
    parser.add_argument("--pairs", type=int, default=7, help="alternations without and with the agent (7)")
    parser.add_argument("--seconds", type=int, default=5, help="of one measurement (5)")
    parser.add_argument("--json", type=pathlib.Path, help="write all figures there")
    options = parser.parse_args()
    if options.pairs < 1 or options.seconds < 1:
        parser.error("--pairs and --seconds are at least 1")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="hostlens-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)  # nginx's workers are not root
        result = Bench(options, folder).run()
    print(table(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


main()
