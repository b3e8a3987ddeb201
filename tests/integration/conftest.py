# SPDX-License-Identifier: Apache-2.0
"""Whole-agent tests: see README.md."""
import contextlib
import os
import pathlib
import tempfile

import pytest

# Failed assertions of the harness show their values, too.
pytest.register_assert_rewrite("harness")

from harness import agent as agent_module  # noqa: E402
from harness import libbpf_tools  # noqa: E402
from harness.agent import HOSTLENS  # noqa: E402

RATES = []


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs root to load probes"))


def pytest_configure(config):
    config.addinivalue_line("markers", "no_agent: needs no built agent")
    config.addinivalue_line("markers", "alone: measures, or looks at the whole host: nothing else may run")


@pytest.fixture(scope="session", autouse=True)
def built(request):
    needs = any(item.get_closest_marker("no_agent") is None for item in request.session.items)
    if needs and not os.access(HOSTLENS, os.X_OK):
        pytest.exit(f"{HOSTLENS} is not built", returncode=1)


@pytest.fixture
def directory():
    """A temporary folder that unprivileged servers can enter."""
    with tempfile.TemporaryDirectory(prefix="hostlens-test-") as name:
        path = pathlib.Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def started(directory):  # whose files are read at the end
    """Gathers what has to be stopped at the end, last first."""
    with contextlib.ExitStack() as stack:
        def remember(thing):
            stack.callback(thing.kill if hasattr(thing, "kill") else thing.stop)
            return thing
        yield remember


@pytest.fixture
def run(directory, started):
    """Starts `hostlens run -- COMMAND`."""
    def start(command, **options):
        return started(agent_module.run(directory, command, **options))
    return start


@pytest.fixture
def watch(directory, started):
    """Starts a server by `hostlens run` and waits for it to listen."""
    def start(server, **options):
        agent = started(agent_module.run(directory, server.command, environment=server.environment,
                                         **options))
        server.wait(agent)
        return agent
    return start


@pytest.fixture
def tool(directory, started):
    """Starts one of libbpf-tools and waits until it sees what happens."""
    return lambda *words: started(libbpf_tools.start(directory, words))


@pytest.fixture
def rates():
    """Rows for the table at the end: what was attained."""
    return RATES


def pytest_terminal_summary(terminalreporter):
    if RATES:
        terminalreporter.section("attained")
        for row in RATES:
            terminalreporter.write_line(row)
