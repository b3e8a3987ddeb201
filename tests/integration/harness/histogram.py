# SPDX-License-Identifier: Apache-2.0
"""Quantiles of the exponential histograms in /api/v1/requests."""


def quantile(rows, q):
    """Of the sum of the rows' durations, in seconds; linear within a bucket."""
    buckets = {}
    for row in rows:
        h = row["duration"]
        if h["zero_count"]:
            buckets[(0.0, 0.0)] = buckets.get((0.0, 0.0), 0) + h["zero_count"]
        base = 2.0 ** (2.0 ** -h["scale"])
        for i, count in enumerate(h["counts"]):
            if count:
                bounds = (base ** (h["offset"] + i), base ** (h["offset"] + i + 1))
                buckets[bounds] = buckets.get(bounds, 0) + count
    rank = q * sum(buckets.values())
    seen = 0
    for (low, high), count in sorted(buckets.items()):
        if seen + count >= rank:
            return low + (high - low) * (rank - seen) / count
        seen += count
    raise AssertionError("no durations")
