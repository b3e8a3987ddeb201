# SPDX-License-Identifier: Apache-2.0
"""Four functions that take 40, 30, 20 and 10 hundredths of the time."""


def turn():
    total = 0
    for number in range(300):
        total += number
    return total


def turns(count):
    for _ in range(count):
        turn()


def forty():
    turns(40)


def thirty():
    turns(30)


def twenty():
    turns(20)


def ten():
    turns(10)


while True:
    forty()
    thirty()
    twenty()
    ten()
