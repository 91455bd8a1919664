"""INTERVALS, ATTRIBUTION, LIFECYCLE, STICKINESS, RFM: one function each."""

from collections import Counter, defaultdict
from .moments import ALL_TIME, day_of, difference, first_moment, later, periods, step


def percentile(values, p):
    """As `percentile_cont`: linear between neighbours."""
    if not values:
        return None
    values = sorted(values)
    at = p * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def intervals(world, start, end, within, same=False, during=ALL_TIME, first_time=False, ties=True, holding=None, of="household", now=1 << 62,
              zone="UTC", among=None, where=lambda r: True):
    """(subject, start row, end row) of every pair."""
    found = []
    for subject, timeline in world.timeline(f"{of}_id").items():
        if among is not None and not among(subject):
            continue
        rows = [r for r in timeline if r.time < now and where(r)]
        used, pairs = set(), []
        ends = [r for r in rows if end.takes(r)]
        for s in rows:
            # A start outside the range takes no end, unless all history is asked for the first pair.
            if not start.takes(s) or (not first_time and not during[0] <= s.time < during[1]):
                continue
            last = later(s.time, within, zone)
            for e in ends:
                if e.id in used or e is s or e.time > last or e.time < s.time:
                    continue
                if e.time == s.time and (not ties or (same and e.order < s.order)):
                    continue
                if holding is not None and (holding(s) is None or holding(s) != holding(e)):
                    continue
                if end.link is not None and not end.link(e, {start.alias: s}):
                    continue
                used.add(e.id)
                pairs.append((subject, s, e))
                break
        if first_time:
            pairs = pairs[:1]
        found += [p for p in pairs if during[0] <= p[1].time < during[1]]
    return found


def attribution(world, goal, touches, model, lookback=None, during=ALL_TIME, holding=None, of="household", now=1 << 62, half_life=None,
                weights=None, zone="UTC", where=lambda r: True):
    """(goal row, touch name or None, touch row or None, credit) for every credit that is given. `touches`: (name, step)."""
    found = []
    for subject, timeline in world.timeline(f"{of}_id").items():
        rows = [r for r in timeline if r.time < now]
        names = [(next((n for n, s in touches if s.takes(r)), None), r) for r in rows]
        names = [(n, r) for n, r in names if n is not None]
        for g in rows:
            if not goal.takes(g) or not where(g) or not during[0] <= g.time < during[1]:
                continue
            before = [(n, r) for n, r in names if r.order < g.order and (lookback is None or r.time >= g.time - lookback)]
            if holding is not None:
                before = [(n, r) for n, r in before if holding(g) is not None and holding(r) == holding(g)]
            if not before:
                found.append((g, None, None, 1.0))
                continue
            for (n, r), credit in zip(before, credits(model, before, g, half_life, weights)):
                if credit is not None:
                    found.append((g, n, r, credit))
    return found


def credits(model, touches, goal, half_life, weights):
    n = len(touches)
    if model == "first":
        return [1.0] + [None] * (n - 1)
    if model == "last":
        return [None] * (n - 1) + [1.0]
    if model == "linear":
        return [1 / n] * n
    if model == "participation":
        return [1.0] * n
    if model == "time_decay":
        raw = [2 ** (-(goal.time - r.time) / half_life) for _, r in touches]
        return [x / sum(raw) for x in raw]
    a, b, c = weights
    if n == 1:
        return [1.0]
    if n == 2:
        return [a / (a + c), c / (a + c)]
    return [a] + [b / (n - 2)] * (n - 2) + [c]


def active_periods(world, what, unit, of="household", zone="UTC", week_start=0, now=1 << 62, group=None, among=None):
    """{(group, subject): days that begin a period with activity}, over all history."""
    found = defaultdict(set)
    for subject, timeline in world.timeline(f"{of}_id").items():
        if among is None or among(subject):
            for r in timeline:
                if r.time < now and what(r):
                    found[(group(r) if group else None, subject)].add(day_of(r.time, unit, zone, week_start))
    return found


def lifecycle(world, what, unit, during, **more):
    """Rows `[period, group, new, returning, resurrecting, dormant]`."""
    zone, week_start = more.get("zone", "UTC"), more.get("week_start", 0)
    active = active_periods(world, what, unit, **more)
    found = []
    for p in periods(*during, unit, zone, week_start):
        before = step(p, unit, -1)
        number = defaultdict(Counter)
        for (g, _), seen in active.items():
            number[g]
            if p in seen:
                kind = "new" if min(seen) == p else "returning" if before in seen else "resurrecting"
                number[g][kind] += 1
            elif before in seen:
                number[g]["dormant"] += 1
        found += [[p, g, *(c[k] for k in ("new", "returning", "resurrecting", "dormant"))] for g, c in number.items()]
    return found


def ntile(values, bins):
    """`values`: (worth, key), worst first; {key: bin}. The first bins take what is left over."""
    ordered = sorted(values)
    size, rest = divmod(len(ordered), bins)
    found, at = {}, 0
    for b in range(1, bins + 1):
        for _, key in ordered[at : at + size + (b <= rest)]:
            found[key] = b
        at += size + (b <= rest)
    return found
