#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a shell script as the only job of a virtual machine with one of Debian's kernels.

Exit status: the job's; 77 when this host cannot run guests (the reason is printed); 124 when the time is
up; 125 when the guest died; 126 when the job passed but the kernel complained in its log.
"""

import argparse
import signal
import subprocess
import sys

import host
import kernels
import machine
import root_image

SKIPPED = 77


def file_pair(text):
    source, _, target = text.partition(":")
    return source, target or "/job/" + source.rsplit("/", 1)[-1]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("prepare", help="fetch kernels and build the root, without a boot")
    prepare.add_argument("--kernel", choices=kernels.SERIES, action="append")
    run = commands.add_parser("run", help="boot, run the job, end")
    run.add_argument("--kernel", choices=kernels.SERIES, default=kernels.SERIES[0])
    run.add_argument("--file", metavar="HOST[:GUEST]", type=file_pair, action="append", default=[],
                     help="a file for the guest, at /job/ unless a path is given")
    run.add_argument("--systemd", action="store_true", help="systemd is the first process")
    run.add_argument("--icount", action="store_true", help="one CPU, one instruction is one nanosecond")
    run.add_argument("--cpus", type=int, default=2)
    run.add_argument("--memory", type=int, default=1536, metavar="MIB")
    run.add_argument("--limit", type=int, default=180, metavar="SECONDS", help="the guest is ended then")
    run.add_argument("--results", metavar="FOLDER", help="where kernel.log and the guest's /results go")
    run.add_argument("--append", default="", help="more words for the kernel's command line")
    run.add_argument("job", help="a bash script; its files are in /job, its working directory")
    return parser.parse_args()


def main():
    options = arguments()
    try:
        if options.command == "prepare":
            for series in options.kernel or kernels.SERIES:
                print(kernels.kernel(series))
            print(root_image.root_image())
            return 0
        return machine.boot(kernels.kernel(options.kernel), root_image.root_image(), options.job,
                            options.file, systemd=options.systemd, icount=options.icount,
                            cpus=options.cpus, memory=options.memory, limit=options.limit,
                            results=options.results, append=options.append)
    except host.Unavailable as reason:
        print(f"vm: skipped: {reason}")
        return SKIPPED
    except subprocess.CalledProcessError as error:
        print(f"vm: {error}", file=sys.stderr)
        return machine.GUEST_DIED
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    # Also when a shell started us in the background, where an interrupt is ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
