# SPDX-License-Identifier: Apache-2.0
"""Disk, interrupts, system calls, connections and programs against who caused them (fio, stress-ng) and against libbpf-tools, in the same run.

Work lies within both windows. What else the host does in the part of a window that the other does not have is what the
tolerances are for: stated at each test."""
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import libbpf_tools, servers
from harness.agent import HOSTLENS, run
from harness.polling import eventually
from harness.process import Process

pytestmark = pytest.mark.alone

READS, WRITES = 4000, 1000
SENT, ANSWERED = 10 << 10, 20 << 10

# Does what a line of its input says, and answers when it is done.
WORK = f"SENT, ANSWERED = {SENT}, {ANSWERED}" + """
import ctypes, os, socket, subprocess, sys
libc = ctypes.CDLL(None)
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def datagrams(times):
    for _ in range(times):
        sender.sendto(b"x", receiver.getsockname())
        receiver.recv(10)
def calls(times):
    for _ in range(times):
        libc.getpgid(-7)
def knock(times):
    libc.getsid(0)
def programs(times):
    for _ in range(times):
        subprocess.run(["/bin/true"])
listener = socket.create_server(("127.0.0.1", 0))
def exactly(connection, size):
    while size:
        size -= len(connection.recv(size))
def connections(times):
    for _ in range(times):
        with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as server:
            client.sendall(bytes(SENT))
            exactly(server, SENT)
            server.sendall(bytes(ANSWERED))
            exactly(client, ANSWERED)
print("ready", os.getpid(), listener.getsockname()[1], flush=True)
for line in sys.stdin:
    what, times = line.split()
    globals()[what](int(times))
    print("done", what, flush=True)
"""


class Worker:
    def __init__(self, directory, started):
        self.agent = started(run(directory, [servers.PYTHON, "-c", WORK], stdin=subprocess.PIPE))
        ready = self.agent.until(lambda: re.search(r"ready (\d+) (\d+)\n", self.agent.stdout()), 20, "its process id")
        self.pid, self.port = int(ready[1]), int(ready[2])

    def do(self, what, times):
        self.agent.child.stdin.write(f"{what} {times}\n".encode())
        self.agent.child.stdin.flush()
        self.agent.until(lambda: f"done {what}" in self.agent.stdout(), 60, what)


@pytest.fixture
def worker(directory, started):
    return Worker(directory, started)


def gain(before, after, sample, **labels):
    return after.sum(sample, **labels) - before.sum(sample, **labels)


def device_under(path):
    """The kernel's name of the whole disk that a file is on; None: it is on none."""
    number = os.stat(path).st_dev
    link = f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"
    if not os.path.exists(link):
        return None
    folder = os.path.realpath(link)
    return os.path.basename(folder if not os.path.exists(f"{folder}/partition") else os.path.dirname(folder))


def write_merges(device):
    """Documentation/block/stat.rst"""
    with open(f"/sys/block/{device}/stat", encoding="ascii") as file:
        return int(file.read().split()[5])


def fio(directory, direction, count):
    """Direct I/O of 4 KiB, one at a time: its own report."""
    result = subprocess.run(
        ["fio", "--name=a", f"--rw=rand{direction}", "--bs=4k", "--size=32m", f"--io_size={4 * count}k", "--ioengine=psync",
         "--direct=1", "--norandommap", "--fallocate=none", "--output-format=json", f"--filename={directory}/fio"],
        capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.skip(f"fio cannot do direct I/O here: {result.stderr or result.stdout}"[:300])
    return json.loads(result.stdout[result.stdout.index("{"):])["jobs"][0][direction]


def test_disk_reads_and_writes_are_those_of_fio_and_biolatency(worker, tool, tmp_path):
    if shutil.which("fio") is None:
        pytest.skip("fio is not installed")
    device = device_under(tmp_path)
    if device is None:
        pytest.skip(f"{tmp_path} is on no disk")
    (tmp_path / "fio").write_bytes(os.urandom(32 << 20))
    os.sync()
    fio(tmp_path, "read", 10)  # so that it is in memory itself
    before = worker.agent.page_of_now()
    merges = write_merges(device)
    biolatency = tool("biolatency", "-d", device)
    reads = fio(tmp_path, "read", READS)
    writes = fio(tmp_path, "write", WRITES)
    rows = re.findall(r"(\d+) -> (\d+)\s*: (\d+)", libbpf_tools.told(biolatency))
    after = worker.agent.page_of_now()
    assert (reads["total_ios"], writes["total_ios"]) == (READS, WRITES)
    name = "hostlens_disk_io_duration_seconds"
    ours = {direction: gain(before, after, f"{name}_count", device=device, disk_io_direction=direction)
            for direction in ("read", "write")}
    # Beside fio's what the machine itself does in these seconds: loads the tool, writes its journal.
    assert READS <= ours["read"] <= 1.1 * READS
    # What is not counted for itself was merged, as the kernel says, or is in the books.
    missed = write_merges(device) - merges + gain(before, after, "hostlens_agent_signals_lost_total")
    assert WRITES - missed <= ours["write"] <= 1.2 * WRITES + 500
    theirs = sum(int(count) for _, _, count in rows)
    if theirs == 0:
        pytest.skip("biolatency sees nothing on this kernel")
    flushes = gain(before, after, f"{name}_count", device=device, disk_io_direction="flush")
    assert abs(sum(ours.values()) - theirs) <= 0.05 * theirs + flushes, (ours, flushes, theirs)
    # fio's time of a read has the way through the kernel on top of queue and device. A read of somebody else may be slow.
    ours_sum = sum(gain(before, after, f"hostlens_disk_{part}_duration_seconds_sum", device=device, disk_io_direction="read")
                   for part in ("io", "queue"))
    fio_sum = reads["clat_ns"]["mean"] / 1e9 * READS
    assert 0.5 * fio_sum <= ours_sum <= 1.02 * fio_sum + 0.005 * (ours["read"] - READS), (ours_sum, fio_sum, ours)
    sizes = gain(before, after, "hostlens_disk_io_size_bytes_sum", device=device, disk_io_direction="read")
    assert sizes >= 4096 * READS


def test_soft_interrupts_are_those_of_softirqs(worker, tool):
    before = worker.agent.page_of_now()
    softirqs = tool("softirqs", "-d")
    worker.do("datagrams", 50000)
    table = libbpf_tools.told(softirqs)
    after = worker.agent.page_of_now()
    found = re.search(r"(?im)^softirq = net_rx\n(.*?)(?:^softirq|\Z)", table, re.S | re.M)
    if not found:
        pytest.skip(f"softirqs tells nothing on this kernel: {table[-200:]}")
    theirs = sum(int(count) for count in re.findall(r"\d+ -> \d+\s*: (\d+)", found.group(1)))
    ours = gain(before, after, "hostlens_interrupt_duration_seconds_count", type="softirq", vector="NET_RX")
    # A datagram to loopback is received in the sender's softirq, sometimes two in one. Our window is some seconds longer,
    # in which a host at rest receives a few hundred packets.
    assert theirs >= 25000
    assert theirs <= ours <= 1.02 * theirs + 1000, (ours, theirs)


def test_system_calls_are_those_of_syscount(worker, tool, directory, started):
    watched = "hostlens_syscall_watched_duration_seconds_count"
    syscount = tool(*libbpf_tools.with_tracefs("syscount", "-p", str(worker.pid), "-T", "50"))
    # Any service will do: what is watched is every call of every target. Who waits is known by name once it has waited.
    services = {labels["service_name"] for labels, _ in
                eventually(lambda: worker.do("knock", 1) or
                           worker.agent.metrics().samples["hostlens_thread_blocked_duration_seconds_count"], 10,
                           "a target that has waited")}
    watch = started(Process([HOSTLENS, "syscalls", "--service", min(services, key=len), "--for", "12s", "--address",
                             worker.agent.address], directory, "watch"))
    eventually(lambda: worker.do("knock", 1) or worker.agent.metrics().sum(watched, syscall="getsid"), 10,
               "observation to begin")
    worker.do("calls", 30000)
    theirs = sum(int(count) for count in re.findall(r"^getpgid\s+(\d+)", libbpf_tools.told(syscount), re.M))
    after = worker.agent.page_of_now()
    assert watch.running(), "all of it was observed"
    assert after.sum(watched, syscall="getpgid", error_type="ESRCH") == 30000
    assert theirs == 30000


def test_programs_executed_are_those_of_execsnoop(worker, tool):
    before = worker.agent.page_of_now()
    execsnoop = tool(*libbpf_tools.with_tracefs("execsnoop"))
    worker.do("programs", 60)
    rows = re.findall(rf"^true\s+\d+\s+{worker.pid}\s+0", libbpf_tools.told(execsnoop), re.M)
    after = worker.agent.page_of_now()
    ours = gain(before, after, "hostlens_process_execs_total")
    assert len(rows) == 60
    assert 60 <= ours <= 80, "sixty, the tool itself, and little else that this host does"


def test_connections_and_their_bytes_are_those_of_tcplife(worker, tool):
    before = worker.agent.page_of_now()
    tcplife = tool(*libbpf_tools.with_tracefs("tcplife", "-D", str(worker.port)))
    worker.do("connections", 50)
    kilobytes = re.findall(rf"^{worker.pid}\s+\S+\s+127.0.0.1\s+\d+\s+127.0.0.1\s+{worker.port}\s+([\d.]+)\s+([\d.]+)",
                           libbpf_tools.told(tcplife), re.M)
    after = worker.agent.page_of_now()
    ours = [gain(before, after, "hostlens_connection_io_bytes_total", hostlens_connection_role="client",
                 network_io_direction=direction) for direction in ("transmit", "receive")]
    assert gain(before, after, "hostlens_connection_opened_total", hostlens_connection_role="client") == 50
    assert ours == [50 * SENT, 50 * ANSWERED]
    assert [(float(sent), float(received)) for sent, received in kilobytes] == [(SENT / 1024, ANSWERED / 1024)] * 50


def test_processes_are_those_that_stress_ng_forks(worker):
    if shutil.which("stress-ng") is None:
        pytest.skip("stress-ng is not installed")
    before = worker.agent.page_of_now()
    told = subprocess.run(["stress-ng", "--fork", "1", "--fork-ops", "500", "--metrics-brief"], capture_output=True, text=True,
                          check=True)
    after = worker.agent.page_of_now()
    forks = int(re.search(r"\bfork\s+(\d+)\s", told.stdout + told.stderr)[1])
    assert forks >= 500
    # Itself with its stressor, and what this host does besides.
    assert forks <= gain(before, after, "hostlens_process_exits_total") <= forks + 20
    assert forks <= gain(before, after, "hostlens_process_lifetime_seconds_count") <= forks + 20
