"""The peers: each loads what it keeps once, and answers a way of a question with an Arrow table."""
import os
from pathlib import Path

import pyarrow as pa

import questions

PROFILE = ("SELECT * FROM users WHERE user_id = {u}", "SELECT ts, event, platform, product_id, amount FROM events WHERE user_id = {u} ORDER BY ts DESC LIMIT 50")


class Peer:
    """What most of them share: they work in this process, and the files are Parquet."""

    def __init__(self, place):
        self.place = place

    def pid(self):
        return os.getpid()

    def files(self):
        """What is read from the disk."""
        return list(self.place.files.values())

    def client(self):
        """The same for another thread."""
        return self

    def close(self):
        pass


class ClickHouse(Peer):
    """Embedded, MergeTree ordered by user and time."""

    def __init__(self, place):
        super().__init__(place)
        import chdb
        import chdb.session
        self.version, fresh = f"ClickHouse {chdb.engine_version}", not place.home.exists()
        self.session = chdb.session.Session(str(place.home))
        if fresh:
            self.load()
        self.run("USE d")
        self.ways = questions.clickhouse()

    def run(self, text):
        self.session.query(text, "Null")

    def load(self):
        files = self.place.files
        self.run("CREATE DATABASE d ENGINE = Atomic")
        self.run("CREATE TABLE d.events (user_id UInt64 CODEC(Delta, LZ4), ts DateTime64(3, 'UTC') CODEC(Delta, LZ4), event LowCardinality(String), platform LowCardinality(String), "
                 "utm_source LowCardinality(String), product_id UInt32, store_id UInt16, amount Float64) ENGINE = MergeTree ORDER BY (user_id, ts)")
        self.run(f"INSERT INTO d.events SELECT user_id, toDateTime64(ts, 3, 'UTC'), event, platform, utm_source, product_id, store_id, amount FROM file('{files['events']}')")
        self.run("OPTIMIZE TABLE d.events FINAL")
        for name, key in (("users", "user_id"), ("products", "product_id")):
            text = "city, vip" if name == "users" else "category"
            self.run(f"CREATE TABLE d.{name} ENGINE = MergeTree ORDER BY {key} AS SELECT {key}, {text} FROM file('{files[name]}')")

    def ask(self, text, threads):
        joiner = ", " if " SETTINGS " in text else " SETTINGS "
        text += (f"{joiner}max_threads = {threads}, output_format_arrow_string_as_string = 1, output_format_arrow_low_cardinality_as_dictionary = 0, "
                 "use_query_condition_cache = 1")
        return pa.ipc.open_stream(pa.BufferReader(self.session.query(text, "ArrowStream").bytes())).read_all()

    def first_row(self, text, threads, clock):
        """When the first rows were there, and how many rows came."""
        first, rows = None, 0
        for chunk in self.session.send_query(f"{text} SETTINGS max_threads = {threads}", "ArrowStream"):
            first = first or clock()
            rows += chunk.rows_read()
        return first, rows

    def look_up(self, user):
        return [self.ask(text.format(u=user), 1) for text in PROFILE][-1].num_rows

    def files(self):
        return [self.place.home]

    def close(self):
        self.session.close()


class ClickHouseParquet(ClickHouse):
    """Over the Parquet files."""

    def __init__(self, place):
        Peer.__init__(self, place)
        import chdb
        import chdb.session
        self.version = f"ClickHouse {chdb.engine_version} over Parquet"
        self.session = chdb.session.Session()
        self.run("CREATE DATABASE d ENGINE = Atomic")
        self.run("USE d")
        for name, file in place.files.items():
            zone = " REPLACE (toDateTime64(ts, 3, 'UTC') AS ts)" if name == "events" else ""
            self.run(f"CREATE VIEW {name} AS SELECT *{zone} FROM file('{file}')")
        self.ways = questions.clickhouse()

    look_up = None
    files = Peer.files


class Duck(Peer):
    """A file of its own."""

    look_up = ClickHouse.look_up

    def __init__(self, place):
        super().__init__(place)
        import duckdb
        place.home.mkdir(parents=True, exist_ok=True)
        self.version, path = f"DuckDB {duckdb.__version__}", place.home / "duck.db"
        fresh = not path.exists()
        self.db, self.threads = duckdb.connect(str(path)), None
        if fresh:
            self.load()
        self.ways = questions.sql(True)

    def load(self):
        files = self.place.files
        kinds = {c: self.db.execute(f"SELECT list(DISTINCT {c} ORDER BY {c}) FROM '{files[f]}'").fetchone()[0]
                 for f, c in (("events", "event"), ("events", "platform"), ("events", "utm_source"), ("users", "city"), ("products", "category"))}
        for name, values in kinds.items():
            self.db.execute(f"CREATE TYPE {name}_kind AS ENUM ({', '.join(repr(v) for v in values)})")
        self.db.execute("CREATE TABLE events AS SELECT user_id, ts::TIMESTAMP_MS AS ts, event::event_kind AS event, platform::platform_kind AS platform, "
                        f"utm_source::utm_source_kind AS utm_source, product_id, store_id, amount FROM '{files['events']}'")
        self.db.execute(f"CREATE TABLE users AS SELECT user_id, city::city_kind AS city, vip FROM '{files['users']}'")
        self.db.execute(f"CREATE TABLE products AS SELECT product_id, category::category_kind AS category FROM '{files['products']}'")
        self.db.execute("CHECKPOINT")

    def on(self, threads):
        """The connection, working on so many threads."""
        if threads != self.threads:
            self.db.execute(f"SET threads = {threads}")
            self.threads = threads
        return self.db

    def ask(self, text, threads):
        return self.on(threads).sql(text).to_arrow_table()

    def first_row(self, text, threads, clock):
        first, rows = None, 0
        for batch in self.on(threads).sql(text).to_arrow_reader(2048):
            first = first or clock()
            rows += batch.num_rows
        return first, rows

    def client(self):
        other = object.__new__(type(self))
        other.__dict__ = {**self.__dict__, "db": self.db.cursor()}
        return other

    def files(self):
        return [self.place.home]


class DuckParquet(Duck):
    """Over the Parquet files."""

    def __init__(self, place):
        Peer.__init__(self, place)
        import duckdb
        self.version, self.db, self.threads = f"DuckDB {duckdb.__version__} over Parquet", duckdb.connect(":memory:"), None
        for name, path in place.files.items():
            self.db.execute(f"CREATE VIEW {name} AS SELECT * FROM '{path}'")
        self.ways = questions.sql(True)

    look_up = None
    files = Peer.files


class DataFusion(Peer):
    """Over the Parquet files."""

    look_up = None

    def __init__(self, place):
        super().__init__(place)
        import datafusion
        self.version, self.contexts = f"DataFusion {datafusion.__version__} over Parquet", {}
        self.ways = questions.sql(False)

    def on(self, threads):
        if threads not in self.contexts:
            import datafusion
            config = datafusion.SessionConfig({"datafusion.execution.parquet.pushdown_filters": "true", "datafusion.execution.parquet.reorder_filters": "true"})
            context = self.contexts[threads] = datafusion.SessionContext(config.with_target_partitions(threads))
            files = self.place.files
            context.sql(f"CREATE EXTERNAL TABLE events STORED AS PARQUET WITH ORDER (user_id ASC, ts ASC) LOCATION '{files['events']}'")
            for name in ("users", "products"):
                context.sql(f"CREATE EXTERNAL TABLE {name} STORED AS PARQUET LOCATION '{files[name]}'")
        return self.contexts[threads]

    def ask(self, text, threads):
        return pa.Table.from_batches(self.on(threads).sql(text).collect())

    def first_row(self, text, threads, clock):
        first, rows = None, 0
        for batch in self.on(threads).sql(text).execute_stream():
            first = first or clock()
            rows += batch.to_pyarrow().num_rows
        return first, rows


class Polars(Peer):
    """Over the Parquet files. How many threads it has is decided when its process starts."""

    look_up = None

    def __init__(self, place):
        super().__init__(place)
        import polars
        import polars_questions
        self.version = f"Polars {polars.__version__} over Parquet"
        self.ways = polars_questions.questions(polars, Path(place.data))

    def ask(self, way, threads):
        if int(os.environ["POLARS_MAX_THREADS"]) != threads:
            raise ValueError("a process of Polars has one number of threads")
        return way()
