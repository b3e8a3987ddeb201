# SPDX-License-Identifier: Apache-2.0
"""A small shop: what it sells it knows itself, how much is left it asks `stock`. Usage: shop.py STOCK_PORT."""
import http.client
import json
import sys

from service import Handler, serve

STOCK = int(sys.argv[1])
ITEMS = 40


class Shop(Handler):
    def setup(self):
        super().setup()
        self.stock = http.client.HTTPConnection("127.0.0.1", STOCK, timeout=5)

    def finish(self):
        super().finish()
        self.stock.close()

    def ask_stock(self, method, path):
        self.stock.request(method, path)
        response = self.stock.getresponse()
        return response.status, json.loads(response.read())

    def list_items(self):
        return 200, {"items": list(range(ITEMS))}

    def one_item(self, item):
        if int(item) >= ITEMS:
            return 404, {"error": "no such item"}
        status, level = self.ask_stock("GET", f"/items/{item}/level")
        return status, {"item": int(item), "left": level["left"]}

    def order(self, item):
        status, answer = self.ask_stock("POST", f"/items/{item}/reservations")
        # As many real programs do: what the other service refused is an error of ours.
        return (201, answer) if status == 201 else (500, {"error": "order failed"})

    routes = [
        ("GET", r"/items", list_items),
        ("GET", r"/items/(\d+)", one_item),
        ("POST", r"/items/(\d+)/orders", order),
    ]


serve(Shop)
