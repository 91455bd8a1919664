#!/usr/bin/env python3
"""Makes the data of the comparison: events of a shop over 90 days, its users and its products.

    data.py --events 10000000 --out FOLDER

Writes events.parquet (by user and time; no two events of a user at one instant, so that no answer hangs on a tie), users.parquet,
products.parquet and meta.json. `utm_source` is '' and `product_id` is 0 where an event has none. Amounts are multiples of a quarter:
sums of DOUBLE are exact in any order.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

EVENTS = ["app_open", "page_view", "search", "view_item", "add_to_cart", "remove_from_cart", "begin_checkout", "add_payment_info",
          "purchase", "refund", "favorite", "share", "coupon_view", "coupon_claim", "live_enter", "live_leave", "signup", "login",
          "push_click", "logout"]
WEIGHTS = [.10, .16, .12, .26, .05, .008, .02, .02, .018, .002, .03, .015, .05, .03, .03, .02, .003, .03, .02, .018]
START, DAY, DAYS = 1_735_689_600_000, 86_400_000, 90
CITIES = ["Shanghai", "Beijing", "Shenzhen", "Guangzhou", "Hangzhou", "Chengdu", "Wuhan", "Nanjing", "Suzhou", "Xian"]
PLATFORMS = ["ios", "android", "web", "miniapp", "offline"]
SOURCES = ["", "search", "video", "chat", "social", "sms", "email", "partner"]
WITH_PRODUCT = ["view_item", "add_to_cart", "remove_from_cart", "purchase", "refund", "favorite", "share"]
WITH_MONEY = ["purchase", "refund"]
# What follows what, more often than by chance.
FOLLOWS = {"search": "view_item", "view_item": "add_to_cart", "add_to_cart": "begin_checkout", "begin_checkout": "add_payment_info",
           "add_payment_info": "purchase", "coupon_view": "coupon_claim", "live_enter": "live_leave", "signup": "login"}


def coded(codes, names):
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), pa.array(names))


def events(rows, random):
    """The columns of all events, by user and time."""
    users, products = max(rows // 50, 100), max(rows // 1000, 500)
    weight = (random.permutation(users) + 51.0) ** -0.9 * random.lognormal(0, 0.8, users)
    counts = random.multinomial(rows, weight / weight.sum())
    user = np.repeat(np.arange(users, dtype=np.int64), counts)
    opens = random.random(rows) < 1 / 6
    opens[0] = True
    opens[1:] |= user[1:] != user[:-1]
    first, session = np.flatnonzero(opens), np.cumsum(opens) - 1
    gap = random.exponential(75_000, rows).astype(np.int64) + 500
    gap[opens] = 0
    since = np.cumsum(gap)
    begin = (random.random(len(first)) * (DAYS * DAY - 14_400_000)).astype(np.int64)
    key = (user << 34) + np.minimum(begin[session] + since - since[first][session], DAYS * DAY - 1)
    key.sort()
    # One millisecond later than the event before at least.
    place = np.arange(rows, dtype=np.int64)
    key = np.maximum.accumulate(key - place) + place
    user, time = key >> 34, (key & ((1 << 34) - 1)) + START
    opens[1:] = (user[1:] != user[:-1]) | (np.diff(time) > 1_800_000)
    first, session = np.flatnonzero(opens), np.cumsum(opens) - 1
    event = random.choice(len(EVENTS), rows, p=np.array(WEIGHTS) / sum(WEIGHTS)).astype(np.uint8)
    follow = np.full(len(EVENTS), 255, np.uint8)
    for before, after in FOLLOWS.items():
        follow[EVENTS.index(before)] = EVENTS.index(after)
    # Three rounds, so that chains grow.
    for chance in (0.25, 0.25, 0.25):
        after = np.full(rows, 255, np.uint8)
        after[1:] = follow[event[:-1]]
        takes = (after != 255) & ~opens & (random.random(rows) < chance)
        event[takes] = after[takes]
    platform = random.choice(5, len(first), p=[.28, .38, .12, .2, .02])[session]
    source = np.where(opens & (random.random(rows) < 0.35), random.integers(1, len(SOURCES), rows), 0)
    popular = (np.arange(products) + 20.0) ** -0.8
    bought = random.permutation(products)[random.choice(products, rows, p=popular / popular.sum())] + 1
    price = np.maximum(np.round(random.lognormal(4, 1, products) * 4) / 4, 0.25)
    has_product = np.isin(event, [EVENTS.index(e) for e in WITH_PRODUCT])
    has_money = np.isin(event, [EVENTS.index(e) for e in WITH_MONEY])
    amount = np.where(has_money, price[bought - 1] * random.integers(1, 4, rows), 0.0)
    table = pa.table({
        "user_id": pa.array(user + 1, pa.uint64()), "ts": pa.array(time, pa.timestamp("ms")), "event": coded(event, EVENTS),
        "platform": coded(platform, PLATFORMS), "utm_source": coded(source, SOURCES),
        "product_id": pa.array(np.where(has_product, bought, 0), pa.uint32()),
        "store_id": pa.array(np.where(has_money, random.integers(1, 501, rows), 0), pa.uint16()), "amount": amount,
    })
    return table, users, products


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=42)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(given.seed)
    table, users, products = events(given.events, random)
    encoding = {"user_id": "DELTA_BINARY_PACKED", "ts": "DELTA_BINARY_PACKED"}
    names = ["event", "platform", "utm_source"]
    pq.write_table(table, given.out / "events.parquet", compression="zstd", use_dictionary=names, column_encoding=encoding, store_schema=False)
    shares = np.linspace(12, 2, len(CITIES))
    pq.write_table(pa.table({
        "user_id": pa.array(np.arange(1, users + 1), pa.uint64()),
        "city": coded(random.choice(len(CITIES), users, p=shares / shares.sum()), CITIES),
        "vip": pa.array(random.choice(5, users, p=[.6, .2, .1, .07, .03]), pa.uint8()),
    }), given.out / "users.parquet", store_schema=False)
    pq.write_table(pa.table({
        "product_id": pa.array(np.arange(1, products + 1), pa.uint32()),
        "category": coded(random.integers(0, 24, products), [f"cat_{i:02d}" for i in range(24)]),
    }), given.out / "products.parquet", store_schema=False)
    (given.out / "meta.json").write_text(json.dumps({"events": given.events, "users": users, "products": products, "seed": given.seed}))
    print(f"{given.events:,} events of {users:,} users in {given.out}")


if __name__ == "__main__":
    main()
