# SPDX-License-Identifier: Apache-2.0
"""SIGHUP and SIGTERM of the service, under load."""
import signal
import time

import pytest

from harness import agent as agents
from harness import otlp, servers
from harness.books import lost
from harness.load import Load, load
from harness.oracles import Collector
from harness.polling import eventually, settles


def targets(*ports):
    entries = ", ".join(f"{{port: {port}}}" for port in ports)
    return agents.CONFIGURATION + f"targets: {{include: [{entries}]}}\n"


@pytest.fixture
def serving(directory, started):
    """A server that an agent watches, and the file of its configuration."""
    server = servers.nginx(directory)
    started(server.start(directory))
    agent = started(agents.agent(directory, targets(server.port)))
    return server, agent, directory / "agent.yaml"


def reload(agent, file, text):
    """Rewrites the configuration, asks for it and waits for the line that says it is in force."""
    done = "the new configuration is in use"
    before = agent.stderr().count(done)
    file.write_text(text)
    agent.signal(signal.SIGHUP)
    agent.until(lambda: agent.stderr().count(done) > before, 10, done)


def test_a_reload_under_load_loses_nothing(serving, directory):
    server, agent, file = serving
    running = Load(directory, f"127.0.0.1:{server.port}", 12000, rate=4000)
    other = servers.free_port()
    for round_ in range(5):
        reload(agent, file, targets(*((server.port, other) if round_ % 2 else (server.port,))))
    assert running.running()
    report = running.report()
    settles(agent.counts, report.counts)
    assert lost(agent.books()) == {}


def test_a_reload_adds_and_removes_targets(serving, directory, started):
    first, agent, file = serving
    second = servers.go(directory)
    started(second.start(directory))
    load(directory, second.port, 100)
    reload(agent, file, targets(second.port))
    report = load(directory, second.port, 100)
    load(directory, first.port, 100)
    settles(agent.counts, report.counts)


def test_a_reload_adds_an_exporter(serving, directory, started):
    server, agent, file = serving
    collector = started(Collector(directory)).start()
    text = targets(server.port) + f"exporters: {{otlp: {{endpoint: '{collector.url}'}}}}\n"
    reload(agent, file, text)
    report = load(directory, server.port, 500)
    settles(lambda: otlp.server_spans(collector.lines("traces")), report.counts, 10)
    settles(lambda: otlp.request_counts(collector.lines("metrics")), agent.counts(), 10)


def test_a_wrong_configuration_is_refused_and_the_old_one_kept(serving, directory):
    server, agent, file = serving
    file.write_text("listne: off\n")
    agent.signal(signal.SIGHUP)
    agent.until(lambda: "listne" in agent.stderr(), 10, "the mistake is named")
    report = load(directory, server.port, 500)
    settles(agent.counts, report.counts)


def test_sigterm_flushes_within_its_deadline(serving, directory, started):
    server, agent, file = serving
    collector = started(Collector(directory)).start()
    text = targets(server.port).replace("interval: 1s", "interval: 1h")
    reload(agent, file, text + f"exporters: {{otlp: {{endpoint: '{collector.url}'}}}}\n")
    report = load(directory, server.port, 500)
    begin = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - begin < 7
    settles(lambda: otlp.server_spans(collector.lines("traces")), report.counts)
    settles(lambda: otlp.request_counts(collector.lines("metrics")), report.counts)


def test_sigterm_does_not_wait_for_a_dead_collector(serving, directory):
    server, agent, file = serving
    text = targets(server.port) + "exporters: {otlp: {endpoint: 'http://127.0.0.1:9'}}\n"
    reload(agent, file, text)
    load(directory, server.port, 100)
    eventually(lambda: agent.books()["export_otlp"]["held"] == 100, 5, "the spans wait")
    begin = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - begin < 7
