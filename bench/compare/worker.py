#!/usr/bin/env python3
"""One engine in one process: reads requests as JSON lines and answers with times, memory and a hash of the rows.

    worker.py ENGINE DATA THREADS STATE [EQL]
"""
import hashlib
import http.client
import io
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import answers
import questions

NAME, DATA, THREADS, STATE = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
os.environ["POLARS_MAX_THREADS"] = str(THREADS)
FILES = {name: f"{DATA}/{name}.parquet" for name in ("events", "users", "products")}
# What an engine has loaded is kept for the next run.
HOME = STATE / f"{NAME}-{DATA.name}"


class ClickHouse:
    def __init__(self):
        import chdb
        import chdb.session
        self.version, fresh = f"ClickHouse {chdb.engine_version}", not HOME.exists()
        self.session = chdb.session.Session(str(HOME))
        run = lambda text: self.session.query(text, "Null")
        if fresh:
            run("CREATE DATABASE d ENGINE = Atomic")
            run("CREATE TABLE d.events (user_id UInt64 CODEC(Delta, LZ4), ts DateTime64(3, 'UTC') CODEC(Delta, LZ4), event LowCardinality(String), platform LowCardinality(String), "
                "utm_source LowCardinality(String), product_id UInt32, store_id UInt16, amount Float64) ENGINE = MergeTree ORDER BY (user_id, ts)")
            run(f"INSERT INTO d.events SELECT user_id, toDateTime64(ts, 3, 'UTC'), event, platform, utm_source, product_id, store_id, amount FROM file('{FILES['events']}')")
            run("OPTIMIZE TABLE d.events FINAL")
            for name, key in (("users", "user_id"), ("products", "product_id")):
                text = "city, vip" if name == "users" else "category"
                run(f"CREATE TABLE d.{name} ENGINE = MergeTree ORDER BY {key} AS SELECT {key}, {text} FROM file('{FILES[name]}')")
        run("USE d")
        self.ways = questions.clickhouse()
        self.profile = ("SELECT * FROM users WHERE user_id = {u}", "SELECT ts, event, platform, product_id, amount FROM events WHERE user_id = {u} ORDER BY ts DESC LIMIT 50")

    def ask(self, text):
        joiner = ", " if " SETTINGS " in text else " SETTINGS "
        text += f"{joiner}max_threads = {THREADS}, output_format_arrow_string_as_string = 1, output_format_arrow_low_cardinality_as_dictionary = 0, use_query_condition_cache = 0"
        return pa.ipc.open_stream(pa.BufferReader(self.session.query(text, "ArrowStream").bytes())).read_all()

    def look_up(self, user):
        for text in self.profile:
            rows = self.ask(text.format(u=user))
        return rows.num_rows


class Duck:
    def __init__(self):
        import duckdb
        HOME.mkdir(parents=True, exist_ok=True)
        self.version, path = f"DuckDB {duckdb.__version__}", HOME / "duck.db"
        fresh = not path.exists()
        self.db = duckdb.connect(str(path))
        self.db.execute(f"SET threads = {THREADS}")
        if fresh:
            kinds = {c: self.db.execute(f"SELECT list(DISTINCT {c} ORDER BY {c}) FROM '{FILES[f]}'").fetchone()[0]
                     for f, c in (("events", "event"), ("events", "platform"), ("events", "utm_source"), ("users", "city"), ("products", "category"))}
            for name, values in kinds.items():
                self.db.execute(f"CREATE TYPE {name}_kind AS ENUM ({', '.join(repr(v) for v in values)})")
            self.db.execute("CREATE TABLE events AS SELECT user_id, ts::TIMESTAMP_MS AS ts, event::event_kind AS event, platform::platform_kind AS platform, "
                            f"utm_source::utm_source_kind AS utm_source, product_id, store_id, amount FROM '{FILES['events']}'")
            self.db.execute(f"CREATE TABLE users AS SELECT user_id, city::city_kind AS city, vip FROM '{FILES['users']}'")
            self.db.execute(f"CREATE TABLE products AS SELECT product_id, category::category_kind AS category FROM '{FILES['products']}'")
            self.db.execute("CHECKPOINT")
        self.ways = questions.sql(True)

    def ask(self, text):
        return self.db.sql(text).to_arrow_table()

    look_up = ClickHouse.look_up
    profile = ("SELECT * FROM users WHERE user_id = {u}", "SELECT ts, event, platform, product_id, amount FROM events WHERE user_id = {u} ORDER BY ts DESC LIMIT 50")


class DuckParquet(Duck):
    """DuckDB over the Parquet files."""

    def __init__(self):
        import duckdb
        self.version, self.db = f"DuckDB {duckdb.__version__} over Parquet", duckdb.connect(":memory:")
        self.db.execute(f"SET threads = {THREADS}")
        for name, path in FILES.items():
            self.db.execute(f"CREATE VIEW {name} AS SELECT * FROM '{path}'")
        self.ways = questions.sql(True)


class DataFusion:
    def __init__(self):
        import datafusion
        self.version = f"DataFusion {datafusion.__version__} over Parquet"
        config = datafusion.SessionConfig({"datafusion.execution.parquet.pushdown_filters": "true", "datafusion.execution.parquet.reorder_filters": "true"})
        self.context = datafusion.SessionContext(config.with_target_partitions(THREADS))
        self.context.sql(f"CREATE EXTERNAL TABLE events STORED AS PARQUET WITH ORDER (user_id ASC, ts ASC) LOCATION '{FILES['events']}'")
        for name in ("users", "products"):
            self.context.sql(f"CREATE EXTERNAL TABLE {name} STORED AS PARQUET LOCATION '{FILES[name]}'")
        self.ways = questions.sql(False)

    def ask(self, text):
        return pa.Table.from_batches(self.context.sql(text).collect())

    look_up = None


class Polars:
    def __init__(self):
        import polars
        import polars_questions
        self.version = f"Polars {polars.__version__} over Parquet"
        self.ways = polars_questions.questions(polars, DATA)

    def ask(self, way):
        return way()

    look_up = None


PRODUCTS = ["view_item", "add_to_cart", "remove_from_cart", "purchase", "refund", "favorite", "share"]
MONEY = ["purchase", "refund"]


class Eql:
    """The server, asked over HTTP on loopback: what a client waits for."""

    def __init__(self):
        self.binary = sys.argv[5]
        self.version = subprocess.run([self.binary, "--version"], capture_output=True, text=True).stdout.strip().replace("eql", "EQL") + " over HTTP"
        if not HOME.exists():
            self.load()
        self.port = random.randint(20_000, 40_000)
        self.server = subprocess.Popen([self.binary, "serve", "--data", str(HOME), "--http", f"127.0.0.1:{self.port}", "--flight", f"127.0.0.1:{self.port + 1}"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port)
                self.connection.request("GET", "/readyz")
                if self.connection.getresponse().read() is not None:
                    break
            except OSError:
                time.sleep(0.05)
        self.ways = questions.eql()

    def load(self):
        names = pq.read_table(FILES["events"], columns=["event"]).column(0).unique().to_pylist()
        lines = ["DEFINE ENTITY user KEY user_id BIGINT (city STRING, vip BIGINT);", "DEFINE ENTITY product KEY product_id BIGINT (category STRING);", "DEFINE ENTITY store KEY store_id BIGINT ();"]
        for event in sorted(names):
            others = ["product"] * (event in PRODUCTS) + ["store"] * (event in MONEY)
            lines.append(f"DEFINE EVENT {event} OF {', '.join(['user'] + others)} (platform STRING, utm_source STRING{', amount DOUBLE' if event in MONEY else ''});")
        lines.append("DEFINE SESSION browsing OF user OVER ANY EVENT TIMEOUT 30 minutes;")
        HOME.parent.mkdir(parents=True, exist_ok=True)
        work = HOME.with_suffix(".loading")
        self.run("query", "-", "--data", str(work), text="\n".join(lines))
        # What an event cannot have is missing, not 0.
        table = pq.read_table(FILES["events"])
        event = table.column("event").cast(pa.string())
        missing = {"product_id": PRODUCTS, "store_id": MONEY, "amount": MONEY}
        for column, having in missing.items():
            keep = pa.compute.is_in(event, pa.array(having))
            values = table.column(column) if column == "amount" else table.column(column).cast(pa.int64())
            table = table.set_column(table.schema.get_field_index(column), column, pa.compute.if_else(keep, values, None))
        table = table.set_column(table.schema.get_field_index("ts"), "time", table.column("ts").cast(pa.timestamp("ms", "UTC")))
        table = table.set_column(table.schema.get_field_index("user_id"), "user_id", table.column("user_id").cast(pa.int64()))
        file = HOME.with_suffix(".parquet")
        pq.write_table(table, file, compression="lz4")
        for target, path in (("user", FILES["users"]), ("product", FILES["products"]), ("events", str(file))):
            self.run("import", target, path, "--data", str(work))
        file.unlink()
        self.run("admin", "compact", "--data", str(work))
        work.rename(HOME)

    def run(self, *arguments, text=None):
        done = subprocess.run([self.binary, *arguments], input=text, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"eql {arguments[0]}: {done.stderr[-800:]}")

    def ask(self, text):
        body = json.dumps({"query": text, "settings": {"now": "2025-04-10T00:00:00Z", "threads": THREADS, "result_cache": "off"}})
        self.connection.request("POST", "/v1/query", body, {"Content-Type": "application/json", "Accept": "application/vnd.apache.arrow.stream"})
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise RuntimeError(data.decode()[:600])
        return pa.ipc.open_stream(io.BytesIO(data)).read_all()

    def look_up(self, user):
        self.connection.request("GET", f"/v1/entities/user/{user}?events=50")
        return len(self.connection.getresponse().read())

    def pid(self):
        return self.server.pid


ENGINES = {"eql": Eql, "clickhouse": ClickHouse, "duckdb": Duck, "duckdb-parquet": DuckParquet, "datafusion": DataFusion, "polars": Polars}


def memory(pid, what):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid):
    """User and system time of a process so far."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def answer(engine, request, pid):
    if request["question"] == "look-ups":
        times = []
        for user in request["users"]:
            start = time.perf_counter()
            engine.look_up(user)
            times.append(time.perf_counter() - start)
        times.sort()
        return {"p50": times[len(times) // 2], "p99": times[int(len(times) * 0.99)]}
    way = dict(engine.ways[request["question"]])[request["way"]]
    try:
        open(f"/proc/{pid}/clear_refs", "w").write("5")
    except OSError:
        pass
    start, spent = time.perf_counter(), cpu_seconds(pid)
    table = engine.ask(way)
    taken = time.perf_counter() - start
    out = {"seconds": taken, "cpu": cpu_seconds(pid) - spent, "peak_mb": memory(pid, "VmHWM")}
    if request.get("check"):
        rows = answers.normal(request["question"], answers.rows_of(table), NAME == "eql")
        out |= {"rows": len(rows), "hash": hashlib.sha256(repr(rows).encode()).hexdigest()[:16], "first": repr(rows[:3])}
    return out


def main():
    engine = ENGINES[NAME]()
    pid = engine.pid() if hasattr(engine, "pid") else os.getpid()
    say = lambda o: print(json.dumps(o), flush=True)
    say({"version": engine.version, "ways": {q: [name for name, _ in ways] for q, ways in engine.ways.items()}, "looks_up": engine.look_up is not None})
    for line in sys.stdin:
        try:
            say(answer(engine, json.loads(line), pid))
        except Exception as error:  # an engine that cannot answer is told so in the table
            say({"error": f"{type(error).__name__}: {str(error)[:500]}"})
    if hasattr(engine, "server"):
        engine.server.terminate()
        engine.server.wait()


if __name__ == "__main__":
    main()
