"""EQL as the comparison asks it: a server of its own, over HTTP on loopback; what a client waits for."""
import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import questions

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from server import Server, ask, call, run

PRODUCTS = ["view_item", "add_to_cart", "remove_from_cart", "purchase", "refund", "favorite", "share"]
MONEY = ["purchase", "refund"]
# What an event cannot have is missing, not 0.
MISSING = {"product_id": PRODUCTS, "store_id": MONEY, "amount": MONEY}
NOW = "2025-04-10T00:00:00Z"


def schema(events, timeout="30 minutes"):
    lines = ["DEFINE ENTITY user KEY user_id BIGINT (city STRING, vip BIGINT);", "DEFINE ENTITY product KEY product_id BIGINT (category STRING);", "DEFINE ENTITY store KEY store_id BIGINT ();"]
    for event in sorted(events):
        others = ["product"] * (event in PRODUCTS) + ["store"] * (event in MONEY)
        lines.append(f"DEFINE EVENT {event} OF {', '.join(['user'] + others)} (platform STRING, utm_source STRING{', amount DOUBLE' if event in MONEY else ''});")
    return "\n".join(lines) + f"\nDEFINE SESSION browsing OF user OVER ANY EVENT TIMEOUT {timeout};"


def as_imported(table):
    """Events with the columns and types that `eql import` takes."""
    event = table.column("event").cast(pa.string())
    for column, having in MISSING.items():
        values = table.column(column) if column == "amount" else table.column(column).cast(pa.int64())
        table = table.set_column(table.schema.get_field_index(column), column, pc.if_else(pc.is_in(event, pa.array(having)), values, None))
    table = table.set_column(table.schema.get_field_index("event"), "event", event)
    table = table.set_column(table.schema.get_field_index("ts"), "time", table.column("ts").cast(pa.timestamp("ms", "UTC")))
    return table.set_column(table.schema.get_field_index("user_id"), "user_id", table.column("user_id").cast(pa.int64()))


def load(binary, place):
    """Makes the data directory by `eql import`, and compacts it."""
    work, file = place.home.with_suffix(".loading"), place.home.with_suffix(".parquet")
    place.home.parent.mkdir(parents=True, exist_ok=True)
    events = pq.read_table(place.files["events"], columns=["event"]).column(0).unique().to_pylist()
    run(binary, "query", "-", "--data", work, text=schema(events, place.meta.get("session_timeout", "30 minutes")))
    source, writer = pq.ParquetFile(place.files["events"]), None
    for batch in source.iter_batches(1_000_000):
        table = as_imported(pa.Table.from_batches([batch]))
        writer = writer or pq.ParquetWriter(file, table.schema, compression="lz4")
        writer.write_table(table)
    writer.close()
    for target, path in (("user", place.files["users"]), ("product", place.files["products"]), ("events", file)):
        run(binary, "import", target, path, "--data", work)
    file.unlink()
    run(binary, "admin", "compact", "--data", work)
    work.rename(place.home)


class Eql:
    def __init__(self, place, binary, flags=(), within=()):
        self.place, self.now = place, place.meta.get("now", NOW)
        self.version = run(binary, "--version").strip().replace("eql", "EQL") + " over HTTP"
        if not place.home.exists():
            load(binary, place)
        self.server = Server(binary, place.home, *flags, within=within)
        self.connection = self.server.connect()
        self.ways = questions.eql()

    def ask(self, text, threads):
        answer = ask(self.connection, text, now=self.now, threads=threads, result_cache="off")
        return pa.ipc.open_stream(io.BytesIO(answer)).read_all()

    def first_row(self, text, threads, clock):
        body = {"query": text, "settings": {"now": self.now, "threads": threads, "result_cache": "off"}}
        return first_row(self.connection, body, clock)

    def look_up(self, user):
        return len(call(self.connection, "GET", f"/v1/entities/user/{user}?events=50"))

    def pid(self):
        return self.server.pid

    def files(self):
        return [self.place.home]

    def client(self):
        other = object.__new__(type(self))
        other.__dict__ = {**self.__dict__, "connection": self.server.connect()}
        return other

    def close(self):
        self.server.__exit__()


def first_row(connection, body, clock):
    """When the first batch of rows was read, and how many rows came."""
    import json
    connection.request("POST", "/v1/query", json.dumps(body), {"Content-Type": "application/json", "Accept": "application/vnd.apache.arrow.stream"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(answer.read().decode()[:600])
    reader, first, rows = pa.ipc.open_stream(answer), None, 0
    for batch in reader:
        first = first or clock()
        rows += batch.num_rows
    answer.read()
    return first, rows
