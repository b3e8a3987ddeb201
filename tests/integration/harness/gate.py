# SPDX-License-Identifier: Apache-2.0
"""A receiver between agent and collector that can misbehave, and keeps what it was sent."""
import http.server
import threading
import urllib.error
import urllib.request


class Gate:
    """`answers`: status codes of the next requests, "garbage", "hang up" or "silence"; then all pass
    on to the collector. `requests`: (path, headers, what was done) of each."""

    def __init__(self, collector):
        self.collector = collector
        self.answers = []
        self.always = None  # like an entry of answers, for all requests
        self.headers = {}   # of the answers made here
        self.requests = []
        self.stopped = threading.Event()
        gate = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                what = gate.always or (gate.answers.pop(0) if gate.answers else "pass")
                gate.requests.append((self.path, dict(self.headers.items()), what))
                if what == "pass":
                    self.respond(*gate.pass_on(self.path, body, self.headers))
                elif what == "garbage":
                    self.wfile.write(b"\x00\x01 this is no HTTP\r\n\r\n")
                    self.close_connection = True
                elif what == "hang up":
                    self.close_connection = True
                elif what == "silence":
                    gate.stopped.wait(60)
                    self.close_connection = True
                else:
                    self.respond(what, b"", gate.headers)

            def respond(self, status, body, headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def pass_on(self, path, body, headers):
        request = urllib.request.Request(self.collector.url + path, body)
        for name in ("Content-Type", "Content-Encoding"):
            if headers.get(name):
                request.add_header(name, headers[name])
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read(), {"Content-Type": answer.headers["Content-Type"]}
        except urllib.error.HTTPError as error:
            return error.code, error.read(), {}

    def sent(self, what="pass", path=None):
        return [entry for entry in self.requests
                if entry[2] == what and (path is None or entry[0] == path)]

    def stop(self):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
