# SPDX-License-Identifier: Apache-2.0
"""A light, even load on the shop until a signal ends it. Usage: load.py PORT."""
import http.client
import itertools
import sys
import time

PORT = int(sys.argv[1])
PER_SECOND = 40


def requests():
    """One in 20 finds nothing, one order in seven fails."""
    for number in itertools.count():
        item = number * 7 % 40
        if number % 20 == 19:
            yield "GET", "/items/4711"
        elif number % 5 == 4:
            yield "POST", f"/items/{number // 5}/orders"
        elif number % 5 == 3:
            yield "GET", "/static/shop.css"
        elif number % 5 == 2:
            yield "GET", "/items?page=2"
        else:
            yield "GET", f"/items/{item}"


def main():
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    start = time.monotonic()
    for number, (method, path) in enumerate(requests()):
        time.sleep(max(0.0, start + number / PER_SECOND - time.monotonic()))
        try:
            connection.request(method, path)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()


try:
    main()
except KeyboardInterrupt:
    pass
