#!/usr/bin/env python3
"""Durable inserts side by side: the same mixed events in calls of the same size into EQL, DuckDB, ClickHouse (chDB) and DataFusion, in turn.

    cargo build --release -p eql-store --example ingest
    python3 bench/size.py --eql target/release/eql --events 2000000 --keep /somewhere
    python3 bench/ingest.py --eql target/release/examples/ingest --events /somewhere/events.parquet [--rounds 3] [--seconds 5] [--batch 1000]

Every call is timed until it is acknowledged: EQL fsyncs its log, DuckDB commits its write-ahead log, ClickHouse has fsync_after_insert. DataFusion
has no durable insert; it appends a Parquet file a call, which is not fsynced, and keeps no ids. Only EQL recognises repeated ids.
Packages: pyarrow, duckdb, chdb, datafusion; a contender without its package is left out.
"""
import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def timed(calls, insert, seconds):
    """Runs `insert` on every call until the time is up."""
    taken, rows, begun = [], 0, time.perf_counter()
    for call in calls:
        start = time.perf_counter()
        insert(call)
        taken.append(time.perf_counter() - start)
        rows += len(call)
        if time.perf_counter() - begun > seconds:
            break
    taken.sort()
    at = lambda share: round(taken[min(int(len(taken) * share), len(taken) - 1)] * 1e3, 3)
    return {"rows_s": round(rows / sum(taken)), "p50_ms": at(0.5), "p99_ms": at(0.99), "rows": rows}


def calls_of(file, batch):
    import pyarrow.parquet as pq
    table = pq.read_table(file).combine_chunks()
    return (table.slice(i, batch) for i in range(0, len(table) - batch + 1, batch))


def duckdb(file, folder, batch, seconds):
    import duckdb
    c = duckdb.connect(str(folder / "events.duckdb"))
    c.execute("SET threads = 2")
    calls = list(calls_of(file, batch))
    first = calls[0]
    c.register("call", first)
    c.execute("CREATE TABLE events AS SELECT * FROM call LIMIT 0")

    def insert(call):
        c.register("call", call)
        c.execute("INSERT INTO events SELECT * FROM call")

    return timed(calls, insert, seconds)


CLICKHOUSE = """CREATE TABLE d.events (user_id Int64 CODEC(Delta, LZ4), time DateTime64(3, 'UTC') CODEC(Delta, LZ4), event LowCardinality(String),
platform LowCardinality(String), utm_source LowCardinality(Nullable(String)), product_id Nullable(Int64), store_id Nullable(Int64), amount Nullable(Float64))
ENGINE = MergeTree ORDER BY (user_id, time) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, parts_to_throw_insert = 100000, parts_to_delay_insert = 100000"""


def clickhouse(file, folder, batch, seconds):
    import pyarrow as pa
    from chdb import session
    s = session.Session(str(folder / "clickhouse"))
    s.query("CREATE DATABASE d", "Null")
    s.query(CLICKHOUSE, "Null")
    place = folder / "call.arrow"

    def insert(call):
        with pa.OSFile(str(place), "wb") as out, pa.ipc.new_file(out, call.schema) as writer:
            writer.write_table(call)
        s.query(f"INSERT INTO d.events SELECT * FROM file('{place}', 'Arrow') SETTINGS max_threads = 2", "Null")

    return timed(list(calls_of(file, batch)), insert, seconds)


def datafusion(file, folder, batch, seconds):
    from datafusion import SessionContext
    calls = list(calls_of(file, batch))
    place = folder / "events"
    place.mkdir()
    c = SessionContext()
    columns = "user_id BIGINT, time TIMESTAMP, event VARCHAR, platform VARCHAR, utm_source VARCHAR, product_id BIGINT, store_id BIGINT, amount DOUBLE"
    c.sql(f"CREATE EXTERNAL TABLE events ({columns}) STORED AS PARQUET LOCATION '{place}/'").collect()

    def insert(call):
        c.deregister_table("call")
        c.register_record_batches("call", [call.to_batches()])
        c.sql("INSERT INTO events SELECT user_id, CAST(time AS TIMESTAMP), event, platform, utm_source, product_id, store_id, amount FROM call").collect()

    return timed(calls, insert, seconds)


PEERS = {"duckdb": ("duckdb", duckdb), "clickhouse": ("chdb", clickhouse), "datafusion": ("datafusion", datafusion)}


def one(who, o):
    """A contender in a process and a folder of its own."""
    with tempfile.TemporaryDirectory(dir=o.dir) as folder:
        if who == "eql":
            command = [o.eql, o.events, folder, str(o.batch), str(o.seconds)]
        else:
            command = [sys.executable, __file__, "--only", who, "--folder", folder, "--events", o.events, "--batch", str(o.batch), "--seconds", str(o.seconds)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{who} failed: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eql", help="the example `ingest` of the store")
    parser.add_argument("--events", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--dir", help="where the databases are written; must be on the disk that is measured")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.only:
        return print(json.dumps(PEERS[o.only][1](o.events, o.folder, o.batch, o.seconds)))
    who = ["eql"] + [name for name, (package, _) in PEERS.items() if importlib.util.find_spec(package)]
    found = {w: [] for w in who}
    for _ in range(o.rounds):
        for w in who:
            found[w].append(one(w, o))
    middle = {w: {k: statistics.median(r[k] for r in found[w]) for k in ("rows_s", "p50_ms", "p99_ms")} for w in who}
    print(f"calls of {o.batch} rows, medians of {o.rounds} rounds")
    for w in who:
        m = middle[w]
        print(f"  {w:<11}{m['rows_s']:>12,.0f} rows/s   p50 {m['p50_ms']:>8.2f} ms   p99 {m['p99_ms']:>8.2f} ms   eql is {middle['eql']['rows_s'] / m['rows_s']:.1f} times as fast")


if __name__ == "__main__":
    main()
