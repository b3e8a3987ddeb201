# SPDX-License-Identifier: Apache-2.0
"""Measures what continuous profiles cost: CPU and memory beside two busy CPUs; throughput of nginx and PostgreSQL with and without."""
import argparse
import contextlib
import ctypes
import fcntl
import functools
import json
import os
import pathlib
import platform
import random
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from unwind.subjects import Missing, postgres_server, program

from . import kernel, other_profiler, subjects
from .host import standard_error

AGENT = """\
listen: 127.0.0.1:{{port}}
targets: {{{{include: [{{{{pid: {{pid}}}}}}]}}}}
profile: {{{{cpu: {{{{enabled: {enabled}, hz: {hz}}}}}, scope: {scope}, limits: {{{{cpu: 100%}}}}}}}}
"""
PYTHON = "def deep(n):\n    return deep(n - 1) if n else sum(range(3000))\nwhile True: deep(20)\n"
NODE = "function deep(n) { if (n) return deep(n - 1); let s = 0; for (let i = 0; i < 3e4; ++i) s += i; return s; }" \
       "for (;;) deep(20);"
JAVA = "public class Busy { static long deep(int n) { if (n > 0) return deep(n - 1) + 1; long s = 0;" \
       " for (int i = 0; i < 30000; ++i) s += i * s; return s; }" \
       " public static void main(String[] a) { for (;;) deep(20); } }"
C = "#include <stdlib.h>\nstatic volatile unsigned long sink;\n" \
    "static __attribute__((noinline)) unsigned long deep(int n) { if (n) { unsigned long below = deep(n - 1);" \
    " sink += below; return below + 1; } for (int i = 0; i < 30000; ++i) sink += i; return sink; }\n" \
    "int main(void) { for (;;) deep(20); }\n"


# Tables and names of what runs already.
WARM_S = 20
SYS_PIDFD_GETFD = 438
SYS_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE = 0x2400, 0x2401
PERF_FLAG_FD_CLOEXEC = 8


def configured(hz, scope):
    """An agent's class: hz 0 samples nothing."""
    text = AGENT.format(enabled="true" if hz else "false", hz=hz or 19, scope=scope)
    return type("Agent", (subjects.Agent,), {"CONFIGURATION": text})


@contextlib.contextmanager
def busy(folder):
    """Programs of several languages that never wait; yields their names."""
    commands = {"python": [shutil.which("python3"), "-c", PYTHON]}
    if shutil.which("node"):
        commands["node"] = [shutil.which("node"), "-e", NODE]
    if shutil.which("java"):
        (folder / "Busy.java").write_text(JAVA)
        commands["java"] = [shutil.which("java"), folder / "Busy.java"]
    if shutil.which("gcc"):
        (folder / "busy.c").write_text(C)
        subprocess.run(["gcc", "-O2", "-fomit-frame-pointer", "-o", folder / "busy", folder / "busy.c"], check=True)
        commands["c"] = [folder / "busy"]
    with contextlib.ExitStack() as stack:
        for name, command in commands.items():
            stack.enter_context(subjects.Started(command, folder, name))
        time.sleep(5)  # until the JVM has compiled itself and the program
        yield list(commands)


def page(agent):
    text = agent.page("/metrics").decode()

    def total(name, *labels):
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if line.startswith(f"hostlens_profile_{name}") and all(label in line for label in labels))
    return total


def thread_seconds(agent):
    """CPU time of the worker's thread that reads and names samples."""
    for task in pathlib.Path(f"/proc/{agent.pids()[-1]}/task").iterdir():
        if (task / "comm").read_text().strip() == "profiles":
            return int((task / "schedstat").read_text().split()[0]) / 1e9
    return 0


def use(folder, hz, seconds):
    """What an agent takes while everything that runs is sampled so often; 0: nothing is."""
    others = kernel.programs()
    with configured(hz, "host")(folder, os.getpid()) as agent:
        agent.wait()
        time.sleep(WARM_S)
        first = kernel.programs()
        begin, used, thread = time.monotonic(), agent.cpu_seconds(), thread_seconds(agent)
        time.sleep(seconds)
        spent, used, after = time.monotonic() - begin, agent.cpu_seconds() - used, page(agent)
        samples, ns = kernel.sampling(kernel.new(kernel.programs(), others), first)
        result = {"hz": hz, "processes": used / spent, "thread": (thread_seconds(agent) - thread) / spent,
                  "rss_bytes": sum(agent.resident_bytes()),
                  "pss_bytes": sum(proportional_bytes(pid) for pid in agent.pids())}
        if hz:
            result.update({
                "samples": samples, "us_per_sample": ns / 1e3 / samples, "kernel": ns / 1e9 / spent,
                "tables_s": after("cost_seconds_total", 'part="tables"'), "table_bytes": after("table_memory_bytes"),
                "complete": after("samples_total", 'outcome="complete"') / after("samples_total"),
                "named": after("frames_total", 'named="true"') / after("frames_total"), "lost": after("lost_total")})
        return result


def proportional_bytes(pid):
    """Resident, of pages that several processes have their part alone."""
    return int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M).group(1)) * 1024


def middle(rounds):
    """Of each figure the median of the rounds."""
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def sampler_events(agent):
    """Duplicates of the events that sample each CPU; those of major page faults, which are none of these servers', come along."""
    supervisor = agent.pids()[0]
    links = {int(link.name): os.readlink(link) for link in pathlib.Path(f"/proc/{supervisor}/fd").iterdir()}
    libc, pidfd = ctypes.CDLL(None, use_errno=True), os.pidfd_open(supervisor)
    events = [libc.syscall(SYS_PIDFD_GETFD, pidfd, number, 0) for number, link in links.items() if link == "anon_inode:[perf_event]"]
    os.close(pidfd)
    if not events or min(events) < 0:
        raise SystemExit(f"overhead: the {len(events)} perf events of the agent cannot be had: {os.strerror(ctypes.get_errno())}")
    return events


def idle_events(hz):
    """Events of each CPU like the sampler's, that nobody reads: what the kernel alone takes for them. Disabled."""
    attributes = struct.pack("<IIQQQQQ", 1, 128, 0, 10**9 // hz, 1, 0, 1).ljust(128, b"\0")  # software, cpu-clock; disabled
    libc = ctypes.CDLL(None, use_errno=True)
    number = SYS_PERF_EVENT_OPEN[platform.machine()]
    events = [libc.syscall(number, attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC) for cpu in range(os.cpu_count())]
    if min(events) < 0:
        raise SystemExit(f"overhead: no perf event of cpu-clock: {os.strerror(ctypes.get_errno())}")
    return events


def throughput(folder, pid, pairs, hz, rate):
    """A server's while it is sampled, and while events that nobody reads interrupt it as often, to while nothing of that is, beside
    one agent; server and client on CPUs of their own."""
    rounds = []
    children = re.findall(r"\d+", pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text())
    for one in (pid, *map(int, children)):
        os.sched_setaffinity(one, {0})
    os.sched_setaffinity(0, set(range(1, os.cpu_count())) or {0})
    with configured(hz, "host")(folder, pid) as agent:
        agent.wait()
        time.sleep(6)  # tables and names of what runs already
        rate()  # and of what the server does under load
        arms = {"without": [], "idle": idle_events(hz), "with": sampler_events(agent)}
        for _ in range(pairs):
            rates = {}
            for arm in random.sample(list(arms), len(arms)):
                for other, events in arms.items():
                    for event in events:
                        fcntl.ioctl(event, PERF_EVENT_IOC_ENABLE if other == arm else PERF_EVENT_IOC_DISABLE)
                rates[arm] = rate()
            rounds.append(rates)
        for event in arms["idle"] + arms["with"]:
            os.close(event)
    os.sched_setaffinity(0, set(range(os.cpu_count())))
    return {arm: [rates[arm] / rates["without"] for rates in rounds] for arm in ("with", "idle")}


def nginx(folder, pairs, seconds, hz):
    with subjects.Nginx(folder) as server:
        return throughput(folder, server.pid, pairs, hz, lambda: subjects.throughput(server.port, seconds))


def postgres(folder, pairs, seconds, hz):
    """Reads by primary key, by pgbench."""
    try:
        with postgres_server(folder) as (pid, client):
            command = [program("pgbench"), "-S", "-n", "-c", "4", "-T", str(seconds), *client]

            def rate():
                text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                return float(re.search(r"tps = ([\d.]+)", text).group(1))
            return throughput(folder, pid, pairs, hz, rate)
    except Missing as missing:
        print(f"no {missing}", file=sys.stderr)
        return {}


def table(result):
    machine = result["machine"]
    lines = [f"| Linux {machine['kernel']}, {machine['cores']} CPUs busy with {', '.join(result['languages'])} | "
             + " | ".join(result["use"]) + " |", "|---|" + "---|" * len(result["use"])]
    rows = (("all processes of it, of a core", lambda one: f"{100 * one['processes']:.2f}%"),
            ("of that, the thread of profiles", lambda one: f"{100 * one['thread']:.2f}%"),
            ("in the kernel, of a core", lambda one: f"{100 * one['kernel']:.2f}%"),
            ("per sample in the kernel", lambda one: f"{one['us_per_sample']:.1f} us"),
            ("building tables, once", lambda one: f"{one['tables_s']:.2f} s"),
            ("tables in the kernel", lambda one: f"{one['table_bytes'] / 2**20:.0f} MiB"),
            ("resident", lambda one: f"{one['rss_bytes'] / 2**20:.1f} MiB"),
            ("the same, shared pages once (PSS)", lambda one: f"{one['pss_bytes'] / 2**20:.1f} MiB"),
            ("stacks whole", lambda one: f"{100 * one['complete']:.2f}%"),
            ("frames with a name", lambda one: f"{100 * one['named']:.2f}%"),
            ("samples lost", lambda one: f"{one['lost']:.0f}"))
    for name, text in rows:
        cells = []
        for one in result["use"].values():
            try:
                cells.append(text(one))
            except KeyError:
                cells.append("-")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for name in ("nginx", "postgres"):
        for rate, arms in result[name].items():
            for arm, what in (("with", "with"), ("idle", "with events that nobody reads,")):
                ratios = arms[arm]
                lines += ["", f"{name} at most, {what} {rate} / without: {statistics.median(ratios):.3f} +- "
                          f"{standard_error(ratios):.3f} ({min(ratios):.3f} - {max(ratios):.3f}), {len(ratios)} pairs."]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="overhead.sh --profile", description=__doc__)
    parser.add_argument("--pairs", type=int, default=24,
                        help="of nginx and PostgreSQL at each rate: without, with samples, with events that nobody reads (24)")
    parser.add_argument("--seconds", type=int, default=3, help="of one measurement of these (3)")
    parser.add_argument("--rounds", type=int, default=3, help="through all rates; medians are shown (3)")
    parser.add_argument("--for", dest="duration", type=int, default=30, help="seconds of each rate (30)")
    parser.add_argument("--beside", type=pathlib.Path, metavar="PROGRAM",
                        help="OpenTelemetry's eBPF profiler, measured in the same rounds")
    parser.add_argument("--json", type=pathlib.Path, help="write all figures there")
    options = parser.parse_args()
    if options.pairs < 0 or min(options.seconds, options.duration, options.rounds) < 1:
        parser.error("--pairs is at least 0, --seconds, --rounds and --for are at least 1")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.beside and not other_profiler.COLLECTOR.exists():
        parser.error(f"--beside: no {other_profiler.COLLECTOR.name}, which tests/oracles/build.sh makes")
    result = {}
    with tempfile.TemporaryDirectory(prefix="hostlens-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)  # nginx's workers are not root
        measures = {f"{hz} Hz": functools.partial(use, folder, hz) for hz in (0, 19, 99)}
        if options.beside:
            measures |= {f"OpenTelemetry's, {hz} Hz": functools.partial(
                other_profiler.use, folder, options.beside, hz, WARM_S) for hz in (20, 97)}
        rounds = {name: [] for name in measures}
        with busy(folder) as result["languages"], kernel.statistics():
            for _ in range(options.rounds):
                for name, measured in measures.items():
                    print(name, file=sys.stderr, flush=True)
                    rounds[name].append(measured(options.duration))
        result["use"] = {name: middle(made) for name, made in rounds.items()}
        for measured in (nginx, postgres):
            result[measured.__name__] = {}
            for hz in (19, 99) if options.pairs else ():
                place = folder / f"{measured.__name__}-{hz}"
                place.mkdir(mode=0o755)
                print(place.name, file=sys.stderr, flush=True)
                if ratios := measured(place, options.pairs, options.seconds, hz):
                    result[measured.__name__][f"{hz} Hz"] = ratios
    result["machine"] = {"kernel": platform.release(), "cores": os.cpu_count()}
    print(table(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
