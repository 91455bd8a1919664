#!/usr/bin/env python3
"""Bytes an event on disk, by column: makes events of a shop, loads them with `eql import`, and reads the sizes out of the part files.

    size.py --eql BINARY [--events 1000000] [--keep FOLDER]

The eight data columns are subject, time, event type, platform, utm source, product, store and amount. Ids, times of receipt and
sequence numbers are shown beside them: this file has none of the first two, so ids are hashes of the rows.
Python packages: numpy, pyarrow.
"""
import argparse
import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent / "compare"))
import data
from eql import as_imported, schema
from server import run


def shop(rows, seed):
    """Events of the shop in the order of their times, with missing values where an event cannot have one."""
    table = as_imported(data.events(rows, np.random.default_rng(seed))[0])
    return table.take(pc.sort_indices(table, [("time", "ascending")]))


def of_parts(folder):
    """Bytes by column over all parts, and their rows."""
    manifest = json.loads((folder / "manifest.json").read_text().splitlines()[1])
    size, rows = defaultdict(int), 0
    for part in manifest["parts"]:
        place = folder / "parts" / str(part["subject"]) / str(part["id"])
        rows += part["rows"]
        spine = ipc.open_file(place / "spine.arrow").read_all()
        for name, column in (("subject", "ordinal"), ("time", "time"), ("event type", "code")):
            size[name] += spine.column(column).nbytes
        size["framing"] += part["spine"]["bytes"] - sum(spine.column(c).nbytes for c in ("ordinal", "time", "code"))
        size["id hashes"] += part["ids"]["bytes"]
        for event in part["events"]:
            columns_of(place / event["file"]["name"], size)
    return size, rows


NAMES = {"o1": "product", "o2": "store", "p0": "platform", "p1": "utm source", "p2": "amount", "id": "id", "id_hex": "id", "id_uuid": "id",
         "id_number": "id", "seq": "sequence", "seq_offset": "sequence", "received": "received"}
DATA = ["subject", "time", "event type", "platform", "utm source", "product", "store", "amount", "framing"]
BESIDE = ["id", "id hashes", "sequence", "received"]


def columns_of(path, size):
    metadata, columns = pq.read_metadata(path), 0
    for group in range(metadata.num_row_groups):
        for i in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(i)
            size[NAMES.get(chunk.path_in_schema, chunk.path_in_schema)] += chunk.total_compressed_size
            columns += chunk.total_compressed_size
    size["framing"] += path.stat().st_size - columns


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eql", required=True)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--keep", type=Path, help="leave the files and the data directory here")
    o = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = o.keep or Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        events, definitions, home = folder / "events.parquet", folder / "schema.eql", folder / "data"
        pq.write_table(shop(o.events, o.seed), events)
        definitions.write_text(schema(data.EVENTS))
        run(o.eql, "query", "-f", definitions, "--data", home)
        run(o.eql, "import", "events", events, "--data", home)
        size, rows = of_parts(home)
    unknown = sorted(set(size) - set(DATA) - set(BESIDE))
    print(f"{rows} events, bytes an event")
    for name in DATA + unknown:
        print(f"  {name:<12}{size[name] / rows:8.3f}")
    print(f"  {'data':<12}{sum(size[n] for n in DATA + unknown) / rows:8.3f}")
    for name in BESIDE:
        print(f"  {name:<12}{size[name] / rows:8.3f}")
    print(f"  {'everything':<12}{sum(size.values()) / rows:8.3f}")


if __name__ == "__main__":
    main()
