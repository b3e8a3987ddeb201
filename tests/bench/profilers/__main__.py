# SPDX-License-Identifier: Apache-2.0
"""Profilers side by side over the same programs, in C, Rust, Go, Python, Node and Java, that keep the CPUs busy and whose shares
are known: what each takes, how many stacks are whole, how many frames have a name, and how far the shares are off."""
import argparse
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from overhead import subjects

from . import stacks

PROGRAMS = pathlib.Path(__file__).parent / "programs"
SHARES_C = subjects.ROOT / "tests/fixtures/profile/shares.c"
AGENT = """\
listen: 127.0.0.1:{{port}}
targets: {{{{include: [{{{{pid: {{pid}}}}}}]}}}}
profile: {{{{cpu: {{{{enabled: true, hz: {hz}}}}}, scope: host, limits: {{{{cpu: 100%}}}}}}}}
"""


def commands(folder):
    """Each program's, of those that can be built here."""
    made = {}

    def build(name, *words):
        if shutil.which(words[0]):
            subprocess.run([str(word) for word in words], check=True, capture_output=True, cwd=folder)
            made[name] = [folder / name]
    build("shares-c", "gcc", "-O2", "-fomit-frame-pointer", "-o", folder / "shares-c", SHARES_C)
    if "shares-c" in made:
        made["shares-c"].append("1000000000")
    build("shares-rust", "rustc", "-O", "-o", folder / "shares-rust", PROGRAMS / "shares.rs")
    build("shares-go", "go", "build", "-o", folder / "shares-go", PROGRAMS / "shares.go")
    if shutil.which("javac"):
        subprocess.run(["javac", "-d", str(folder), str(PROGRAMS / "Shares.java")], check=True)
        made["java"] = [shutil.which("java"), "-Xmx128m", "-cp", folder, "Shares"]
    if shutil.which("node"):
        made["node"] = [shutil.which("node"), PROGRAMS / "shares.js"]
    if os.path.exists("/usr/bin/python3"):
        made["python3"] = ["/usr/bin/python3", PROGRAMS / "shares.py"]
    return made


@contextlib.contextmanager
def workload(folder):
    with contextlib.ExitStack() as stack:
        for name, command in commands(folder).items():
            stack.enter_context(subjects.Started([str(word) for word in command], folder, name))
        time.sleep(8)  # until the runtimes have compiled themselves and the programs
        yield


class Use:
    """Of a command and what it waited for."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, **options)
        self.output = self.process.stdout.read() if self.process.stdout else ""
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu = usage.ru_utime + usage.ru_stime
        self.resident = usage.ru_maxrss * 1024


def hostlens(folder, hz, seconds):
    file = folder / "ours.folded"
    used = Use([subjects.HOSTLENS, "profile", "--hz", hz, "--for", f"{seconds}s", "-o", file], stderr=subprocess.DEVNULL)
    return stacks.of_folded(file.read_text()), {"recording": used.cpu, "resident": used.resident, "bytes": file.stat().st_size}


def agent(folder, hz, seconds):
    configured = type("Agent", (subjects.Agent,), {"CONFIGURATION": AGENT.format(hz=hz)})
    file = folder / "agent.pb.gz"
    with configured(folder, os.getpid()) as running:
        running.wait()
        time.sleep(15)  # tables and names of what runs already
        begin, before = time.monotonic(), running.cpu_seconds()
        subprocess.run(["curl", "-sS", "--noproxy", "*", "-o", str(file),
                        f"http://127.0.0.1:{running.port}/debug/pprof/profile?seconds={seconds}"], check=True)
        used = (running.cpu_seconds() - before) / (time.monotonic() - begin) * seconds
        resident = sum(running.resident_bytes())
    return of_pprof(file), {"recording": used, "resident": resident, "bytes": file.stat().st_size}


def of_pprof(file):
    """By Go's own reader."""
    text = subprocess.run(["go", "tool", "pprof", "-traces", "-sample_index=samples", str(file)], capture_output=True, text=True,
                          check=True).stdout
    lines = []
    for block in re.split(r"^-+\+-+$", text, flags=re.M)[1:]:
        labels = dict(re.findall(r"^ *([\w.]+): +(.+)$", block, re.M))
        frames = [line for line in block.splitlines() if line.strip() and not re.match(r"^ *[\w.]+: +", line)]
        if not frames:
            continue
        weight, _, leaf = frames[0].strip().partition(" ")
        names = [leaf.strip()] + [line.strip() for line in frames[1:]]
        program = labels.get("process.executable.name") or labels.get("process") or labels.get("thread", "")
        lines.append(";".join([program.strip("[]"), *reversed([name.replace(";", ":") for name in names])]) + f" {int(float(weight))}")
    return stacks.of_folded("\n".join(lines))


def perf(folder, hz, seconds):
    data = folder / "perf.data"
    used = Use(["perf", "record", "-q", "-a", "-F", hz, "-e", "cpu-clock:u", "--call-graph", "dwarf", "-o", data, "--", "sleep", seconds],
               stderr=subprocess.DEVNULL)
    read = Use(["perf", "script", "--no-inline", "-i", data, "-F", "comm,ip,sym"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
               text=True)
    return stacks.of_perf_script(read.output), {"recording": used.cpu, "reading": read.cpu, "resident": max(used.resident, read.resident),
                                                "bytes": data.stat().st_size}


def bcc(folder, hz, seconds):
    file = folder / "bcc.folded"
    errors = folder / "bcc.log"
    with file.open("w") as output, errors.open("w") as log:
        used = Use(["profile-bpfcc", "-F", hz, "-U", "-f", seconds], stdout=output, stderr=log)
    if used.process.returncode != 0 or not file.stat().st_size:
        raise SystemExit(f"it does not run on this kernel: {(errors.read_text().splitlines() or ['it said nothing'])[-1]}")
    return stacks.of_folded(file.read_text()), {"recording": used.cpu, "resident": used.resident, "bytes": file.stat().st_size}


TOOLS = {"hostlens profile": (hostlens, subjects.HOSTLENS), "hostlens agent": (agent, "go"),
         "perf record --call-graph dwarf": (perf, "perf"), "bcc's profile": (bcc, "profile-bpfcc")}


def over_all(rows):
    """Means by samples; the greatest error."""
    samples = sum(row.samples for row in rows.values())

    def mean(field):
        return sum(getattr(row, field) * row.samples for row in rows.values()) / samples
    errors = [row.error for row in rows.values() if row.error is not None]
    return stacks.Row(samples, mean("whole"), mean("named"), mean("attributed"), max(errors, default=None))


def cells(row):
    error = "-" if row.error is None else f"{100 * row.error:.1f} points"
    return f"{100 * row.whole:.1f}% | {100 * row.named:.1f}% | {100 * row.attributed:.1f}% | {error}"


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/profilers.sh", description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="of each recording (20)")
    parser.add_argument("--hz", type=int, default=99)
    parser.add_argument("tool", nargs="*", help="of: " + ", ".join(TOOLS))
    options = parser.parse_args()
    unknown = [name for name in options.tool if name not in TOOLS]
    if unknown:
        parser.error(f"no such tool: {unknown[0]}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found, missing = {}, {}
    with tempfile.TemporaryDirectory(prefix="hostlens-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        with workload(folder):
            for tool in options.tool or TOOLS:
                record, program = TOOLS[tool]
                if shutil.which(program) is None:
                    missing[tool] = f"there is no {program}"
                    continue
                print(tool, file=sys.stderr, flush=True)
                try:
                    samples, use = record(folder, options.hz, options.seconds)
                except SystemExit as error:
                    missing[tool] = error
                    continue
                found[tool] = stacks.rows(samples), use
    print(f"| {options.seconds} s at {options.hz} Hz | CPU recording | reading | memory | data | samples | whole | frames named "
          "| samples with one of the four | share off by at most |\n" + "|---" * 10 + "|")
    for tool, (rows, use) in found.items():
        total = over_all(rows)
        reading = f"{use['reading']:.1f} s" if "reading" in use else "-"
        print(f"| {tool} | {100 * use['recording'] / options.seconds:.1f}% | {reading} | {use['resident'] / 2**20:.0f} MiB "
              f"| {use['bytes'] / 2**20:.2f} MiB | {total.samples} | {cells(total)} |")
    print("\n| | | samples | whole | frames named | samples with one of the four | share off by at most |\n" + "|---" * 7 + "|")
    for tool, (rows, _) in found.items():
        for language, row in rows.items():
            print(f"| {tool} | {language} | {row.samples} | {cells(row)} |")
    for tool, error in missing.items():
        print(f"profilers: {tool} was left out: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
