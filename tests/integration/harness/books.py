# SPDX-License-Identifier: Apache-2.0
"""The loss ledger's two laws."""

RECORDS = ["kernel", "decode", "track"]
EXCHANGES = ["match", "correlate"]


def wrong(books):
    """What does not balance, as text; empty when all does."""
    errors = []
    for stage, entry in books.items():
        dropped = sum(entry["dropped"].values())
        if entry["received"] != entry["forwarded"] + dropped + entry["held"]:
            errors.append(f"{stage}: received is not forwarded + dropped + held: {entry}")
        if entry["held"] < 0:
            errors.append(f"{stage}: less than nothing held: {entry}")
    for chain in (RECORDS, EXCHANGES):
        for before, after in zip(chain, chain[1:]):
            if books[before]["forwarded"] != books[after]["received"]:
                errors.append(f"{before} forwarded {books[before]['forwarded']}, "
                              f"{after} received {books[after]['received']}")
    for export in ("export_otlp", "export_otlp_json"):
        if books[export]["received"] not in (0, books["correlate"]["forwarded"]):
            errors.append(f"correlate forwarded {books['correlate']['forwarded']}, "
                          f"{export} received {books[export]['received']}")
    return errors


def dropped(books, stage=None):
    """{reason: count} of one stage or of all."""
    total = {}
    for name, entry in books.items():
        if stage in (None, name):
            for reason, count in entry["dropped"].items():
                total[reason] = total.get(reason, 0) + count
    return total


def lost(books, stage=None):
    """`dropped` without bytes of no known protocol: what servers tell their own workers over socket
    pairs (nginx does) is no loss."""
    return {reason: count for reason, count in dropped(books, stage).items() if reason != "undetected"}


def at_rest(agent):
    """The books once nothing is on its way through the pipeline; None until then."""
    books = agent.books()
    moving = [stage for stage in (*RECORDS, *EXCHANGES) if books[stage]["held"]]
    return None if moving or wrong(books) else books
