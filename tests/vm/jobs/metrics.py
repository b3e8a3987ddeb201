#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""requests [LABEL=VALUE]...: how many server requests /metrics counts with these labels."""

import re
import sys
import urllib.request

wanted = dict(word.split("=", 1) for word in sys.argv[1:])
try:
    with urllib.request.urlopen("http://127.0.0.1:9464/metrics", timeout=10) as answer:
        page = answer.read().decode()
except OSError as error:
    sys.exit(f"metrics: {error}")
total = 0.0
for line in page.splitlines():
    found = re.fullmatch(r"http_server_request_duration_seconds_count\{(.*)\} (\S+)(?: \S+)?", line)
    if found:
        labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[1]))
        if all(labels.get(name) == value for name, value in wanted.items()):
            total += float(found[2])
print(int(total))
