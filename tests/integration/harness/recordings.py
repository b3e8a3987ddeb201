# SPDX-License-Identifier: Apache-2.0
"""Recordings of `hostlens profile`, and what is in their folded stacks."""
import pathlib

import pytest

from harness.agent import HOSTLENS, ended


def profile(*words, **options):
    """A recording at 499 Hz; skips the test where stacks cannot be sampled."""
    result = ended([HOSTLENS, "profile", "--hz", "499", *words], text=True, **options)
    if result.returncode == 3:
        pytest.skip("stacks cannot be sampled here: " + result.stderr)
    assert result.returncode == 0, result.stderr
    return result


def stacks(path):
    """(frames, weight), root first."""
    lines = (line.rsplit(" ", 1) for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines())
    return [(stack.split(";"), int(weight)) for stack, weight in lines]
