# SPDX-License-Identifier: Apache-2.0
"""How many of an item there are. Takes 2 to 6 ms, as a service with a database behind it would."""
import time

from service import Handler, serve


def level(_, item):
    time.sleep(0.002 + int(item) % 5 / 1000)
    return 200, {"item": int(item), "left": int(item) % 7}


def reserve(_, item):
    time.sleep(0.004)
    if int(item) % 7 == 0:
        return 409, {"error": "sold out"}
    return 201, {"item": int(item)}


class Stock(Handler):
    routes = [("GET", r"/items/(\d+)/level", level), ("POST", r"/items/(\d+)/reservations", reserve)]


serve(Stock)
