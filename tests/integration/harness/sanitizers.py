# SPDX-License-Identifier: Apache-2.0
"""Reports of an agent that was built with sanitizers: on stderr, which both its processes share."""
import re

REPORT = re.compile(r"\w+Sanitizer(: |:DEADLYSIGNAL| has encountered )")


def assert_no_report(text):
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    assert not REPORT.search(text), text
