"""FUNNEL, SEQUENCE and DID of several steps."""

from ..funnel import chosen, funnel, sequence
from ..matching import Matcher, Step, on
from ..moments import days, instant
from ..question import NOW, question, when

NOW_TIME = instant(NOW)
YEAR = days("2017-01-01", "2017-12-31")


def bought(department, **more):
    return on("purchase", lambda r: r.to("product").get("department") == department, **more)


def of_category(category, **more):
    return on("purchase", lambda r: r.to("product").get("product_category") == category, **more)


RECEIVED, REDEEMED, PURCHASE = on("campaign_receive"), on("coupon_redeem"), on("purchase")
ANY = Step(None)
DELI, FLORAL, FUEL, SEAFOOD, SALAD = bought("DELI"), bought("FLORAL"), bought("FUEL"), bought("SEAFOOD"), bought("SALAD BAR")
THREE = """[purchase WHERE product.department = 'DELI'] AS deli -> [purchase WHERE product.department = 'SEAFOOD'] AS seafood
-> [purchase WHERE product.department = 'FLORAL'] AS floral"""
COLUMNS = "step entities open rate step_rate rate_closed median_seconds avg_seconds"


def rows(cells, columns, period=False, group=False):
    found = []
    for (p, g), lines in cells.items():
        for line in lines:
            found.append(([p] if period else []) + ([g] if group else []) + [line[c] for c in columns.split()])
    return found


@question(f"FUNNEL {THREE} OF household WITHIN 7 days DURING all time", COLUMNS, ordered=True)
def funnel_default(world):
    return rows(funnel(world, Matcher([DELI, SEAFOOD, FLORAL], "7 days", now=NOW_TIME))[0], COLUMNS)


@question(f"FUNNEL {THREE} OF household TIES FORBIDDEN WITHIN 14 days DURING '2017-03-01' TO '2017-08-31'", COLUMNS, ordered=True)
def funnel_ties_forbidden(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "14 days", days("2017-03-01", "2017-08-31"), NOW_TIME, ties=False)
    return rows(funnel(world, m)[0], COLUMNS)


@question(f"FUNNEL {THREE} OF household IN ANY ORDER WITHIN 3 days DURING all time", "step entities open rate step_rate rate_closed", ordered=True)
def funnel_any_order(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "3 days", now=NOW_TIME, order="any")
    return rows(funnel(world, m)[0], "step entities open rate step_rate rate_closed")


@question(f"FUNNEL {THREE} OF household IN ANY ORDER TIES FORBIDDEN WITHIN 5 days DURING all time", "step entities", ordered=True)
def funnel_any_order_ties_forbidden(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "5 days", now=NOW_TIME, order="any", ties=False)
    return rows(funnel(world, m)[0], "step entities")


@question(f"FUNNEL {THREE} OF household IN ANY ORDER COUNTING ATTEMPTS WITHIN 3 days DURING '2017-06-01' TO '2017-06-30'", "step attempts", ordered=True)
def funnel_any_order_attempts(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "3 days", days("2017-06-01", "2017-06-30"), NOW_TIME, order="any")
    return rows(funnel(world, m, counting="attempts")[0], "step entities")


@question("FUNNEL campaign_receive -> coupon_redeem OF household IN STRICT ORDER WITHIN 60 days DURING all time", COLUMNS, ordered=True)
def funnel_strict(world):
    return rows(funnel(world, Matcher([RECEIVED, REDEEMED], "60 days", now=NOW_TIME, order="strict"))[0], COLUMNS)


@question("FUNNEL campaign_receive -> coupon_redeem OF household IN STRICT ORDER IGNORING purchase WITHIN 60 days DURING all time", COLUMNS, ordered=True)
def funnel_strict_ignoring(world):
    return rows(funnel(world, Matcher([RECEIVED, REDEEMED], "60 days", now=NOW_TIME, order="strict", ignoring=("purchase",)))[0], COLUMNS)


@question("FUNNEL campaign_receive -> coupon_redeem -> purchase OF household IN STRICT ORDER IGNORING purchase TIES FORBIDDEN COUNTING ATTEMPTS WITHIN 60 days DURING all time",
          "step attempts", ordered=True)
def funnel_strict_attempts(world):
    m = Matcher([RECEIVED, REDEEMED, PURCHASE], "60 days", now=NOW_TIME, order="strict", ignoring=("purchase",), ties=False)
    return rows(funnel(world, m, counting="attempts")[0], "step entities")


@question("""FUNNEL campaign_receive -> OPTIONAL coupon_redeem -> [purchase WHERE product.department = 'FLORAL'] AS floral OF household
WITHIN 21 days DURING all time""", COLUMNS, ordered=True)
def funnel_optional(world):
    m = Matcher([RECEIVED, on("coupon_redeem", optional=True), FLORAL], "21 days", now=NOW_TIME)
    return rows(funnel(world, m)[0], COLUMNS)


@question("""FUNNEL campaign_receive -> [coupon_redeem OR campaign_receive] AS answered -> [purchase WHERE product.department = 'DELI'] AS deli OF household
TIES FORBIDDEN WITHIN 21 days DURING all time""", COLUMNS, ordered=True)
def funnel_either_or(world):
    either = on(("coupon_redeem", "campaign_receive"))
    return rows(funnel(world, Matcher([RECEIVED, either, DELI], "21 days", now=NOW_TIME, ties=False))[0], COLUMNS)


@question("FUNNEL [purchase WHERE product.department = 'DELI'] AS one -> campaign_receive AS two -> [purchase WHERE product.department = 'DELI'] AS three -> coupon_redeem AS four OF household WITHIN 30 days DURING '2017-04-01' TO '2017-06-30' REENTRY FIRST", COLUMNS, ordered=True)
def funnel_reentry_first(world):
    m = Matcher([DELI, RECEIVED, DELI, REDEEMED], "30 days", days("2017-04-01", "2017-06-30"), NOW_TIME)
    return rows(funnel(world, m, reentry="first")[0], COLUMNS)


@question(f"FUNNEL {THREE} OF household REENTRY LATEST WITHIN 30 days DURING '2017-04-01' TO '2017-12-31'", COLUMNS, ordered=True)
def funnel_reentry_latest(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "30 days", days("2017-04-01", "2017-12-31"), NOW_TIME)
    return rows(funnel(world, m, reentry="latest")[0], COLUMNS)


@question(f"FUNNEL {THREE} OF household COUNTING ATTEMPTS WITHIN 7 days DURING all time", "step attempts open rate rate_closed median_seconds", ordered=True)
def funnel_attempts(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "7 days", now=NOW_TIME)
    return rows(funnel(world, m, counting="attempts")[0], "step entities open rate rate_closed median_seconds")


@question(f"FUNNEL {THREE} OF household EXCLUDING [purchase WHERE product.department = 'FUEL'] WITHIN 7 days DURING all time", COLUMNS, ordered=True)
def funnel_excluding(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "7 days", now=NOW_TIME, excluding=[(FUEL, None)])
    return rows(funnel(world, m)[0], COLUMNS)


@question(f"FUNNEL {THREE} OF household EXCLUDING [purchase WHERE product.department = 'FUEL'] BETWEEN STEP 2 AND 3 WITHIN 7 days DURING all time", COLUMNS, ordered=True)
def funnel_excluding_between(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "7 days", now=NOW_TIME, excluding=[(FUEL, (2, 3))])
    return rows(funnel(world, m)[0], COLUMNS)


@question(f"FUNNEL {THREE} OF household UNTIL [purchase WHERE product.department = 'FUEL'] WITHIN 7 days COUNTING ATTEMPTS DURING all time", "step attempts", ordered=True)
def funnel_until(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "7 days", now=NOW_TIME, until=FUEL)
    return rows(funnel(world, m, counting="attempts")[0], "step entities")


@question("FUNNEL [purchase WHERE product.department = 'DELI'] AS a -> WITHIN 2 days [purchase WHERE product.department = 'SEAFOOD'] AS b -> WITHIN 3 days [purchase WHERE product.department = 'FLORAL'] AS c OF household WITHIN 1 month DURING all time", COLUMNS, ordered=True)
def funnel_step_windows(world):
    m = Matcher([DELI, bought("SEAFOOD", within="2 days"), bought("FLORAL", within="3 days")], "1 month", now=NOW_TIME)
    return rows(funnel(world, m)[0], COLUMNS)


@question("FUNNEL [purchase WHERE product.department = 'MEAT'] AS a -> [purchase WHERE product.department = 'SEAFOOD'] AS b OF household HOLDING day(time), store_id IN TIME ZONE 'America/New_York' WITHIN 1 day DURING '2017-02-01' TO '2017-02-28'", COLUMNS, ordered=True)
def funnel_holding_two(world):
    from ..moments import day_of
    z = "America/New_York"
    m = Matcher([bought("MEAT"), SEAFOOD], "1 day", days("2017-02-01", "2017-02-28", z), NOW_TIME, holding=lambda r: (day_of(r.time, "day", z), r["store_id"]), zone=z)
    return rows(funnel(world, m)[0], COLUMNS)


@question("FUNNEL campaign_receive -> coupon_redeem OF household HOLDING campaign_id WITHIN 30 calendar days DURING all time EVERY month BREAKDOWN BY campaign.campaign_type IN TIME ZONE 'America/New_York'",
          "period campaign_type " + COLUMNS)
def funnel_periods_groups(world):
    m = Matcher([RECEIVED, REDEEMED], "30 calendar days", now=NOW_TIME, holding=lambda r: r["campaign_id"], zone="America/New_York")
    cells, _ = funnel(world, m, every="month", group=lambda r: r.to("campaign").get("campaign_type"))
    return rows(cells, COLUMNS, True, True)


@question(f"FUNNEL {THREE} OF household WITHIN 7 days DURING '2017-01-02' TO '2017-04-02' EVERY week", "period " + COLUMNS)
def funnel_weeks(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "7 days", days("2017-01-02", "2017-04-02"), NOW_TIME)
    return rows(funnel(world, m, every="week")[0], COLUMNS, True)


@question(f"FUNNEL {THREE} OF household WITHIN 7 days DURING '2017-01-01' TO '2017-04-01' EVERY week WEEK STARTS SUNDAY", "period step entities")
def funnel_weeks_sunday(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "7 days", days("2017-01-01", "2017-04-01"), NOW_TIME)
    return rows(funnel(world, m, every="week", week_start=6)[0], "step entities", True)


BRAND = lambda r: r.to("product").get("brand")


@question(f"FUNNEL {THREE} OF household WITHIN 7 days DURING all time BREAKDOWN BY product.brand", "brand step entities")
def funnel_breakdown(world):
    return rows(funnel(world, Matcher([DELI, SEAFOOD, FLORAL], "7 days", now=NOW_TIME), group=BRAND)[0], "step entities", group=True)


@question("FUNNEL [purchase WHERE product.department = 'DELI'] AS a -> [purchase WHERE product.department = 'SEAFOOD'] AS b OF household REENTRY FIRST TIES FORBIDDEN WITHIN 7 days DURING all time BREAKDOWN BY household.age", "age step entities")
def funnel_breakdown_subject(world):
    m = Matcher([DELI, SEAFOOD], "7 days", now=NOW_TIME, ties=False)
    return rows(funnel(world, m, group=lambda r: r.to("household").get("age"), reentry="first")[0], "step entities", group=True)


@question("FUNNEL campaign_receive -> coupon_redeem OF household HOLDING campaign_id WITHIN 60 days DURING all time COUNTING ATTEMPTS BREAKDOWN BY campaign_id TOP 3 |> SELECT campaign_id, step, attempts",
          "campaign_id step attempts")
def funnel_top(world):
    m = Matcher([RECEIVED, REDEEMED], "60 days", now=NOW_TIME, holding=lambda r: r["campaign_id"])
    cells, _ = funnel(world, m, counting="attempts", group=lambda r: r["campaign_id"])
    sizes = sorted(((-l[0]["entities"], g) for (_, g), l in cells.items()))
    top = [g for _, g in sizes[:3]]
    cells, _ = funnel(world, m, counting="attempts", group=lambda r: str(r["campaign_id"]) if r["campaign_id"] in top else "(other)")
    return rows(cells, "step entities", group=True)


@question("FUNNEL campaign_receive -> coupon_redeem OF household WITHIN 60 days DURING all time COUNTING ATTEMPTS BREAKDOWN BY campaign.campaign_type ATTRIBUTED LAST", "campaign_type step attempts")
def funnel_attributed_last(world):
    m = Matcher([RECEIVED, REDEEMED], "60 days", now=NOW_TIME)
    return rows(funnel(world, m, counting="attempts", group=lambda r: r.to("campaign").get("campaign_type"), attributed="last")[0], "step entities", group=True)


@question("FUNNEL campaign_receive -> coupon_redeem OF household WITHIN 60 days DURING all time COUNTING ATTEMPTS BREAKDOWN BY campaign.campaign_type ATTRIBUTED STEP 2", "campaign_type step attempts")
def funnel_attributed_step(world):
    m = Matcher([RECEIVED, REDEEMED], "60 days", now=NOW_TIME)
    return rows(funnel(world, m, counting="attempts", group=lambda r: r.to("campaign").get("campaign_type"), attributed=2)[0], "step entities", group=True)


@question("FUNNEL campaign_receive -> coupon_redeem OF household WITHIN 60 days DURING all time COUNTING ATTEMPTS BREAKDOWN BY campaign.campaign_type ATTRIBUTED ALL", "campaign_type step attempts")
def funnel_attributed_all(world):
    m = Matcher([RECEIVED, REDEEMED], "60 days", now=NOW_TIME)
    return rows(funnel(world, m, counting="attempts", group=lambda r: r.to("campaign").get("campaign_type"), attributed="all")[0], "step entities", group=True)


@question("FUNNEL campaign_receive -> coupon_redeem AS redeemed OF household HOLDING campaign_id WITHIN 30 days COUNTING ATTEMPTS REENTRY FIRST DURING all time", "step attempts", ordered=True)
def funnel_attempts_first(world):
    m = Matcher([RECEIVED, REDEEMED], "30 days", now=NOW_TIME, holding=lambda r: r["campaign_id"])
    return rows(funnel(world, m, counting="attempts")[0], "step entities")


@question("FUNNEL campaign_receive -> coupon_redeem OF household WITHIN 30 days COUNTING ATTEMPTS REENTRY FIRST DURING all time", "step attempts", ordered=True)
def funnel_attempts_one_by_one(world):
    m = Matcher([RECEIVED, REDEEMED], "30 days", now=NOW_TIME)
    return rows(funnel(world, m, counting="attempts", reentry="first")[0], "step entities")


LATE = "2017-12-20T00:00:00Z"


@question(f"FUNNEL {THREE} OF household WITHIN 14 days DURING '2017-11-01' TO '2017-12-31'", COLUMNS, ordered=True, now=LATE)
def funnel_open(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "14 days", days("2017-11-01", "2017-12-31"), instant(LATE))
    return rows(funnel(world, m)[0], COLUMNS)


@question(f"FUNNEL {THREE} OF household WITHIN 14 days COUNTING ATTEMPTS DURING last 30 days EVERY week", "period step attempts open rate_closed", now=LATE)
def funnel_open_weeks(world):
    m = Matcher([DELI, SEAFOOD, FLORAL], "14 days", (instant("2017-11-21"), instant(LATE)), instant(LATE))
    return rows(funnel(world, m, counting="attempts", every="week")[0], "step entities open rate_closed", True)


def listed(world, m, keep=lambda a: True, **more):
    found = []
    for subject, timeline in world.timeline("household_id").items():
        attempts = m.attempts(timeline)
        if attempts:
            a = chosen(attempts, m.steps, more.get("reentry", "best"))
            if keep(a):
                found.append([subject, a.reached] + [when(r.time) if r else None for r in a.rows])
    return sorted(found)


@question("FUNNEL [purchase WHERE product.department = 'DELI'] AS a -> [purchase WHERE product.department = 'FLORAL'] AS b OF household WITHIN 2 days DURING all time SHOW ENTITIES", "household_id reached t1 t2", ordered=True)
def funnel_entities(world):
    return listed(world, Matcher([DELI, FLORAL], "2 days", now=NOW_TIME))


@question("FUNNEL [purchase WHERE product.department = 'DELI'] AS a -> [purchase WHERE product.department = 'FLORAL'] AS b OF household WITHIN 2 days DURING all time SHOW ENTITIES DROPPED", "household_id", ordered=True)
def funnel_dropped(world):
    return [r[:1] for r in listed(world, Matcher([DELI, FLORAL], "2 days", now=NOW_TIME), lambda a: a.reached < 2)]


@question(f"FUNNEL {THREE} OF household WITHIN 2 days DURING all time SHOW ENTITIES DROPPED AFTER STEP 2", "household_id", ordered=True)
def funnel_dropped_after(world):
    return [r[:1] for r in listed(world, Matcher([DELI, SEAFOOD, FLORAL], "2 days", now=NOW_TIME), lambda a: a.reached == 2)]


@question(f"FUNNEL {THREE} OF household WITHIN 2 days DURING all time SHOW ENTITIES CONVERTED AT STEP 2", "household_id reached", ordered=True)
def funnel_converted_at(world):
    return [r[:2] for r in listed(world, Matcher([DELI, SEAFOOD, FLORAL], "2 days", now=NOW_TIME), lambda a: a.reached >= 2)]


@question(f"FUNNEL {THREE} OF household WITHIN 30 days DURING all time SHOW TIME TO CONVERT BUCKETS (0, 1, 7, 14) days", "seconds_from seconds_to entities", ordered=True)
def funnel_time_to_convert(world):
    times = [(r[4] - r[2]).total_seconds() for r in listed(world, Matcher([DELI, SEAFOOD, FLORAL], "30 days", now=NOW_TIME), lambda a: a.reached == 3)]
    bounds = [0, 86400, 7 * 86400, 14 * 86400, None]
    return [[a, b, sum(a <= t and (b is None or t < b) for t in times)] for a, b in zip(bounds, bounds[1:])]


@question("FUNNEL campaign_receive -> coupon_redeem OF household HOLDING campaign_id WITHIN 60 days DURING all time SHOW TIME TO CONVERT BUCKETS 4", "seconds_from seconds_to entities", ordered=True)
def funnel_time_to_convert_bins(world):
    m = Matcher([RECEIVED, REDEEMED], "60 days", now=NOW_TIME, holding=lambda r: r["campaign_id"])
    times = [(r[3] - r[2]).total_seconds() for r in listed(world, m, lambda a: a.reached == 2)]
    low, high = min(times), max(times)
    width = (high - low) / 4
    number = [0] * 4
    for t in times:
        number[min(int((t - low) / width), 3)] += 1
    return [[low + i * width, low + (i + 1) * width, number[i]] for i in range(4)]


@question("FUNNEL campaign_receive -> [purchase WHERE product.department = 'FLORAL'] AS floral OF household TIES FORBIDDEN COUNTING ATTEMPTS WITHIN 30 days DURING all time MEASURE sum(floral.sales_value) AS revenue, count(floral) AS lines, count(*) AS n, users() AS households |> SELECT step, revenue, lines, n, households",
          "step revenue lines n households", ordered=True)
def funnel_measures(world):
    _, counted = funnel(world, Matcher([RECEIVED, FLORAL], "30 days", now=NOW_TIME, ties=False), counting="attempts")
    attempts = counted[(None, None)]
    second = [a for a in attempts if a.rows[1]]
    return [[1, 0, 0, len(attempts), len({a.rows[0]["household_id"] for a in attempts})],
            [2, sum(a.rows[1]["sales_value"] for a in second) / 100, len(second), len(second), len({a.rows[0]["household_id"] for a in second})]]


@question("FUNNEL campaign_receive -> coupon_redeem OF campaign WITHIN 30 days DURING all time", "step entities", ordered=True)
def funnel_other_subject(world):
    return rows(funnel(world, Matcher([RECEIVED, REDEEMED], "30 days", now=NOW_TIME), of="campaign")[0], "step entities")


@question("FUNNEL purchase AS a -> purchase AS b OF product WITHIN 1 hour TIES FORBIDDEN DURING '2017-06-01' TO '2017-06-07' WHERE product.department = 'MEAT'", "step entities", ordered=True)
def funnel_products(world):
    m = Matcher([PURCHASE, PURCHASE], "1 hour", days("2017-06-01", "2017-06-07"), NOW_TIME, ties=False, where=lambda r: r.to("product").get("department") == "MEAT")
    return rows(funnel(world, m, of="product")[0], "step entities")


@question("FUNNEL purchase AS a -> purchase AS b -> purchase AS c OF household WHERE sales_value > 20 WITHIN 3 days DURING '2017-06-01' TO '2017-06-30'", COLUMNS, ordered=True)
def funnel_same_event(world):
    m = Matcher([PURCHASE] * 3, "3 days", days("2017-06-01", "2017-06-30"), NOW_TIME, where=lambda r: (r["sales_value"] or 0) > 2000)
    return rows(funnel(world, m)[0], COLUMNS)


@question("FUNNEL [purchase WHERE sales_value > 20] AS a -> [purchase WHERE sales_value > a.sales_value AND store_id != a.store_id] AS b OF household WITHIN 7 days DURING all time COUNTING ATTEMPTS", "step attempts", ordered=True)
def funnel_linked(world):
    b = Step(("purchase",), link=lambda r, m: r["sales_value"] > m["a"]["sales_value"] and r["store_id"] != m["a"]["store_id"], alias="b")
    m = Matcher([on("purchase", lambda r: r["sales_value"] > 2000, alias="a"), b], "7 days", now=NOW_TIME)
    return rows(funnel(world, m, counting="attempts")[0], "step entities")


@question(f"FUNNEL {THREE} OF household AMONG (FIND household WHERE DID coupon_redeem) WITHIN 7 days DURING all time", "step entities", ordered=True)
def funnel_among(world):
    redeemed = {r["household_id"] for r in world.rows if r.event == "coupon_redeem"}
    return rows(funnel(world, Matcher([DELI, SEAFOOD, FLORAL], "7 days", now=NOW_TIME), among=redeemed.__contains__)[0], "step entities")


@question("SEQUENCE campaign_receive -> coupon_redeem -> [purchase WHERE product.department = 'FLORAL'] OF household WITHIN 45 days DURING all time", "household_id t1 t2 t3")
def sequence_rows(world):
    return [[r[0]] + [when(t) for t in r[1:]] for r in sequence(world, Matcher([RECEIVED, REDEEMED, FLORAL], "45 days", now=NOW_TIME))]


@question("SEQUENCE campaign_receive -> coupon_redeem OF household IN ANY ORDER WITHIN 5 days DURING '2017-05-01' TO '2017-12-31' |> AGGREGATE count(*) AS n, count(DISTINCT household_id) AS households", "n households")
def sequence_any(world):
    found = sequence(world, Matcher([RECEIVED, REDEEMED], "5 days", days("2017-05-01", "2017-12-31"), NOW_TIME, order="any"))
    return [[len(found), len({r[0] for r in found})]]


@question("SEQUENCE coupon_redeem -> [purchase WHERE product.department = 'MEAT'] OF household HOLDING day(time) UNTIL campaign_receive WITHIN 1 day DURING all time |> AGGREGATE count(*) AS n", "n")
def sequence_until(world):
    from ..moments import day_of
    m = Matcher([REDEEMED, bought("MEAT")], "1 day", now=NOW_TIME, holding=lambda r: day_of(r.time, "day"), until=RECEIVED)
    return [[len(sequence(world, m))]]


def matching(world, m, least, most=1 << 30):
    return sorted([s] for s, t in world.timeline("household_id").items() if least <= len([a for a in m.attempts(t) if a.reached == len(m.steps)]) <= most)


@question("FIND household WHERE DID campaign_receive -> coupon_redeem AT LEAST 2 TIMES WITHIN 30 days SHOW household_id", "household_id", ordered=True)
def did_twice(world):
    return matching(world, Matcher([RECEIVED, REDEEMED], "30 days", now=NOW_TIME), 2)


@question("FIND household WHERE DID campaign_receive -> coupon_redeem -> coupon_redeem HOLDING campaign_id WITHIN 60 days SHOW household_id", "household_id", ordered=True)
def did_holding(world):
    return matching(world, Matcher([RECEIVED, REDEEMED, REDEEMED], "60 days", now=NOW_TIME, holding=lambda r: r["campaign_id"]), 1)


@question("FIND household WHERE NEVER DID [purchase WHERE product.department = 'DELI'] -> [purchase WHERE product.department = 'FLORAL'] TIES FORBIDDEN WITHIN 1 day SHOW household_id", "household_id", ordered=True)
def never_did_sequence(world):
    did = {r[0] for r in matching(world, Matcher([DELI, FLORAL], "1 day", now=NOW_TIME, ties=False), 1)}
    return sorted([h] for h in world.entities["household"] if h not in did)


@question("FIND household WHERE DID campaign_receive -> NOT WITHIN 30 days coupon_redeem DURING all time SHOW household_id", "household_id", ordered=True)
def did_absence(world):
    found = set()
    for h, timeline in world.timeline("household_id").items():
        for r in timeline:
            if r.event == "campaign_receive" and r.time + 30 * 86400_000000 < NOW_TIME:
                if not any(o.event == "coupon_redeem" and r.time <= o.time <= r.time + 30 * 86400_000000 for o in timeline):
                    found.add(h)
    return sorted([h] for h in found)


@question("FIND household WHERE DID [purchase WHERE product.department = 'FLORAL'] AT LEAST 3 TIMES WITHIN 14 days SHOW household_id", "household_id", ordered=True)
def did_often_within(world):
    return matching(world, Matcher([FLORAL] * 3, "14 days", now=NOW_TIME), 1)


@question("FIND household WHERE FIRST DID campaign_receive -> coupon_redeem WITHIN 30 days DURING '2017-06-01' TO '2017-12-31' SHOW household_id", "household_id", ordered=True)
def first_did_sequence(world):
    low, high = days("2017-06-01", "2017-12-31")
    m = Matcher([RECEIVED, REDEEMED], "30 days", now=NOW_TIME)
    found = []
    for h, t in world.timeline("household_id").items():
        full = [a.start.time for a in m.attempts(t) if a.reached == 2]
        if full and low <= min(full) < high:
            found.append([h])
    return sorted(found)
