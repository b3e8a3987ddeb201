# SPDX-License-Identifier: Apache-2.0
"""What both services are made of: routes, JSON answers, a port of their own that they print."""
import http.server
import json
import re


class Handler(http.server.BaseHTTPRequestHandler):
    """Subclasses set `routes`: (method, pattern of the path, function of the match to (status, value))."""

    protocol_version = "HTTP/1.1"
    routes = []
    wbufsize = -1  # head and body leave in one call

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        status, value = 404, {"error": "no such page"}
        for method, pattern, function in self.routes:
            match = re.fullmatch(pattern, self.path.split("?")[0])
            if match and method == self.command:
                status, value = function(self, *match.groups())
                break
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = answer
    do_POST = answer

    def log_message(self, *_):
        pass


def serve(handler):
    """Port on standard output, then requests until a signal ends the process. One thread per connection."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    print(server.server_port, flush=True)
    server.serve_forever()
