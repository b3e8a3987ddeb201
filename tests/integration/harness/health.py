# SPDX-License-Identifier: Apache-2.0
"""`hostlens health` and what it printed."""
import json

from . import servers
from .agent import hostlens
from .process import Process, free_port
from .oracles import oracle
from .polling import eventually


class Health:
    """One answer of a running agent."""

    def __init__(self, agent, *options):
        result = hostlens("health", "--json", "--address", agent.address, *options)
        self.status = result.returncode
        self.signals = json.loads(result.stdout)["signals"]

    def find(self, signal, service=""):
        for row in self.signals:
            if (row["signal"], row["service"]) == (signal, service):
                return row
        return None

    def state(self, signal, service=""):
        row = self.find(signal, service)
        return row and row["state"]


def until(agent, state, signal, service="", seconds=20, doing=None):
    """Waits for a state; the row. `doing` is done again and again meanwhile."""
    last = {}

    def look():
        if doing:
            doing()
        last["row"] = Health(agent).find(signal, service)
        return last["row"] if last["row"] and last["row"]["state"] == state else None
    return eventually(look, seconds, lambda: f"{signal} of {service or 'the host'} is {state}, not "
                      f"{last['row']}")


class Moody:
    """A server whose state the test sets by files."""

    def __init__(self, directory):
        self.port = free_port()
        self.control = directory / "control"
        self.control.mkdir()
        self.service = "moody"
        self.command = [servers.PYTHON, str(servers.FIXTURES / "health/moody.py"), str(self.port),
                        str(self.control)]

    def server(self):
        return servers.Server("moody", self.service, self.port, self.command)

    def set(self, name, value=None):
        path = self.control / name
        if value is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(str(value))


def grpc_server(directory):
    port = free_port()
    server = servers.Server("grpc-health", "grpc-health", port,
                            [oracle("grpc-health"), f"127.0.0.1:{port}"])
    process = Process(server.command, directory, server.name)
    server.wait(process)
    return server, process
