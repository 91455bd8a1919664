#!/usr/bin/env python3
"""Thirteen cuts in time against one.

    cuts.py --eql BINARY [--data FOLDER | --events 10000000]

First: the same events once within one month and once over thirteen (times and windows seventeen times as long, so that the answers are equal): EQL keeps a
part for each month. Second: a question over thirteen weeks at once, cut by week, and asked thirteen times, a week each.
"""
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent / "compare"))
import options
from eql import Eql
from place import Place
from report import Report, ms, table
from server import run

BEGIN, SHRINK, STRETCH = 1_735_689_600_000, 4, 17
COPIED = ["users.parquet", "products.parquet"]
# {h}: hours that are ten in the one, and seventeen times as many in the other.
STORED = {
    "FUNNEL, 3 steps": "FUNNEL view_item -> add_to_cart -> purchase WITHIN {h} hours DURING '2025-01-01' TO '2026-02-28'",
    "FUNNEL, 3 steps, by city": "FUNNEL view_item -> add_to_cart -> purchase WITHIN {h} hours DURING '2025-01-01' TO '2026-02-28' BREAKDOWN BY user.city",
    "FUNNEL, 5 steps": "FUNNEL app_open -> search -> view_item -> add_to_cart -> purchase WITHIN {h} hours DURING '2025-01-01' TO '2026-02-28'",
    "sequence with absence": "FIND user WHERE DID view_item -> WITHIN {h} hours add_to_cart -> NOT WITHIN {h} hours purchase DURING '2025-01-01' TO '2026-02-28' |> AGGREGATE count(*) AS n",
    "FIND, three counts": "FIND user WHERE DID purchase AT LEAST 3 TIMES AND sum(purchase.amount) > 500 AND NEVER DID refund |> AGGREGATE count(*) AS n",
    "SESSIONS by platform": "SESSIONS browsing MEASURE count(*) AS n BREAKDOWN BY entry.platform DURING '2025-01-01' TO '2026-02-28'",
    "ATTRIBUTION": "ATTRIBUTION GOAL purchase TOUCHES [ANY EVENT WHERE utm_source IS SET] MODEL last LOOKBACK {h} hours BREAKDOWN BY touch.utm_source "
                   "MEASURE count(*) AS n, sum(purchase.amount) AS amount DURING '2025-01-01' TO '2026-02-28'",
    "SELECT, count by event": "SELECT event, count(*) AS n FROM ANY EVENT GROUP BY event ORDER BY event",
}
# {during}: the range; {every}: cut by week. Thirteen weeks from a Monday on.
FIRST, WEEKS = "2024-12-30", 13
ASKED = {
    "TREND, users and purchases": "TREND users(purchase), count(purchase) {every} {during}",
    "TREND, all events by platform": "TREND count(ANY EVENT) {every} {during} BREAKDOWN BY platform",
    "FUNNEL, 3 steps": "FUNNEL view_item -> add_to_cart -> purchase WITHIN 7 days {every} {during}",
}


def scaled(source, state, name, cuts):
    """The set in one month, or in thirteen; no two events of a user at one instant."""
    folder = state / f"cuts-{name}-{cuts}"
    if (folder / "meta.json").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    table = pq.read_table(source / "events.parquet")
    user, time_ = table.column("user_id").to_numpy().astype(np.int64), table.column("ts").cast(pa.int64()).to_numpy()
    place = np.arange(len(user))
    key = np.maximum.accumulate((user << 33) + (time_ - BEGIN) // SHRINK - place) + place
    moment = (key - (user << 33)) * (STRETCH if cuts > 1 else 1) + BEGIN
    table = table.set_column(table.schema.get_field_index("ts"), "ts", pa.array(moment, pa.timestamp("ms")))
    pq.write_table(table, folder / "events.parquet", compression="zstd", row_group_size=1_000_000, store_schema=False)
    for file in COPIED:
        (folder / file).write_bytes((source / file).read_bytes())
    meta = json.loads((source / "meta.json").read_text()) | {"session_timeout": f"{8 * (STRETCH if cuts > 1 else 1)} minutes", "now": "2026-03-01T00:00:00Z"}
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


def timed(engines, texts, threads, rounds):
    """Medians of the engines with their texts, in turn."""
    times = [[] for _ in engines]
    for k in range(rounds + 1):
        for engine, text, into in zip(engines, texts, times):
            start = time.perf_counter()
            for one in text if isinstance(text, list) else [text]:
                engine.ask(one, threads)
            if k:
                into.append(time.perf_counter() - start)
    return [statistics.median(t) for t in times]


def same(a, b):
    rows = lambda t: sorted(map(repr, zip(*[c.to_pylist() for c in t.columns])))
    return rows(a) == rows(b)


def stored(given, report, threads):
    one, many = (Eql(Place("eql", scaled(given.data, given.state, given.data.name, cuts), given.state), given.eql) for cuts in (1, 13))
    parts = [e.ask("SELECT count(*) AS n, sum(rows) AS events FROM system.parts WHERE subject = 'user'", threads).to_pylist()[0] for e in (one, many)]
    rows = []
    for what, text in STORED.items():
        texts = [text.format(h=10), text.format(h=10 * STRETCH)]
        if not same(drop_times(one.ask(texts[0], threads)), drop_times(many.ask(texts[1], threads))):
            report.refuse(what, "the answers over one and over thirteen months differ")
            continue
        a, b = timed([one, many], texts, threads, given.rounds)
        rows.append([what, ms(a), ms(b), f"{b / a:.2f}"])
    one.close(), many.close()
    return rows, parts


def drop_times(table):
    """Without the columns of lengths of time, which are seventeen times as long."""
    keep = [f.name for f in table.schema if not any(w in f.name for w in ("time", "seconds", "median", "duration", "mean"))]
    return table.select(keep)


def asked(given, threads):
    day = lambda n: str(np.datetime64(FIRST) + n)
    engine, rows = Eql(Place("eql", given.data, given.state), given.eql), []
    for what, text in ASKED.items():
        whole = f"DURING '{FIRST}' TO '{day(WEEKS * 7 - 1)}'"
        weeks = [text.format(every="", during=f"DURING '{day(7 * k)}' TO '{day(7 * k + 6)}'") for k in range(WEEKS)]
        texts = [text.format(every="", during=whole), text.format(every="EVERY week", during=whole), weeks]
        try:
            a, b, c = timed([engine] * 3, texts, threads, given.rounds)
            rows.append([what, ms(a), ms(b), f"{b / a:.2f}", ms(c), f"{c / a:.2f}"])
        except RuntimeError as error:
            print(f"  {what}: {str(error)[:300]}", file=sys.stderr)
    engine.close()
    return rows


def main():
    given = options.read(options.parser(__doc__, engines=["eql"], threads="2", rounds=7))
    threads, report = given.threads[-1], Report(given)
    rows, parts = stored(given, report, threads)
    report.head(f"{given.meta['events']:,} events, {threads} threads, warm, medians of {given.rounds} in milliseconds; {parts[0]['n']} parts within one month against {parts[1]['n']} over thirteen.",
                [run(given.eql, "--version").strip()])
    table(["question", "one month", "thirteen months", "thirteen / one"], rows)
    print(f"Over {WEEKS} weeks of the data as they are:\n")
    every = asked(given, threads)
    table(["question", "at once", "cut by week", "cut / at once", f"asked {WEEKS} times, a week each", "asked / at once"], every)
    options.keep(given, {"stored": rows, "asked": every})
    report.end()


if __name__ == "__main__":
    main()
