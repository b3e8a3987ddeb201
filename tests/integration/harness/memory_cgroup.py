# SPDX-License-Identifier: Apache-2.0
"""A memory cgroup of the test's own, of version 1 or 2."""
import contextlib
import os
import pathlib

import pytest

ROOT = pathlib.Path("/sys/fs/cgroup")


class MemoryCgroup:
    def __init__(self, name, limit):
        self.unified = (ROOT / "cgroup.controllers").exists()
        root = ROOT if self.unified else ROOT / "memory"
        if not self.unified and not (root / "memory.limit_in_bytes").exists():
            pytest.skip("no memory cgroups are mounted in /sys/fs/cgroup")
        self.path = root / name
        try:
            if self.unified:
                self._write(root / "cgroup.subtree_control", "+memory")
            self.path.mkdir()
        except OSError as error:
            pytest.skip(f"no memory cgroup may be made: {error}")
        try:
            self._write(self.path / ("memory.max" if self.unified else "memory.limit_in_bytes"), limit)
            with contextlib.suppress(OSError):  # not every kernel has it
                self._write(self.path / ("memory.swap.max" if self.unified else "memory.swappiness"), 0)
        except OSError as error:
            self.stop()
            pytest.skip(f"a memory cgroup's limit cannot be set: {error}")

    @staticmethod
    def _write(path, value):
        """Never makes a file: on a file system that is no cgroup's it would be an ordinary one."""
        file = os.open(path, os.O_WRONLY)
        try:
            os.write(file, str(value).encode())
        finally:
            os.close(file)

    @property
    def members(self):
        """Who writes his process id into this file is in it."""
        return self.path / "cgroup.procs"

    def kills(self):
        """By the kernel's own count."""
        text = (self.path / ("memory.events" if self.unified else "memory.oom_control")).read_text()
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])

    def stop(self):
        """Its processes have ended."""
        self.path.rmdir()
