"""A question to the engine, with a second way to its answer."""

import json
import math
import urllib.request
from dataclasses import dataclass, field
from datetime import date
from typing import Callable

from .moments import instant, local

NOW = "2018-01-02T00:00:00Z"
TOLERANCE = 1e-6


@dataclass
class Question:
    name: str
    eql: str
    columns: list
    answer: Callable  # takes the world, gives rows
    ordered: bool = False
    settings: dict = field(default_factory=dict)


ALL = []


def question(eql, columns, ordered=False, called=None, **settings):
    """Makes a question of a function that takes the world and gives the rows, in the order of `columns` (a text of names). It is called
    as the function is, unless `called` says otherwise."""

    def keep(answer):
        name = called or answer.__name__
        assert all(q.name != name for q in ALL), name
        ALL.append(Question(name, eql.strip(), columns.split(), answer, ordered, {"now": NOW, "time_zone": "UTC", **settings}))
        return answer

    return keep


def post(url, body):
    request = urllib.request.Request(url + "/v1/query", json.dumps(body).encode(), {"content-type": "application/json", "accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read().decode()) from error


def asked(url, question):
    """The engine's rows, in the order of the question's columns."""
    result = post(url, {"query": question.eql, "settings": question.settings})
    names = [c["name"] for c in result["columns"]]
    missing = [c for c in question.columns if c not in names]
    assert not missing, f"no column {missing} in {names}"
    at = [names.index(c) for c in question.columns]
    return [[row[i] for i in at] for row in result["rows"]]


def told(value):
    """A value as the interface writes it."""
    return value.isoformat() if isinstance(value, date) else value


def when(time):
    """An instant as the interface writes it, in UTC."""
    return local(time, "UTC")


def same(want, got):
    if hasattr(want, "hour"):
        return got is not None and instant(got) == instant(want.isoformat())
    want = told(want)
    if want is None or got is None or isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, (int, float)):
        try:
            return math.isclose(float(got), want, rel_tol=1e-9, abs_tol=TOLERANCE)
        except (TypeError, ValueError):
            return False
    return want == got


def same_row(want, got):
    return len(want) == len(got) and all(same(w, g) for w, g in zip(want, got))


def difference(want, got, ordered):
    """None, or a line that says what differs."""
    if ordered:
        for i, (w, g) in enumerate(zip(want, got)):
            if not same_row(w, g):
                return f"row {i + 1}: want {w}, got {g}"
        return None if len(want) == len(got) else f"want {len(want)} rows, got {len(got)}"
    sort = lambda rows: sorted(rows, key=lambda r: [("1" if v is None else "0") + (f"{float(v):020.3f}" if isinstance(v, (int, float)) and not isinstance(v, bool) else str(told(v))) for v in r])
    left, missing = sort(got), []
    for w in sort(want):
        hit = next((i for i, g in enumerate(left) if same_row(w, g)), None)
        if hit is None:
            missing.append(w)
        else:
            left.pop(hit)
    if missing or left:
        return f"want {len(want)} rows, got {len(got)}; missing {missing[:4]}; unexpected {left[:4]}"
    return None
