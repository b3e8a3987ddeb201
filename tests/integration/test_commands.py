# SPDX-License-Identifier: Apache-2.0
"""doctor, version, config check, top and help."""
import json
import os
import re

import pytest

from harness import servers
from harness.agent import hostlens
from harness.load import load
from harness.process import Process


def test_version_is_one_line():
    result = hostlens("version")
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(r"hostlens \d+\.\d+\.\d+\S*\n", result.stdout)


def test_doctor_says_which_hook_and_why():
    result = hostlens("doctor")
    assert result.returncode in (0, 3), result.stderr
    assert "socket" in result.stdout
    assert "\x1b[" not in result.stdout


def test_doctor_speaks_json():
    result = hostlens("doctor", "--json")
    report = json.loads(result.stdout)
    assert isinstance(report, dict) and report
    text = json.dumps(report)
    for subject in ("probes", "btf", "lockdown", "capabilities"):
        assert subject in text.lower(), subject


def test_doctor_tells_the_state_of_each_signal():
    result = hostlens("doctor", "--json")
    if result.returncode != 0:
        pytest.skip("nothing can be attached here: " + result.stdout)
    signals = {signal["name"]: signal for signal in json.loads(result.stdout)["signals"]}
    assert set(signals["hostlens.thread.blocked.duration"]) == {"name", "state", "hook", "reason", "remedy"}
    for name in ("hostlens.thread.blocked.duration", "hostlens.process.exits"):
        assert signals[name]["state"] == "active"
        assert "tp_btf/sched_" in signals[name]["hook"]
    for name in ("syscall.duration", "disk.io.duration", "disk.queue.duration", "fsync.duration", "file.io.duration",
                 "tcp.connect.duration", "tcp.retransmits", "tcp.resets", "listen.overflows", "packet.drops",
                 "memory.fault.duration", "memory.reclaim.stall.duration", "oom.kills", "process.execs",
                 "interrupt.duration", "thread.runqueue.duration"):
        assert f"hostlens.{name}" in signals
    for signal in signals.values():
        assert signal["state"] in ("active", "off", "unavailable")
        assert (signal["state"] == "active") == (not signal["reason"]), signal


def test_doctor_says_what_profiles_show_of_each_language(directory, started):
    started(Process([servers.PYTHON, "-c", "import time; time.sleep(60)"], directory, "python"))
    report = json.loads(hostlens("doctor", "--json").stdout)
    languages = {language["runtime"]: language for language in report["languages"]}
    assert languages["cpython"]["processes"] >= 1 and languages["cpython"]["version"].startswith("3.")
    assert "Python functions" in languages["cpython"]["profiles"] and not languages["cpython"]["remedy"]
    assert "Profiles of what runs here" in hostlens("doctor").stdout


def test_doctor_tells_what_a_configuration_switches_off(directory):
    path = directory / "quiet.yaml"
    path.write_text("signals: {syscalls: {burst: 0s}}\n")
    result = hostlens("doctor", "--json", "--config", path)
    if result.returncode != 0:
        pytest.skip("nothing can be attached here: " + result.stdout)
    signals = {signal["name"]: signal for signal in json.loads(result.stdout)["signals"]}
    assert signals["hostlens.syscall.duration"]["state"] == "off"
    assert "signals.syscalls.burst" in signals["hostlens.syscall.duration"]["reason"]
    path.write_text("signals: {syscalls: {brust: 0s}}\n")
    result = hostlens("doctor", "--config", path)
    assert result.returncode == 2 and "brust" in result.stderr


def test_top_shows_a_running_agent_once(directory, watch):
    server = servers.go(directory)
    agent = watch(server)
    report = load(directory, server.port, 800)
    agent.wait_for_requests(report.total)
    result = hostlens("top", "--address", agent.address)
    assert result.returncode == 0, result.stderr
    for word in ("go-server", "/users/{id}", "GET"):
        assert word in result.stdout
    assert "\x1b[" not in result.stdout  # no terminal: one table, no colours


def test_top_takes_the_address_from_the_environment(directory, watch):
    server = servers.go(directory)
    agent = watch(server)
    load(directory, server.port, 160)
    agent.wait_for_requests(160)
    result = hostlens("top", env={**os.environ, "HOSTLENS_ADDRESS": agent.address})
    assert result.returncode == 0, result.stderr
    assert "go-server" in result.stdout


def test_help_goes_to_stdout_and_names_the_commands():
    result = hostlens("--help")
    assert (result.returncode, result.stderr) == (0, "")
    for command in ("run", "agent", "top", "doctor", "config", "version"):
        assert command in result.stdout


def test_the_api_answers_as_documented(directory, watch):
    agent = watch(servers.go(directory))
    assert agent.get("/healthz")[0] == agent.get("/livez")[0] == 200
    assert agent.get("/no-such", check=False)[0] == 404
    assert agent.get("/api/v1/traces?limit=0", check=False)[0] == 400
    status = agent.json("/api/v1/status")
    assert status["worker_restarts"] == 0
    assert status["probes"]
