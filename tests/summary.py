# SPDX-License-Identifier: Apache-2.0
"""Sums up the results of tests/run.sh.

summary.py FOLDER: reads <tier>[.*].xml (JUnit, as GoogleTest and pytest write it), <tier>.tsv (state, name, reason) and
<tier>.seconds; prints every skipped and failed test with its reason, one line per tier, and the sum as the last line.
Exits with 1 when something failed or nothing passed.

summary.py --from-log LOG --status N: prints the .tsv of a program that ended with N and prints its checks as
"ok NAME", "FAIL NAME: REASON" and "skip NAME: REASON".
"""
import collections
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

STATES = ("passed", "failed", "skipped")
CHECK = re.compile(r"^(ok|FAIL|skip) ([^\s:]+)(?:: *(.*))?$")
CHECKED = {"ok": "passed", "FAIL": "failed", "skip": "skipped"}

Result = collections.namedtuple("Result", "state name reason")


def one_line(text, most=300):
    line = " ".join((text or "").split())
    return line if len(line) <= most else line[: most - 3] + "..."


def reason_of_gtest(output):
    """GTEST_SKIP prints `file:line: Skipped` and its message on the lines that follow."""
    found = re.search(r"^\S+:\d+: Skipped\n(.*?)(?:^\[|\Z)", output, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def failure_of_gtest(output):
    found = re.search(r"^\S+:\d+: Failure\n.*?(?=^\S+:\d+: Failure|^\[|\Z)", output, re.MULTILINE | re.DOTALL)
    return found.group(0) if found else output[-300:]


def result_of(case):
    name = re.sub(r"\s+# GetParam\(\).*", "", case.get("name", "?"))
    if case.get("classname") not in (None, case.get("name")):
        name = f"{case.get('classname')}::{name}"
    output = case.findtext("system-out") or ""
    for tag in ("failure", "error"):
        failure = case.find(tag)
        if failure is not None:
            text = failure_of_gtest(output) if output else f"{failure.get('message')}"
            return Result("failed", name, text)
    skipped = case.find("skipped")
    if skipped is not None:
        return Result("skipped", name, reason_of_gtest(output) or skipped.get("message") or skipped.text)
    return Result("passed", name, "")


def read_junit(path):
    try:
        return [result_of(case) for case in ElementTree.parse(path).getroot().iter("testcase")]
    except ElementTree.ParseError as error:
        return [Result("failed", path.name, f"unreadable: {error}")]


def read_table(path):
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    return [Result(*(row + ["", ""])[:3]) for row in rows if row[0] in STATES]


def print_table_of_log(log, status):
    lines = pathlib.Path(log).read_text(errors="replace").splitlines()
    checks = [match for match in map(CHECK.match, lines) if match]
    for match in checks:
        print(CHECKED[match.group(1)], match.group(2), match.group(3) or "", sep="\t")
    failed = any(match.group(1) == "FAIL" for match in checks)
    if not checks or (status != 0 and not failed):
        print("failed", "run", f"status {status}, see {log}", sep="\t")


def main(folder):
    tiers = {}
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime):
        reader = {".xml": read_junit, ".tsv": read_table}.get(path.suffix)
        if reader:
            tiers.setdefault(path.name.split(".")[0], []).extend(reader(path))
    for state in ("skipped", "failed"):
        for tier, results in tiers.items():
            for result in results:
                if result.state == state:
                    print(f"{state} {tier} {result.name}: {one_line(result.reason) or 'no reason given'}")
    total = collections.Counter()
    for tier, results in tiers.items():
        counts = collections.Counter(result.state for result in results)
        total += counts
        seconds = folder / f"{tier}.seconds"
        time = f"{int(seconds.read_text()):5d} s" if seconds.exists() else ""
        print(f"{tier:12}" + "".join(f"{counts[state]:6d} {state}" for state in STATES) + time)
    print(", ".join(f"{total[state]} {state}" for state in STATES))
    return 1 if total["failed"] or not total["passed"] else 0


if sys.argv[1] == "--from-log":
    print_table_of_log(sys.argv[2], int(sys.argv[4]))
else:
    sys.exit(main(pathlib.Path(sys.argv[1])))
