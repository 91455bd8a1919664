"""The sample as lists of rows, read from its files."""

from collections import defaultdict
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


KEYS = {
    "household": "household_id", "product": "product_id", "store": "store_id", "basket": "basket_id",
    "campaign": "campaign_id", "manufacturer": "manufacturer_id",
}

NOBODY = {}


class Row:
    """One event. `place` is its place in the file: what decides between equal times."""

    __slots__ = ("event", "time", "place", "id", "values", "world")

    def __init__(self, world, event, time, place, identity, values):
        self.world, self.event, self.time, self.place, self.id, self.values = world, event, time, place, identity, values

    def __getitem__(self, name):
        return self.values.get(name)

    @property
    def order(self):
        return (self.time, self.place, self.id)

    def to(self, entity):
        """The participant `entity`; nothing is known of one without a row."""
        return self.world.entities[entity].get(self.values.get(KEYS[entity]), NOBODY)

    def __repr__(self):
        return f"{self.event}@{self.time}#{self.id}"


class World:
    def __init__(self, rows, entities, events=None):
        self.entities = entities
        self.rows = sorted(rows(self), key=lambda r: r.order)
        self.timelines = {}

    def timeline(self, key):
        """The rows of every subject, in order; a row that names none is on no timeline."""
        if key not in self.timelines:
            found = defaultdict(list)
            for row in self.rows:
                if row[key] is not None:
                    found[row[key]].append(row)
            self.timelines[key] = found
        return self.timelines[key]


def cents(value):
    return None if value is None else round(value * 100)


MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")


def completejourney(folder):
    folder = Path(folder)
    entities = {}
    for name, key in KEYS.items():
        rows = parquet.read_table(folder / f"{name}.parquet").to_pylist()
        entities[name] = {r[key]: r for r in rows}
    table = parquet.read_table(folder / "events.parquet")
    names = [n for n in table.column_names if n not in ("event_id", "event_type", "ts")]
    columns = {n: table[n].to_pylist() for n in table.column_names if n != "ts"}
    times = table["ts"].cast(pyarrow.timestamp("us", table.schema.field("ts").type.tz)).cast("int64").to_pylist()

    def rows(world):
        for place in range(table.num_rows):
            values = {n: columns[n][place] for n in names}
            for m in MONEY:
                values[m] = cents(values[m])
            # A basket, product or store that took part is known even without a row of its own.
            yield Row(world, columns["event_type"][place], times[place], place, columns["event_id"][place], values)

    world = World(rows, entities)
    world.folder = folder
    return world
