#!/usr/bin/env python3
"""Bytes an event on disk, by column: makes events of a shop, loads them with `eql import`, and reads the sizes out of the part files.

    size.py --eql BINARY [--events 1000000] [--keep FOLDER]

The eight data columns are subject, time, event type, platform, utm source, product, store and amount. Ids, times of receipt and
sequence numbers are shown beside them: this file has none of the first two, so ids are hashes of the rows.
Python packages: numpy, pyarrow.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

EVENTS = ["app_open", "page_view", "search", "view_item", "add_to_cart", "remove_from_cart", "begin_checkout", "add_payment_info",
          "purchase", "refund", "favorite", "share", "coupon_view", "coupon_claim", "live_enter", "live_leave", "signup", "login",
          "push_click", "logout"]
WEIGHTS = [.10, .16, .12, .26, .05, .008, .02, .02, .018, .002, .03, .015, .05, .03, .03, .02, .003, .03, .02, .018]
OF_PRODUCTS = ["view_item", "add_to_cart", "remove_from_cart", "purchase", "refund", "favorite", "share"]
OF_MONEY = ["purchase", "refund"]
START, DAY, DAYS = 1_735_689_600_000, 86_400_000, 90


def shop(rows, seed):
    """90 days of sessions with times in milliseconds; few users do most, few products are seen most."""
    random = np.random.default_rng(seed)
    users, products = max(rows // 50, 100), max(rows // 1000, 500)
    weight = (random.permutation(users) + 51.0) ** -0.9 * random.lognormal(0, 0.8, users)
    user = np.sort(random.choice(users, rows, p=weight / weight.sum()))
    opens = random.random(rows) < 1 / 6
    opens[0] = True
    opens[1:] |= user[1:] != user[:-1]
    session = np.cumsum(opens) - 1
    first = np.flatnonzero(opens)
    gap = random.exponential(75_000, rows).astype(np.int64) + 500
    gap[opens] = 0
    since = np.cumsum(gap)
    begin = (random.random(len(first)) * (DAYS * DAY - 14_400_000)).astype(np.int64)
    time = START + begin[session] + since - since[first][session]
    order = np.lexsort((time, user))
    user, time, session = user[order], time[order], session[order]
    event = random.choice(len(EVENTS), rows, p=np.array(WEIGHTS) / sum(WEIGHTS))
    platform = random.choice(5, len(first), p=[.28, .38, .12, .2, .02])[session]
    campaign = np.where(opens & (random.random(rows) < 0.35), random.integers(1, 9, rows), 0)
    popular = (np.arange(products) + 20.0) ** -0.8
    product = random.permutation(products)[random.choice(products, rows, p=popular / popular.sum())] + 1
    price = np.maximum(np.round(random.lognormal(4, 1, products) * 4) / 4, 0.25)
    has_product = np.isin(event, [EVENTS.index(e) for e in OF_PRODUCTS])
    has_money = np.isin(event, [EVENTS.index(e) for e in OF_MONEY])
    amount = np.round(price[product - 1] * random.integers(1, 4, rows), 2)
    names = pa.array([""] + [f"source_{i}" for i in range(1, 9)])
    take = lambda values, codes: pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), values).cast(pa.string())
    table = pa.table({
        "user_id": user + 1,
        "time": pa.array(time, pa.timestamp("ms", "UTC")),
        "event": take(pa.array(EVENTS), event),
        "platform": take(pa.array(["ios", "android", "web", "miniapp", "offline"]), platform),
        "utm_source": pa.DictionaryArray.from_arrays(pa.array(campaign.astype(np.int8), mask=campaign == 0), names).cast(pa.string()),
        "product_id": pa.array(product, pa.int64(), mask=~has_product),
        "store_id": pa.array(random.integers(1, 501, rows), pa.int64(), mask=~has_money),
        "amount": pa.array(amount, pa.float64(), mask=~has_money),
    })
    return table.take(pa.array(np.argsort(time, kind="stable")))


def schema():
    """Users, products and stores; what an event cannot have is not declared."""
    lines = ["DEFINE ENTITY user KEY user_id BIGINT ();", "DEFINE ENTITY product KEY product_id BIGINT ();", "DEFINE ENTITY store KEY store_id BIGINT ();"]
    for event in EVENTS:
        participants = ["user"] + ["product"] * (event in OF_PRODUCTS) + ["store"] * (event in OF_MONEY)
        properties = ["platform STRING", "utm_source STRING"] + ["amount DECIMAL(12,2)"] * (event in OF_MONEY)
        lines.append(f"DEFINE EVENT {event} OF {', '.join(participants)} ({', '.join(properties)});")
    return "\n".join(lines)


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


def run(command, text=None):
    done = subprocess.run(command, capture_output=True, text=True, input=text)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command[:3])} failed: {done.stderr.strip()}")


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
        events, definitions, data = folder / "events.parquet", folder / "schema.eql", folder / "data"
        pq.write_table(shop(o.events, o.seed), events)
        definitions.write_text(schema())
        run([o.eql, "query", "-f", str(definitions), "--data", str(data)])
        run([o.eql, "import", "events", str(events), "--data", str(data)])
        size, rows = of_parts(data)
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
