# SPDX-License-Identifier: Apache-2.0
"""Profiles of the running agent: by service and route, to a collector, to a scraper, as metrics."""
import http.client
import math
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from harness import otlp, profiles, servers
from harness.agent import ROOT
from harness.agent import agent as run_agent
from harness.oracles import Collector, oracle
from harness.polling import eventually, settles
from harness.process import Process, cpu_seconds, free_port
from harness.servers import Server

HZ = 199
ROUNDS = 1_000_000
CONFIGURATION = f"""\
listen: 127.0.0.1:0
interval: 1s
profile: {{cpu: {{hz: {HZ}}}, limits: {{cpu: 100%}}}}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    made = tmp_path_factory.mktemp("routes") / "routes"
    subprocess.run([compiler, "-O2", "-fomit-frame-pointer", "-o", made, ROOT / "tests/fixtures/profile/routes.c"],
                   check=True)
    return made


@pytest.fixture
def server(program):
    port = free_port()
    return Server("routes", "routes", port, [str(program), str(port), str(ROUNDS)])


class Client(threading.Thread):
    """Asks for /large/N and /small/N by turns until it is stopped; raises what went wrong there."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.ends = threading.Event()
        self.pairs = 0
        self.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.ends.is_set():
            for kind in ("large", "small"):
                connection.request("GET", f"/{kind}/{self.pairs}")
                assert connection.getresponse().read() == b"ok"
            self.pairs += 1
        connection.close()

    def stop(self):
        self.ends.set()
        self.join(30)

    kill = stop


def sampled(agent):
    return agent.metrics().sum("hostlens_profile_samples_total", service_name="routes")


def profiled(agent):
    """Skips where the kernel samples nothing."""
    if agent.get("/debug/pprof/profile?seconds=0", check=False)[0] == 404:
        pytest.skip("stacks cannot be sampled here")


def test_functions_routes_and_spans_reach_the_collector(directory, watch, server, started):
    collector = started(Collector(directory)).start()
    agent = watch(server, configuration=CONFIGURATION, options=["--otlp-endpoint", collector.url])
    profiled(agent)
    client = started(Client(server.port))
    eventually(lambda: sampled(agent) >= 300, 60, "300 samples")
    client.stop()
    agent.wait_for_requests(2 * client.pairs)
    # All that was sampled is told, once: what the agent counts, what its books say, what has arrived.
    settled = lambda: agent.books()["export_otlp_profiles"]["held"] == 0  # noqa: E731
    eventually(settled, 10, "all samples are sent")
    agent.signal(signal.SIGINT)
    agent.wait()
    found = profiles.samples(collector.lines("profiles"))
    assert {(sample.service, sample.kind) for sample in found} == {("routes", "samples")}
    by_route = {}
    for sample in found:
        route = sample.attributes.get("http.route")
        kinds = {name for name in sample.functions if name in ("large", "small")}
        assert len(kinds) <= 1
        if kinds and route:
            name = kinds.pop()
            assert route == f"/{name}/{{id}}", sample
            by_route[name] = by_route.get(name, 0) + sample.value
            assert "turn" in sample.functions or name in sample.functions[0]
    total = sum(by_route.values())
    assert total >= 0.9 * sum(sample.value for sample in found), by_route
    bound = 4 * math.sqrt(0.75 * 0.25 / total)
    assert abs(by_route["large"] / total - 0.75) < bound, by_route
    routes = {(sample.trace, sample.span): sample.attributes["http.route"] for sample in found
              if sample.attributes.get("http.route")}

    def spans():
        return {(span["traceId"], span["spanId"]): span["attributes"]["http.route"]
                for span in otlp.spans(collector.lines("traces"))}

    # The last ones went out with the agent, and the Collector writes its file when it comes to it.
    eventually(lambda: routes.keys() <= spans().keys(), 20, "the span of each sample")
    assert routes.items() <= spans().items()


def test_the_books_of_profiles_balance(directory, watch, server, started):
    collector = started(Collector(directory)).start()
    agent = watch(server, configuration=CONFIGURATION, options=["--otlp-endpoint", collector.url])
    profiled(agent)
    client = started(Client(server.port))
    eventually(lambda: sampled(agent) >= 100, 60, "100 samples")
    client.stop()

    def balanced():
        books = agent.books()["export_otlp_profiles"]
        counted = sampled(agent)
        arrived = sum(sample.value for sample in profiles.samples(collector.lines("profiles")))
        metrics = agent.metrics()
        taken = metrics.sum("hostlens_profile_sampler_runs_total") - metrics.sum("hostlens_profile_lost_total")
        return books["dropped"] == {} and taken == counted == books["received"] == books["forwarded"] == arrived

    eventually(balanced, 15, lambda: f"counted, sent and arrived: {sampled(agent)}, {agent.books()}")


def test_a_scraper_gets_the_next_seconds(directory, watch, server, started):
    agent = watch(server, configuration=CONFIGURATION)
    profiled(agent)
    started(Client(server.port))
    begin = time.monotonic()
    status, headers, body = agent.get("/debug/pprof/profile?seconds=3&service=routes")
    assert status == 200 and headers["Content-Type"] == "application/octet-stream"
    assert 3 <= time.monotonic() - begin < 10
    (directory / "scraped.pb.gz").write_bytes(body)
    pprof = oracle("pprof")
    top = subprocess.run([pprof, "-top", "-sample_index=samples", directory / "scraped.pb.gz"], capture_output=True,
                         text=True, check=True).stdout
    rows = {line.split()[-1]: line.split() for line in top.splitlines() if re.match(r"\s+\d", line)}
    samples = int(re.search(r"of (\d+) total", top).group(1))
    assert samples <= 3 * HZ + 10
    large, small = (int(rows[name][3]) for name in ("large", "small"))
    assert large + small >= 0.9 * samples
    assert abs(large / (large + small) - 0.75) < 4 * math.sqrt(0.75 * 0.25 / (large + small))
    tags = subprocess.run([pprof, "-tags", directory / "scraped.pb.gz"], capture_output=True, text=True,
                          check=True).stdout
    assert "/large/{id}" in tags and "/small/{id}" in tags and "routes" in tags
    _, _, none = agent.get("/debug/pprof/profile?seconds=1&service=another")
    (directory / "none.pb.gz").write_bytes(none)
    empty = subprocess.run([pprof, "-top", directory / "none.pb.gz"], capture_output=True, text=True)
    assert "turn" not in empty.stdout


def test_waits_have_causes_and_add_up(directory, run):
    configuration = CONFIGURATION.replace("profile: {", "profile: {off_cpu: {enabled: true}, ")
    agent = run([servers.PYTHON, "-c", "import time\nwhile True: time.sleep(0.02)"], configuration=configuration)
    profiled(agent)
    # Threads of a new target are found within a second.
    eventually(lambda: agent.metrics().sum("hostlens_profile_samples_total") > 50, 20, "the first waits")
    _, _, body = agent.get("/debug/pprof/profile?seconds=3&type=off_cpu")
    (directory / "waits.pb.gz").write_bytes(body)
    tags = subprocess.run([oracle("pprof"), "-tags", "-unit=ms", directory / "waits.pb.gz"], capture_output=True,
                          text=True, check=True).stdout
    waits = {cause: float(ms) for ms, cause in re.findall(r"([\d.]+)ms \([^)]*\): (timer|runqueue|short)", tags)}
    # One thread that does nothing but sleep: all but its moments on the CPU.
    assert waits["timer"] > 2000 and 2700 < sum(waits.values()) < 3100, tags


@pytest.mark.parametrize("query, status, said", [
    ("seconds=0", 400, "1 to 300"),
    ("seconds=301", 400, "1 to 300"),
    ("seconds=soon", 400, "1 to 300"),
    ("type=heap", 400, "cpu or off_cpu"),
    ("seconds=1&type=off_cpu", 404, "profile.off_cpu is not enabled"),
])
def test_wrong_queries_are_named(run, query, status, said):
    agent = run(["sleep", "60"], configuration=CONFIGURATION)
    profiled(agent)
    got, _, body = agent.get(f"/debug/pprof/profile?{query}", check=False)
    assert got == status and said in body.decode()


def test_profiles_that_are_off_cost_nothing_and_say_so(run):
    agent = run(["sleep", "60"], configuration=CONFIGURATION.replace(f"hz: {HZ}", "enabled: false"))
    status, _, body = agent.get("/debug/pprof/profile?seconds=1", check=False)
    assert status == 404 and "nothing is profiled" in body.decode()
    assert agent.metrics().sum("hostlens_profile_sampler_runs_total") == 0
    assert b"hostlens_profile" not in agent.get("/metrics")[2]


def test_more_recordings_than_fit_are_refused_and_a_stop_ends_them(run):
    agent = run(["sleep", "60"], configuration=CONFIGURATION)
    profiled(agent)
    answers = []

    def ask():
        try:
            answers.append(agent.get("/debug/pprof/profile?seconds=300", check=False)[0])
        except OSError:
            answers.append(None)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(12)]
    for thread in threads:
        thread.start()
    eventually(lambda: answers.count(503) == 4, 10, lambda: f"four too many: {answers}")
    assert agent.get("/readyz")[0] == 200  # others are answered meanwhile
    agent.signal(signal.SIGINT)
    agent.wait()
    for thread in threads:
        thread.join(15)
    assert len(answers) == 12 and set(answers) <= {503, None, 0}, answers


def test_nothing_is_sampled_before_somebody_reads(directory, started):
    """Programs are at work already when the agent starts: what it took of them before would be lost."""
    for cpu in range(os.cpu_count()):
        started(Process([servers.PYTHON, "-c", "while True: pass"], directory, f"busy{cpu}"))
    agent = started(run_agent(directory, CONFIGURATION.replace("profile: {", "profile: {scope: host, ")))
    profiled(agent)
    page = eventually(lambda: (page := agent.metrics()).sum("hostlens_profile_samples_total") >= 50 and page, 30,
                      "50 samples, which come after those that were too early")
    assert page.sum("hostlens_profile_lost_total", reason="late") == 0


def test_a_new_worker_profiles_again(directory, watch, server, started):
    agent = watch(server, configuration=CONFIGURATION)
    profiled(agent)
    started(Client(server.port))
    eventually(lambda: sampled(agent) >= 50, 30, "50 samples")
    os.kill(agent.worker(), signal.SIGKILL)
    settles(lambda: agent.json("/api/v1/status")["worker_restarts"] if agent.get("/readyz", check=False)[0] == 200
            else 0, 1, 30)
    eventually(lambda: sampled(agent) >= 50, 30, "50 samples of the new worker")
    # The first after the restart may come before the tables are there again.
    complete = agent.metrics().sum("hostlens_profile_samples_total", service_name="routes", outcome="complete")
    assert complete >= 0.9 * sampled(agent)


def test_the_governor_takes_fewer_samples_that_stand_for_all(directory, watch, server, started):
    configuration = CONFIGURATION.replace(f"hz: {HZ}", "hz: 999").replace("cpu: 100%", "cpu: 0.1%")
    agent = watch(server, configuration=configuration)
    profiled(agent)
    started(Client(server.port))

    def rate():
        return agent.metrics().sum("hostlens_profile_rate_hertz")

    eventually(lambda: rate() == 999, 10, "the rate is told")
    eventually(lambda: rate() < 500, 40, lambda: f"the rate falls, is {rate()}")
    pid = next(int(row) for row in subprocess.run(["pgrep", "-P", str(agent.pid), "routes"], capture_output=True,
                                                  text=True, check=True).stdout.split())

    def told():
        return agent.metrics().sum("hostlens_profile_cpu_time_seconds_total", service_name="routes")

    used, seen = cpu_seconds(pid), told()
    eventually(lambda: cpu_seconds(pid) - used >= 4, 60, "four seconds of CPU time")
    eventually(lambda: told() - seen >= 0.8 * 4, 10, lambda: f"their samples, have {told() - seen}")
    assert told() - seen < 1.35 * (cpu_seconds(pid) - used)
