#!/usr/bin/env python3
"""One engine in one process: reads requests as JSON lines and answers with times, memory and a hash of the rows.

    worker.py '{"engine": …, "data": …, "state": …, "threads": …, "eql": …, "floor": …, "flags": […], "within": […], "memory_mb": …}'
"""
import hashlib
import json
import os
import sys
import time

ASKED = json.loads(sys.argv[1])
os.environ["POLARS_MAX_THREADS"] = str(ASKED["threads"])

import answers
import clients
import eql
import floor
import peers
import process
from place import Place

ENGINES = {"clickhouse": peers.ClickHouse, "clickhouse-parquet": peers.ClickHouseParquet, "duckdb": peers.Duck, "duckdb-parquet": peers.DuckParquet,
           "datafusion": peers.DataFusion, "polars": peers.Polars}


def opened():
    name = ASKED["engine"]
    place = Place(name, ASKED["data"], ASKED["state"])
    if name == "eql":
        return eql.Eql(place, ASKED["eql"], ASKED["flags"], ASKED["within"])
    if name == "floor":
        return floor.Floor(place, ASKED["floor"])
    engine = ENGINES[name](place)
    if ASKED.get("memory_mb") and name == "duckdb":
        engine.db.execute(f"SET memory_limit = '{ASKED['memory_mb'] * 3 // 5}MiB'")
    return engine


def checked(engine, question, table):
    rows = answers.normal(question, answers.rows_of(table), ASKED["engine"] == "eql")
    return {"rows": len(rows), "hash": hashlib.sha256(repr(rows).encode()).hexdigest()[:16], "first": repr(rows[:3])}


def question(engine, request):
    """One way of a question, or a text: seconds, CPU seconds, most memory; with `check` the hash of the rows in one form for all engines."""
    pid, name = engine.pid(), request["question"]
    way = request["text"] if "text" in request else dict(engine.ways[name])[request["way"]]
    process.forget_peak(pid)
    read, spent = process.read_from_disk_mb(pid), process.cpu_seconds(pid)
    start = time.perf_counter()
    table = engine.ask(way, request["threads"])
    taken = getattr(engine, "seconds", None) or time.perf_counter() - start
    out = {"seconds": taken, "cpu": process.cpu_seconds(pid) - spent, "peak_mb": process.memory_mb(pid, "VmHWM"), "disk_mb": process.read_from_disk_mb(pid) - read}
    return out | (checked(engine, name, table) if request.get("check") else {})


def look_ups(engine, request):
    times = []
    for user in request["users"]:
        start = time.perf_counter()
        engine.look_up(user)
        times.append(time.perf_counter() - start)
    return clients.spread(times)


def first_row(engine, request):
    start = time.perf_counter()
    first, rows = engine.first_row(request["text"], request["threads"], time.perf_counter)
    return {"first": (first or start) - start, "seconds": time.perf_counter() - start, "rows": rows}


def at_once(engine, request):
    return clients.measure(engine, request, lambda q, table: checked(engine, q, table))


DOES = {"question": question, "look-ups": look_ups, "first row": first_row, "clients": at_once}


def main():
    start = time.perf_counter()
    engine = opened()
    try:
        say({"version": engine.version, "ways": {q: [name for name, _ in ways] for q, ways in engine.ways.items()}, "looks_up": engine.look_up is not None,
             "pid": engine.pid(), "files": [str(f) for f in engine.files()], "open_seconds": time.perf_counter() - start})
        for line in sys.stdin:
            request = json.loads(line)
            try:
                found = DOES[request.get("do", "question")](engine, request)
            except Exception as error:  # an engine that cannot answer is told so in the table
                found = {"error": f"{type(error).__name__}: {str(error)[:500]}"}
            say(found)
    finally:
        engine.close()


def say(what):
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
