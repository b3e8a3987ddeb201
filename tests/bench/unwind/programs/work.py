# SPDX-License-Identifier: Apache-2.0
"""The interpreter, its dictionaries, its sort and two of its C modules."""
import json
import random
import re

counts = {}
while True:
    numbers = sorted((random.random() for _ in range(1000)), key=lambda value: -value)
    text = json.dumps({"least": numbers[-1]})
    counts[re.sub(r"\d+$", "", text)] = len(text)
