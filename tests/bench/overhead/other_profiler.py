# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's eBPF profiler beside the same programs: what another takes on this machine, in the same minutes."""
import contextlib
import time

from . import kernel, subjects

COLLECTOR = subjects.ROOT / "build/oracles/bin/otelcol-oracle"
# It reports to nobody else; a collector of another version takes the messages and does not understand all of them.
CONFIGURATION = """\
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{file: {{path: /dev/null}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{profiles: {{receivers: [otlp], exporters: [file]}}}}
"""


@contextlib.contextmanager
def collector(folder):
    """Yields its port."""
    port = subjects.free_port()
    file = folder / "collector.yaml"
    file.write_text(CONFIGURATION.format(port=port))
    command = [COLLECTOR, "--config", file, "--feature-gates=service.profilesSupport"]
    with subjects.Started(command, folder, "collector") as process:
        process.until(lambda: "Everything is ready" in process.log.read_text(), 20, "the collector")
        yield port


def use(folder, program, hz, warm, seconds):
    """What it takes while everything is sampled so often, `warm` seconds after its start."""
    before = kernel.programs()
    with collector(folder) as port:
        command = [program, "-collection-agent", f"127.0.0.1:{port}", "-disable-tls", "-samples-per-second", str(hz)]
        with subjects.Started(command, folder, "profiler") as process:
            process.until(lambda: "Attached" in process.log.read_text(), 60, "the profiler")
            time.sleep(warm)
            first, begin, used = kernel.programs(), time.monotonic(), subjects.cpu_seconds([process.pid])
            time.sleep(seconds)
            spent, used = time.monotonic() - begin, subjects.cpu_seconds([process.pid]) - used
            runs, ns = kernel.sampling(kernel.new(kernel.programs(), before), first)
            return {"hz": hz, "processes": used / spent, "kernel": ns / 1e9 / spent, "us_per_sample": ns / 1e3 / runs,
                    "rss_bytes": subjects.resident_bytes(process.pid)}
