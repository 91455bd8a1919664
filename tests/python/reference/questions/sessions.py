"""SESSIONS and PATHS."""

from collections import defaultdict

from ..funnel import lines
from ..matching import Matcher
from ..moments import HOUR, MINUTE, day_of, days, instant
from ..question import NOW, question, when
from ..sessions import counted, edges, path, sessions, windows
from .funnel import DELI, FLORAL, SEAFOOD, THREE

NOW_TIME = instant(NOW)
NEW_YORK = "America/New_York"
bought = lambda r: r.event == "purchase"
department = lambda r: r.to("product").get("department")


def trips(world, **more):
    return list(sessions(world, 30 * MINUTE, bought, now=NOW_TIME, **more))


def seconds(session):
    return (session[-1].time - session[0].time) / 1e6


@question("SESSIONS trip MEASURE count(*) AS trips, avg(duration) AS length, max(depth) AS depth, bounce_rate() AS bounce, count(DISTINCT household_id) AS households EVERY month DURING '2017-01-01' TO '2017-12-31' IN TIME ZONE 'America/New_York'",
          "period trips length depth bounce households")
def sessions_months(world):
    cells = defaultdict(list)
    for h, s in trips(world, during=days("2017-01-01", "2017-12-31", NEW_YORK)):
        cells[day_of(s[0].time, "month", NEW_YORK)].append((h, s))
    return [[p, len(c), sum(seconds(s) for _, s in c) / len(c), max(len(s) for _, s in c), sum(len(s) == 1 for _, s in c) / len(c), len({h for h, _ in c})]
            for p, c in cells.items()]


@question("SESSIONS trip MEASURE count(*) AS trips, sum(depth) AS lines, median(depth) AS half BREAKDOWN BY entry.store_id TOP 3 DURING all time", "store_id trips lines half")
def sessions_top(world):
    from statistics import median
    cells = defaultdict(list)
    for _, s in trips(world):
        cells[s[0]["store_id"]].append(len(s))
    top = sorted(cells, key=lambda k: (-len(cells[k]), k))[:3]
    joined = defaultdict(list)
    for k, v in cells.items():
        joined[str(k) if k in top else "(other)"] += v
    return [[k, len(v), sum(v), median(v)] for k, v in joined.items()]


@question("SESSIONS trip SHOW household_id, started_at, ended_at, duration, depth, entry, exit, sum(sales_value) AS dollars, count(DISTINCT product_id) AS products DURING '2017-06-01' TO '2017-06-03' ORDER BY started_at, household_id",
          "household_id started_at ended_at duration depth entry exit dollars products", ordered=True)
def sessions_rows(world):
    found = [[h, when(s[0].time), when(s[-1].time), seconds(s), len(s), "purchase", "purchase", sum(r["sales_value"] for r in s) / 100, len({r["product_id"] for r in s})]
             for h, s in trips(world, during=days("2017-06-01", "2017-06-03"))]
    return sorted(found, key=lambda r: (r[1], r[0]))


@question("SESSIONS trip MEASURE count(*) AS trips, avg(duration) AS length EVERY week DURING '2017-01-01' TO '2017-03-04' WEEK STARTS SUNDAY WHERE product.department != 'FUEL'", "period trips length")
def sessions_where(world):
    cells = defaultdict(list)
    for _, s in sessions(world, 30 * MINUTE, lambda r: bought(r) and department(r) != "FUEL", now=NOW_TIME, during=days("2017-01-01", "2017-03-04")):
        cells[day_of(s[0].time, "week", "UTC", 6)].append(seconds(s))
    return [[p, len(c), sum(c) / len(c)] for p, c in cells.items()]


@question("SESSIONS trip MEASURE count(*) AS trips, count(* WHERE depth >= 20) AS large, avg(depth) AS depth, percentile(duration, 0.99) AS p99 AMONG (FIND household WHERE income IS SET) DURING last 90 days", "trips large depth p99")
def sessions_among(world):
    from ..others import percentile
    known = {h for h, v in world.entities["household"].items() if v["income"]}
    found = [s for _, s in trips(world, among=known.__contains__, during=(instant("2017-10-05"), NOW_TIME))]
    return [[len(found), sum(len(s) >= 20 for s in found), sum(map(len, found)) / len(found), percentile([seconds(s) for s in found], 0.99)]]


@question("SESSIONS trip SHOW household_id, started_at, count(* WHERE product.department = 'MEAT') AS meat, sum(sales_value WHERE quantity > 1) AS dollars, count(purchase) AS lines, max(sales_value WHERE product.department = 'DELI') AS deli DURING '2017-06-01' TO '2017-06-30'",
          "household_id started_at meat dollars lines deli")
def sessions_filtered(world):
    out = []
    for h, s in trips(world, during=days("2017-06-01", "2017-06-30")):
        several, deli = [r["sales_value"] for r in s if r["quantity"] > 1], [r["sales_value"] for r in s if department(r) == "DELI"]
        out.append([h, when(s[0].time), sum(department(r) == "MEAT" for r in s), sum(several) / 100, len(s), max(deli) / 100 if deli else None])
    return out


@question("SESSIONS trip MEASURE count(DISTINCT entry.store_id) AS stores, count(* WHERE entry.store_id != exit.store_id) AS moved, count(* WHERE household.age = '45-54') AS middle, count(* WHERE exit = 'purchase') AS bought EVERY quarter DURING '2017-01-01' TO '2017-12-31'",
          "period stores moved middle bought")
def sessions_edges(world):
    cells = defaultdict(list)
    for h, s in trips(world, during=days("2017-01-01", "2017-12-31")):
        cells[day_of(s[0].time, "quarter")].append((h, s))
    return [[p, len({s[0]["store_id"] for _, s in c}), sum(s[0]["store_id"] != s[-1]["store_id"] for _, s in c),
             sum(world.entities["household"][h]["age"] == "45-54" for h, _ in c), len(c)] for p, c in cells.items()]


@question("SESSIONS trip MEASURE count(*) AS trips BREAKDOWN BY date_part('hour', started_at) AS hour IN TIME ZONE 'America/New_York' DURING all time", "hour trips")
def sessions_hours(world):
    from ..moments import local
    cells = defaultdict(int)
    for _, s in trips(world):
        cells[local(s[0].time, NEW_YORK).hour] += 1
    return list(map(list, cells.items()))


@question(f"FUNNEL {THREE} OF household COUNTING SESSIONS trip DURING all time", "step sessions rate step_rate median_seconds", ordered=True)
def funnel_sessions(world):
    m, kept = Matcher([DELI, SEAFOOD, FLORAL], None, now=NOW_TIME), []
    for _, s in trips(world):
        attempts = m.attempts(s)
        if attempts:
            kept.append(min(attempts, key=lambda a: (-a.reached, a.start.time, a.completed_at)))
    return [[l[c] for c in ("step", "entities", "rate", "step_rate", "median_seconds")] for l in lines(kept, m.steps, [0, 1, 2], 0)]


@question("FUNNEL [purchase WHERE product.department = 'DELI'] AS a -> [purchase WHERE product.department = 'FLORAL'] AS b OF household IN ANY ORDER COUNTING SESSIONS trip EVERY quarter DURING '2017-01-01' TO '2017-12-31'", "period step sessions")
def funnel_sessions_quarters(world):
    m, cells = Matcher([DELI, FLORAL], None, days("2017-01-01", "2017-12-31"), NOW_TIME, order="any"), defaultdict(list)
    for _, s in trips(world):
        attempts = m.attempts(s)
        if attempts:
            best = min(attempts, key=lambda a: (-a.reached, a.start.time, a.completed_at))
            cells[day_of(best.start.time, "quarter")].append(best)
    return [[p, k, sum(a.reached >= k for a in c)] for p, c in cells.items() for k in (1, 2)]


def walked(world, over, node, cut=None, key="household_id", **more):
    out = []
    for subject, timeline in world.timeline(key).items():
        for rows in cut([r for r in timeline if over(r)]):
            nodes = path(rows, node, **more)
            if nodes:
                out.append((subject, nodes))
    return out


def trip_rows(world, over, node, during=None, **more):
    out = []
    for h, s in trips(world, **({"during": during} if during else {})):
        rows = [r for r in s if over(r)]
        nodes = path(rows, node, **more) if rows else None
        if nodes:
            out.append((h, nodes))
    return out


MAIN = ("GROCERY", "MEAT", "PRODUCE", "DELI", "FLORAL")
OVER = "OVER [purchase WHERE product.department IN ('GROCERY', 'MEAT', 'PRODUCE', 'DELI', 'FLORAL')]"
is_main = lambda r: bought(r) and department(r) in MAIN


@question(f"PATHS {OVER} NODE BY product.department OF household BY SESSION trip DURING '2017-05-01' TO '2017-05-31'", "path sessions entities share")
def paths_sessions(world):
    return counted(trip_rows(world, is_main, department, days("2017-05-01", "2017-05-31")))


@question(f"PATHS {OVER} NODE BY product.department OF household BY SESSION trip DEPTH 3 DURING all time", "path sessions entities share")
def paths_depth(world):
    return counted(trip_rows(world, is_main, department, depth=3))


@question(f"PATHS STARTING [purchase WHERE product.department = 'DELI'] {OVER} NODE BY product.department OF household BY SESSION trip DEPTH 4 DURING all time", "path sessions entities share")
def paths_starting(world):
    return counted(trip_rows(world, is_main, department, depth=4, starting=lambda r: department(r) == "DELI"))


@question(f"PATHS ENDING [purchase WHERE product.department = 'FLORAL'] {OVER} NODE BY product.department OF household BY SESSION trip DEPTH 3 DURING all time", "path sessions entities share")
def paths_ending(world):
    return counted(trip_rows(world, is_main, department, depth=3, ending=lambda r: department(r) == "FLORAL"))


@question(f"PATHS STARTING [purchase WHERE product.department = 'DELI'] ENDING [purchase WHERE product.department = 'MEAT'] {OVER} NODE BY product.department OF household BY SESSION trip DEPTH 10 DURING all time", "path sessions entities share")
def paths_both(world):
    return counted(trip_rows(world, is_main, department, depth=10, starting=lambda r: department(r) == "DELI", ending=lambda r: department(r) == "MEAT"))


@question(f"PATHS {OVER} NODE BY product.department OF household BY SESSION trip DEPTH 4 DURING '2017-05-01' TO '2017-08-31' SHOW EDGES", "step source target sessions entities events")
def paths_edges(world):
    return edges(trip_rows(world, is_main, department, days("2017-05-01", "2017-08-31"), depth=4))


@question(f"PATHS ENDING [purchase WHERE product.department = 'FLORAL'] {OVER} NODE BY product.department OF household BY SESSION trip DEPTH 3 DURING all time SHOW EDGES", "step source target sessions entities events")
def paths_edges_ending(world):
    return edges(trip_rows(world, is_main, department, depth=3, ending=lambda r: department(r) == "FLORAL"))


@question("PATHS OVER campaign_receive, coupon_redeem OF household WITHIN 30 days DURING all time", "path sessions entities share")
def paths_within(world):
    over = lambda r: r.event != "purchase"
    return counted(walked(world, over, lambda r: r.event, lambda rows: windows(rows, "30 days")))


@question("PATHS STARTING campaign_receive OVER campaign_receive, coupon_redeem OF household KEEP REPEATS DEPTH 6 WITHIN 1 month DURING all time", "path sessions entities share")
def paths_within_starting(world):
    over = lambda r: r.event != "purchase"
    start = lambda r: r.event == "campaign_receive"
    return counted(walked(world, over, lambda r: r.event, lambda rows: windows(rows, "1 month", starting=start), depth=6, repeats=True))


@question("PATHS OVER coupon_redeem, campaign_receive AS mail NODE BY campaign.campaign_type OF household WITHIN 14 days DURING all time SHOW EDGES", "step source target sessions entities events")
def paths_node_alias(world):
    node = lambda r: "mail" if r.event == "campaign_receive" else r.to("campaign").get("campaign_type")
    return edges(walked(world, lambda r: r.event != "purchase", node, lambda rows: windows(rows, "14 days")))


@question("PATHS OVER purchase NODE BY household_id OF store WITHIN 1 hour DURING '2017-01-01' TO '2017-01-14' |> AGGREGATE count(*) AS different, sum(sessions) AS paths", "different paths")
def paths_stores(world):
    low, high = days("2017-01-01", "2017-01-14")
    found = []
    for s, timeline in world.timeline("store_id").items():
        rows = [r for r in timeline if bought(r) and r.time >= low]
        for w in windows(rows, "1 hour"):
            if w[0].time < high:
                found.append((s, path(w, lambda r: str(r["household_id"]))))
    return [[len({tuple(n) for _, n in found}), len(found)]]
