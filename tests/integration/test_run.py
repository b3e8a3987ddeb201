# SPDX-License-Identifier: Apache-2.0
"""`hostlens run`: transparent for its command, a summary at the end, documented exit statuses."""
import re
import signal
import socket
import time

import pytest

from harness import servers
from harness.agent import HOSTLENS, ended
from harness.load import load
from harness.process import Process, alive

RUN = [HOSTLENS, "run", "--listen", "127.0.0.1:0"]


def run(*words, **options):
    return ended([*RUN, *words], **options)


@pytest.mark.parametrize("command, status", [
    (["true"], 0),
    (["sh", "-c", "exit 7"], 7),
    (["sh", "-c", "kill -TERM $$"], 128 + 15),
    (["sh", "-c", "kill -KILL $$"], 128 + 9),
    (["/etc/passwd"], 126),
    (["hostlens-no-such-command"], 127),
    (["./no/such/command"], 127),
])
def test_it_exits_with_the_commands_status(command, status):
    assert run("--", *command).returncode == status


def test_the_commands_streams_are_untouched():
    result = run("--", "sh", "-c", "cat; printf 'a\\0b\\377'; printf err >&2", input=b"in put\n")
    assert result.stdout == b"in put\na\0b\xff"
    assert b"err" in result.stderr


def test_environment_and_folder_are_untouched(tmp_path):
    result = run("--", "sh", "-c", "pwd; echo $MARK", cwd=tmp_path,
                 env={"PATH": "/usr/bin:/bin", "MARK": "kept"})
    assert result.stdout.decode().split("\n") == [str(tmp_path), "kept", ""]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_forwarded(directory, started, number):
    # No print(): its handler may come while that of "ready" is under way, which a buffered file refuses.
    script = ("import os, signal, sys\n"
              "def got(number, _): os.write(1, b'got %d\\n' % number); sys.exit(40)\n"
              f"signal.signal({int(number)}, got)\nos.write(1, b'ready\\n')\n"
              "while True: signal.pause()\n")
    process = started(Process([*RUN, "--", servers.PYTHON, "-c", script], directory, "hostlens"))
    process.until(lambda: "ready" in process.stdout(), 20, "the command runs")
    process.signal(number)
    assert process.wait() == 40
    assert process.stdout() == f"ready\ngot {int(number)}\n"


def test_for_ends_the_command_and_is_a_success(directory, started):
    begin = time.monotonic()
    process = started(Process([*RUN, "--for", "1s", "--", "sh", "-c",
                               "trap 'echo asked; exit 5' TERM; while :; do sleep 0.05; done"],
                              directory, "hostlens"))
    assert process.wait(20) == 0
    assert 1 <= time.monotonic() - begin < 15
    assert process.stdout() == "asked\n"


def test_for_does_not_hide_an_earlier_end():
    assert run("--for", "30s", "--", "sh", "-c", "exit 3").returncode == 3


def test_the_summary_shows_services_routes_and_counts(directory, watch):
    server = servers.go(directory)
    agent = watch(server)
    report = load(directory, server.port, 1600)
    agent.wait_for_requests(report.total)
    agent.stop()
    summary = agent.stderr()
    for (method, route, status), count in report.counts.items():
        if route in ("/orders", "/empty"):
            line = next(line for line in summary.splitlines() if route in line and method in line)
            assert str(count) in re.findall(r"\d+", line), line
    assert "go-server" in summary
    assert "\x1b[" not in summary  # no colours where there is no terminal


def test_only_the_command_and_its_descendants_are_seen(directory, started, watch):
    other = servers.hyper(directory)
    started(other.start(directory))
    server = servers.gunicorn(directory)  # its workers are children of children
    agent = watch(server)
    load(directory, other.port, 500)
    report = load(directory, server.port, 500)
    agent.wait_for_requests(report.total)
    assert agent.counts() == report.counts


def test_a_short_command_is_seen_whole(directory, started):
    """The probes are attached before the command is let go, and it is drained at the end."""
    server = servers.go(directory)
    started(server.start(directory))
    url = f"http://127.0.0.1:{server.port}/users/3"
    result = run("--", "curl", "-sS", url, url, url)
    assert (result.returncode, result.stdout) == (0, b"user\n" * 3)
    line = next(line for line in result.stderr.decode().splitlines() if "curl" in line and "GET" in line)
    assert "3" in re.findall(r"\d+", line)


def test_nothing_is_left_behind(directory, watch):
    server = servers.nginx(directory)
    agent = watch(server)
    worker = agent.worker()
    port = int(agent.address.rsplit(":", 1)[1])
    agent.stop()
    assert not alive(worker)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
