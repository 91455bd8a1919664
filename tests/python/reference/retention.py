"""RETENTION and LTV: who is in a cohort, and what of the rows after the start belongs to which cell."""

from collections import defaultdict

from .moments import ALL_TIME, DAY, FIXED, bucket, day_of, difference, first_moment, periods, step

HUGE = 1 << 61


def cohorts(world, start, during=ALL_TIME, every=None, first_time=False, group=None, of="household", among=None, where=lambda r: True,
            zone="UTC", week_start=0, now=HUGE, holding=None):
    """{(cohort, group): {(subject, what is held): start row}}: every value held is a timeline of its own."""
    found = defaultdict(dict)
    for subject, timeline in world.timeline(f"{of}_id").items():
        if among is not None and not among(subject):
            continue
        rows = [r for r in timeline if r.time < now and start.takes(r) and where(r) and (holding is None or holding(r) is not None)]
        if first_time:
            rows = rows[:1]
        held = holding or (lambda r: None)
        for r in rows:
            if during[0] <= r.time < during[1]:
                cell = (day_of(r.time, every, zone, week_start) if every else None, group(r) if group else None)
                found[cell].setdefault((subject, held(r)), r)
    return found


def period_index(first, row, unit, rolling, zone, week_start):
    if rolling:
        return (row.time - first.time) // FIXED[unit]
    return difference(day_of(first.time, unit, zone, week_start), day_of(row.time, unit, zone, week_start), unit)


def over(end, n, unit, rolling, zone, week_start, now):
    """Whether period `n` of a start in the last microsecond before `end` is over."""
    if rolling:
        return end - 1 + (n + 1) * FIXED[unit] <= now
    return first_moment(step(day_of(end - 1, unit, zone, week_start), unit, n + 1), zone) <= now


def retention(world, start, returning, cells, unit, same=False, during=ALL_TIME, every=None, first_time=False, rolling=False, unbounded=False,
              group=None, holding=None, ties=True, of="household", among=None, where=lambda r: True, zone="UTC", week_start=0, now=HUGE,
              measure=None):
    """Rows `[cohort, group, size, n, returned, measure]`. `cells`: (label, from, to or None)."""
    found = []
    members = cohorts(world, start, during, every, first_time, group, of, among, where, zone, week_start, now, holding)
    for (cohort, g), starts in members.items():
        hits = defaultdict(lambda: defaultdict(list))
        for (subject, _), first in starts.items():
            for row in world.timeline(f"{of}_id")[subject]:
                if row.time >= now:
                    continue
                if row is first:
                    if not same:
                        continue
                elif not (returning.takes(row) and where(row)) or row.time < first.time or (row.time == first.time and not ties):
                    continue
                if holding is not None and holding(row) != holding(first):
                    continue
                n = period_index(first, row, unit, rolling, zone, week_start)
                for label, low, high in cells:
                    if n >= low and (high is None or n < high):
                        hits[label][subject].append(row)
        size = len({subject for subject, _ in starts})
        end = min(during[1], first_moment(step(cohort, every, 1), zone)) if every else during[1]
        for label, low, high in cells:
            # An open cell is over with its first period.
            last = low if high is None else high - 1
            if end > now or not over(end, last, unit, rolling, zone, week_start, now):
                found.append([cohort, g, size, label, None, None])
                continue
            rows = [r for s in hits[label].values() for r in s]
            found.append([cohort, g, size, label, len(hits[label]), measure(rows) if measure else None])
    return found


def counted(n, unbounded=False):
    """FOR n: the cells 0 … n."""
    return [(i, i, None if unbounded else i + 1) for i in range(n + 1)]


def brackets(bounds, unbounded=False):
    cells = [(a, a, b) for a, b in zip(bounds, bounds[1:])]
    return cells + [(bounds[-1], bounds[-1], None)] if unbounded else cells


def up_to(n):
    """CUMULATIVE: periods 0 … i."""
    return [(i, 0, i + 1) for i in range(n + 1)]
