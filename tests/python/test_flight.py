"""What the README promises to a Python client over Arrow Flight SQL."""

import json
import subprocess
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest


def rows(cursor, text, parameters=None):
    cursor.execute(text, parameters)
    return cursor.fetchall()


def test_sql_over_an_event(cursor):
    assert rows(cursor, "SELECT count(*) AS n FROM purchase") == [(65594,)]


def test_a_trend_has_dates_counts_and_exact_money(cursor):
    cursor.execute("TREND users(purchase) AS households, sum(purchase.sales_value) AS dollars OF household EVERY month DURING '2017-01-01' TO '2017-02-28'")
    table = cursor.fetch_arrow_table()
    assert table.column_names == ["period", "households", "dollars"]
    assert table.column("period").to_pylist() == [date(2017, 1, 1), date(2017, 2, 1)]
    assert pa.types.is_int64(table.schema.field("households").type)
    assert all(isinstance(v, Decimal) for v in table.column("dollars").to_pylist())


def test_find_with_a_parameter(cursor):
    found = rows(cursor, "FIND household WHERE age = $1 SHOW household_id", ("35-44",))
    assert len(found) == 11


def test_a_funnel(cursor):
    text = "FUNNEL campaign_receive -> coupon_redeem OF household HOLDING campaign_id WITHIN 30 days DURING all time"
    found = rows(cursor, text + " |> SELECT step, entities")
    assert found == [(1, 58), (2, 16)]


def test_a_mistake_is_answered_with_its_code(cursor):
    with pytest.raises(Exception, match="EQL0204"):
        rows(cursor, "FIND household WHERE DID purchse")


def test_tables_are_listed(cursor):
    objects = cursor.connection.adbc_get_objects(depth="tables").read_all().to_pylist()
    names = {t["table_name"] for catalog in objects for schema in catalog["catalog_db_schemas"] or [] for t in schema["db_schema_tables"] or []}
    assert {"household", "purchase", "coupon_redeem"} <= names


def test_an_event_counts_once_however_often_it_is_sent(server, cursor):
    event = {"event": "coupon_redeem", "id": "my-first", "time": "2017-12-31T12:00:00-05:00"}
    line = json.dumps(event | {"household_id": 25, "campaign_id": 18, "coupon_upc": 10000085475}) + "\n"
    question = "SELECT count(*) AS n FROM coupon_redeem"
    [(before,)] = rows(cursor, question)
    for _ in range(2):
        command = [server.eql, "import", "events", "-", "--format", "ndjson", "--url", server.http]
        subprocess.run(command, input=line, text=True, check=True, stdout=subprocess.DEVNULL)
    assert rows(cursor, question) == [(before + 1,)]
