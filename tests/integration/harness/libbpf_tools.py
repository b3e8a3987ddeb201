# SPDX-License-Identifier: Apache-2.0
"""libbpf-tools: other people's programs on the same hooks."""
import os
import shutil
import signal

import pytest

from .polling import eventually
from .process import Process


def attached(pid):
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return any(link in ("anon_inode:bpf_link", "anon_inode:[perf_event]") for link in links)


def with_tracefs(*words):
    """For a tool that finds its tracepoints by tracefs: mounted for it alone, where the machine has none."""
    return ["unshare", "-m", "sh", "-c", f"mount -t tracefs none /sys/kernel/tracing 2>&1; exec stdbuf -oL {' '.join(words)}"]


def start(directory, words):
    """Returns when it is attached; skips where there is no such tool or this kernel refuses it."""
    path = shutil.which(words[0], path="/usr/sbin:/usr/bin")
    if path is None:
        pytest.skip(f"{words[0]} of libbpf-tools is not installed")
    made = Process([path, *words[1:]], directory, words[0])
    eventually(lambda: attached(made.pid) or not made.running(), 20, "the tool to attach")
    if not made.running():
        pytest.skip(f"{words[0]} does not run on this kernel: {made.stderr()[-200:]}")
    return made


def told(made):
    """What it prints when it is interrupted."""
    made.signal(signal.SIGINT)
    made.wait()
    return made.stdout()
