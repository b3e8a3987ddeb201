#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""nginx behind a link of netem, first slow, then losing: what the agent tells against what the kernel counts.

Prints lines as jobs/checks.sh does. The link is a pair of veth: its far end is in a namespace, where the client is, this
script once more with the argument `client`; both are targets."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

NEAR, FAR = "10.77.0.1", "10.77.0.2"
DELAY_MS, PAGES, PAGE_BYTES, LOSS = 20, 30, 200_000, "4%"
INTERVAL = 10  # the configuration's default: how often those of everybody else are read
# Those of a target's connections and of everybody else: together what the kernel counts. SYN-ACKs that were sent again are
# among an accepted connection's.
RETRANSMITS = ("hostlens_tcp_retransmits_total", "hostlens_tcp_other_retransmits_total")

failed = False


def say(name, right, why):
    global failed
    failed |= not right
    print(f"ok {name}" if right else f"FAIL {name}: {why}", flush=True)


def run(*words):
    subprocess.run(words, check=True)


def run_text(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def client():
    """For each number on a line of standard input: so many pages, and the seconds that connecting took, in all."""
    for line in sys.stdin:
        seconds = 0.0
        for _ in range(int(line)):
            with socket.socket() as connection:
                begin = time.monotonic()
                connection.connect((NEAR, 80))
                seconds += time.monotonic() - begin
                connection.sendall(b"GET /large.bin HTTP/1.1\r\nHost: near\r\nConnection: close\r\n\r\n")
                while connection.recv(65536):
                    pass
        print(seconds, flush=True)


class Client:
    """Runs in the far namespace until the end."""

    def __init__(self):
        self.process = subprocess.Popen(["ip", "netns", "exec", "far", sys.executable, __file__, "client"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env={**os.environ, "OTEL_SERVICE_NAME": "client"})
        # It is a target as soon as the agent has seen it.
        eventually(lambda: self.get(1) and connects() > 0, True)

    def get(self, pages):
        self.process.stdin.write(f"{pages}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def samples(name, **labels):
    """Their values, by the whole label text."""
    with urllib.request.urlopen("http://127.0.0.1:9464/metrics", timeout=10) as answer:
        page = answer.read().decode()
    found = {}
    for line in page.splitlines():
        sample = re.fullmatch(re.escape(name) + r"(?:\{(.*)\})? (\S+)(?: \S+)?(?: #.*)?", line)
        if sample and all(f'{key}="{value}"' in (sample[1] or "") for key, value in labels.items()):
            found[sample[1] or ""] = float(sample[2])
    return found


def total(name, **labels):
    return int(sum(samples(name, **labels).values()))


def kernel_retransmits():
    """Of both ends of the link."""
    here = ["cat", "/proc/net/snmp"]
    both = 0
    for command in (here, ["ip", "netns", "exec", "far", *here]):
        page = run_text(*command)
        names, values = [line.split()[1:] for line in page.splitlines() if line.startswith("Tcp:")]
        both += int(dict(zip(names, values))["RetransSegs"])
    return both


def open_connections():
    """Of port 80, but for those that have nothing to send any more."""
    return run_text("ss", "-Htn", "state", "connected", "exclude", "time-wait", "sport = :80")


def eventually(what, wanted, seconds=40):
    """The first answer that is wanted, or the last one: readings come once per interval."""
    end = time.monotonic() + seconds
    while (answer := what()) != wanted and time.monotonic() < end:
        time.sleep(0.5)
    return answer


def settled(what, pause=2):
    """Its answer when nothing is on its way any more: requests and connections are shown within a second."""
    answer = what()
    while True:
        time.sleep(pause)
        last, answer = answer, what()
        if answer == last:
            return answer


def connects():
    return total("hostlens_tcp_connect_duration_seconds_count", service_name="client")


def seconds_told():
    return sum(samples("hostlens_tcp_connect_duration_seconds_sum", service_name="client").values())


def retransmits_told():
    return sum(total(name) for name in RETRANSMITS)


def retransmits_of_nginx():
    return total(RETRANSMITS[0], service_name="nginx")


def slow_link(client):
    run("tc", "qdisc", "add", "dev", "near", "root", "netem", "delay", f"{DELAY_MS}ms")
    before, told_before = settled(connects), seconds_told()
    seconds = client.get(PAGES)
    got = eventually(lambda: connects() - before, PAGES)
    say("netem.every_connect_is_measured", got == PAGES, f"{got}, not {PAGES}")
    told = seconds_told() - told_before
    # The client's own sum is the upper bound, the link's the lower.
    say("netem.connect_latency_is_that_of_the_link", PAGES * DELAY_MS / 1000 <= told <= seconds * 1.02,
        f"{told:.3f} s for {PAGES} connects over {DELAY_MS} ms; the client says {seconds:.3f} s")


def losing_link(client):
    run("tc", "qdisc", "change", "dev", "near", "root", "netem", "delay", "1ms", "loss", LOSS)
    before, kernel_before = settled(retransmits_told, INTERVAL + 1), kernel_retransmits()
    nginx_before = retransmits_of_nginx()
    client.get(PAGES)

    def figures():
        """What is told, what the kernel says: the last connections are closed, and sent again to, for some time yet."""
        return retransmits_told() - before, kernel_retransmits() - kernel_before

    eventually(lambda: figures()[0] == figures()[1] and not open_connections(), True, 90)
    got, sent_again = figures()
    say("netem.the_link_lost_segments", sent_again > PAGES, f"{sent_again} sent again: the test needs more")
    say("netem.retransmits_are_those_of_the_kernel", got == sent_again,
        f"{got}, the kernel says {sent_again}; {[samples(name) for name in RETRANSMITS]}")
    of_nginx = retransmits_of_nginx() - nginx_before
    say("netem.retransmits_belong_to_the_service", 0.8 * sent_again < of_nginx <= sent_again,
        f"{of_nginx} of nginx, {sent_again} in all")


if sys.argv[1:] == ["client"]:
    client()
    sys.exit()
run("ip", "netns", "add", "far")
run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", "far")
run("ip", "address", "add", f"{NEAR}/24", "dev", "near")
run("ip", "link", "set", "near", "up")
run("ip", "-netns", "far", "address", "add", f"{FAR}/24", "dev", "far")
run("ip", "-netns", "far", "link", "set", "far", "up")
with open("/var/www/html/large.bin", "wb") as page:
    page.write(b"x" * PAGE_BYTES)
far_client = Client()
slow_link(far_client)
losing_link(far_client)
far_client.close()
run("ip", "link", "delete", "near")
run("ip", "netns", "delete", "far")
sys.exit(failed)
