# SPDX-License-Identifier: Apache-2.0
"""Both ends of one scripted connection: the server in a watched process, the client here."""
import json
import socket
import struct
import subprocess

from . import agent as agents
from .polling import eventually
from .process import free_port
from .servers import FIXTURES, PYTHON


class Wire:
    """One watched server that plays a script for each connection."""

    def __init__(self, directory, configuration=agents.CONFIGURATION, unix=False):
        self.where = str(directory / "wire.sock") if unix else free_port()
        command = [PYTHON, str(FIXTURES / "wire/server.py"), str(self.where)]
        self.agent = agents.run(directory, command, configuration=configuration,
                                stdin=subprocess.PIPE)
        self.played = 0

    def connect(self):
        if isinstance(self.where, str):
            client = socket.socket(socket.AF_UNIX)
            address = self.where
        else:
            client = socket.socket()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            address = ("127.0.0.1", self.where)

        def connected():
            try:
                client.connect(address)
                return True
            except (ConnectionRefusedError, FileNotFoundError):
                return False
        eventually(connected, 10, "the scripted server listens")
        client.settimeout(10)
        return client

    def play(self, steps, client_steps):
        """Runs both scripts to their ends."""
        self.agent.child.stdin.write(json.dumps(steps).encode() + b"\n")
        self.agent.child.stdin.flush()
        client = self.connect()
        for name, *arguments in client_steps:
            if name == "send":
                client.sendall(arguments[0].encode("latin-1"))
            elif name == "send_each":
                for byte in arguments[0].encode("latin-1"):
                    client.send(bytes([byte]))
            elif name == "read":
                left = arguments[0]
                while left > 0:
                    got = client.recv(left)
                    assert got, f"the server closed, {left} bytes missing"
                    left -= len(got)
            elif name == "read_end":
                try:
                    while client.recv(65536):
                        pass
                except ConnectionResetError:
                    pass
            elif name == "shutdown":
                client.shutdown(socket.SHUT_WR)
            elif name == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                break
        client.close()
        self.played += 1
        self.agent.until(lambda: self.agent.stdout().count("done") >= self.played, 10,
                         f"the server finished script {self.played}")

    def rows(self, route):
        """(method, status, error type, count) of a route."""
        return sorted((row["method"], row["status"], row["error_type"], row["duration"]["count"])
                      for row in self.agent.rows() if row["route"] == route)

    def spans(self, path):
        return [span for span in self.agent.spans() if span["attributes"].get("url.path") == path]

    def kill(self):
        self.agent.kill()
