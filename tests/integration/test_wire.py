# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.x as it may come over a socket: both ends scripted byte for byte, the expectation by hand."""
import pytest

from harness.polling import eventually, settles
from harness.wire import Wire

END = "\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def get(path, extra=""):
    return f"GET {path} HTTP/1.1\r\nHost: wire.test\r\n{extra}\r\n"


@pytest.fixture(scope="module", params=["tcp", "unix"])
def wire(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("wire")
    wire = Wire(directory, unix=request.param == "unix")
    yield wire
    wire.kill()


def case(name, server, client, *rows):
    """`rows`: (method, status, error type, count) that the route /name shows in the end."""
    return pytest.param(name, server, client, sorted(rows), id=name)


def simple(name, request, response, *rows):
    return case(name, [["read", len(request)], ["send", response]],
                [["send", request], ["read", len(response)]], *rows)


CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5;x=y\r\nworld\r\n0\r\n"
CHUNKED_REQUEST = ("POST /chunked-request HTTP/1.1\r\nHost: wire.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "3\r\nabc\r\n0\r\n\r\n")
EXPECT = get("/continue", "Expect: 100-continue\r\nContent-Length: 4\r\n").replace("GET", "PUT")
UPGRADE = get("/upgrade", "Upgrade: websocket\r\nConnection: Upgrade\r\n")
SWITCH = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
FRAMES = "\x81\x05hello" * 50
CLOSED = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end"
LONG = get("/long-header", f"Cookie: {'c' * 20000}\r\n")
LONG_OK = f"HTTP/1.1 200 OK\r\nX-Long: {'x' * 20000}\r\nContent-Length: 5\r\n\r\nhello"

CASES = [
    simple("get", get("/get"), OK, ("GET", 200, "", 1)),
    simple("no-content", get("/no-content"), "HTTP/1.1 204 No Content\r\n\r\n", ("GET", 204, "", 1)),
    simple("not-modified", get("/not-modified"),
           "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ("GET", 304, "", 1)),
    simple("head", get("/head").replace("GET", "HEAD"),
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", ("HEAD", 200, "", 1)),
    simple("old", "GET /old HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
           ("GET", 200, "", 1)),
    simple("method", get("/method").replace("GET", "PROPFIND"),
           "HTTP/1.1 207 Multi-Status\r\nContent-Length: 0\r\n\r\n", ("_OTHER", 207, "", 1)),
    simple("error", get("/error"), "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
           ("GET", 503, "503", 1)),
    simple("line-feeds", "GET /line-feeds HTTP/1.1\nHost: wire.test\n\n",
           "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", ("GET", 200, "", 1)),
    simple("long-header", LONG, LONG_OK, ("GET", 200, "", 1)),
    simple("chunked", get("/chunked"), CHUNKED + "\r\n", ("GET", 200, "", 1)),
    simple("trailers", get("/trailers"), CHUNKED + "X-Sum: 1\r\n\r\n", ("GET", 200, "", 1)),
    simple("chunked-request", CHUNKED_REQUEST, OK, ("POST", 200, "", 1)),
    simple("early-hints", get("/early-hints"),
           "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK, ("GET", 200, "", 1)),
    simple("keep-alive", get("/keep-alive"), OK, ("GET", 200, "", 1)),
    case("keep-alive-3", [["read", len(get("/keep-alive-3"))], ["send", OK]] * 3,
         [["send", get("/keep-alive-3")], ["read", len(OK)]] * 3, ("GET", 200, "", 3)),
    case("pipelined", [["read", 3 * len(get("/pipelined"))], ["send", OK * 3]],
         [["send", get("/pipelined") * 3], ["read", 3 * len(OK)]], ("GET", 200, "", 3)),
    case("continue", [["read", len(EXPECT)], ["send", "HTTP/1.1 100 Continue\r\n\r\n"], ["read", 4],
                      ["send", OK]],
         [["send", EXPECT], ["read", 25], ["send", "body"], ["read", len(OK)]], ("PUT", 200, "", 1)),
    case("each-byte", [["read_until", END], ["send_each", OK]],
         [["send_each", get("/each-byte")], ["read", len(OK)]], ("GET", 200, "", 1)),
    case("each-byte-chunked", [["read_until", END], ["send_each", CHUNKED + "\r\n"]],
         [["send_each", get("/each-byte-chunked")], ["read", len(CHUNKED) + 2]], ("GET", 200, "", 1)),
    case("parts", [["read_until", END], ["send_parts", [OK[:9], OK[9:20], OK[20:-2], OK[-2:]]]],
         [["send", get("/parts")], ["read", len(OK)]], ("GET", 200, "", 1)),
    case("until-the-end", [["read_until", END], ["send", CLOSED], ["close"]],
         [["send", get("/until-the-end")], ["read_end"]], ("GET", 200, "", 1)),
    case("upgrade", [["read", len(UPGRADE)], ["send", SWITCH], ["read", 5], ["send", FRAMES], ["read_end"]],
         [["send", UPGRADE], ["read", len(SWITCH)], ["send", "abcde"], ["read", len(FRAMES)]],
         ("GET", 101, "", 1)),
    case("server-went", [["read_until", END], ["close"]],
         [["send", get("/server-went")], ["read_end"]], ("GET", 0, "closed_by_server", 1)),
    case("half-an-answer", [["read_until", END], ["send", OK[:-2]], ["close"]],
         [["send", get("/half-an-answer")], ["read_end"]], ("GET", 200, "closed_by_server", 1)),
    case("client-went", [["read_until", END], ["read_end"]],
         [["send", get("/client-went")]], ("GET", 0, "closed_by_client", 1)),
]


# Exchanges that only the end of the connection ends; long-header, because the end of the head is behind
# what is captured.
ENDED_BY_CLOSE = {"until-the-end", "server-went", "half-an-answer", "client-went", "long-header"}


@pytest.mark.parametrize("name, server, client, rows", CASES)
def test_exchange(wire, name, server, client, rows):
    wire.play(server, client)
    if isinstance(wire.where, str) and name in ENDED_BY_CLOSE:
        # The end of an AF_UNIX connection is not seen: such an exchange waits, and the books say so.
        settles(lambda: wire.agent.books()["match"]["held"] >= 1, True)
        return
    # Nothing answered: no path is known to exist, so there is no route.
    route = "" if rows[0][1] == 0 else f"/{name}"
    settles(lambda: [row for row in wire.rows(route) if route or row[2] == rows[0][2]], rows)


def test_reset_by_the_client_is_an_error(wire):
    if isinstance(wire.where, str):
        pytest.skip("AF_UNIX sockets have no reset")
    wire.play([["read_until", END], ["send", OK[:-2]], ["read_end"]],
              [["send", get("/reset")], ["read", len(OK) - 2], ["reset"]])
    settles(lambda: wire.rows("/reset"), [("GET", 200, "connection_reset", 1)])


def test_sent_file_counts_as_body(wire, tmp_path):
    file = tmp_path / "body"
    file.write_bytes(b"f" * 300_000)
    head = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"
    wire.play([["read_until", END], ["send", head], ["sendfile", str(file)],
               ["read_until", END], ["send", OK]],
              [["send", get("/sent-file")], ["read", len(head) + 300_000],
               ["send", get("/after-the-file")], ["read", len(OK)]])
    settles(lambda: wire.rows("/sent-file"), [("GET", 200, "", 1)])
    settles(lambda: wire.rows("/after-the-file"), [("GET", 200, "", 1)])
    span, = eventually(lambda: wire.spans("/sent-file"), 5, "the span")
    assert span["attributes"]["http.response.body.size"] == 300_000


def test_span_says_what_was_on_the_wire(wire):
    request = get("/span/17?token=secret&page=2", "User-Agent: wire/1\r\nContent-Length: 3\r\n")
    request = request.replace("GET", "POST") + "abc"
    wire.play([["read", len(request)], ["send", OK]], [["send", request], ["read", len(OK)]])
    span, = eventually(lambda: wire.spans("/span/17"), 5, "the span")
    attributes = span["attributes"]
    assert span["name"] == "POST /span/{id}"
    assert span["kind"] == "server"
    assert span["status"] == "unset"
    wanted = {"http.request.method": "POST", "http.route": "/span/{id}", "url.path": "/span/17",
              "url.scheme": "http", "http.response.status_code": 200, "server.address": "wire.test",
              "user_agent.original": "wire/1", "http.request.body.size": 3,
              "http.response.body.size": 5, "network.protocol.version": "1.1"}
    assert {key: attributes.get(key) for key in wanted} == wanted
    # Queries are dropped by default: secrets live there.
    assert "secret" not in str(span)
    assert 0 < attributes["hostlens.http.time_to_first_byte"] < 5


def test_upgrade_is_counted_as_websocket(wire):
    wire.play([["read", len(UPGRADE)], ["send", SWITCH], ["close"]],
              [["send", UPGRADE.replace("/upgrade", "/socket!")], ["read_end"]])
    span, = eventually(lambda: wire.spans("/socket!"), 5, "the span")
    assert span["attributes"]["network.protocol.name"] == "websocket"
    assert span["attributes"]["http.response.status_code"] == 101


def test_garbage_is_counted_and_harms_nothing(wire):
    wire.play([["read", 400], ["send", "\x00\xff" * 200], ["close"]],
              [["send", "\x16\x03\x01\x02" * 100], ["read_end"]])
    settles(lambda: wire.agent.books()["track"]["dropped"].get("undetected", 0) > 0, True)
    wire.play([["read_until", END], ["send", OK]], [["send", get("/fine-again")], ["read", len(OK)]])
    settles(lambda: wire.rows("/fine-again"), [("GET", 200, "", 1)])


def test_contradicting_lengths_neither_hide_nor_invent_a_request(wire):
    request = get("/smuggled", "Content-Length: 0\r\nContent-Length: 50\r\n")
    wire.play([["read", len(request)], ["send", OK], ["close"]],
              [["send", request], ["read_end"]])
    settles(lambda: wire.rows("/smuggled"), [("GET", 200, "", 1)])


def test_books_hold_every_exchange(wire):
    """At the end of this file's traffic: what was not counted has a reason."""
    def balanced():
        books = wire.agent.books()
        return all(entry["held"] == 0 for stage, entry in books.items() if stage != "match")
    settles(balanced, True)
