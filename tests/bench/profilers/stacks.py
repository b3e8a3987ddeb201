# SPDX-License-Identifier: Apache-2.0
"""What each profiler writes, as weights by program and stack; frames root first, those without a name are empty."""
import collections
import re

# By the name of the program or, of bcc and perf, of its thread.
LANGUAGES = {"shares-c": "C", "shares-rust": "Rust", "shares-go": "Go", "python3": "Python", "python3.11": "Python", "node": "Node",
             "java": "Java"}
# The function that a whole stack of the program's only busy thread begins below.
ROOTS = {"C": r"^main$", "Rust": r"(^|::)main$", "Go": r"^main\.main$", "Python": r"^(Py_BytesMain|main)$", "Node": r"^(main|node::Start)",
         "Java": r"^(start_thread|clone3?|__clone3?|ThreadJavaMain|JavaMain)$"}
PARTS = {"forty": 0.4, "thirty": 0.3, "twenty": 0.2, "ten": 0.1}
PART = re.compile(r"(?<![A-Za-z])(forty|thirty|twenty|ten)(?![A-Za-z])")
NAMELESS = re.compile(r"^(\[unknown\]|\[.*\]|0x[0-9a-f]+|.*\+0x[0-9a-f]+|)$")

Row = collections.namedtuple("Row", "samples whole named attributed error")


def plain(frame):
    return "" if NAMELESS.match(frame) else frame


def of_folded(text):
    """Ours, and bcc's with -f: kernel frames, where there are any, are at the leaf."""
    found = collections.Counter()
    for line in text.splitlines():
        stack, weight = line.rsplit(" ", 1)
        program, *frames = stack.split(";")
        if program in LANGUAGES:
            found[LANGUAGES[program], tuple(plain(frame) for frame in frames)] += int(weight)
    return found


def of_perf_script(text):
    """`perf script -F comm,ip,sym`."""
    found = collections.Counter()
    for sample in text.split("\n\n"):
        comm, *frames = sample.strip("\n").splitlines() or [""]
        if comm.strip() in LANGUAGES:
            names = (line.split(None, 1)[1] if len(line.split(None, 1)) > 1 else "" for line in reversed(frames) if line.strip())
            found[LANGUAGES[comm.strip()], tuple(plain(name) for name in names)] += 1
    return found


def rows(found):
    """By language."""
    made = {}
    for language in dict.fromkeys(LANGUAGES.values()):
        stacks = {stack: weight for (one, stack), weight in found.items() if one == language}
        samples = sum(stacks.values())
        if not samples:
            continue
        frames = sum(len(stack) * weight for stack, weight in stacks.items())
        named = sum(sum(map(bool, stack)) * weight for stack, weight in stacks.items())
        root = re.compile(ROOTS[language])
        whole = sum(weight for stack, weight in stacks.items() if any(root.search(frame) for frame in stack))
        counts = collections.Counter()
        for stack, weight in stacks.items():
            part = next((match.group(1) for match in map(PART.search, stack) if match), None)
            if part:
                counts[part] += weight
        attributed = sum(counts.values())
        error = max(abs(counts[part] / attributed - share) for part, share in PARTS.items()) if attributed else None
        made[language] = Row(samples, whole / samples, named / frames if frames else 0, attributed / samples, error)
    return made
