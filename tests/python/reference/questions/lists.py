"""FIND, segments and tags."""

from collections import Counter, defaultdict
from datetime import date

from ..moments import DAY, day_of, days, first_moment, instant
from ..question import NOW, question, when
from .funnel import DELI, FLORAL, PURCHASE, RECEIVED, REDEEMED

NOW_TIME = instant(NOW)
NEW_YORK = "America/New_York"
department = lambda r: r.to("product").get("department")


def lines(world, keep=lambda r: True, event="purchase", key="household_id"):
    found = defaultdict(list)
    for r in world.rows:
        if r.event == event and r.time < NOW_TIME and keep(r):
            found[r[key]].append(r)
    return found


def within(first, last, zone="UTC"):
    low, high = days(first, last, zone)
    return lambda r: low <= r.time < high


@question("FIND household WHERE DID [purchase WHERE product.department = 'FLORAL'] AT LEAST 3 TIMES DURING '2017-01-01' TO '2017-06-30' SHOW household_id", "household_id", ordered=True)
def find_at_least(world):
    inside = within("2017-01-01", "2017-06-30")
    return sorted([h] for h, v in lines(world, lambda r: department(r) == "FLORAL" and inside(r)).items() if len(v) >= 3)


@question("FIND household WHERE DID coupon_redeem AT MOST 2 TIMES SHOW household_id", "household_id", ordered=True)
def find_at_most(world):
    n = lines(world, event="coupon_redeem")
    return sorted([h] for h in world.entities["household"] if len(n.get(h, [])) <= 2)


@question("FIND household WHERE DID coupon_redeem BETWEEN 1 AND 4 TIMES DURING last 200 days SHOW household_id, count(coupon_redeem) AS n ORDER BY n DESC, household_id", "household_id n", ordered=True)
def find_between(world):
    low = first_moment(date(2018, 1, 2).fromordinal(date(2018, 1, 2).toordinal() - 199), "UTC")
    recent, ever = lines(world, lambda r: r.time >= low, "coupon_redeem"), lines(world, event="coupon_redeem")
    found = [[h, len(ever[h])] for h, v in recent.items() if 1 <= len(v) <= 4]
    return sorted(found, key=lambda r: (-r[1], r[0]))


@question("FIND household WHERE DID purchase EXACTLY 0 TIMES DURING '2017-01-01' TO '2017-01-31' OR DID purchase FEWER THAN 20 TIMES DURING '2017-02-01' TO '2017-02-28' SHOW household_id", "household_id", ordered=True)
def find_exactly_zero(world):
    a, b = lines(world, within("2017-01-01", "2017-01-31")), lines(world, within("2017-02-01", "2017-02-28"))
    return sorted([h] for h in world.entities["household"] if not a.get(h) or len(b.get(h, [])) < 20)


@question("FIND household WHERE DID purchase ON AT LEAST 8 DAYS DURING '2017-05-01' TO '2017-05-31' IN TIME ZONE 'America/New_York' SHOW household_id", "household_id", ordered=True)
def find_on_days(world):
    found = lines(world, within("2017-05-01", "2017-05-31", NEW_YORK))
    return sorted([h] for h, v in found.items() if len({day_of(r.time, "day", NEW_YORK) for r in v}) >= 8)


@question("FIND household WHERE DID purchase ON EXACTLY 12 MONTHS IN TIME ZONE 'America/New_York' SHOW household_id", "household_id", ordered=True)
def find_on_months(world):
    return sorted([h] for h, v in lines(world).items() if len({day_of(r.time, "month", NEW_YORK) for r in v}) == 12)


@question("FIND household WHERE FIRST DID purchase DURING '2017-02-01' TO '2017-03-31' SHOW household_id, first(purchase.time) AS t, first(purchase.store_id) AS s", "household_id t s", ordered=True)
def find_first_did(world):
    low, high = days("2017-02-01", "2017-03-31")
    return sorted([h, when(v[0].time), v[0]["store_id"]] for h, v in lines(world).items() if low <= v[0].time < high)


@question("FIND household WHERE FIRST DID [purchase WHERE product.department = 'FLORAL'] DURING since '2017-07-01' SHOW household_id", "household_id", ordered=True)
def find_first_did_condition(world):
    low = instant("2017-07-01")
    return sorted([h] for h, v in lines(world, lambda r: department(r) == "FLORAL").items() if v[0].time >= low)


@question("FIND household WHERE NOT (DID coupon_redeem OR DID [purchase WHERE product.department = 'FLORAL']) AND income != '50-74K' SHOW household_id", "household_id", ordered=True)
def find_not(world):
    a, b = lines(world, event="coupon_redeem"), lines(world, lambda r: department(r) == "FLORAL")
    return sorted([h] for h, v in world.entities["household"].items() if h not in a and h not in b and v["income"] != "50-74K")


@question("""FIND household SHOW household_id, count(purchase) AS n, sum(purchase.sales_value) AS s, avg(purchase.sales_value) AS a, min(purchase.sales_value) AS least,
max(purchase.sales_value) AS most, median(purchase.sales_value) AS half, percentile(purchase.sales_value, 0.9) AS p90, first(purchase.time) AS first, last(purchase.time) AS last,
count(DISTINCT purchase.store_id) AS stores, days_since(last(purchase.time)) AS days WHERE NEVER DID coupon_redeem""", "household_id n s a least most half p90 first last stores days")
def find_aggregates(world):
    from ..others import percentile
    did, found, out = lines(world, event="coupon_redeem"), lines(world), []
    for h in world.entities["household"]:
        if h in did:
            continue
        v = found.get(h, [])
        m = [r["sales_value"] / 100 for r in v]
        out.append([h, len(v), sum(r["sales_value"] for r in v) / 100, sum(m) / len(m), min(m), max(m), percentile(m, 0.5), percentile(m, 0.9), when(v[0].time), when(v[-1].time),
                    len({r["store_id"] for r in v}), (NOW_TIME - v[-1].time) / DAY] if v else [h, 0, 0] + [None] * 7 + [0, None])
    return out


@question("FIND household SHOW household_id, streak(purchase BY day) AS run, streak([purchase WHERE product.department = 'DELI'] BY week) AS weeks", "household_id run weeks")
def find_streak(world):
    def longest(found, unit, size):
        best = n = 0
        before = None
        for d in sorted(found):
            n = n + 1 if before is not None and (d - before).days == size else 1
            best, before = max(best, n), d
        return best

    a, b = lines(world), lines(world, lambda r: department(r) == "DELI")
    return [[h, longest({day_of(r.time, "day") for r in a.get(h, [])}, "day", 1), longest({day_of(r.time, "week") for r in b.get(h, [])}, "week", 7)] for h in world.entities["household"]]


@question("FIND household SHOW household_id, top(purchase.product.department, 2 BY count(purchase)) AS favourite", "household_id favourite")
def find_top(world):
    out = []
    for h, v in lines(world).items():
        n = Counter(department(r) for r in v if department(r) is not None)
        out.append([h, sorted(n, key=lambda k: (-n[k], k))[:2]])
    return out + [[h, None] for h in world.entities["household"] if h not in lines(world)]


@question("FIND household WHERE sum(purchase.sales_value WHERE product.department = 'MEAT' DURING '2017-01-01' TO '2017-06-30') > 2 * sum(purchase.sales_value WHERE product.department = 'MEAT' DURING '2017-07-01' TO '2017-12-31') SHOW household_id", "household_id", ordered=True)
def find_compared(world):
    meat = lambda low, high: lines(world, lambda r: department(r) == "MEAT" and within(low, high)(r))
    a, b = meat("2017-01-01", "2017-06-30"), meat("2017-07-01", "2017-12-31")
    worth = lambda v: sum(r["sales_value"] for r in v)
    return sorted([h] for h in world.entities["household"] if worth(a.get(h, [])) > 2 * worth(b.get(h, [])))


@question("FIND store WHERE count(DISTINCT purchase.household_id) >= 5 SHOW store_id, count(DISTINCT purchase.household_id) AS households, sum(purchase.sales_value) AS dollars ORDER BY dollars DESC LIMIT 7", "store_id households dollars", ordered=True)
def find_stores(world):
    found = [[s, len({r["household_id"] for r in v}), sum(r["sales_value"] for r in v) / 100] for s, v in lines(world, key="store_id").items()]
    return sorted((r for r in found if r[1] >= 5), key=lambda r: -r[2])[:7]


@question("FIND product WHERE manufacturer.product_count >= 500 AND DID purchase AT LEAST 30 TIMES SHOW product_id, manufacturer.product_count AS makes, count(purchase) AS n", "product_id makes n")
def find_products(world):
    out = []
    for p, v in lines(world, key="product_id").items():
        m = world.entities["manufacturer"].get(world.entities["product"].get(p, {}).get("manufacturer_id"), {})
        if (m.get("product_count") or 0) >= 500 and len(v) >= 30:
            out.append([p, m["product_count"], len(v)])
    return out


@question("FIND manufacturer WHERE count(products WHERE department = 'DELI') >= 10 SHOW manufacturer_id, count(products) AS n", "manufacturer_id n")
def find_to_many(world):
    deli, every = Counter(), Counter()
    for v in world.entities["product"].values():
        every[v["manufacturer_id"]] += 1
        deli[v["manufacturer_id"]] += v["department"] == "DELI"
    return [[m, every[m]] for m in world.entities["manufacturer"] if deli[m] >= 10]


@question("FIND household WHERE count(baskets WHERE total_value >= 100) >= 3 SHOW household_id, sum(baskets.total_value) AS s, max(baskets.line_count) AS most", "household_id s most")
def find_baskets(world):
    found = defaultdict(list)
    for v in world.entities["basket"].values():
        found[v["household_id"]].append(v)
    return [[h, sum(b["total_value"] for b in v), max(b["line_count"] for b in v)] for h, v in found.items() if sum(b["total_value"] >= 100 for b in v) >= 3]


@question("FIND household WHERE DID campaign_receive AS r -> [purchase WHERE r.campaign.campaign_type = 'Type A' AND product.department = 'FLORAL'] WITHIN 20 days SHOW household_id", "household_id", ordered=True)
def find_linked(world):
    out = set()
    for h, t in world.timeline("household_id").items():
        for r in t:
            if r.event == "campaign_receive" and r.to("campaign").get("campaign_type") == "Type A":
                if any(p.event == "purchase" and department(p) == "FLORAL" and r.time <= p.time <= r.time + 20 * DAY for p in t):
                    out.add(h)
    return sorted([h] for h in out)


@question("FIND household WHERE DID [purchase WHERE product.department = 'DELI'] -> NOT [purchase WHERE product.department = 'MEAT'] -> [purchase WHERE product.department = 'FLORAL'] TIES FORBIDDEN WITHIN 7 days SHOW household_id", "household_id", ordered=True)
def find_none_between(world):
    out = set()
    for h, t in world.timeline("household_id").items():
        a = [r.time for r in t if DELI.takes(r)]
        c = sorted({r.time for r in t if FLORAL.takes(r)})
        b = [r.time for r in t if r.event == "purchase" and department(r) == "MEAT"]
        if any(x < y <= x + 7 * DAY and not any(x < z < y for z in b) for x in a for y in c):
            out.add(h)
    return sorted([h] for h in out)


@question("FIND household AMONG (FIND household WHERE DID coupon_redeem) EXCEPT (FIND household WHERE income IS NULL) WHERE kids_count IS SET SHOW household_id, kids_count, age", "household_id kids_count age", ordered=True)
def find_among(world):
    did = lines(world, event="coupon_redeem")
    return sorted([h, v["kids_count"], v["age"]] for h, v in world.entities["household"].items() if h in did and v["income"] is not None and v["kids_count"])


@question("FIND household WHERE count(purchase DURING last 28 rolling days) >= 40 AS OF '2017-06-01' SHOW household_id, count(purchase) AS n", "household_id n", ordered=True)
def find_as_of(world):
    t = instant("2017-06-01")
    out = []
    for h, rows in world.timeline("household_id").items():
        v = [r.time for r in rows if r.event == "purchase" and r.time < t]
        if sum(x >= t - 28 * DAY for x in v) >= 40:
            out.append([h, len(v)])
    return sorted(out)


@question("SELECT count(*) AS n, sum(sales_value) AS s FROM purchase AS OF '2017-03-01'", "n s")
def select_as_of(world):
    v = [r["sales_value"] for r in world.rows if r.event == "purchase" and r.time < instant("2017-03-01")]
    return [[len(v), sum(v) / 100]]


@question("TREND users(purchase) AS n OF household EVERY week DURING last 4 weeks AS OF '2017-03-15T12:00:00Z'", "period n", ordered=True)
def trend_as_of(world):
    t = instant("2017-03-15T12:00:00Z")
    cells = defaultdict(set)
    for r in world.rows:
        if r.event == "purchase" and r.time < t:
            cells[day_of(r.time, "week")].add(r["household_id"])
    return [[date(2017, 2, 20).fromordinal(date(2017, 2, 20).toordinal() + 7 * i), len(cells[date(2017, 2, 20).fromordinal(date(2017, 2, 20).toordinal() + 7 * i)])] for i in range(4)]
