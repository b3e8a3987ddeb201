# SPDX-License-Identifier: Apache-2.0
"""Waiting for observable state; nothing here waits for time alone."""
import time


def eventually(look, seconds, what):
    """The first truthy answer of `look`, asked again and again; a failure of the test without one."""
    deadline = time.monotonic() + seconds
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.02)


def settles(look, expected, seconds=5):
    """Asserts that `look` gives `expected` before the deadline; shows the last value otherwise."""
    deadline = time.monotonic() + seconds
    value = look()
    while value != expected and time.monotonic() < deadline:
        time.sleep(0.02)
        value = look()
    assert value == expected
