# SPDX-License-Identifier: Apache-2.0
"""Servers of debug files on loopback: elfutils' own, and those that do what they should not."""
import http.server
import os
import pathlib
import shutil
import subprocess
import threading
import urllib.request

import pytest

from .process import Process, free_port


def build_id(path):
    notes = subprocess.run(["readelf", "-n", path], check=True, capture_output=True, text=True).stdout
    return notes.split("Build ID: ")[1].split()[0]


def stripped(folder, source, *options):
    """A program without symbols in folder/bin; they are in folder/debug alone. Its build id is its own alone."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    for name in ("bin", "debug"):
        (folder / name).mkdir()
    program = folder / "bin" / source.stem
    seed = os.urandom(20).hex()
    subprocess.run([compiler, "-g", "-O2", "-fomit-frame-pointer", f"-Wl,--build-id=0x{seed}", *options,
                    "-o", program, source], check=True)
    subprocess.run(["objcopy", "--only-keep-debug", program, folder / "debug" / f"{source.stem}.debug"], check=True)
    subprocess.run(["strip", "-s", program], check=True)
    assert build_id(program) == seed
    return program


class Debuginfod(Process):
    """elfutils' server over a folder."""

    def __init__(self, directory, folder):
        program = shutil.which("debuginfod")
        if program is None:
            pytest.skip("debuginfod is not installed: packaging/dependencies.sh test")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        # On all addresses: it has no option for another.
        super().__init__([program, "-F", "-t0", "-d", ":memory:", "-p", str(port), str(folder)], directory, "debuginfod",
                         environment={"HOME": str(directory)})
        self.until(lambda: self._has(folder), 30, "debuginfod has read its folder")

    def _has(self, folder):
        for file in folder.iterdir():
            try:
                with urllib.request.urlopen(f"{self.url}/buildid/{build_id(file)}/debuginfo", timeout=5):
                    pass
            except OSError:  # of which HTTPError is one
                return False
        return True


class Misbehaving:
    """Answers every question as `how` does, and remembers the paths."""

    def __init__(self, how):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                outer.asked.append((self.path, dict(self.headers)))
                try:
                    how(self)
                except OSError:
                    pass  # it hung up, as it should

            def log_message(self, *_):
                pass

        self.asked = []
        self.ends = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.ends = self.ends
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def asked_for(self, identity):
        return sum(f"/{identity}/" in path for path, _ in self.asked)

    def kill(self):
        self.ends.set()
        self.server.shutdown()
        self.server.server_close()


def hang(request):
    request.server.ends.wait(300)


def garbage(request):
    request.send_response(200)
    request.end_headers()
    request.wfile.write(b"no ELF file " * 1000)


def endless(request):
    request.send_response(200)
    request.end_headers()
    piece = b"\x7fELF" + bytes(1 << 20)
    while not request.server.ends.is_set():
        request.wfile.write(piece)


def missing(request):
    request.send_error(404)


def status(number):
    return lambda request: request.send_error(number)


def redirect(url):
    def answer(request):
        request.send_response(302)
        request.send_header("Location", url + request.path)
        request.end_headers()
    return answer


def half(request):
    """Promises more than it sends."""
    body = pathlib.Path("/bin/true").read_bytes()
    request.send_response(200)
    request.send_header("Content-Length", str(2 * len(body)))
    request.end_headers()
    request.wfile.write(body)


def later(gate, path):
    """Of another program, or the right one, once the gate is open."""
    def answer(request):
        gate.wait(300)
        another(path)(request)
    return answer


def another(path):
    """A good debug file, of another program."""
    def answer(request):
        body = path.read_bytes()
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
    return answer
