# SPDX-License-Identifier: Apache-2.0
"""What the host offers: commands, its Debian archive, the cache folder."""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import subprocess

CACHE = pathlib.Path(__file__).resolve().parents[2] / "build" / "vm"


class Unavailable(Exception):
    """The guest cannot be had on this host; the text says why and what helps."""


def need(*commands):
    for command in commands:
        if not shutil.which(command):
            raise Unavailable(f"{command} is missing: apt-get install "
                              "$(packaging/dependencies.sh --missing vm)")


def output_of(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def run_logged(command, log, **options):
    """Runs with its output in `log`; the log's end is part of the error."""
    with open(log, "w", encoding="utf-8") as file:
        status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, check=False, **options).returncode
    if status != 0:
        last = pathlib.Path(log).read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        raise Unavailable(f"{command[0]} failed with {status}, see {log}: " + " | ".join(last))


def natural(name):
    """Sorts 6.1.0-9 before 6.1.0-10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def release():
    """The host's Debian release by its code name: the guest's root has the same."""
    fields = dict(line.split("=", 1)
                  for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    if fields.get("ID") != "debian":
        raise Unavailable("the host is not Debian, whose archive the guest is made of")
    return fields["VERSION_CODENAME"].strip('"')


def mirror():
    """The archive that the host's own apt uses for its release."""
    lines = output_of("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages",
                      "Component: main", f"Codename: {release()}").split()
    if not lines:
        raise Unavailable("apt knows no archive of this release: apt-get update")
    return lines[0]


@contextlib.contextmanager
def cache_folder():
    """The cache, held by one process at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield CACHE


def is_root():
    return os.geteuid() == 0
