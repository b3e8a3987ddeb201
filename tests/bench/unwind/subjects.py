# SPDX-License-Identifier: Apache-2.0
"""Programs and what keeps them busy. Each function starts one in a folder of its own and yields its process id."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import time

from overhead.subjects import Nginx, Started, free_port

PROGRAMS = pathlib.Path(__file__).parent / "programs"
# Where Debian keeps what is not for every user's PATH.
PLACES = os.pathsep.join([os.environ["PATH"], "/usr/sbin", *map(str, sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin")))])


class Missing(Exception):
    """A program that is not installed."""


def program(name):
    found = shutil.which(name, path=PLACES)
    if found is None:
        raise Missing(name)
    return found


def build(*command):
    made = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Missing(f"{command[0]} that builds it: {made.stderr.strip().splitlines()[-1:]}")


@contextlib.contextmanager
def runs(folder, *command):
    with Started([str(word) for word in command], folder, "program") as started:
        yield started.pid


def c(source, *flags):
    def start(folder):
        build(program("cc"), "-O2", "-g0", "-fomit-frame-pointer", *flags, "-o", folder / "program", PROGRAMS / source)
        return runs(folder, folder / "program")
    return start


def plugin(folder):
    library = folder / "plugin.so"
    build(program("cc"), "-O2", "-shared", "-fPIC", "-o", library, PROGRAMS / "plugin.c")
    return c("plugin.c", f'-DLIBRARY="{library}"')(folder)


def exceptions(folder):
    build(program("c++"), "-O2", "-o", folder / "program", PROGRAMS / "exceptions.cpp", "-pthread")
    return runs(folder, folder / "program")


def rust(folder):
    build(program("rustc"), "-O", "-o", folder / "program", PROGRAMS / "threads.rs")
    return runs(folder, folder / "program")


def go(folder):
    build(program("go"), "build", "-o", folder / "program", PROGRAMS / "work.go")
    return runs(folder, folder / "program")


def stripped_go(folder):
    """Its rows are frame pointers; the judge has those of the debug file."""
    full, stripped = folder / "program.debug", folder / "program"
    build(program("go"), "build", "-o", full, PROGRAMS / "work.go")
    build(program("objcopy"), "--strip-debug", f"--add-gnu-debuglink={full}", full, stripped)
    return runs(folder, stripped)


def java(*options):
    def start(folder):
        build(program("javac"), "-d", folder, PROGRAMS / "Work.java")
        return runs(folder, program("java"), "-Xmx256m", *options, "-cp", folder, "Work")
    return start


def node(folder):
    return runs(folder, program("node"), PROGRAMS / "work.js")


def python(folder):
    interpreter = "/usr/bin/python3"
    if not os.path.exists(interpreter):
        raise Missing(interpreter)
    return runs(folder, interpreter, PROGRAMS / "work.py")


@contextlib.contextmanager
def nginx(folder):
    program("nginx")
    load = program("wrk")
    with Nginx(folder) as server, \
            Started([load, "-t1", "-c16", "-d600s", f"http://127.0.0.1:{server.port}/1k"], folder, "load"):
        yield server.pid


def until(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"unwind: {what} did not come")
        time.sleep(0.05)


@contextlib.contextmanager
def redis(folder):
    server, load = program("redis-server"), program("redis-benchmark")
    port = str(free_port())
    with Started([server, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder], folder, "redis") as started:
        ping = [program("redis-cli"), "-p", port, "ping"]
        until(lambda: subprocess.run(ping, capture_output=True, check=False).stdout.strip() == b"PONG", "redis-server")
        with Started([load, "-p", port, "-q", "-l", "-t", "set,get,lpush,zadd,mset", "-n", "100000"], folder, "load"):
            yield started.pid


@contextlib.contextmanager
def postgres_server(folder):
    """Yields its process id, and how its clients find it."""
    # It refuses to run as root.
    user = [program("setpriv"), "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    server, make, load = program("postgres"), program("initdb"), program("pgbench")
    os.chmod(folder, 0o755)
    data = folder / "data"
    data.mkdir()
    shutil.chown(data, "nobody", "nogroup")
    port = str(free_port())
    build(*user, make, "--no-sync", "-A", "trust", "-U", "nobody", "-D", data)
    command = [*user, server, "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={data}"]
    with Started(command, folder, "postgres") as started:
        client = ["-h", "127.0.0.1", "-p", port, "-U", "nobody", "postgres"]
        ready = [program("pg_isready"), *client[:-1]]
        until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0, "postgres")
        build(load, "-i", "-s", "2", *client)
        yield started.pid, client


@contextlib.contextmanager
def postgres(folder):
    with postgres_server(folder) as (pid, client), Started([program("pgbench"), "-c", "4", "-T", "600", *client], folder, "load"):
        yield pid


SUBJECTS = {
    "nginx": nginx,
    "redis-server": redis,
    "postgres": postgres,
    "python3": python,
    "node": node,
    "java": java(),
    "java, interpreted": java("-Xint"),
    "java with frame pointers": java("-XX:+PreserveFramePointer"),
    "Go": go,
    "Go, stripped": stripped_go,
    "Rust": rust,
    "C++ exceptions": exceptions,
    "C": c("chain.c"),
    "C, static-pie": c("chain.c", "-static-pie"),
    "C, DRAP": c("realigned.c"),
    "C, signals": c("signals.c"),
    "C, dlopen": plugin,
    "C, fork and exec": c("forks.c"),
}
