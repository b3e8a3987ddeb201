# SPDX-License-Identifier: Apache-2.0
"""Profiles as the collector wrote them: every index followed."""
import collections

Sample = collections.namedtuple("Sample", "service kind value functions attributes trace span")


def samples(lines):
    """Each sample of these requests; functions leaf first."""
    return [sample for line in lines for sample in _of_request(line)]


def _of_request(line):
    tables = line["dictionary"]
    texts = tables["stringTable"]

    def attributes(indices):
        found = {}
        for index in indices:
            one = tables["attributeTable"][index]
            found[texts[one["keyStrindex"]]] = _plain(one["value"], texts)
        return found

    def functions(stack):
        for location in tables["stackTable"][stack].get("locationIndices", []):
            for named in tables["locationTable"][location].get("lines", []):
                yield texts[tables["functionTable"][named["functionIndex"]]["nameStrindex"]]

    for resource in line["resourceProfiles"]:
        facts = {texts[one["keyStrindex"]]: _plain(one["value"], texts)
                 for one in resource["resource"].get("attributes", [])}
        for profile in (profile for scope in resource["scopeProfiles"] for profile in scope["profiles"]):
            kind = texts[profile["sampleType"]["typeStrindex"]]
            for sample in profile.get("samples", []):
                link = tables["linkTable"][sample.get("linkIndex", 0)]
                yield Sample(facts["service.name"], kind, sum(map(int, sample["values"])),
                             list(functions(sample.get("stackIndex", 0))),
                             attributes(sample.get("attributeIndices", [])),
                             link.get("traceId", ""), link.get("spanId", ""))


def _plain(value, texts):
    if "stringValueStrindex" in value:
        return texts[value["stringValueStrindex"]]
    if "intValue" in value:
        return int(value["intValue"])
    return value.get("stringValue", value)
