# SPDX-License-Identifier: Apache-2.0
"""`hostlens top` on a terminal: the pages as somebody sees them, against the kernel's own files."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

import pytest

from harness import servers
from harness.agent import HOSTLENS, run
from harness.polling import eventually

KIB = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
RUN_QUEUE = "hostlens_thread_runqueue_duration_seconds_count"
# Sleeps and wakes up: the run queue always has something to tell.
WORK = "import time\nwhile True: time.sleep(0.01)"


class Terminal:
    """`hostlens top` on a terminal of that size; what it shows is kept as rows of text."""

    def __init__(self, address, width, height, environment=()):
        self.width, self.height = width, height
        self.bytes = b""
        self.master, self.kept = pty.openpty()
        self.modes = termios.tcgetattr(self.kept)[3]
        self.resize(width, height)
        self.process = subprocess.Popen(
            [HOSTLENS, "top", "--address", address, "--interval", "200ms"],
            stdin=self.kept, stdout=self.kept, stderr=self.kept, start_new_session=True,
            env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **dict(environment)})

    def resize(self, width, height):
        self.width, self.height = width, height
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def press(self, key):
        os.write(self.master, key.encode())

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            self.bytes += os.read(self.master, 65536)

    def rows(self):
        """The last whole screen, without colours."""
        self.read()
        screens = self.bytes.decode(errors="ignore").split("\x1b[H")
        # The last one may be half written; the footer is the end of a whole one.
        for screen in reversed(screens[1:]):
            if "q: end" in screen:
                plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)
                return plain.replace("\r", "").split("\n")
        return []

    def shows(self, *texts):
        rows = "\n".join(self.rows())
        return rows if all(text in rows for text in texts) else ""

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(10)
        os.close(self.master)
        os.close(self.kept)
        return status


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    made = run(tmp_path_factory.mktemp("top"), [servers.PYTHON, "-c", WORK])
    try:
        eventually(lambda: made.json("/api/v1/host")["kernel"]["seconds"] > 0, 20, "two readings")
        yield made
    finally:
        made.stop()


@pytest.fixture
def top(agent):
    open_ones = []

    def start(width=80, height=24, **options):
        open_ones.append(Terminal(agent.address, width, height, **options))
        return open_ones[-1]
    yield start
    for terminal in open_ones:
        terminal.end()


def size_of(number, unit):
    return float(number) * KIB[unit]


def meminfo(field):
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(re.search(rf"^{field}:\s+(\d+) kB", file.read(), re.M).group(1)) * 1024


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (30, 6)])
def test_every_page_fits_the_terminal(top, width, height):
    terminal = top(width, height)
    for key, word in (("1", "requests"), ("2", "host"), ("3", "health")):
        terminal.press(key)
        mark = f"{key} {word}" if width > 40 else word
        eventually(lambda: terminal.shows(mark), 10, f"the page {word}")
        rows = terminal.rows()
        assert len(rows) == height
        assert max(map(len, rows)) <= width, rows


def test_the_host_page_tells_what_proc_tells(top):
    terminal = top()
    terminal.press("2")
    rows = eventually(lambda: terminal.shows("MEMORY", "load"), 10, "the page")
    available, unit, total, total_unit = re.search(
        r"([\d.]+) (\w+) of ([\d.]+) (\w+) available", rows).groups()
    assert size_of(total, total_unit) == pytest.approx(meminfo("MemTotal"), rel=0.005)  # 3 digits
    # Other programs of the machine come and go meanwhile.
    assert size_of(available, unit) == pytest.approx(meminfo("MemAvailable"), rel=0.1)

    def load_is_right():
        # The kernel changes it every 5 s, the agent reads it every second.
        shown = re.search(r"load ([\d.]+) ([\d.]+) ([\d.]+)", "\n".join(terminal.rows()))
        with open("/proc/loadavg", encoding="ascii") as file:
            return shown and list(shown.groups()) == file.read().split()[:3]
    eventually(load_is_right, 10, lambda: f"the load of /proc/loadavg\n{terminal.rows()}")
    assert int(re.search(r"(\d+) CPUs", rows).group(1)) == os.sysconf("SC_NPROCESSORS_ONLN")


def reading(agent):
    """One reading as both pages tell it: the cumulative count, and the window's."""
    while True:
        before = agent.metrics().sum(RUN_QUEUE)
        host = agent.json("/api/v1/host")
        if agent.metrics().sum(RUN_QUEUE) == before:  # no reading came between
            count = sum(row["distribution"]["count"] for row in host["rows"]
                        if row["name"] == "hostlens.thread.runqueue.duration" and not row["service"])
            return before, count, host["kernel"]["seconds"]


def test_a_distribution_counts_what_the_metrics_gained(agent):
    if any(row["signal"] == "hostlens.thread.runqueue.duration"
           for row in agent.json("/api/v1/host")["unavailable"]):
        pytest.skip("the run queue cannot be observed here: see hostlens doctor")
    for _ in range(3):
        total, _, _ = reading(agent)
        later, count, seconds = eventually(
            lambda: (now := reading(agent))[0] != total and now, 10, "the next reading")
        assert count == later - total > 0
        assert 0.5 <= seconds <= 5


def test_the_page_shows_that_distribution(agent, top):
    terminal = top(120, 40)
    terminal.press("\t")
    row = eventually(lambda: re.search(r"run queue wakeup +([\d.]+)(k?) .*",
                                       "\n".join(terminal.rows())), 10, "the run queue")
    shown = float(row.group(1)) * (1000 if row.group(2) else 1)
    assert shown >= 50  # the program's own hundred wake-ups a second, on a machine that is busy
    assert re.search("[▁▂▃▄▅▆▇█]", row.group(0))


def test_what_is_unavailable_is_named_with_a_reason(agent, top):
    missing = agent.json("/api/v1/host")["unavailable"]
    names = {"hostlens.file.io.duration": "file I/O",
             "hostlens.tcp.accept.duration": "waits for accept"}
    known = [names[row["signal"]] for row in missing if row["signal"] in names]
    if not known:
        pytest.skip("this kernel allows every signal of the page")
    terminal = top(120, 40)
    terminal.press("2")
    rows = eventually(lambda: terminal.shows("unavailable: "), 10, "a line that says so")
    line = next(row for row in rows.split("\n") if row.startswith("unavailable: "))
    assert any(name in line for name in known)
    assert re.search(r": .+: \w+", line)


def test_without_unicode_it_is_ascii(top):
    terminal = top(environment={"LC_ALL": "C"}.items())
    terminal.press("2")
    rows = eventually(lambda: terminal.shows("CPU", "PER S"), 10, "the page")
    assert rows.isascii()


def test_another_size_is_drawn_at_once(top):
    terminal = top(80, 24)
    terminal.press("2")
    eventually(lambda: terminal.shows("MEMORY"), 10, "the page")
    terminal.resize(100, 35)
    terminal.process.send_signal(signal.SIGWINCH)  # it is nobody's controlling terminal
    eventually(lambda: len(terminal.rows()) == 35, 10, "the larger page")


def test_it_ends_by_a_key_and_leaves_the_terminal_as_it_was(top):
    terminal = top()
    eventually(terminal.rows, 10, "a page")
    assert termios.tcgetattr(terminal.kept)[3] != terminal.modes
    terminal.press("q")
    assert terminal.process.wait(10) == 0
    assert termios.tcgetattr(terminal.kept)[3] == terminal.modes
    terminal.read()
    assert terminal.bytes.endswith(b"\x1b[?25h\x1b[?1049l")


def test_an_agent_that_went_away_is_told_on_each_page(tmp_path):
    agent = run(tmp_path, [servers.PYTHON, "-c", WORK])
    terminal = Terminal(agent.address, 80, 24)
    try:
        eventually(terminal.rows, 10, "a page")
        agent.stop()
        for key in "123":
            terminal.press(key)
            rows = eventually(lambda: terminal.shows("agent") or terminal.shows("answer"), 10,
                              lambda: f"what is wrong on page {key}\n{terminal.rows()}")
            assert len(rows.split("\n")) == 24
    finally:
        assert terminal.end() == 0
