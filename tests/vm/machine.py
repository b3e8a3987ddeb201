# SPDX-License-Identifier: Apache-2.0
"""One boot: kernel, root and job in, output, status, results and the kernel's log out."""

import os
import pathlib
import re
import signal
import stat
import subprocess
import tarfile
import tempfile

import host

ROOT = pathlib.Path(__file__).resolve().parent / "root"

# How the guest starts: of this project, so it comes with every job and the root need not be built anew.
START = ((ROOT / "init", "/init"), (ROOT / "run-job", "/run-job"),
         (ROOT / "guest-job.service", "/etc/systemd/system/guest-job.service"))

# What a healthy kernel never says.
SPLAT = re.compile(r"\bBUG:|WARNING: (CPU|.*suspicious|possible)|\bOops\b|general protection|Call Trace|"
                   r"hung task|blocked for more than|KASAN|UBSAN|rcu.*stall|Kernel panic|kernel BUG")

TIMED_OUT = 124
GUEST_DIED = 125
KERNEL_LOG = 126


def splats_of(log):
    """Lines that a healthy kernel never says. The stack of who is out of memory is part of the report of a kill."""
    splats, in_report = [], False
    for line in log.splitlines():
        if "invoked oom-killer" in line:
            in_report = True
        elif in_report and "Call Trace" in line:
            in_report = False
        elif SPLAT.search(line):
            splats.append(line)
    return splats


def job_archive(job, files):
    """A cpio archive (newc) with the job and its files: the kernel unpacks it over the root."""
    entries = {"job": None, "job/job.sh": job}
    for source, target in files:
        for parent in reversed(pathlib.PurePosixPath(target).parents):
            if str(parent) not in (".", "/"):
                entries.setdefault(str(parent).lstrip("/"), None)
        entries[target.lstrip("/")] = source
    parts = []
    for number, (name, source) in enumerate(entries.items(), 1):
        content = b"" if source is None else pathlib.Path(source).read_bytes()
        executable = source is not None and os.access(source, os.X_OK)
        mode = stat.S_IFDIR | 0o755 if source is None else stat.S_IFREG | (0o755 if executable else 0o644)
        parts.append(_cpio_entry(name, mode, content, number))
    parts.append(_cpio_entry("TRAILER!!!", 0, b"", 0))
    return b"".join(parts)


def _cpio_entry(name, mode, content, number):
    path = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + path
    pad = lambda data: data + b"\0" * (-len(data) % 4)
    return pad(head) + pad(content)


def _modules(kernel):
    return [(path, f"/modules/{path.name}") for path in sorted((kernel / "modules").glob("*"))]


def boot(kernel, root, job, files=(), *, systemd=False, icount=False, cpus=2, memory=1536, limit=180,
         results=None, append=""):
    """Runs `job` and returns its status; TIMED_OUT, GUEST_DIED and KERNEL_LOG say why there is none."""
    host.need("qemu-system-x86_64", "setpriv")
    with tempfile.TemporaryDirectory(prefix="hostlens-vm-") as name:
        folder = pathlib.Path(name)
        with open(folder / "initrd", "wb") as initrd:
            initrd.write(root.read_bytes())
            initrd.write(job_archive(job, (*START, *_modules(kernel), *files)))
        status = _run_qemu(folder, kernel / "vmlinuz", systemd, icount, cpus, memory, limit, append)
        log = (folder / "kernel.log").read_text(encoding="utf-8", errors="replace")
        if results:
            pathlib.Path(results).mkdir(parents=True, exist_ok=True)
            (pathlib.Path(results) / "kernel.log").write_text(log, encoding="utf-8")
            _unpack(folder / "results.tar", results)
        splats = splats_of(log)
        if status in (TIMED_OUT, GUEST_DIED) or splats:
            print(log[-2000:])
        for line in splats[:5]:
            print(f"vm: the kernel said: {line.strip()}")
        return KERNEL_LOG if splats and status == 0 else status


def _run_qemu(folder, kernel, systemd, icount, cpus, memory, limit, append):
    words = ["console=ttyS0", "panic=-1", "8250.nr_uarts=4", "ignore_loglevel", "random.trust_cpu=on",
             "systemd.show_status=0", f"guest.init={'systemd' if systemd else 'plain'}", append]
    # setpriv: no guest outlives us, whatever ends us.
    command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-nodefaults", "-no-user-config",
               "-display", "none", "-no-reboot", "-cpu", "max", "-m", str(memory),
               "-kernel", str(kernel), "-initrd", str(folder / "initrd")]
    if icount:
        # One instruction, one nanosecond of the guest: what the host does meanwhile changes nothing.
        command += ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-smp", "1",
                    "-rtc", "base=2024-01-01T00:00:00,clock=vm", "-seed", "1"]
        words += ["nokaslr", "norandmaps"]
    else:
        # The CPUs in turn: README says what was seen of one thread each.
        command += ["-accel", "tcg,thread=single", "-smp", str(cpus)]
    command += ["-append", " ".join(words), "-serial", f"file:{folder}/kernel.log", "-chardev", "stdio,id=output,signal=off",
                "-serial", "chardev:output", "-serial", f"file:{folder}/status",
                "-serial", f"file:{folder}/results.tar"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) as qemu:
        try:
            qemu.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            print(f"vm: the guest took longer than {limit} s")
            return TIMED_OUT
        finally:
            if qemu.poll() is None:
                qemu.send_signal(signal.SIGKILL)
    said = (folder / "status").read_text().strip()
    if not said.isdigit():
        print(f"vm: the guest ended without a status (qemu: {qemu.returncode})")
        return GUEST_DIED
    return int(said)


def _unpack(archive, results):
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(results)
    except tarfile.TarError:
        print("vm: the guest handed over no results")
