"""Steps and how rows match them: every chain of rows is tried, so nothing is clever here but remembering what was tried."""

from dataclasses import dataclass, field
from typing import Callable, Optional

from .moments import ALL_TIME, later


@dataclass
class Step:
    """`events` None is ANY EVENT. `where` takes the row; `link` the row and the rows matched before, by alias."""

    events: Optional[tuple]
    where: Callable = lambda row: True
    link: Optional[Callable] = None
    alias: Optional[str] = None
    optional: bool = False
    within: Optional[str] = None

    def takes(self, row, matched=None):
        if self.events is not None and row.event not in self.events:
            return False
        if not self.where(row):
            return False
        return self.link is None or matched is None or self.link(row, matched)


def on(event, where=lambda row: True, **more):
    return Step((event,) if isinstance(event, str) else event, where, **more)


@dataclass
class Attempt:
    rows: list  # one place a step; None where it was not matched
    deadline: Optional[int] = None
    any_order: bool = False

    @property
    def reached(self):
        if self.any_order:
            return sum(r is not None for r in self.rows)
        return max((i + 1 for i, r in enumerate(self.rows) if r is not None), default=0)

    @property
    def start(self):
        return min((r for r in self.rows if r is not None), key=lambda r: r.order)

    @property
    def completed_at(self):
        return max(r.time for r in self.rows if r is not None)


@dataclass
class Matcher:
    steps: list
    within: Optional[str] = None
    during: tuple = ALL_TIME
    now: int = 1 << 62
    order: str = "in"  # in, strict, any
    ignoring: tuple = ()
    excluding: list = field(default_factory=list)  # (step, None) or (step, (k, k + 1))
    until: Optional[Step] = None
    holding: Optional[Callable] = None
    ties: bool = True
    zone: str = "UTC"
    where: Callable = lambda row: True
    hidden: tuple = ()

    def attempts(self, timeline):
        """The best attempt of every start row."""
        seen = [r for r in timeline if r.time < self.now]
        return [self.attempt(seen, i) for i, row in enumerate(seen) if self.starts(row)]

    def starts(self, row):
        firsts = self.steps if self.order == "any" else self.steps[:1]
        if not (self.during[0] <= row.time < self.during[1] and self.where(row) and any(s.takes(row) for s in firsts)):
            return False
        return self.holding is None or None not in self.held(row)

    def held(self, row):
        value = self.holding(row)
        return value if isinstance(value, tuple) else (value,)

    def attempt(self, timeline, at):
        start = timeline[at]
        deadline = later(start.time, self.within, self.zone) if self.within else 1 << 62
        low = at
        while low > 0 and timeline[low - 1].time == start.time:
            low -= 1
        window = []
        for row in timeline[low:]:
            if row.time > deadline:
                break
            window.append(row)
        if self.holding is not None:
            usable = [r for r in window if self.held(r) == self.held(start)]
        else:
            usable = window
        usable = [r for r in usable if self.where(r)]
        chain = self.any_order(start, usable, window) if self.order == "any" else self.ordered(start, usable, window)
        return Attempt(chain, deadline, self.order == "any")

    # In order: the longest chain, of those the one that ends first, of those the one with the earliest rows.
    def ordered(self, start, usable, window):
        n, tried = len(self.steps), {}

        def best(k, last, previous_required, used, matched):
            """(required level, -end, rows after) from step k on."""
            if k == n:
                return (0, 0, -last.time, [])
            key = (k, last.id, previous_required.id, tuple(sorted(r.id for r in used))) if not matched else None
            if key in tried and key is not None:
                return tried[key]
            step = self.steps[k]
            found = (0, 0, -last.time, [None] * (n - k))
            if step.optional:
                rest = best(k + 1, last, previous_required, used, matched)
                found = max(found, (rest[0], rest[1], rest[2], [None] + rest[3]), key=lambda c: c[:3])
            for row in usable:
                if row in used or not self.follows(row, last, previous_required, step, k, window, start, used):
                    continue
                if not step.takes(row, {**matched} if self.linked else None):
                    continue
                now_used = frozenset([r for r in used if r.time == row.time] + [row])
                names = {**matched, step.alias: row} if self.linked else matched
                rest = best(k + 1, row, previous_required if step.optional else row, now_used, names)
                mine = (rest[0] + (0 if step.optional else 1), rest[1] + (1 if step.optional else 0), rest[2], [row] + rest[3])
                if mine[:3] > found[:3]:
                    found = mine
            if key is not None:
                tried[key] = found
            return found

        names = {self.steps[0].alias: start} if self.linked else {}
        rest = best(1, start, start, frozenset([start]), names)
        return [start] + rest[3]

    @property
    def linked(self):
        return any(s.link for s in self.steps)

    def follows(self, row, last, required, step, k, window, start, used):
        if row.time < last.time or (not self.ties and row.time == last.time):
            return False
        if step.within and row.time > later(required.time, step.within, self.zone):
            return False
        if self.order != "strict" and not self.excluding and self.until is None:
            return True
        # What has the time of a step in the middle lies between the first and the last one, before or after it as you like; what
        # has the time of the first or the last one need not.
        between = [r for r in window if start.time < r.time and last.time <= r.time < row.time and r not in used]
        if self.order == "strict" and any(r.event not in self.ignoring and r.event not in self.hidden for r in between):
            return False
        for excluded, pair in self.excluding:
            if pair is None and any(self.excluded(excluded, r, last) for r in between):
                return False
            if pair is not None and k == pair[1] - 1 and any(self.excluded(excluded, r, last) and r.time > last.time for r in between):
                return False
        return self.until is None or not any(self.excluded(self.until, r, last) for r in between)

    def excluded(self, step, row, last):
        """An excluded row holds what is held, too."""
        return step.takes(row) and (self.holding is None or self.held(row) == self.held(last))

    # Any order: as many different steps as possible by different rows; then the earliest end.
    def any_order(self, start, usable, window):
        later_than = lambda r: r is start or (r.time >= start.time if self.ties else r.time > start.time)
        # Rows of the start's own time and before it in the order of the timeline begin attempts of their own, and serve this one too.
        after = [r for r in usable if later_than(r)]
        for excluded, _ in self.excluding + ([(self.until, None)] if self.until else []):
            stop = min((r.time for r in window if r.time > start.time and self.excluded(excluded, r, start)), default=None)
            if stop is not None:
                after = [r for r in after if r.time <= stop]
        whole = self.pairing(after)
        for end in sorted({r.time for r in after}):
            chain = self.pairing([r for r in after if r.time <= end])
            if len([r for r in chain if r]) == len([r for r in whole if r]):
                return chain

    def pairing(self, rows):
        """Gives as many steps as possible a row of their own (with ties forbidden, a time of their own)."""
        place_of = (lambda r: r.id) if self.ties else (lambda r: r.time)
        options = [[r for r in rows if s.takes(r)] for s in self.steps]
        taken = {}

        def give(k, tried):
            for r in options[k]:
                if place_of(r) not in tried:
                    tried.add(place_of(r))
                    if place_of(r) not in taken or give(taken[place_of(r)][0], tried):
                        taken[place_of(r)] = (k, r)
                        return True
            return False

        for k in range(len(self.steps)):
            give(k, set())
        chain = [None] * len(self.steps)
        for k, r in taken.values():
            chain[k] = r
        return chain
