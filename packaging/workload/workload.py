# SPDX-License-Identifier: Apache-2.0
"""Starts nginx -> shop -> stock on free ports of loopback and ends them when it is ended itself.

Usage: workload.py FOLDER. FOLDER is temporary; FOLDER/pid is this process, FOLDER/port appears when nginx answers.
"""
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start(command, service="", **options):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    if service:
        environment["OTEL_SERVICE_NAME"] = service
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, preexec_fn=end_with_parent,
                            **options)


def start_service(script, name, *arguments):
    service = start([sys.executable, HERE / script, *arguments], name, stdout=subprocess.PIPE)
    port = service.stdout.readline().decode().strip()
    if not port:
        raise SystemExit(f"workload: {script} did not start")
    return service, port


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def start_nginx(folder, shop_port):
    port = free_port()
    text = (HERE / "nginx.conf").read_text()
    for key, value in (("@FOLDER@", folder), ("@PORT@", port), ("@SHOP@", shop_port)):
        text = text.replace(key, str(value))
    (folder / "nginx.conf").write_text(text)
    (folder / "static").mkdir()
    (folder / "static" / "shop.css").write_text("body { font: 16px sans-serif; }\n")
    binary = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if binary is None:
        raise SystemExit("workload: nginx is not installed")
    nginx = start([binary, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"])
    deadline = time.monotonic() + 10
    while not answers(port):
        if nginx.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("workload: nginx did not start")
        time.sleep(0.02)
    return nginx, port


def end(children):
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(timeout=3)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def main():
    folder = pathlib.Path(sys.argv[1])
    (folder / "pid").write_text(f"{os.getpid()}\n")
    children = []
    # From here on every signal unwinds through `finally`.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        stock, stock_port = start_service("stock.py", "stock")
        children.append(stock)
        shop, shop_port = start_service("shop.py", "shop", stock_port)
        children.append(shop)
        nginx, port = start_nginx(folder, shop_port)
        children.append(nginx)
        (folder / "port.new").write_text(f"{port}\n")
        (folder / "port.new").rename(folder / "port")
        for child in children:
            child.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        end(children)


main()
