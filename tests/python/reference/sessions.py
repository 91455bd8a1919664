"""SESSIONS and PATHS."""

from collections import Counter, defaultdict

from .moments import ALL_TIME, bucket, later


def cut(rows, timeout, starting=None, ending=None, longest=None, split=None):
    """The sessions of rows in order."""
    found = []
    for row in rows:
        session = found[-1] if found else None
        if (
            session is None
            or row.time - session[-1].time > timeout
            or (starting is not None and starting(row))
            or (ending is not None and ending(session[-1]))
            or (longest is not None and row.time - session[0].time > longest)
            or (split is not None and split(row) != split(session[0]))
        ):
            found.append([row])
        else:
            session.append(row)
    return found


def sessions(world, timeout, over=lambda r: True, of="household", during=ALL_TIME, now=1 << 62, among=None, **rule):
    """(subject, rows) of every session that starts in the range."""
    for subject, timeline in world.timeline(f"{of}_id").items():
        if among is None or among(subject):
            for session in cut([r for r in timeline if over(r) and r.time < now], timeout, **rule):
                if during[0] <= session[0].time < during[1]:
                    yield subject, session


def windows(rows, within, zone="UTC", starting=None):
    """PATHS … WITHIN: a path ends `within` after its first event; the next event (with STARTING: the next start) begins another."""
    found, end = [], None
    for row in rows:
        if end is not None and row.time <= end:
            found[-1].append(row)
        elif starting is None or starting(row):
            found.append([row])
            end = later(row.time, within, zone)
        else:
            end = None
    return found


def path(rows, node, depth=5, starting=None, ending=None, repeats=False):
    """The nodes of one session, or None where STARTING or ENDING finds nothing."""
    if starting is not None:
        at = next((i for i, r in enumerate(rows) if starting(r)), None)
        if at is None:
            return None
        rows = rows[at:]
    if ending is not None:
        at = next((i for i in range(len(rows) - 1, -1, -1) if ending(rows[i])), None)
        if at is None:
            return None
        rows = rows[: at + 1]
    nodes = []
    for r in rows:
        name = node(r)
        if repeats or not nodes or nodes[-1] != name:
            nodes.append(name)
    if len(nodes) > depth:
        nodes = ["(more)"] + nodes[-depth:] if ending is not None else nodes[:depth] + ["(more)"]
    return nodes


def counted(paths):
    """Rows `[path, sessions, entities, share]` of (subject, nodes)."""
    number, who = Counter(), defaultdict(set)
    for subject, nodes in paths:
        number[tuple(nodes)] += 1
        who[tuple(nodes)].add(subject)
    total = sum(number.values())
    return [[list(p), n, len(who[p]), n / total] for p, n in number.items()]


def edges(paths):
    """Rows `[step, source, target, sessions, entities, events]`."""
    number, which, who = Counter(), defaultdict(set), defaultdict(set)
    for i, (subject, nodes) in enumerate(paths):
        ends = nodes if nodes[-1] == "(more)" else nodes + ["(exit)"]
        first = 0 if nodes[0] == "(more)" else 1
        for k, (a, b) in enumerate(zip(ends, ends[1:])):
            edge = (k + first, a, b)
            number[edge] += 1
            which[edge].add(i)
            who[edge].add(subject)
    return [[*e, len(which[e]), len(who[e]), n] for e, n in number.items()]
