# SPDX-License-Identifier: Apache-2.0
"""Recordings of `hostlens profile`, and what is in their folded stacks."""
import gzip
import pathlib
import re
import subprocess

import pytest

from harness.agent import HOSTLENS, ended


def profile(*words, **options):
    """A recording at 499 Hz; skips the test where stacks cannot be sampled."""
    result = ended([HOSTLENS, "profile", "--hz", "499", *words], text=True, **options)
    if result.returncode == 3:
        pytest.skip("stacks cannot be sampled here: " + result.stderr)
    assert result.returncode == 0, result.stderr
    return result


def stacks(path):
    """(frames, weight), root first."""
    lines = (line.rsplit(" ", 1) for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines())
    return [(stack.split(";"), int(weight)) for stack, weight in lines]


def locations(path):
    """Of a pprof, as protoc reads it: the names of the functions of each location, the innermost of what is inlined first."""
    schema = pathlib.Path(__file__).parents[3] / "proto"
    read = subprocess.run(["protoc", f"-I{schema}", "--decode=perftools.profiles.Profile", "perftools/profiles/profile.proto"],
                          input=gzip.decompress(pathlib.Path(path).read_bytes()), capture_output=True, check=True)
    text = read.stdout.decode("utf-8")
    strings = re.findall(r'^string_table: "(.*)"$', text, re.MULTILINE)
    names = {}
    for function in re.findall(r"^function \{$(.*?)^\}$", text, re.MULTILINE | re.DOTALL):
        fields = dict(re.findall(r"^  (\w+): (\d+)$", function, re.MULTILINE))
        names[fields["id"]] = strings[int(fields.get("name", 0))]
    return [[names[number] for number in re.findall(r"^    function_id: (\d+)$", location, re.MULTILINE)]
            for location in re.findall(r"^location \{$(.*?)^\}$", text, re.MULTILINE | re.DOTALL)]
