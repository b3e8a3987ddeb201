# SPDX-License-Identifier: Apache-2.0
"""The servers and the load generator agree without an agent: a disagreement elsewhere is the agent's."""
import pytest

from harness import servers
from harness.load import MIX, load

pytestmark = pytest.mark.no_agent

STATUS = {"/orders": 201, "/empty": 204, "/fail": 500, "": 404}


@pytest.mark.parametrize("name", servers.ALL)
def test_server_answers_the_common_api(name, directory, started):
    server = servers.ALL[name](directory)
    started(server.start(directory))
    report = load(directory, server.port, 10 * sum(entry["weight"] for entry in MIX))
    assert report.counts == {
        (entry["method"], entry["route"], STATUS.get(entry["route"], 200)): 10 * entry["weight"]
        for entry in MIX}
