# SPDX-License-Identifier: Apache-2.0
"""Host and process metrics against the kernel's own files, read just before and just after."""
import os
import re
import subprocess

import pytest

from harness import otlp, servers
from harness.agent import CONFIGURATION
from harness.agent import agent as run_agent
from harness.load import load
from harness.oracles import Collector
from harness.polling import eventually, settles
from harness.process import cpu_seconds

TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def server(directory, started):
    """A server that nobody has asked yet, and its process."""
    made = servers.go(directory)
    return made, started(made.start(directory))


@pytest.fixture
def agent(directory, started, server):
    """An agent to which the server is known by a rule alone."""
    include = f"targets: {{include: [{{port: {server[0].port}}}]}}\n"
    made = started(run_agent(directory, CONFIGURATION + include))
    eventually(lambda: made.metrics().samples["system_cpu_time_seconds_total"], 10,
               "metrics of the host")
    return made


def host_cpu_seconds():
    with open("/proc/stat", encoding="ascii") as file:
        modes = file.readline().split()[1:9]  # what follows is part of user and nice
    return sum(int(ticks) for ticks in modes) / TICKS


def memory_total():
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(re.search(r"MemTotal:\s+(\d+) kB", file.read()).group(1)) * 1024


def next_reading(agent):
    """A page of a reading that was begun after now: the time in it has gone on twice."""
    def uptime():
        return agent.metrics().sum("system_uptime_seconds")
    first = uptime()
    second = eventually(lambda: (now := uptime()) > first and now, 10, "a reading")
    eventually(lambda: uptime() > second, 10, "another reading")
    return agent.metrics()


def test_time_of_all_cpus_is_the_kernels(agent):
    before = host_cpu_seconds()
    page = next_reading(agent)
    after = host_cpu_seconds()
    total = page.sum("system_cpu_time_seconds_total")
    assert before * 0.9999 <= total <= after * 1.0001
    modes = {labels["cpu_mode"] for labels, _ in page.samples["system_cpu_time_seconds_total"]}
    assert {"user", "system", "idle", "iowait"} <= modes


def test_memory_states_sum_to_the_total(agent):
    assert next_reading(agent).sum("system_memory_usage_bytes") == memory_total()


def test_the_root_file_system_is_as_statvfs_tells(agent):
    page = next_reading(agent)
    told = {labels["system_filesystem_state"]: value
            for labels, value in page.samples["system_filesystem_usage_bytes"]
            if labels["system_filesystem_mountpoint"] == "/"}
    now = os.statvfs("/")
    wanted = {"used": now.f_blocks - now.f_bfree, "free": now.f_bavail,
              "reserved": now.f_bfree - now.f_bavail}
    assert told == {state: pytest.approx(blocks * now.f_frsize, abs=0.01 * now.f_blocks * now.f_frsize)
                    for state, blocks in wanted.items()}


def test_a_service_that_serves_nobody_has_process_metrics(agent, server):
    made, process = server
    mine = {"service_name": made.service}
    eventually(lambda: agent.metrics().samples["process_cpu_time_seconds_total"] and
               any(labels.get("service_name") == made.service for labels, _ in
                   agent.metrics().samples["process_cpu_time_seconds_total"]), 10,
               "the server's processor time")
    page = next_reading(agent)
    assert page.sum("hostlens_processes", **mine) == 1
    assert page.sum("process_memory_usage_bytes", **mine) > 1 << 20
    assert page.samples["process_disk_io_bytes_total"], "what only the supervisor may read"
    settles(lambda: agent.metrics().sum("process_unix_file_descriptor_count", **mine),
            len(os.listdir(f"/proc/{process.pid}/fd")), 10)


def test_processor_time_of_a_service_is_its_processs(agent, server, directory):
    made, process = server
    load(directory, made.port, 5000)
    before = cpu_seconds(process.pid)
    page = next_reading(agent)
    after = cpu_seconds(process.pid)
    total = page.sum("process_cpu_time_seconds_total", service_name=made.service)
    assert before > 0.05
    assert before - 0.5 / TICKS <= total <= after + 0.5 / TICKS


def test_what_cannot_be_told_is_counted_with_its_reason(agent, directory):
    """A file system behind a folder that the worker may not enter."""
    page = next_reading(agent)
    scrapers = {labels["scraper"] for labels, _ in page.samples["hostlens_scrape_duration_seconds"]}
    assert {"cpu", "memory", "filesystem", "process", "cgroup"} <= scrapers
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    (closed / "mount").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "hostlens-test", closed / "mount"],
                             capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no mount here: {mounted.stderr}")
    try:
        def errors():
            return agent.metrics().sum("hostlens_scrape_errors_total", scraper="filesystem",
                                       reason="unreadable")
        eventually(errors, 10, lambda: agent.metrics().samples["hostlens_scrape_errors_total"])
    finally:
        subprocess.run(["umount", closed / "mount"], check=True)


def test_the_collector_understands_them(directory, started, watch):
    collector = started(Collector(directory))
    collector.start()
    made = servers.go(directory)
    watch(made, options=["--otlp-endpoint", collector.url])

    def last(name):
        return otlp.points(collector.lines("metrics"), name)
    settles(lambda: sum(int(point["asInt"]) for point in last("system.memory.usage")),
            memory_total(), 15)
    cpu = last("system.cpu.time")
    assert {"user", "system", "idle"} <= {point["attributes"]["cpu.mode"] for point in cpu}
    assert {point["resource"]["service.name"] for point in cpu} == {"hostlens"}
    assert {point["temporality"] for point in cpu} == {2}  # cumulative
    eventually(lambda: made.service in {point["resource"]["service.name"]
                                        for point in last("process.cpu.time")}, 15,
               "processor time of the service at the collector")
