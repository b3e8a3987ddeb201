# SPDX-License-Identifier: Apache-2.0
"""The load generator, whose counts are the truth."""
import json
import subprocess

from .oracles import oracle


def request(method, path, route, weight=1, body=0, **headers):
    return {"method": method, "path": path, "route": route, "weight": weight, "body": body,
            "headers": {name.replace("_", "-"): value for name, value in headers.items()}}


# What every server can answer. A path that does not exist has no route.
MIX = [
    request("GET", "/users/{id}", "/users/{id}", weight=6),
    request("GET", "/items/{uuid}", "/items/{uuid}", weight=3),
    request("POST", "/orders", "/orders", weight=2, body=100),
    request("HEAD", "/users/{id}", "/users/{id}"),
    request("GET", "/chunked", "/chunked", Accept_Encoding="gzip"),
    request("GET", "/empty", "/empty"),
    request("GET", "/fail", "/fail"),
    request("GET", "/missing", ""),
]
USERS = [request("GET", "/users/{id}", "/users/{id}")]


class Load:
    """A running generator; `report` waits for its end."""

    def __init__(self, directory, address, total, plan=None, rate=0, connections=16,
                 per_connection=0):
        file = directory / "plan.json"
        file.write_text(json.dumps(plan or MIX))
        self.total = total
        self.child = subprocess.Popen(
            [oracle("hostlens-load"), f"-address={address}", f"-total={total}", f"-rate={rate}",
             f"-connections={connections}", f"-per-connection={per_connection}", f"-plan={file}"],
            stdout=subprocess.PIPE)

    def running(self):
        return self.child.poll() is None

    def report(self, seconds=90):
        try:
            out, _ = self.child.communicate(timeout=seconds)
        finally:
            self.child.kill()
        report = Report(json.loads(out))
        assert report.failed == 0, report.error
        assert report.total == self.total
        return report


class Report:
    def __init__(self, report):
        self.total = report["total"]
        self.failed = report["failed"]
        self.error = report["error"]
        self.rate = report["rate"]
        self.connections = report["connections"]
        self.request_bytes = report["request_body_bytes"]
        self.response_bytes = report["response_body_bytes"]
        self.sent = report["sent_bytes"]
        self.received = report["received_bytes"]
        self.durations = report["durations"]
        self.counts = {}
        for entry in report["counts"]:
            # A HEAD and a GET of one route differ by method; no two entries share a key.
            self.counts[(entry["method"], entry["route"], entry["status"])] = entry["count"]


def load(directory, port, total, **options):
    return Load(directory, f"127.0.0.1:{port}", total, **options).report()
