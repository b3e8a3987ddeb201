# SPDX-License-Identifier: Apache-2.0
"""Symbols from debuginfod servers: elfutils' own, and those that do what they should not."""
import os
import pathlib
import shutil
import subprocess
import threading
import time

import pytest

from harness import debug_servers, recordings
from harness.agent import ROOT, ended, HOSTLENS, hostlens
from harness.debug_servers import Debuginfod, Misbehaving, build_id, stripped
from harness.polling import eventually
from harness.process import free_port
from harness.servers import Server
from test_continuous_profile import Client, profiled

WORK = """
#include <time.h>
static volatile unsigned long sink;
__attribute__((noinline, noclone)) void inner_work(void) { for (int i = 0; i < 1000; ++i) sink += i; }
__attribute__((noinline, noclone)) void outer_work(void) { for (int i = 0; i < 30; ++i) inner_work(); __asm__ volatile(""); }
int main(void)
{
	struct timespec now = { 0 };
	do {
		outer_work();
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	} while (now.tv_sec < 1);
	return 0;
}
"""


@pytest.fixture
def work(directory):
    """A second of work without names, and its folders."""
    source = directory / "work.c"
    source.write_text(WORK)
    return stripped(directory, source)


@pytest.fixture
def misbehaving(started):
    def start(how):
        return started(Misbehaving(how))
    return start


def recorded(directory, work, *options, timeout=60):
    """What `hostlens profile` told and the functions of the work's stacks, leaf first."""
    out = directory / "work.folded"
    result = recordings.profile("-o", out, *options, "--", work, timeout=timeout,
                                env={**os.environ, "XDG_CACHE_HOME": str(directory / "cache"),
                                     "DEBUGINFOD_URLS": "http://127.0.0.1:1"})
    functions = {}
    for frames, weight in recordings.stacks(out):
        for frame in set(frames):
            functions[frame] = functions.get(frame, 0) + weight
    return result.stderr, functions, sum(weight for _, weight in recordings.stacks(out))


def cached(directory):
    folder = directory / "cache/hostlens/debuginfod"
    return {path.name for path in folder.iterdir()}


def assert_unnamed(functions):
    assert "inner_work" not in functions and "outer_work" not in functions
    assert any(frame.startswith("[work+0x") for frame in functions), functions


def assert_named(functions, total):
    assert functions["inner_work"] >= 0.9 * total and functions["outer_work"] >= 0.9 * total, functions
    assert not any(frame.startswith("[work+0x") and weight > 0.05 * total for frame, weight in functions.items()), functions


def test_a_recording_has_the_names_that_a_server_has(directory, work, started):
    server = started(Debuginfod(directory, directory / "debug"))
    told, functions, _ = recorded(directory, work)
    assert_unnamed(functions)
    assert "symbols of" not in told
    told, functions, total = recorded(directory, work, "--debuginfod", server.url)
    assert_named(functions, total)
    assert "stored" in told, told
    assert f"{build_id(work)}.debug" in cached(directory)


def test_a_file_that_is_cached_is_not_asked_for_again(directory, work, misbehaving):
    good = misbehaving(debug_servers.another(directory / "debug/work.debug"))
    _, functions, total = recorded(directory, work, "--debuginfod", good.url)
    assert_named(functions, total)
    assert good.asked_for(build_id(work)) == 1
    _, functions, total = recorded(directory, work, "--debuginfod", good.url)
    assert_named(functions, total)
    assert good.asked_for(build_id(work)) == 1


def test_nothing_but_build_ids_is_sent(directory, work, misbehaving):
    server = misbehaving(debug_servers.missing)
    recorded(directory, work, "--debuginfod", server.url + "/")
    assert server.asked_for(build_id(work)) == 1
    for path, headers in server.asked:
        _, first, identity, last = path.split("/")
        assert (first, last) == ("buildid", "debuginfo") and set(identity) <= set("0123456789abcdef")
        assert headers.keys() <= {"Host", "User-Agent", "Accept", "X-DEBUGINFOD-MAXSIZE"}
        assert headers["User-Agent"] == "hostlens"


def test_a_second_server_is_asked_for_what_the_first_has_not(directory, work, misbehaving):
    first = misbehaving(debug_servers.missing)
    second = misbehaving(debug_servers.another(directory / "debug/work.debug"))
    _, functions, total = recorded(directory, work, "--debuginfod", first.url, "--debuginfod", second.url)
    assert_named(functions, total)
    assert first.asked_for(build_id(work)) == second.asked_for(build_id(work)) == 1


def test_names_that_are_here_are_asked_of_nobody(directory, work, misbehaving):
    server = misbehaving(debug_servers.missing)
    beside = work.parent / ".debug"
    beside.mkdir()
    shutil.copy(directory / "debug/work.debug", beside / "work.debug")
    subprocess.run(["objcopy", f"--add-gnu-debuglink={beside / 'work.debug'}", work], check=True)
    _, functions, total = recorded(directory, work, "--debuginfod", server.url)
    assert_named(functions, total)
    assert server.asked_for(build_id(work)) == 0


@pytest.mark.parametrize("how, outcome", [
    (debug_servers.missing, "not_found"),
    (debug_servers.garbage, "broken"),
    (debug_servers.endless, "too_large"),
    (debug_servers.another(pathlib.Path("/bin/true")), "mismatch"),
    (debug_servers.half, "unreachable"),
    (debug_servers.status(406), "too_large"),
    (debug_servers.status(503), "refused"),
], ids=["missing", "garbage", "endless", "another", "half", "406", "503"])
def test_a_server_that_gives_no_good_file_costs_names_and_nothing_else(directory, work, misbehaving, how, outcome):
    server = misbehaving(how)
    told, functions, _ = recorded(directory, work, "--debuginfod", server.url)
    assert_unnamed(functions)
    assert server.asked_for(build_id(work)) == 1
    assert outcome in told, told
    assert cached(directory) == set(), "nothing of it is left"


def test_a_server_that_hangs_is_waited_for_half_a_minute(directory, work, misbehaving):
    server = misbehaving(debug_servers.hang)
    begin = time.monotonic()
    told, functions, _ = recorded(directory, work, "--debuginfod", server.url)
    assert 30 <= time.monotonic() - begin < 45
    assert_unnamed(functions)
    assert "waiting for symbols of" in told and "did not come in time" in told, told


def test_a_server_that_is_not_there_is_not_waited_for(directory, work):
    begin = time.monotonic()
    told, functions, _ = recorded(directory, work, "--debuginfod", f"http://127.0.0.1:{free_port()}")
    assert time.monotonic() - begin < 20
    assert_unnamed(functions)
    assert "1 unreachable" in told, told


def test_a_server_may_send_to_another(directory, work, misbehaving):
    good = misbehaving(debug_servers.another(directory / "debug/work.debug"))
    first = misbehaving(debug_servers.redirect(good.url))
    _, functions, total = recorded(directory, work, "--debuginfod", first.url)
    assert_named(functions, total)


def test_what_is_no_url_is_named(directory):
    result = hostlens("profile", "--debuginfod", "file:///etc", "--", "true")
    assert result.returncode == 2 and "file:///etc" in result.stderr


# The agent: the same with its configuration.

@pytest.fixture
def server(directory):
    program = stripped(directory, ROOT / "tests/fixtures/profile/routes.c")
    port = free_port()
    return Server("routes", "routes", port, [str(program), str(port), "1000000"])


def configured(directory, url, **more):
    cache = directory / "cache"
    keys = {"cache_dir": cache, **more}
    return (f"listen: 127.0.0.1:0\ninterval: 1s\nprofile: {{cpu: {{hz: 199}}, limits: {{cpu: 100%}}}}\n"
            f"symbols: {{debuginfod: {{urls: [{url}], {', '.join(f'{key}: {value}' for key, value in keys.items())}}}}}\n")


def downloads(agent, outcome):
    return agent.metrics().sum("hostlens_profile_symbols_downloads_total", outcome=outcome)


def functions_of(agent):
    """Names of functions of the service with CPU time of their own."""
    return {labels["function"] for labels, _ in agent.metrics().samples["hostlens_profile_cpu_time_seconds_total"]
            if labels.get("service_name") == "routes"}


def test_frames_get_their_names_while_the_agent_runs(directory, watch, server, started):
    debuginfod = started(Debuginfod(directory, directory / "debug"))
    agent = watch(server, configuration=configured(directory, debuginfod.url))
    profiled(agent)
    started(Client(server.port))
    eventually(lambda: downloads(agent, "stored") >= 1, 60, "the file is here")
    eventually(lambda: "turn" in functions_of(agent), 30, "its functions have names")
    assert f"{build_id(server.command[0])}.debug" in {path.name for path in (directory / "cache").iterdir()}


def test_samples_go_on_without_names_until_they_come(directory, watch, server, started, misbehaving):
    gate = threading.Event()
    slow = misbehaving(debug_servers.later(gate, directory / "debug/routes.debug"))
    agent = watch(server, configuration=configured(directory, slow.url))
    profiled(agent)
    started(Client(server.port))
    eventually(lambda: slow.asked_for(build_id(server.command[0])) == 1, 60, "the server is asked")
    unnamed = {"service_name": "routes", "kind": "native", "named": "false"}
    eventually(lambda: agent.metrics().sum("hostlens_profile_frames_total", **unnamed) > 199, 30, "samples without names")
    assert "turn" not in functions_of(agent)
    gate.set()
    eventually(lambda: "turn" in functions_of(agent), 30, "functions have names")


@pytest.mark.parametrize("how, outcome, refused", [
    (debug_servers.missing, "not_found", None),
    (debug_servers.garbage, "broken", "broken"),
    (debug_servers.endless, "too_large", "too_large"),
    (debug_servers.another(pathlib.Path("/bin/true")), "mismatch", "mismatch"),
    (debug_servers.hang, "timeout", None),
], ids=["missing", "garbage", "endless", "another", "hanging"])
def test_the_agent_counts_what_servers_do_and_goes_on(directory, watch, server, started, misbehaving, how, outcome,
                                                      refused):
    bad = misbehaving(how)
    agent = watch(server, configuration=configured(directory, bad.url, timeout="1s", max_size="1MiB"))
    profiled(agent)
    client = started(Client(server.port))
    eventually(lambda: downloads(agent, outcome) >= 1, 60, lambda: f"{outcome} is counted")
    eventually(lambda: bad.asked_for(build_id(server.command[0])) == 1, 30, "it was asked for this one")
    metrics = agent.metrics()
    before = metrics.sum("hostlens_profile_samples_total", service_name="routes")
    if refused is not None:
        assert metrics.sum("hostlens_profile_symbols_refused_total", reason=refused) >= 1
    eventually(lambda: agent.metrics().sum("hostlens_profile_samples_total", service_name="routes") > before + 199, 30,
               "samples go on")
    client.stop()
    agent.wait_for_requests(2 * client.pairs)
    assert bad.asked_for(build_id(server.command[0])) == 1, "not again"
    assert list((directory / "cache").iterdir()) == []


@pytest.mark.usefixtures("work")
def test_the_doctor_tells_whether_servers_answer(directory, started, misbehaving):
    good = started(Debuginfod(directory, directory / "debug"))
    bad = misbehaving(debug_servers.garbage)
    file = directory / "doctor.yaml"
    file.write_text(configured(directory, f'"{good.url}", "{bad.url}", "http://127.0.0.1:1"'))
    told = ended([HOSTLENS, "doctor", "--config", file], text=True, timeout=60).stdout
    lines = {line.split()[1].rstrip(":"): line for line in told.splitlines() if "http://127.0.0.1" in line}
    assert "ok " in lines[f"{good.url}/"] and "answers as debuginfod does" in lines[f"{good.url}/"]
    assert "missing" in lines[f"{bad.url}/"] and "answers 200" in lines[f"{bad.url}/"]
    assert "missing" in lines["http://127.0.0.1:1/"]
