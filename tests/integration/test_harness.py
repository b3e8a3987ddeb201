# SPDX-License-Identifier: Apache-2.0
"""What judges is judged: the harness' own arithmetic, by hand-made cases."""
import pytest

from harness import process
from harness.books import wrong
from harness.histogram import quantile
from harness.polling import eventually, settles
from harness.process import Process, free_port

pytestmark = pytest.mark.no_agent


def row(counts, offset=0, scale=0, zero_count=0):
    return {"duration": {"counts": counts, "offset": offset, "scale": scale, "zero_count": zero_count}}


def test_quantiles_are_interpolated_within_a_bucket():
    rows = [row([10, 0]), row([0, 10])]  # (1, 2] and (2, 4]
    assert quantile(rows, 0.25) == 1.5
    assert quantile(rows, 0.75) == 3
    assert quantile([row([4], offset=-2, scale=1)], 1) == pytest.approx(2 ** -0.5)
    assert quantile([row([], zero_count=3)], 0.5) == 0


def stages(**changes):
    books = {stage: {"received": 10, "forwarded": 9, "dropped": {"gap": 1}, "held": 0}
             for stage in ("kernel", "match", "export_otlp", "export_otlp_json")}
    books.update({stage: {"received": 9, "forwarded": 9, "dropped": {}, "held": 0}
                  for stage in ("decode", "track", "correlate")})
    books["export_otlp"] = {"received": 9, "forwarded": 5, "dropped": {}, "held": 4}
    books["export_otlp_json"] = {"received": 0, "forwarded": 0, "dropped": {}, "held": 0}
    for stage, change in changes.items():
        books[stage] = {**books[stage], **change}
    return books


def test_balanced_books_have_nothing_wrong():
    assert wrong(stages()) == []


@pytest.mark.parametrize("change", [{"kernel": {"held": 1}}, {"match": {"dropped": {}}},
                                    {"decode": {"received": 8, "forwarded": 8}},
                                    {"correlate": {"received": 10, "held": 1}},
                                    {"export_otlp": {"received": 8, "held": 3}}])
def test_each_broken_law_is_found(change):
    assert len(wrong(stages(**change))) >= 1


def test_waiting_in_vain_fails():
    with pytest.raises(AssertionError):
        eventually(lambda: False, 0.05, "never")
    with pytest.raises(AssertionError):
        settles(lambda: 1, 2, 0.05)


def test_no_port_is_given_twice(monkeypatch):
    """Nor to two workers, which do not know of each other."""
    given = []
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "2")
    for worker in ("gw0", "gw1"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        monkeypatch.setattr(process, "_given_ports", set())
        given += [free_port() for _ in range(500)]
    assert len(set(given)) == len(given)


@pytest.mark.parametrize("report", [
    "==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x1",
    "SUMMARY: UndefinedBehaviorSanitizer: undefined-behavior a.cpp:1:2",
    "==7==ERROR: LeakSanitizer: detected memory leaks",
    "==7==LeakSanitizer has encountered a fatal error.",
    "WARNING: ThreadSanitizer: data race (pid=7)"])
def test_a_sanitizers_report_is_a_failure(directory, report):
    process = Process(["sh", "-c", 'echo "$0" >&2', report], directory, "reporter")
    with pytest.raises(AssertionError):
        process.wait()
    with pytest.raises(AssertionError):
        process.kill()
