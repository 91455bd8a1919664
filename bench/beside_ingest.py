#!/usr/bin/env python3
"""Questions beside ingest at a steady rate: how much slower they are, and whether their answers are right in the end.

    beside_ingest.py --eql BINARY [--data FOLDER | --events 10000000] [--rates 10000,100000] [--seconds 20]

For each rate a copy of the data directory is served. Four questions are asked in turn, first alone, then while a process of its own sends events of the
same users in calls of a thousand (durable before they are acknowledged), then alone again with what came. The events are of the day after the last one of the
data, and the questions take that day in. In the end the answers are compared with those of DuckDB over the same events.
"""
import hashlib
import io
import json
import multiprocessing
import shutil
import statistics
import sys
import time
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parent / "compare"))
import answers
import options
import questions
from eql import MONEY, NOW, PRODUCTS
from place import Place
from process import cpu_seconds
from report import Report, ms, table
from server import Server, ask, call, run

ASKED = ["funnel_3", "retention", "segment", "sequence"]
DAY = "2025-04-01"
KINDS = ["view_item"] * 9 + ["page_view"] * 8 + ["search"] * 5 + ["app_open"] * 3 + ["add_to_cart"] * 3 + ["purchase"] + ["refund"]
CALL, BODIES, CONNECTIONS = 1000, 64, 4


def event(number, users, products):
    """The event with a number: user, kind, product, store, amount."""
    kind = KINDS[number * 7 % len(KINDS)]
    product = number * 31 % products + 1 if kind in PRODUCTS else None
    return number * 7919 % users + 1, kind, product, number % 500 + 1 if kind in MONEY else None, (number % 400 + 1) / 4 if kind in MONEY else None


def body(k, users, products):
    """A call; `@` and `#` stand for what differs each time that it is sent: the number of the call and its second."""
    lines = []
    for i in range(CALL):
        user, kind, product, store, amount = event(k * CALL + i, users, products)
        row = {"event": kind, "id": f"@-{i}", "time": f"{DAY}T#.{i:03d}Z", "user_id": user, "platform": "web"}
        lines.append(json.dumps(row | {n: v for n, v in (("product_id", product), ("store_id", store), ("amount", amount)) if v is not None}))
    return "\n".join(lines).encode()


def sent(bodies, number):
    second = time.strftime("%H:%M:%S", time.gmtime(number)).encode()
    return bodies[number % BODIES].replace(b"@", b"%d" % number).replace(b"#", second)


def load(server_address, rate, users, products, stop, out):
    """Sends calls at the rate over some connections until it is told to stop; puts how many were sent, how fast, and how long calls took."""
    import http.client
    import threading
    bodies = [body(k, users, products) for k in range(BODIES)]
    lock, begun, next_call, taken = threading.Lock(), time.perf_counter(), [0], []

    def work():
        connection = http.client.HTTPConnection(*server_address, timeout=600)
        while True:
            with lock:
                if stop.is_set():
                    return
                number = next_call[0]
                next_call[0] += 1
            ahead = number * CALL / rate - (time.perf_counter() - begun)
            if ahead > 0:
                time.sleep(ahead)
            start, data = time.perf_counter(), sent(bodies, number)
            accepted = json.loads(call(connection, "POST", "/v1/events", data, Content_Type="application/x-ndjson"))["accepted"]
            taken.append(time.perf_counter() - start)
            if accepted != CALL:
                raise RuntimeError(f"{CALL - accepted} of a call were not accepted")

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    out.put({"calls": next_call[0], "complete": len(taken) == next_call[0], "rate": next_call[0] * CALL / (time.perf_counter() - begun),
             "p50": statistics.median(taken), "p99": sorted(taken)[int(len(taken) * 0.99)]})


def texts(ways):
    """The questions with the day of the new events in their range."""
    later = lambda text: text.replace("TO '2025-03-31'", f"TO '{DAY}'").replace(f"'{questions.UNTIL} 00:00:00'", "'2025-04-02 00:00:00'")
    return {q: later(ways[q][-1][1]) for q in ASKED}


def measured(connection, words, threads, until):
    """Question → times, in turn until the time is up."""
    times = {q: [] for q in words}
    while time.perf_counter() < until or not all(times.values()):
        for q, text in words.items():
            start = time.perf_counter()
            ask(connection, text, now=NOW, threads=threads, result_cache="off")
            times[q].append(time.perf_counter() - start)
    return times


def expected(given, calls):
    """Question → hash of DuckDB's answer over the data and the events of so many calls."""
    import duckdb
    import numpy as np
    db, files = duckdb.connect(), Place("duckdb", given.data, given.state).files
    meta, rows = given.meta, []
    for k in range(BODIES):
        rows += [(k, i, *event(k * CALL + i, meta["users"], meta["products"])) for i in range(CALL)]
    k, i, user, kind, product, store, amount = (list(c) for c in zip(*rows))
    new = pa.table({"k": k, "i": i, "user_id": pa.array(user, pa.uint64()), "event": kind, "amount": pa.array([a or 0.0 for a in amount])})
    sent_calls = pa.table({"n": np.arange(calls), "k": np.arange(calls) % BODIES})
    db.register("new", new), db.register("calls", sent_calls)
    db.execute(f"CREATE TABLE events AS SELECT user_id, ts, event, amount FROM '{files['events']}' UNION ALL "
               f"SELECT user_id, TIMESTAMP '{DAY}' + to_milliseconds(n * 1000 + i), event, amount FROM new JOIN calls USING (k)")
    db.execute(f"CREATE TABLE users AS SELECT * FROM '{files['users']}'")
    return {q: hashed(q, db.sql(text).to_arrow_table(), False) for q, text in texts(questions.sql(True)).items()}


def hashed(question, found, of_eql):
    return hashlib.sha256(repr(answers.normal(question, answers.rows_of(found), of_eql)).encode()).hexdigest()


def at(given, rate, threads):
    """Figures at one rate, on a copy of the data directory."""
    source, copy = Place("eql", given.data, given.state).home, given.state / f"beside-{given.data.name}"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy)
    words, stop, out = texts(questions.eql()), multiprocessing.Event(), multiprocessing.Queue()
    try:
        with Server(given.eql, copy) as server:
            connection = server.connect()
            phase = lambda seconds: measured(connection, words, threads, time.perf_counter() + seconds)
            phase(0)
            alone = phase(given.seconds / 2)
            loader = multiprocessing.Process(target=load, args=(server.address, rate, given.meta["users"], given.meta["products"], stop, out))
            loader.start()
            phase(2)
            spent = cpu_seconds(server.pid)
            beside = phase(given.seconds)
            spent = (cpu_seconds(server.pid) - spent) / given.seconds
            stop.set()
            loaded = out.get()
            loader.join()
            phase(0)
            after = phase(given.seconds / 2)
            right = expected(given, loaded["calls"])
            found = {q: hashed(q, pa.ipc.open_stream(io.BytesIO(ask(connection, text, now=NOW))).read_all(), True) for q, text in words.items()}
            wrong = [q for q in ASKED if found[q] != right[q]]
        return {"alone": alone, "beside": beside, "after": after, "loaded": loaded, "wrong": wrong if loaded["complete"] else ["a call failed"], "processors": spent}
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def rows(figures):
    for rate, f in figures.items():
        for q in ASKED:
            middle = {phase: statistics.median(f[phase][q]) for phase in ("alone", "beside", "after")}
            worst = sorted(f["beside"][q])[int(len(f["beside"][q]) * 0.99)]
            yield [f"{rate:,}", f"{f['loaded']['rate']:,.0f}", questions.TITLES[q], ms(middle["alone"]), ms(middle["beside"]), f"{middle['beside'] / middle['alone'] - 1:+.0%}",
                   ms(worst), ms(middle["after"]), f"{middle['after'] / middle['alone'] - 1:+.0%}"]
        every = [sum(statistics.median(f[phase][q]) for q in ASKED) for phase in ("alone", "beside", "after")]
        yield [f"{rate:,}", "", "**all four**", ms(every[0]), ms(every[1]), f"**{every[1] / every[0] - 1:+.0%}**", "", ms(every[2]), f"{every[2] / every[0] - 1:+.0%}"]


def main():
    parser = options.parser(__doc__, engines=["eql"], threads="2")
    parser.add_argument("--rates", default="10000,100000")
    parser.add_argument("--seconds", type=float, default=20)
    given = options.read(parser)
    threads, report, figures = given.threads[-1], Report(given), {}
    home = Place("eql", given.data, given.state).home
    if not home.exists():
        raise SystemExit(f"load the data first: bench/compare.py --engines eql makes {home.name}")
    for rate in map(int, given.rates.split(",")):
        found = at(given, rate, threads)
        if found["wrong"]:
            report.refuse(f"{rate:,} events a second", f"{', '.join(found['wrong'])} not as DuckDB")
        else:
            figures[rate] = found
    report.head(f"{given.meta['events']:,} events, {threads} threads, warm, medians in milliseconds over {given.seconds:.0f} seconds beside ingest.", [run(given.eql, "--version").strip()])
    table(["events a second, wanted", "sent", "question", "alone", "beside", "slower by", "p99 beside", "alone, afterwards", "slower by"], rows(figures))
    for rate, f in figures.items():
        loaded = f["loaded"]
        print(f"{rate:,} a second: acknowledged in p50 {ms(loaded['p50'])}, p99 {ms(loaded['p99'])} ms; the server took {f['processors']:.2f} processors.\n")
    options.keep(given, figures)
    report.end()


if __name__ == "__main__":
    main()
