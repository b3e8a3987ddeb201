# SPDX-License-Identifier: Apache-2.0
"""What is wrong gets one clear message and the documented exit status; nothing crashes."""
import http.server
import re
import shutil
import socket
import threading

import pytest

from harness import agent as agents
from harness.agent import HOSTLENS, ROOT, ended, hostlens
from harness.polling import settles
from harness.process import free_port


def assert_one_message(result, status, *words):
    assert result.returncode == status, result.stderr
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0], lines[0]
    assert "\x1b[" not in lines[0]


def configured(tmp_path, text):
    file = tmp_path / "hostlens.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("text, words", [
    ("listne: 127.0.0.1:0\n", ["hostlens.yaml:1", "listne", "listen"]),
    ("interval: 1s\nlimits: {quue: 1MiB}\n", ["hostlens.yaml:2", "quue", "queue"]),
    ("targets: {include: [{prot: 80}]}\n", ["hostlens.yaml:1", "prot", "port"]),
    ("interval: 10\n", ["hostlens.yaml:1", "interval"]),
    ("listen: 127.0.0.1:99999\n", ["hostlens.yaml:1", "listen"]),
    ("limits: {data_ring: 5MiB}\n", ["hostlens.yaml:1", "data_ring"]),
    ("exporters: {otlp: {endpoint: 'gopher://a'}}\n", ["hostlens.yaml:1", "endpoint"]),
    ("targets: [\n", ["hostlens.yaml"]),
    ("a: &a [*a, *a]\n", ["hostlens.yaml"]),
])
@pytest.mark.parametrize("command", [["config", "check"], ["agent", "--config"]], ids=" ".join)
def test_a_wrong_configuration(tmp_path, command, text, words):
    assert_one_message(hostlens(*command, configured(tmp_path, text)), 2, *words)


def test_every_mistake_is_named_at_once(tmp_path):
    result = hostlens("config", "check", configured(tmp_path, "listne: off\nintervall: 1s\n"))
    assert result.returncode == 2
    assert re.findall(r"hostlens\.yaml:(\d+): ", result.stderr) == ["1", "2"]
    assert len(result.stderr.splitlines()) == 2


def test_the_packaged_configuration_is_right():
    result = hostlens("config", "check", ROOT / "packaging/hostlens.yaml")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("command", [["config", "check"], ["agent", "--config"]], ids=" ".join)
def test_a_configuration_that_is_not_there(tmp_path, command):
    assert_one_message(hostlens(*command, tmp_path / "none.yaml"), 2, "none.yaml", "No such file")


def test_a_configuration_that_is_a_folder(tmp_path):
    assert_one_message(hostlens("config", "check", tmp_path), 2, str(tmp_path))


@pytest.mark.parametrize("words", [["run", "--no-such", "--", "true"], ["run"], ["run", "--"], ["walk"],
                                   ["agent"], ["run", "--for", "1", "--", "true"],
                                   ["run", "--listen", "nowhere", "--", "true"], ["top", "--no-such"],
                                   ["config", "check"], ["run", "--otlp-endpoint", "x", "--", "true"]])
def test_wrong_arguments(words):
    result = hostlens(*words)
    assert result.returncode == 2, result.stderr
    assert result.stderr.strip()
    assert result.stdout == ""


def test_a_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = hostlens("run", "--listen", f"127.0.0.1:{port}", "--", "echo", "ran")
        assert_one_message(result, 1, str(port), "in use")


def test_a_file_that_cannot_be_written():
    result = hostlens("run", "--listen", "127.0.0.1:0", "--otlp-json", "/no/such/folder/x", "--", "true")
    assert result.returncode in (1, 2)
    assert "/no/such/folder/x" in result.stderr


def test_without_root(directory):
    program = directory / "hostlens"  # where a user without rights can reach it
    shutil.copy(HOSTLENS, program)
    program.chmod(0o755)
    result = ended(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", program,
                    "run", "--listen", "127.0.0.1:0", "--", "true"], text=True)
    assert_one_message(result, 3)
    assert "root" in result.stderr or "CAP_" in result.stderr


def test_without_a_capability():
    result = ended(["setpriv", "--bounding-set=-bpf,-sys_admin,-perfmon",
                    "--inh-caps=-bpf,-sys_admin,-perfmon", "--", HOSTLENS, "run", "--listen",
                    "127.0.0.1:0", "--", "true"], text=True)
    assert_one_message(result, 3)


def test_nobody_answers_top():
    assert_one_message(hostlens("top", "--address", f"127.0.0.1:{free_port()}"), 4)


def test_something_else_answers_top():
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        result = hostlens("top", "--address", f"127.0.0.1:{server.server_address[1]}")
        assert_one_message(result, 1, "404")
    finally:
        server.shutdown()


def test_a_target_that_does_not_exist(tmp_path):
    running = agents.agent(tmp_path, agents.CONFIGURATION +
                           "targets: {include: [{pid: 4194303}, {unit: no-such}]}\n")
    try:
        assert "4194303" in running.stderr()
        settles(running.counts, {})
        assert running.stop() == 0
    finally:
        running.kill()
