# SPDX-License-Identifier: Apache-2.0
"""Debian's own kernels, fetched by apt and unpacked, never installed."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import host

SERIES = ("6.1", "6.12")

# What the tests need and the kernel has as modules; each needs none of the others.
MODULES = ("loop", "sch_netem", "veth")


def kernel(series):
    """The folder with `vmlinuz` and `modules/` of the newest kernel of a series, from the cache if it is there."""
    host.need("apt-cache", "apt-get", "dpkg-deb")
    with host.cache_folder() as cache:
        cached = sorted(cache.glob(f"linux-image-{series}.*"), key=lambda path: host.natural(path.name))
        newest = _newest_package(series)
        if newest and not (cache / newest / "modules").exists():
            try:
                _fetch(newest, cache)
                for old in cached:
                    if old.name != newest:
                        shutil.rmtree(old)
                cached = [cache / newest]
            except subprocess.CalledProcessError:
                pass  # offline: an older one that was fetched before serves as well
        if not cached:
            raise host.Unavailable(f"apt has no kernel {series}: apt-get update"
                                   if not newest else f"{newest} cannot be downloaded")
        return cached[-1]


def _newest_package(series):
    pattern = re.compile(rf"linux-image-{re.escape(series)}\.[0-9]\S*-cloud-amd64$")
    # apt-cache also names packages that only others mention; madison lists what can be had.
    known = host.output_of("apt-cache", "pkgnames", f"linux-image-{series}.").split()
    named = [name for name in known if pattern.match(name)]
    if not named:
        return None
    available = {line.split("|")[0].strip()
                 for line in host.output_of("apt-cache", "madison", *named).splitlines()}
    return max(available, key=host.natural, default=None)


def _fetch(package, cache):
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        # Without root's sandbox user: it cannot write into the folder, and apt would only warn.
        subprocess.run(["apt-get", "-q", "-q", "-o", "APT::Sandbox::User=root", "download", package],
                       cwd=folder, check=True)
        archive = next(name for name in os.listdir(folder) if name.endswith(".deb"))
        subprocess.run(["dpkg-deb", "-x", archive, "tree"], cwd=folder, check=True)
        version = next(name for name in os.listdir(f"{folder}/tree/boot") if name.startswith("vmlinuz"))
        os.mkdir(f"{folder}/image")
        os.rename(f"{folder}/tree/boot/{version}", f"{folder}/image/vmlinuz")
        os.mkdir(f"{folder}/image/modules")
        for name in MODULES:
            for module in pathlib.Path(folder).glob(f"tree/**/{name}.ko*"):
                module.rename(f"{folder}/image/modules/{module.name}")
        shutil.rmtree(cache / package, ignore_errors=True)
        os.rename(f"{folder}/image", cache / package)
