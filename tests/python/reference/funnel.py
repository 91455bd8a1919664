"""FUNNEL and SEQUENCE."""

from collections import defaultdict
from statistics import median

from .moments import bucket


def level(attempt, steps):
    """The required steps that were done: an optional one neither raises nor lowers."""
    if attempt.any_order:
        return attempt.reached
    return sum(1 for s, r in zip(steps, attempt.rows) if r is not None and not s.optional)


def chosen(attempts, steps, reentry):
    if reentry == "first":
        return min(attempts, key=lambda a: (a.rows[0].time, -level(a, steps), a.completed_at))
    if reentry == "latest":
        return min(attempts, key=lambda a: (-a.rows[0].time, -level(a, steps), a.completed_at))
    return min(attempts, key=lambda a: (-level(a, steps), a.start.time, a.completed_at))


def one_after_the_other(attempts, steps, required):
    """COUNTING ATTEMPTS REENTRY FIRST: the next attempt begins after the one before converted or timed out."""
    kept, free_at = [], None
    for a in sorted(attempts, key=lambda a: a.start.order):
        if free_at is None or a.start.time > free_at[0] or (a.start.time == free_at[0] and free_at[1]):
            kept.append(a)
            converted = level(a, steps) == required
            free_at = (a.completed_at, False) if converted else (a.deadline, False)
    return kept


def funnel(world, matcher, of="household", counting="entities", reentry="best", every=None, week_start=0, group=None, among=None,
           attributed="first", median_of=None):
    """{(period, group): [lines]}; a line is a dictionary of the result's columns."""
    key = f"{of}_id"
    steps = matcher.steps
    required = [i for i, s in enumerate(steps) if not s.optional] if matcher.order != "any" else list(range(len(steps)))
    counted = defaultdict(list)
    for subject, timeline in world.timeline(key).items():
        if among is not None and not among(subject):
            continue
        cells = defaultdict(list)
        for a in matcher.attempts(timeline):
            period = bucket(a.start.time, every, matcher.zone, week_start) if every else None
            for g in groups_of(a, group, attributed):
                cells[(period, g)].append(a)
        for cell, attempts in cells.items():
            if counting == "attempts":
                kept = one_after_the_other(attempts, steps, len(required)) if reentry == "first" else attempts
                counted[cell] += kept
            else:
                counted[cell].append(chosen(attempts, steps, reentry))
    return {cell: lines(attempts, steps, required, matcher.now) for cell, attempts in counted.items()}, counted


def groups_of(attempt, group, attributed):
    if group is None:
        return [None]
    rows = [r for r in attempt.rows if r is not None]
    if attributed == "first":
        return [group(attempt.start)]
    if attributed == "last":
        return [group(rows[-1])]
    if attributed == "all":
        return list(dict.fromkeys(group(r) for r in rows))
    row = attempt.rows[attributed - 1]
    return [None if row is None else group(row)]


def lines(attempts, steps, required, now):
    n, found, open_before = len(steps), [], 0
    total = len(attempts)
    for k in range(n):
        if attempts and attempts[0].any_order:
            here = [a for a in attempts if a.reached >= k + 1]
            stopped = [a for a in attempts if a.reached == k + 1]
        else:
            here = [a for a in attempts if a.rows[k] is not None]
            stopped = [a for a in here if a.reached == k + 1]
        before = [r for r in required if r < k]
        previous = found[before[-1]]["entities"] if before else total
        still_open = 0 if k == n - 1 else sum(a.deadline > now and not done(a, required) for a in stopped)
        seconds = []
        if before and not (attempts and attempts[0].any_order):
            seconds = [(a.rows[k].time - a.rows[before[-1]].time) / 1e6 for a in here]
        found.append({
            "step": k + 1,
            "entities": len(here),
            "open": still_open,
            "rate": ratio(len(here), total),
            "step_rate": ratio(len(here), previous),
            "rate_closed": ratio(len(here), total - open_before),
            "median_seconds": median(seconds) if seconds else None,
            "avg_seconds": sum(seconds) / len(seconds) if seconds else None,
        })
        open_before += still_open
    return found


def done(attempt, required):
    return all(attempt.rows[r] is not None for r in required)


def ratio(a, b):
    return a / b if b else None


def sequence(world, matcher, of="household", among=None):
    """One row a match: the key and the time of every step."""
    found = []
    for subject, timeline in world.timeline(f"{of}_id").items():
        if among is not None and not among(subject):
            continue
        for a in matcher.attempts(timeline):
            if all(r is not None or s.optional for r, s in zip(a.rows, matcher.steps)):
                found.append([subject] + [r.time if r else None for r in a.rows])
    return found
