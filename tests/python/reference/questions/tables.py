"""SELECT, joins, windows, stages."""

from collections import Counter, defaultdict

from ..moments import DAY, bucket, day_of, days, instant, local
from ..question import NOW, question, when

NOW_TIME = instant(NOW)
NEW_YORK = "America/New_York"
department = lambda r: r.to("product").get("department")


def purchases(world, keep=lambda r: True):
    return [r for r in world.rows if r.event == "purchase" and keep(r)]


@question("SELECT product.department, product.manufacturer.product_count >= 100 AS large, count(*) AS n, sum(sales_value) AS dollars, avg(sales_value) AS mean FROM purchase GROUP BY product.department, product.manufacturer.product_count >= 100 HAVING count(*) >= 50", "department large n dollars mean")
def select_paths(world):
    cells = defaultdict(list)
    for r in purchases(world):
        m = world.entities["manufacturer"].get(r.to("product").get("manufacturer_id"), {})
        cells[(department(r), (m.get("product_count") or 0) >= 100)].append(r["sales_value"])
    return [[*k, len(v), sum(v) / 100, sum(v) / len(v) / 100] for k, v in cells.items() if len(v) >= 50]


@question("SELECT household.age AS age, product.brand AS brand, count(DISTINCT basket_id) AS baskets FROM purchase WHERE product.department = 'MEAT' DURING '2017-06-01' TO '2017-08-31' GROUP BY age, brand", "age brand baskets")
def select_two_paths(world):
    low, high = days("2017-06-01", "2017-08-31")
    cells = defaultdict(set)
    for r in purchases(world, lambda r: department(r) == "MEAT" and low <= r.time < high):
        cells[(r.to("household").get("age"), r.to("product").get("brand"))].add(r["basket_id"])
    return [[*k, len(v)] for k, v in cells.items()]


@question("SELECT income, count(*) AS n FROM household GROUP BY income ORDER BY income DESC", "income n", ordered=True)
def nulls_last_down(world):
    n = Counter(v["income"] for v in world.entities["household"].values())
    return [[k, n[k]] for k in sorted((k for k in n if k), reverse=True)] + [[None, n[None]]]


@question("SELECT income, count(*) AS n FROM household GROUP BY income ORDER BY income NULLS FIRST", "income n", ordered=True)
def nulls_first(world):
    n = Counter(v["income"] for v in world.entities["household"].values())
    return [[None, n[None]]] + [[k, n[k]] for k in sorted(k for k in n if k)]


@question("""SELECT count(*) AS all_of_them, count(* WHERE age = '45-54') AS equal, count(* WHERE age != '45-54') AS unequal, count(* WHERE NOT (age = '45-54')) AS negated,
count(* WHERE age NOT IN ('45-54', '35-44')) AS not_in, count(* WHERE age NOT LIKE '4%') AS not_like, count(* WHERE NOT (age < '45' OR income = '50-74K')) AS morgan,
count(* WHERE age BETWEEN '25' AND '45') AS inside, count(* WHERE age NOT BETWEEN '25' AND '45') AS outside, count(age) AS known, count(DISTINCT age) AS different FROM household""",
          "all_of_them equal unequal negated not_in not_like morgan inside outside known different")
def select_nulls(world):
    v = [(h["age"], h["income"]) for h in world.entities["household"].values()]
    lt = lambda a: a is not None and a < "45"
    mid = lambda a: a is not None and "25" <= a <= "45"
    return [[len(v), sum(a == "45-54" for a, _ in v), sum(a != "45-54" for a, _ in v), sum(a != "45-54" for a, _ in v), sum(a not in ("45-54", "35-44") for a, _ in v),
             sum(a is None or a[0] != "4" for a, _ in v), sum(not (lt(a) or i == "50-74K") for a, i in v), sum(mid(a) for a, _ in v), sum(not mid(a) for a, _ in v),
             sum(a is not None for a, _ in v), len({a for a, _ in v if a is not None})]]


@question("SELECT household_id, time, sales_value, row_number() OVER (PARTITION BY household_id ORDER BY sales_value DESC, event_id) AS place FROM purchase WHERE product.department = 'FLORAL' |> WHERE place <= 2 |> SELECT household_id, place, sales_value", "household_id place sales_value")
def window_rows(world):
    found = defaultdict(list)
    for r in purchases(world, lambda r: department(r) == "FLORAL"):
        found[r["household_id"]].append((-r["sales_value"], str(r.id)))
    return [[h, i + 1, -s / 100] for h, v in found.items() for i, (s, _) in enumerate(sorted(v)[:2])]


@question("SELECT household_id, time, sum(sales_value) OVER (PARTITION BY household_id ORDER BY time) AS running, rank() OVER (PARTITION BY household_id ORDER BY time) AS place, lag(sales_value) OVER (PARTITION BY household_id ORDER BY time, event_id) AS before FROM purchase WHERE product.department = 'FLORAL' |> AGGREGATE sum(running) AS a, sum(place) AS b, count(before) AS c, sum(before) AS d", "a b c d")
def window_peers(world):
    found = defaultdict(list)
    for r in purchases(world, lambda r: department(r) == "FLORAL"):
        found[r["household_id"]].append(r)
    a = b = c = d = 0
    for v in found.values():
        for r in v:
            a += sum(x["sales_value"] for x in v if x.time <= r.time)
            b += 1 + sum(x.time < r.time for x in v)
        ordered = sorted(v, key=lambda r: (r.time, str(r.id)))
        c += len(v) - 1
        d += sum(r["sales_value"] for r in ordered[:-1])
    return [[a / 100, b, c, d / 100]]


@question("WITH spenders AS (FIND household WHERE sum(purchase.sales_value) >= 5000), redeemers AS (FIND household WHERE DID coupon_redeem) SELECT s.household_id AS a, r.household_id AS b FROM spenders AS s FULL JOIN redeemers AS r ON s.household_id = r.household_id", "a b")
def joins(world):
    spent, did = Counter(), {r["household_id"] for r in world.rows if r.event == "coupon_redeem"}
    for r in purchases(world):
        spent[r["household_id"]] += r["sales_value"]
    rich = {h for h, s in spent.items() if s >= 500000}
    return [[h if h in rich else None, h if h in did else None] for h in rich | did]


@question("(FIND household WHERE DID coupon_redeem SHOW household_id) UNION (FIND household WHERE age = '45-54' SHOW household_id) INTERSECT (FIND household WHERE income IS SET SHOW household_id) |> AGGREGATE count(*) AS n", "n")
def set_operators(world):
    did = {r["household_id"] for r in world.rows if r.event == "coupon_redeem"}
    age = {h for h, v in world.entities["household"].items() if v["age"] == "45-54"}
    income = {h for h, v in world.entities["household"].items() if v["income"]}
    return [[len(did | (age & income))]]


@question("SELECT household_id FROM household WHERE age = '45-54' UNION ALL SELECT household_id FROM household WHERE income IS NOT NULL |> AGGREGATE count(*) AS n, count(DISTINCT household_id) AS different", "n different")
def union_all(world):
    a = [h for h, v in world.entities["household"].items() if v["age"] == "45-54"]
    b = [h for h, v in world.entities["household"].items() if v["income"]]
    return [[len(a) + len(b), len(set(a + b))]]


@question("SELECT week(time) AS w, month(time) AS m, date_part('dow', time) AS d, bucket(time, 'quarter') AS q, count(*) AS n FROM purchase IN TIME ZONE 'America/New_York' WEEK STARTS SUNDAY GROUP BY w, m, d, q".replace(" WEEK STARTS SUNDAY", ""), "w m d q n")
def calendar(world):
    cells = Counter((day_of(r.time, "week", NEW_YORK), day_of(r.time, "month", NEW_YORK), (day_of(r.time, "day", NEW_YORK).weekday() + 1) % 7, day_of(r.time, "quarter", NEW_YORK)) for r in purchases(world))
    return [[*k, n] for k, n in cells.items()]


@question("SELECT hour(time) AS h, count(*) AS n FROM purchase DURING '2017-03-12' TO '2017-03-12' IN TIME ZONE 'America/New_York' GROUP BY h ORDER BY h", "h n", ordered=True)
def hours_of_a_short_day(world):
    low, high = days("2017-03-12", "2017-03-12", NEW_YORK)
    n = Counter(bucket(r.time, "hour", NEW_YORK) for r in purchases(world, lambda r: low <= r.time < high))
    return [[local(t, NEW_YORK), n[t]] for t in sorted(n)]


@question("SELECT campaign_id, count(covers) AS n, count(DISTINCT covers.product.department) AS departments FROM campaign WHERE campaign_type = 'Type C' GROUP BY campaign_id".replace("SELECT", "FIND campaign WHERE campaign_type = 'Type C' SHOW").split(" FROM ")[0], "campaign_id n departments")
def to_many(world):
    import pyarrow.parquet as parquet
    rows = {(r["coupon_upc"], r["product_id"], r["campaign_id"]) for r in parquet.read_table(world.folder / "coupon_product.parquet").to_pylist()}
    out = []
    for c, v in world.entities["campaign"].items():
        if v["campaign_type"] == "Type C":
            mine = [p for _, p, x in rows if x == c]
            out.append([c, len(mine), len({world.entities["product"].get(p, {}).get("department") for p in mine} - {None})])
    return out


@question("SELECT event, count(*) AS n, count(DISTINCT household_id) AS h, min(time) AS first FROM ANY EVENT DURING '2017-01-01' TO '2017-12-31' GROUP BY event", "event n h first")
def any_event(world):
    low, high = days("2017-01-01", "2017-12-31")
    cells = defaultdict(list)
    for r in world.rows:
        if low <= r.time < high:
            cells[r.event].append(r)
    return [[e, len(v), len({r["household_id"] for r in v}), when(min(r.time for r in v))] for e, v in cells.items()]


@question("SELECT store_id, count(*) AS n FROM purchase GROUP BY store_id |> WHERE n >= 100 |> EXTEND n * 2 AS twice |> AGGREGATE count(*) AS stores, sum(twice) AS total, max(n) AS most", "stores total most")
def stages(world):
    n = [v for v in Counter(r["store_id"] for r in purchases(world)).values() if v >= 100]
    return [[len(n), 2 * sum(n), max(n)]]


@question("SELECT CASE WHEN sales_value >= 10 THEN 'high' WHEN sales_value >= 2 THEN 'middle' ELSE 'low' END AS level, count(*) AS n, count(* WHERE coupon_disc > 0) AS with_coupon FROM purchase GROUP BY level", "level n with_coupon")
def case_when(world):
    cells = defaultdict(list)
    for r in purchases(world):
        s = r["sales_value"]
        cells["high" if s >= 1000 else "middle" if s >= 200 else "low"].append(r["coupon_disc"] > 0)
    return [[k, len(v), sum(v)] for k, v in cells.items()]


@question("SELECT DISTINCT product.department AS d FROM purchase WHERE store_id = 367 ORDER BY d LIMIT 5 OFFSET 2", "d", ordered=True)
def distinct_offset(world):
    return [[d] for d in sorted({department(r) for r in purchases(world, lambda r: r["store_id"] == 367)} - {None})[2:7]]


@question("SELECT b.household_id, count(*) AS n, sum(b.total_value) AS s FROM basket AS b JOIN household AS h ON b.household_id = h.household_id WHERE h.age = '45-54' GROUP BY b.household_id", "household_id n s")
def explicit_join(world):
    found = defaultdict(list)
    for b in world.entities["basket"].values():
        if world.entities["household"].get(b["household_id"], {}).get("age") == "45-54":
            found[b["household_id"]].append(b["total_value"])
    return [[h, len(v), sum(v)] for h, v in found.items()]


@question("SELECT household_id FROM household WHERE household_id IN (SELECT household_id FROM coupon_redeem WHERE campaign_id = 18)", "household_id")
def in_query(world):
    return [[h] for h in {r["household_id"] for r in world.rows if r.event == "coupon_redeem" and r["campaign_id"] == 18}]


@question("SELECT store_id, count(*) AS n, sum(count(*)) OVER () AS total, ntile(4) OVER (ORDER BY count(*), store_id) AS part FROM purchase GROUP BY store_id ORDER BY n DESC, store_id LIMIT 5", "store_id n total part", ordered=True)
def windows_over_groups(world):
    from ..others import ntile
    n = Counter(r["store_id"] for r in purchases(world))
    part = ntile([((c, s), s) for s, c in n.items()], 4)
    return [[s, n[s], sum(n.values()), part[s]] for s in sorted(n, key=lambda s: (-n[s], s))[:5]]
