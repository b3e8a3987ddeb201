# SPDX-License-Identifier: Apache-2.0
"""Signals on and off, checks against real servers, `hostlens health` as plugins of Nagios."""
import http.client
import json
import re
import socket
import subprocess
import time

import pytest

from harness import servers
from harness.agent import CONFIGURATION, hostlens
from harness.agent import agent as run_agent
from harness.health import Health, Moody, grpc_server, until
from harness.polling import eventually
from harness.process import Process, alive, free_port, listens

DEFAULT_INTERVAL = "listen: 127.0.0.1:0\n"  # thresholds and times as packaged


@pytest.fixture
def moody(directory):
    return Moody(directory)


def ask(port, path="/users/1", times=5):
    """Some requests over one connection; answers are not judged."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        for _ in range(times):
            connection.request("GET", path)
            connection.getresponse().read()
    except OSError:
        pass
    finally:
        connection.close()


def checks_of(*checks, interval="1s", timeout="900ms", failures=2):
    lines = ["checks:"]
    for check in checks:
        lines.append("  - " + json.dumps({"interval": interval, "timeout": timeout,
                                          "failures": str(failures), **check}))
    return CONFIGURATION + "\n".join(lines) + "\n"


@pytest.fixture
def agent_with(directory, started):
    """An agent with these checks and no targets."""
    def start(*checks, environment=None, **options):
        return started(run_agent(directory, checks_of(*checks, **options),
                                 environment=environment))
    return start


# --- signals ---

def test_with_defaults_signals_turn_within_a_minute_and_recover_within_two(watch, moody):
    """Errors and open files of one service side by side: they wait for the same clock."""
    agent = watch(moody.server(), configuration=DEFAULT_INTERVAL)
    doing = lambda: ask(moody.port)  # noqa: E731
    until(agent, "ok", "error_ratio", moody.service, 20, doing)
    until(agent, "ok", "file_descriptors", moody.service, 30, doing)
    assert Health(agent, "--service", moody.service).status == 0
    moody.set("bad", "")
    moody.set("hold", 188)
    began = time.monotonic()
    row = until(agent, "failing", "error_ratio", moody.service, 60, doing)
    assert row["evidence"]["value"] >= row["evidence"]["threshold"] == 0.25
    assert "requests" in row["evidence"]["text"]
    row = until(agent, "failing", "file_descriptors", moody.service, 60 - (time.monotonic() - began), doing)
    assert re.search(r"1\d\d of 200 open files in process \d+", row["evidence"]["text"])
    health = Health(agent)
    assert health.status == 2
    assert health.signals[0]["state"] == "failing"  # worst first
    page = agent.metrics()
    assert page.sum("hostlens_health_state", signal="error_ratio", service_name=moody.service) == 2
    moody.set("bad")
    moody.set("hold")
    began = time.monotonic()
    until(agent, "ok", "error_ratio", moody.service, 120, doing)
    until(agent, "ok", "file_descriptors", moody.service, 120 - (time.monotonic() - began), doing)


def test_a_service_that_died_is_down_and_up_again(directory, started, moody):
    configuration = (CONFIGURATION + "health: {hold: 1s, recovery: 1s}\n"
                     f"targets: {{include: [{{command_line: '*{moody.control}*'}}]}}\n")
    agent = started(run_agent(directory, configuration))
    server = started(moody.server().start(directory))
    until(agent, "ok", "up", moody.service, 40, lambda: ask(moody.port))
    server.kill()
    row = until(agent, "failing", "up", moody.service, 30)
    assert "no process" in row["evidence"]["text"]
    started(moody.server().start(directory))
    until(agent, "ok", "up", moody.service, 30)


def test_a_dependency_that_is_gone_is_told_by_its_address(directory, watch):
    server = servers.nginx(directory, upstream=(upstream := free_port()))
    agent = watch(server, configuration=DEFAULT_INTERVAL)
    row = until(agent, "failing", "dependency", "nginx", 60,
                lambda: ask(server.port, "/proxy/users/1"))
    assert f":{upstream}" in row["evidence"]["text"]


def test_a_listener_that_never_accepts_overflows(directory, started):
    agent = started(run_agent(directory, CONFIGURATION + "health: {hold: 1s}\n"))
    until(agent, "ok", "accept_queue", "", 30)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        clients = []

        def knock():
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
            clients.append(client)
        try:
            until(agent, "degraded", "accept_queue", "", 30, knock)
        finally:
            for client in clients:
                client.close()


def test_the_host_has_its_signals(directory, started):
    agent = started(run_agent(directory, CONFIGURATION))
    until(agent, "ok", "agent_loss", "", 20)
    eventually(lambda: Health(agent).find("disk_space"), 20, "the host was read")
    answer = agent.json("/api/v1/health")
    names = {row["signal"] for row in answer["signals"] if row["service"] == ""}
    missing = {row["signal"] for row in answer["unavailable"]}
    expected = {"disk_space", "inodes", "memory_pressure", "oom", "clock", "units", "conntrack",
                "agent_loss"}
    assert expected <= names | missing
    assert not names & missing
    for row in answer["signals"]:
        assert set(row) == {"signal", "service", "state", "since", "evidence"}
        assert set(row["evidence"]) == {"value", "threshold", "text"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["since"])


# --- the command ---

def test_no_agent_is_unknown():
    result = hostlens("health", "--address", f"127.0.0.1:{free_port()}")
    assert result.returncode == 3
    assert "no hostlens agent answers" in result.stderr
    assert hostlens("health", "--no-such-option").returncode == 3


def test_exit_statuses_follow_a_check(directory, started, agent_with):
    state = directory / "state"
    state.write_text("0")
    agent = agent_with({"name": "switch", "type": "command",
                        "command": ["/bin/sh", "-c", f'read x < {state}; echo "x is $x"; exit $x']})
    until(agent, "ok", "check:switch")
    state.write_text("7")
    row = until(agent, "failing", "check:switch")
    assert "exit status 7: x is 7" in row["evidence"]["text"]
    assert row["evidence"]["value"] >= row["evidence"]["threshold"] == 2
    assert Health(agent).status == 2
    result = hostlens("health", "--address", agent.address)
    assert result.returncode == 2
    first = result.stdout.splitlines()[1]
    assert first.startswith("failing") and "check:switch" in first
    assert Health(agent, "--service", "no-such-service").status == 3
    state.write_text("0")
    until(agent, "ok", "check:switch")


def test_probes_of_the_agent_itself(directory, started):
    agent = started(run_agent(directory, CONFIGURATION))
    for path in ("/healthz", "/readyz", "/livez"):
        assert agent.get(path)[0] == 200
    assert agent.json("/api/v1/health")["signals"] is not None


# --- checks ---

def test_tcp_and_http_and_dns_and_process(directory, started, moody, agent_with):
    server = started(moody.server().start(directory))
    gone = free_port()
    agent = agent_with(
        {"name": "open", "type": "tcp", "target": f"127.0.0.1:{moody.port}"},
        {"name": "closed", "type": "tcp", "target": f"127.0.0.1:{gone}"},
        {"name": "page", "type": "http", "target": f"http://127.0.0.1:{moody.port}/"},
        {"name": "teapot", "type": "http", "target": f"http://127.0.0.1:{moody.port}/ 418"},
        {"name": "local", "type": "dns", "target": "localhost"},
        {"name": "unresolved", "type": "dns", "target": "no-such-name.invalid"},
        {"name": "running", "type": "process", "target": "python3"},
        {"name": "missing", "type": "process", "target": "no-such-program"},
        {"name": "root", "type": "disk", "target": "/ 100%"},
        {"name": "fresh", "type": "file_age", "target": f"{moody.control} 1h"},
        {"name": "unit", "type": "unit", "target": "no-such.service"})
    for name in ("open", "page", "local", "running", "root", "fresh"):
        until(agent, "ok", f"check:{name}")
    for name, text in (("closed", "Connection refused"), ("teapot", "answers 200"),
                       ("missing", "0 processes")):
        assert text in until(agent, "failing", f"check:{name}")["evidence"]["text"]
    until(agent, "failing", "check:unresolved", "", 40)
    moody.set("bad", "")
    assert "answers 500" in until(agent, "failing", "check:page")["evidence"]["text"]
    moody.set("bad")
    until(agent, "ok", "check:page")
    server.kill()
    until(agent, "failing", "check:open")
    page = agent.metrics()
    name = "hostlens_check_duration_seconds_count"
    assert page.sum(name, check="closed", type="tcp", error_type="ECONNREFUSED") >= 2
    assert page.sum(name, check="page", type="http", error_type="500") >= 2
    assert any("error_type" not in labels for labels, _ in page.samples[name]
               if labels["check"] == "local")


def test_grpc_health(directory, started, moody, agent_with):
    server, process = grpc_server(directory)
    started(process)
    place = f"127.0.0.1:{server.port}"
    other = started(moody.server().start(directory))
    assert other.running()
    agent = agent_with(
        {"name": "whole", "type": "grpc", "target": place},
        {"name": "well", "type": "grpc", "target": f"{place}/well"},
        {"name": "ill", "type": "grpc", "target": f"{place}/ill"},
        {"name": "unknown", "type": "grpc", "target": f"{place}/who"},
        {"name": "http1", "type": "grpc", "target": f"127.0.0.1:{moody.port}"})
    until(agent, "ok", "check:whole")
    until(agent, "ok", "check:well")
    assert "NOT_SERVING" in until(agent, "failing", "check:ill")["evidence"]["text"]
    assert "gRPC status 5 unknown service" in until(agent, "failing",
                                                    "check:unknown")["evidence"]["text"]
    until(agent, "failing", "check:http1")
    process.kill()
    until(agent, "failing", "check:whole")


def certificate(directory, name, days, san):
    key, file = directory / f"{name}.key", directory / f"{name}.pem"
    subprocess.run([servers.program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key), "-out", str(file),
                    "-days", str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName={san}"],
                   check=True, capture_output=True)
    return key, file


def tls_server(directory, name, key, file):
    port = free_port()
    process = Process([servers.program("openssl"), "s_server", "-accept", f"127.0.0.1:{port}",
                       "-key", key, "-cert", file, "-www", "-quiet"], directory, name)
    process.until(lambda: listens(port), 20, f"{name} listens")
    return port, process


def test_tls_by_trust_name_and_days(directory, started, agent_with):
    good = certificate(directory, "good", 90, "IP:127.0.0.1,DNS:localhost")
    short = certificate(directory, "short", 3, "IP:127.0.0.1")
    named = certificate(directory, "named", 90, "DNS:shop.example")
    strange = certificate(directory, "strange", 90, "IP:127.0.0.1")
    bundle = directory / "trusted.pem"
    bundle.write_text("".join(file.read_text() for _, file in (good, short, named)))
    bundle.chmod(0o644)
    ports = {}
    for name, pair in (("good", good), ("short", short), ("named", named), ("strange", strange)):
        ports[name], process = tls_server(directory, f"tls-{name}", *pair)
        started(process)
    agent = agent_with(*({"name": name, "type": "tls", "target": f"127.0.0.1:{port}"}
                         for name, port in ports.items()),
                       environment={"SSL_CERT_FILE": str(bundle)})
    assert "lasts" in until(agent, "ok", "check:good")["evidence"]["text"]
    assert "lasts 3 days" in until(agent, "failing", "check:short")["evidence"]["text"]
    assert "mismatch" in until(agent, "failing", "check:named")["evidence"]["text"]
    until(agent, "failing", "check:strange")
    row = until(agent, "failing", "certificate")
    assert f":{ports['short']}" in row["evidence"]["text"]
    assert row["evidence"]["value"] < row["evidence"]["threshold"] == 7


def test_a_command_that_hangs_is_ended_with_its_children(directory, agent_with):
    pids = directory / "pids"
    pids.touch()
    pids.chmod(0o666)
    agent = agent_with({"name": "hang", "type": "command", "command": [
        "/bin/sh", "-c", f"sleep 1000 & echo $! $$ >> {pids}; sleep 1000"]})
    row = until(agent, "failing", "check:hang")
    assert "still running" in row["evidence"]["text"]
    begun = [line.split() for line in pids.read_text().splitlines()[:2]]
    assert len(begun) == 2
    eventually(lambda: not any(alive(int(pid)) for line in begun for pid in line), 10,
               "its processes are gone")
    agent.stop()
    left = [int(pid) for line in pids.read_text().splitlines() for pid in line.split()]
    eventually(lambda: not any(alive(pid) for pid in left), 10, "nothing is left after a stop")


@pytest.mark.alone
def test_a_command_that_prints_without_end_costs_no_memory(directory, agent_with):
    agent = agent_with({"name": "flood", "type": "command", "command": ["/usr/bin/yes", "flood"]},
                       {"name": "well", "type": "command", "command": ["/bin/true"]},
                       {"name": "much", "type": "command",
                        "command": ["/usr/bin/head", "-c", "200M", "/dev/zero"]})
    row = until(agent, "failing", "check:flood")
    assert len(row["evidence"]["text"]) < 1200
    until(agent, "ok", "check:well")
    until(agent, "ok", "check:much")
    with open(f"/proc/{agent.worker()}/status", encoding="ascii") as status:
        resident = int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1))
    assert resident < 64 * 1024
    assert agent.get("/livez")[0] == 200


def test_a_command_has_no_privileges_and_nothing_of_the_agents_environment(agent_with):
    agent = agent_with(
        {"name": "who", "type": "command",
         "command": ["/bin/sh", "-c", "id -u; grep -E '^(CapEff|NoNewPrivs)' /proc/self/status; env"]},
        environment={"OTEL_EXPORTER_OTLP_HEADERS": "authorization=s3cret"})
    text = until(agent, "ok", "check:who")["evidence"]["text"]
    assert not text.startswith("0 ")
    assert re.search(r"CapEff:\s+0000000000000000", text)
    assert re.search(r"NoNewPrivs:\s+1", text)
    assert "s3cret" not in text


def test_a_reload_takes_up_other_checks(directory, started, agent_with):
    agent = agent_with({"name": "one", "type": "command", "command": ["/bin/true"]})
    until(agent, "ok", "check:one")
    (directory / "agent.yaml").write_text(
        checks_of({"name": "two", "type": "command", "command": ["/bin/true"]}))
    agent.signal(1)
    until(agent, "ok", "check:two")
    assert Health(agent).find("check:one") is None


def test_a_wrong_check_is_named_with_its_line(directory):
    file = directory / "wrong.yaml"
    file.write_text(CONFIGURATION + "checks:\n  - {name: a, type: tcp, target: nowhere}\n")
    result = hostlens("config", "check", file)
    assert result.returncode == 2
    assert 'checks[0].target: "nowhere": there is no port; allowed: HOST:PORT' in (
        result.stdout + result.stderr)
