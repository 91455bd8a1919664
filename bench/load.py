#!/usr/bin/env python3
"""Loads one Parquet file of events with `eql import` and with DuckDB, in turn, and compares whole processes.

    load.py --eql BINARY --schema SCHEMA.eql --events EVENTS.parquet [--rounds 3] [--order household_id,ts] [-- IMPORT ARGUMENTS]
"""
import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DUCK = """
import duckdb, sys
file, events, order = sys.argv[1:]
c = duckdb.connect(file)
c.execute("SET threads = 2")
c.execute(f"CREATE TABLE events AS SELECT * FROM read_parquet('{events}') ORDER BY {order}")
c.execute("CHECKPOINT")
print(c.execute("SELECT count(*) FROM events").fetchone()[0])
"""


def timed(command):
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()}")
    return time.perf_counter() - start, done.stdout.strip()


def main():
    arguments, extra = sys.argv[1:], []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, extra = arguments[:at], arguments[at + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eql", required=True)
    parser.add_argument("--schema", required=True)
    parser.add_argument("--events", required=True)
    parser.add_argument("--order", default="household_id, ts")
    parser.add_argument("--rounds", type=int, default=3)
    o = parser.parse_args(arguments)
    eql, duck, words = [], [], ""
    for _ in range(o.rounds):
        with tempfile.TemporaryDirectory() as folder:
            data = str(Path(folder) / "data")
            timed([o.eql, "query", "-f", o.schema, "--data", data])
            seconds, words = timed([o.eql, "import", "events", o.events, "--data", data, *extra])
            eql.append(seconds)
            seconds, rows = timed([sys.executable, "-c", DUCK, str(Path(folder) / "events.duckdb"), o.events, o.order])
            duck.append(seconds)
    rows = int(rows)
    e, d = statistics.median(eql), statistics.median(duck)
    print(f"rows             {rows}")
    print(f"eql, in its words  {words}")
    print(f"eql, process     {e:.2f} s  {rows / e:,.0f} rows/s")
    print(f"duckdb, process  {d:.2f} s  {rows / d:,.0f} rows/s")
    print(f"ratio            {d / e:.2f} (above 1: eql is faster)")


if __name__ == "__main__":
    main()
