# SPDX-License-Identifier: Apache-2.0
"""Independent receivers: the OpenTelemetry Collector and Prometheus, made by tests/oracles/build.sh."""
import json
import os
import pathlib
import urllib.parse
import urllib.request

import pytest

from .process import Process, free_port, listens

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = pathlib.Path(os.environ.get("HOSTLENS_ORACLES", ROOT / "build/oracles")) / "bin"


def oracle(*names):
    """Path of the first of these programs that is there; the test is skipped without one."""
    for name in names:
        if (FOLDER / name).exists():
            return str(FOLDER / name)
    pytest.skip(f"{names[0]} is not in {FOLDER}: tests/oracles/build.sh")


COLLECTOR = """\
receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:PORT"}}}
exporters:
  file/traces: {path: DIRECTORY/traces.jsonl, append: true, flush_interval: 50ms}
  file/metrics: {path: DIRECTORY/metrics.jsonl, append: true, flush_interval: 50ms}
  file/profiles: {path: DIRECTORY/profiles.jsonl, append: true, flush_interval: 50ms}
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines:
    traces: {receivers: [otlp], exporters: [file/traces]}
    metrics: {receivers: [otlp], exporters: [file/metrics]}
    profiles: {receivers: [otlp], exporters: [file/profiles]}
"""


class Collector:
    """Writes what it understood into files; may be stopped and started again on the same port."""

    def __init__(self, directory):
        self.program = oracle("otelcol-oracle")
        self.directory = directory / "collector"
        self.directory.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        file = self.directory / "config.yaml"
        file.write_text(COLLECTOR.replace("PORT", str(self.port))
                        .replace("DIRECTORY", str(self.directory)))
        self.process = Process([self.program, "--config", file, "--feature-gates=service.profilesSupport"],
                               self.directory, "collector")
        self.process.until(lambda: listens(self.port), 20, "the collector listens")
        return self

    def stop(self):
        if self.process:
            self.process.stop()

    def lines(self, signal):
        """One parsed request each; a line that is being written is left for later."""
        file = self.directory / f"{signal}.jsonl"
        if not file.exists():
            return []
        text = file.read_text()
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


class PrometheusServer(Process):
    """Scrapes one agent, often."""

    def __init__(self, directory, target, native):
        self.program = oracle("prometheus", "debian-prometheus")
        self.port = free_port()
        self.old = self.program.endswith("debian-prometheus")
        file = directory / "prometheus.yaml"
        scrape = {"job_name": "hostlens", "scrape_interval": "250ms", "scrape_timeout": "250ms",
                  "static_configs": [{"targets": [target]}]}
        if native and not self.old:
            scrape["scrape_native_histograms"] = True
        file.write_text(json.dumps({"scrape_configs": [scrape]}))  # JSON is YAML
        features = "exemplar-storage" + (",native-histograms" if native and self.old else "")
        super().__init__([self.program, f"--config.file={file}", f"--enable-feature={features}",
                          f"--storage.tsdb.path={directory / 'tsdb'}",
                          f"--web.listen-address=127.0.0.1:{self.port}"], directory, "prometheus")
        self.until(self._ready, 20, "Prometheus is ready")

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def api(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        return self.api("query", query=expression)["result"]
