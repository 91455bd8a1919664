#!/usr/bin/env python3
"""How soon the first rows of a large answer are there, and how much of a short question is understanding it.

    first_row.py --eql BINARY [--data FOLDER | --events 10000000] [--rounds 21]

First rows: from asking until a first batch of rows could be read, and until the last one. A short question: the round trip of a question whose answer is
small; of the same words again (what was bound is kept) and of words never seen before; and of the steps before it runs: reading and binding (`/v1/check`),
and everything up to a plan that could run (`EXPLAIN PHYSICAL`).
"""
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "compare"))
import options
from eql import NOW
from report import Report, ms, table
from server import Server, ask, call
from workers import start

ENGINES = ["eql", "clickhouse", "duckdb", "datafusion"]
LARGE = {
    "all purchases": ("SELECT user_id, time, amount, platform FROM purchase", "SELECT user_id, ts, amount, platform FROM events WHERE event = 'purchase'"),
    "all users with their city": ("FIND user SHOW user_id, city", "SELECT user_id, city FROM users"),
    "all events": ("SELECT user_id, time, event, platform FROM ANY EVENT", "SELECT user_id, ts, event, platform FROM events"),
}
# {n}: another number makes words that were never seen.
SHORT = {
    "TREND of a day": "TREND count(purchase) EVERY day DURING '2025-03-01' TO '2025-03-01' BREAKDOWN BY platform LIMIT {n}",
    "FUNNEL of a day": "FUNNEL view_item -> add_to_cart -> purchase WITHIN {n} minutes DURING '2025-03-01' TO '2025-03-01'",
    "FIND of one city": "FIND user WHERE city = 'Shanghai' AND vip >= {n} |> AGGREGATE count(*) AS n",
    "SELECT of nothing": "SELECT count(*) AS n FROM refund WHERE amount > {n}000000",
}


def first_rows(given, workers):
    threads, rows, figures = given.threads[-1], [], {}
    for what, (eql, sql) in LARGE.items():
        found, counts = {}, set()
        for worker in workers:
            asks = lambda: worker.ask(do="first row", text=eql if worker.engine == "eql" else sql, threads=threads)
            asks()
            answers = [asks() for _ in range(given.rounds // 3)]
            if any("error" in a for a in answers):
                print(f"  {what}: {worker.engine}: {answers[0].get('error')}", file=sys.stderr)
                continue
            counts.add(answers[0]["rows"])
            found[worker.engine] = {k: statistics.median(a[k] for a in answers) for k in ("first", "seconds", "rows")}
        if len({f["rows"] for f in found.values()}) > 1:
            print(f"{what} is not printed: numbers of rows differ: { {n: f['rows'] for n, f in found.items()} }", file=sys.stderr)
            continue
        figures[what] = found
        rows.append([what, f"{max(counts):,.0f}", *(f"{ms(found[w.engine]['first'])} / {ms(found[w.engine]['seconds'])}" if w.engine in found else "–" for w in workers)])
    return rows, figures


def timed(does, rounds):
    times = []
    for n in range(rounds):
        start = time.perf_counter()
        does(n)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def short(given):
    """Rows of the second table: round trips in milliseconds."""
    place = given.state / f"eql-{given.data.name}"
    with Server(given.eql, place) as server:
        connection = server.connect()
        settings = {"now": NOW, "threads": given.threads[-1], "result_cache": "off"}
        query = lambda text: ask(connection, text, **settings)
        check = lambda text: call(connection, "POST", "/v1/check", json.dumps({"query": text}), Content_Type="application/json")
        empty = timed(lambda _: call(connection, "GET", "/livez"), 10 * given.rounds)
        for what, text in SHORT.items():
            query(text.format(n=1))
            again = timed(lambda _: query(text.format(n=1)), given.rounds)
            new = timed(lambda n: query(text.format(n=n + 2)), given.rounds)
            bound = timed(lambda n: check(text.format(n=n + 1000)), given.rounds)
            planned = timed(lambda n: query("EXPLAIN PHYSICAL " + text.format(n=n + 2000)), given.rounds)
            yield [what, *map(ms, (empty, again, new, bound, planned)), f"{max(0, planned - empty) / max(new - empty, 1e-9):.0%}"]


def main():
    given = options.read(options.parser(__doc__, engines=ENGINES, rounds=21, threads="2"))
    workers = start(given, given.threads[-1:])
    report = Report(given, workers)
    rows, figures = first_rows(given, workers)
    report.head(f"{given.meta['events']:,} events, warm; first rows / all rows, milliseconds, medians of {given.rounds // 3}.")
    table(["answer", "rows", *(w.engine for w in workers)], rows)
    for worker in workers:
        worker.close()
    print(f"A short question, round trips over HTTP, milliseconds, medians of {given.rounds}:\n")
    short_rows = list(short(given))
    table(["question", "no work (`/livez`)", "asked again", "new words", "read and bound", "planned, new words", "understanding, share of new words"], short_rows)
    options.keep(given, {"first": figures, "short": short_rows})


if __name__ == "__main__":
    main()
