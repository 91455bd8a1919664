"""Unmodified Flight SQL clients against the real binary.

    pip install -r requirements.txt
    EQL_BIN=path/to/eql pytest flight_clients.py

ADBC (the driver that Python, Go and R share) and pyarrow.flight connect, browse, query, prepare, fail and cancel.
"""

import json
import os
import re
import subprocess
import threading
import time
import urllib.error
import urllib.request

import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_manager
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from adbc_driver_flightsql import DatabaseOptions

DEFINE = (
    "DEFINE ENTITY user KEY id INT"
    " (name STRING, born DATE, seen_at TIMESTAMP, spent DECIMAL(10,2), tags LIST<STRING>, score DOUBLE);"
    "DEFINE EVENT purchase OF user (amount DECIMAL(10,2))"
)
USERS = "\n".join(
    json.dumps(row)
    for row in [
        {"id": 1, "name": "Ada", "born": "1815-12-10", "seen_at": "2017-11-27T18:20:20Z", "spent": "12.50", "tags": ["a", "b"], "score": 1.5},
        {"id": 2},
        {"id": 3, "name": "", "born": "2016-02-29", "seen_at": "2017-11-27T18:20:20.123Z", "spent": "0.00", "tags": [], "score": -0.25},
    ]
)
TOKEN = "open-sesame"


class Server:
    """`eql serve` on free ports over an empty data directory."""

    def __init__(self, data, *flags):
        binary = os.environ["EQL_BIN"]
        command = [binary, "serve", "--data", str(data), "--flight", "127.0.0.1:0", "--http", "127.0.0.1:0", *flags]
        self.token = TOKEN if TOKEN in flags else None
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # A full pipe would stop the server.
        self.log = []
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()
        self.flight = self.address("flight")
        self.http = self.address("http")

    def address(self, name):
        line = self.process.stdout.readline()
        found = re.fullmatch(rf"{name}\s+(\S+)", line.strip())
        assert found, f"expected the address of {name}, got {line!r}\n{''.join(self.log)}"
        return found.group(1)

    def post(self, path, body):
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(self.http + path, data=body.encode(), headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=40) == 0, "".join(self.log)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"))
    server.post("/v1/query", DEFINE)
    server.post("/v1/files/user?name=users.ndjson", USERS)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("guarded"), "--token", TOKEN)
    yield server
    server.stop()


@pytest.fixture
def connection(server):
    with flightsql.connect(server.flight, db_kwargs={"username": "anybody", "password": "anything"}, autocommit=True) as connection:
        yield connection


def rows(connection, text, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return cursor.fetchall()


def test_adbc_queries(connection):
    assert rows(connection, "SELECT 1") == [(1,)]
    assert rows(connection, "SELECT id, name FROM user WHERE id < 10 ORDER BY id") == [(1, "Ada"), (2, None), (3, "")]
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, spent, seen_at, born, tags, score FROM user WHERE id < 10 ORDER BY id")
        table = cursor.fetch_arrow_table()
    assert table.schema.field("spent").type == pa.decimal128(10, 2)
    assert table.schema.field("seen_at").type == pa.timestamp("us", "UTC")
    assert table.schema.field("born").type == pa.date32()
    assert table.column("tags").to_pylist() == [["a", "b"], None, []]


def test_adbc_empty_result_has_columns(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM user WHERE id = 99")
        table = cursor.fetch_arrow_table()
    assert (table.num_rows, table.column_names) == (0, ["id", "name"])


def test_adbc_browses(connection):
    objects = connection.adbc_get_objects(depth="all").read_all().to_pylist()
    assert [c["catalog_name"] for c in objects] == ["eql"]
    schemas = {s["db_schema_name"]: s["db_schema_tables"] for s in objects[0]["catalog_db_schemas"]}
    assert schemas.keys() == {"default", "system"}
    assert "queries" in [t["table_name"] for t in schemas["system"]]
    tables = {t["table_name"]: t for t in schemas["default"]}
    assert {"user", "purchase"} <= tables.keys()
    assert tables["user"]["table_type"] == "TABLE"
    assert "name" in [c["column_name"] for c in tables["user"]["table_columns"]]
    assert connection.adbc_get_table_types() == ["TABLE"]
    assert connection.adbc_current_catalog == "eql"
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "EQL"


def test_adbc_table_schema_is_that_of_queries(connection):
    listed = connection.adbc_get_table_schema("user")
    with connection.cursor() as cursor:
        cursor.execute("FROM user")
        assert cursor.fetch_arrow_table().schema.equals(listed, check_metadata=True)


@pytest.mark.parametrize("text", ["SELECT name FROM user WHERE id = $1", "SELECT name FROM user WHERE id = :id"])
def test_adbc_prepares_with_parameters(connection, text):
    assert rows(connection, text, (1,)) == [("Ada",)]
    assert rows(connection, text, (3,)) == [("",)]
    assert rows(connection, text, (99,)) == []


def test_adbc_reuses_a_prepared_statement(connection):
    with connection.cursor() as cursor:
        schema = cursor.adbc_prepare("SELECT name FROM user WHERE id = $1 AND score > $2")
        assert schema is None or len(schema) == 2
        for key, expected in [(1, [("Ada",)]), (3, []), (1, [("Ada",)])]:
            cursor.execute("SELECT name FROM user WHERE id = $1 AND score > $2", (key, 0.0))
            assert cursor.fetchall() == expected


def test_adbc_schema_without_running(connection):
    with connection.cursor() as cursor:
        assert cursor.adbc_execute_schema("SELECT id, name FROM user").names == ["id", "name"]


def test_adbc_definitions(connection):
    with connection.cursor() as cursor:
        cursor.execute("DEFINE ENTITY shop KEY shop_id STRING (city STRING)")
    assert rows(connection, "SELECT shop_id, city FROM shop") == []


def test_adbc_errors(connection):
    with pytest.raises(adbc_driver_manager.ProgrammingError) as raised:
        rows(connection, "SELECT nmae FROM user")
    words = str(raised.value)
    assert "nmae" in words and "line 1, column 8" in words
    with pytest.raises(adbc_driver_manager.ProgrammingError):
        rows(connection, "SELECT FROM WHERE")
    assert rows(connection, "SELECT 1") == [(1,)], "the connection is still good"


def test_adbc_settings_last(connection):
    rows(connection, "SET time_zone = 'Asia/Tokyo'")
    with connection.cursor() as cursor:
        cursor.execute("SELECT seen_at FROM user")
        assert cursor.fetch_arrow_table().schema.field(0).type == pa.timestamp("us", "Asia/Tokyo")


def test_adbc_cancels(connection):
    """A reader that is closed early leaves nothing running, and the connection answers on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT a.id FROM user AS a CROSS JOIN user AS b CROSS JOIN user AS c")
        reader = cursor.fetch_record_batch()
        cursor.adbc_cancel()
        reader.close()
    assert rows(connection, "SELECT 1") == [(1,)]


def test_adbc_bulk_ingest(connection):
    new = pa.table({"id": [10, 11], "name": ["Grace", "Edsger"], "spent": pa.array(["1.50", "2.25"]).cast(pa.decimal128(10, 2))})
    with connection.cursor() as cursor:
        assert cursor.adbc_ingest("user", new, mode="append") == 2
    assert rows(connection, "SELECT name FROM user WHERE id = $1", (11,)) == [("Edsger",)]
    with connection.cursor() as cursor, pytest.raises(adbc_driver_manager.Error, match="defined already"):
        cursor.adbc_ingest("user", new, mode="create")


def test_many_connections_at_once(server):
    failures = []

    def work(key):
        try:
            with flightsql.connect(server.flight, autocommit=True, db_kwargs={"username": "u", "password": "p"}) as connection:
                for _ in range(5):
                    assert rows(connection, "SELECT id FROM user WHERE id = $1", (key,)) == [(key,)]
        except Exception as failure:  # noqa: BLE001 - all of them are shown below
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(1 + n % 3,)) for n in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert failures == []


def test_pyarrow_flight(server):
    client = flight.FlightClient(server.flight)
    header = client.authenticate_basic_token("anybody", "anything")
    options = flight.FlightCallOptions(headers=[header])
    info = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT id FROM user WHERE id < 10 ORDER BY id"), options)
    table = client.do_get(info.endpoints[0].ticket, options).read_all()
    assert info.schema.equals(table.schema, check_metadata=True)
    assert table.column("id").to_pylist() == [1, 2, 3]
    assert {"CloseSession", "CancelFlightInfo"} <= {a.type for a in client.list_actions(options)}


def test_pyarrow_cancels_a_ticket(server):
    client = flight.FlightClient(server.flight)
    info = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT id FROM user"))
    # pyarrow has no call of its own for this action: its message is the FlightInfo as field 1, its answer 1 for cancelled.
    message = info.serialize()
    request = b"\x0a" + bytes([len(message) & 0x7F | 0x80, len(message) >> 7]) + message
    assert 128 <= len(message) < 1 << 14
    (answer,) = client.do_action(flight.Action("CancelFlightInfo", request))
    assert answer.body.to_pybytes() == b"\x08\x01"
    with pytest.raises(pa.ArrowInvalid, match="expired"):
        client.do_get(info.endpoints[0].ticket).read_all()


def test_a_forged_ticket_is_refused(server):
    client = flight.FlightClient(server.flight)
    info = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT id FROM user"))
    forged = bytearray(info.endpoints[0].ticket.ticket)
    forged[-1] ^= 1
    with pytest.raises(pa.ArrowInvalid, match="not one of this server"):
        client.do_get(flight.Ticket(bytes(forged))).read_all()


def test_tokens(guarded):
    def asks(**kwargs):
        with flightsql.connect(guarded.flight, autocommit=True, **kwargs) as connection:
            return rows(connection, "SELECT 1")

    assert asks(db_kwargs={"username": "anybody", "password": TOKEN}) == [(1,)]
    bearer = DatabaseOptions.AUTHORIZATION_HEADER.value
    assert asks(db_kwargs={bearer: f"Bearer {TOKEN}"}) == [(1,)]
    for wrong in [{"username": "anybody", "password": "wrong"}, {bearer: "Bearer wrong"}, {}]:
        with pytest.raises(adbc_driver_manager.Error, match="(?i)token"):
            asks(db_kwargs=wrong)
    client = flight.FlightClient(guarded.flight)
    with pytest.raises(flight.FlightUnauthenticatedError):
        client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 1"))
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(guarded.http + "/v1/catalog", timeout=10)


def test_sigterm_stops_cleanly(tmp_path):
    server = Server(tmp_path / "data")
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 35
