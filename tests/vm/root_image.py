# SPDX-License-Identifier: Apache-2.0
"""The guest's root: a small Debian with systemd, packed as an initial RAM file system."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import host

FOLDER = pathlib.Path(__file__).resolve().parent / "root"
DEPENDENCIES = pathlib.Path(__file__).resolve().parents[2] / "packaging" / "dependencies.sh"

# What neither the jobs nor dpkg look at.
USELESS = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/i18n",
           "usr/share/zoneinfo", "var/cache/apt", "var/lib/apt/lists", "var/cache/debconf",
           "usr/lib/udev/hwdb.d", "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/python3.11/pydoc_data",
           # Each is a program that runs at every start and finds nothing here.
           "usr/lib/systemd/system-generators")

# Nobody logs in, nothing is upgraded, and each of these would only take time from the job.
MASKED = ("getty@tty1.service", "serial-getty@ttyS0.service", "getty-static.service", "console-getty.service",
          "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
          "e2scrub_reap.service", "fstrim.timer", "systemd-pstore.service", "systemd-timesyncd.service",
          "systemd-networkd.service", "man-db.timer", "apache2.service")


def root_image():
    """The archive, built if this list of packages was never built on this host."""
    packages = _packages()
    with host.cache_folder() as cache:
        image = cache / f"root-{_key(packages)}.cpio"
        if not image.exists():
            host.need("debootstrap", "cpio", "chroot")
            if not host.is_root():
                raise host.Unavailable("debootstrap needs root to build the guest's root")
            print(f"vm: building the guest's root, {len(packages)} packages and what they need",
                  flush=True)
            _build(packages, image)
            for old in set(cache.glob("root-*.cpio")) - {image}:
                old.unlink()
        return image


def _packages():
    """root/packages, and the libraries behind the -dev packages that the program is built with."""
    listed = [line for line in (FOLDER / "packages").read_text().splitlines()
              if line and not line.startswith("#")]
    built_with = [name for name in host.output_of(str(DEPENDENCIES), "build").split()
                  if name.startswith("lib") and name.endswith("-dev")]
    libraries = {line.split()[-1]
                 for line in host.output_of("apt-cache", "depends", "--important", *built_with).splitlines()
                 if line.strip().startswith("Depends: lib")}
    return sorted(set(listed) | {name for name in libraries if not name.endswith("-dev")})


def _key(packages):
    digest = hashlib.sha256(host.release().encode() + " ".join(packages).encode())
    digest.update(pathlib.Path(__file__).read_bytes())
    return digest.hexdigest()[:12]


def _build(packages, image):
    with tempfile.TemporaryDirectory(dir=image.parent) as folder:
        root = pathlib.Path(folder) / "root"
        host.run_logged(["debootstrap", "--variant=minbase", f"--include={','.join(packages)}",
                         host.release(), str(root), host.mirror()], image.parent / "debootstrap.log")
        _strip(root)
        _furnish(root)
        with open(f"{folder}/cpio", "wb") as archive:
            names = subprocess.run(["find", ".", "-print0"], cwd=root, check=True, stdout=subprocess.PIPE)
            subprocess.run(["cpio", "--quiet", "-0", "-o", "-H", "newc"], cwd=root, check=True,
                           input=names.stdout, stdout=archive)
        os.rename(f"{folder}/cpio", image)


def _strip(root):
    for name in USELESS:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for archive in root.glob("var/cache/**/*.deb"):
        archive.unlink()


def _furnish(root):
    """What the jobs may rely on. Our own start comes with each job, see machine.py."""
    units = root / "etc/systemd/system"
    wanted = units / "multi-user.target.wants"
    # Services that packages enabled start when a job asks for them.
    for link in wanted.iterdir():
        link.unlink()
    (wanted / "guest-job.service").symlink_to("../guest-job.service")
    for name in MASKED:
        (units / name).unlink(missing_ok=True)
        (units / name).symlink_to("/dev/null")
    default = units / "default.target"
    default.unlink(missing_ok=True)
    default.symlink_to("/lib/systemd/system/multi-user.target")
    (root / "etc/hostname").write_text("guest\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost guest\n::1 localhost\n")
    # The same in every boot: a random one would cost the instruction counter its repeatability.
    (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    (root / "etc/fstab").write_text("")
