"""Asks a server over the sample every question: `python -m reference.compare http://127.0.0.1:8080 FOLDER [NAME…]`."""

import sys
import time

from . import questions  # noqa: F401: they register themselves
from .question import ALL, asked, difference
from .world import completejourney


def main(url, folder, *names):
    world, wrong = completejourney(folder), 0
    for q in ALL:
        if names and not any(n in q.name for n in names):
            continue
        began = time.monotonic()
        want = q.answer(world)
        middle = time.monotonic()
        try:
            problem = difference(want, asked(url, q), q.ordered)
        except AssertionError as error:
            problem = str(error)[:600]
        if problem:
            wrong += 1
            print(f"-- {q.name}: {problem}\n   {q.eql}\n")
        if time.monotonic() - began > 3:
            print(f"   ({q.name}: reference {middle - began:.1f} s, engine {time.monotonic() - middle:.1f} s)")
    print(f"{len(ALL)} questions, {wrong} differ")


main(*sys.argv[1:])
