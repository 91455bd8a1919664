"""Answers of all engines as the same rows."""
from datetime import date, datetime, timezone
from decimal import Decimal


def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, datetime):
        return int(value.replace(tzinfo=value.tzinfo or timezone.utc).timestamp() * 1000 + 0.5)
    if isinstance(value, date):
        return (value - date(2025, 1, 1)).days
    if isinstance(value, float):
        return int(value) if value.is_integer() else round(value, 3)
    return value


def rows_of(table):
    return [tuple(plain(v) for v in row) for row in zip(*[column.to_pylist() for column in table.columns])]


def steps(rows):
    """Entities that reached each step, from entities by their highest one."""
    found = {}
    for *by, level, n in rows:
        for step in range(1, level + 1):
            key = (*by, step)
            found[key] = found.get(key, 0) + n
    return [(*key, n) for key, n in found.items()]


def normal(question, rows, of_eql):
    """Sorted rows of an answer."""
    if question.startswith("funnel"):
        # EQL: [city,] step, name, entities, …
        by = 1 if question.endswith("city") else 0
        rows = [(*r[:by], r[by], r[by + 2]) for r in rows] if of_eql else steps(rows)
        rows = [r for r in rows if r[-1]]
    if question == "retention" and of_eql:
        # cohort, size, n, returned, rate; of the same day only the size is asked for.
        sizes = {r[0]: r[1] for r in rows}
        rows = [(c, 0, n) for c, n in sizes.items() if n] + [(r[0], r[2], r[3]) for r in rows if 1 <= r[2] <= 14 and r[3]]
    if question == "sessions" and of_eql:
        rows = [(platform, n, round(seconds * 1000)) for platform, n, seconds in rows]
    if question == "attribution" and of_eql:
        # touch, source, touches, credit, n, amount
        merged = {}
        for touch, source, _, _, n, amount in rows:
            key = "(direct)" if touch == "(direct)" else source
            before = merged.get(key, (0, 0))
            merged[key] = (before[0] + n, before[1] + amount)
        rows = [(k, n, plain(float(amount))) for k, (n, amount) in merged.items()]
    return sorted(rows, key=lambda r: tuple((str(type(v)), v) for v in r))
