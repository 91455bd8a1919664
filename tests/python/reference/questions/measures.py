"""INTERVALS, ATTRIBUTION, LIFECYCLE, STICKINESS, RFM, DISTRIBUTION, TREND, PROFILE, JOURNEY."""

from collections import Counter, defaultdict

from ..matching import on
from ..moments import DAY, HOUR, bucket, day_of, days, first_moment, instant, local, periods, step
from ..others import active_periods, attribution, intervals, lifecycle, ntile, percentile
from ..question import NOW, question, when
from .funnel import DELI, FLORAL, PURCHASE, RECEIVED, REDEEMED, bought

NOW_TIME = instant(NOW)
NEW_YORK = "America/New_York"
YEAR = days("2017-01-01", "2017-12-31")
department = lambda r: r.to("product").get("department")


def spread(pairs):
    s = [(e.time - a.time) / 1e6 for _, a, e in pairs]
    n = len(s)
    return [n, len({h for h, _, _ in pairs})] + ([min(s), percentile(s, 0.25), percentile(s, 0.5), percentile(s, 0.75), max(s), sum(s) / n] if n else [None] * 6)


SPREAD = "pairs entities min p25 median p75 max avg"


@question("INTERVALS STARTING campaign_receive ENDING coupon_redeem OF household WITHIN 60 days DURING all time", SPREAD)
def intervals_two(world):
    return [spread(intervals(world, RECEIVED, REDEEMED, "60 days", now=NOW_TIME))]


@question("INTERVALS STARTING campaign_receive ENDING coupon_redeem OF household HOLDING campaign_id WITHIN 60 days DURING all time BREAKDOWN BY campaign_receive.campaign.campaign_type", "campaign_type " + SPREAD)
def intervals_holding(world):
    groups = defaultdict(list)
    for p in intervals(world, RECEIVED, REDEEMED, "60 days", holding=lambda r: r["campaign_id"], now=NOW_TIME):
        groups[p[1].to("campaign").get("campaign_type")].append(p)
    return [[g] + spread(p) for g, p in groups.items()]


@question("INTERVALS STARTING [purchase WHERE product.department = 'DELI'] ENDING [purchase WHERE product.department = 'DELI'] OF household TIES FORBIDDEN WITHIN 30 days DURING all time EVERY quarter", "period " + SPREAD)
def intervals_successive(world):
    groups = defaultdict(list)
    for p in intervals(world, DELI, DELI, "30 days", same=True, ties=False, now=NOW_TIME):
        groups[day_of(p[1].time, "quarter")].append(p)
    return [[g] + spread(p) for g, p in groups.items()]


@question("INTERVALS STARTING [purchase WHERE product.department = 'DELI'] ENDING [purchase WHERE product.department = 'FLORAL'] OF household WITHIN 20 days DURING '2017-04-01' TO '2017-06-30' EVERY month", "period " + SPREAD)
def intervals_range(world):
    groups = defaultdict(list)
    for p in intervals(world, DELI, FLORAL, "20 days", during=days("2017-04-01", "2017-06-30"), now=NOW_TIME):
        groups[day_of(p[1].time, "month")].append(p)
    return [[g] + spread(p) for g, p in groups.items()]


@question("INTERVALS STARTING coupon_redeem ENDING coupon_redeem OF household WITHIN 90 days DURING all time", SPREAD)
def intervals_successive_ties(world):
    return [spread(intervals(world, REDEEMED, REDEEMED, "90 days", same=True, now=NOW_TIME))]


@question("INTERVALS STARTING [purchase WHERE product.department = 'DELI'] ENDING [purchase WHERE product.department = 'FLORAL'] FIRST TIME OF household WITHIN 90 days DURING '2017-03-01' TO '2017-12-31' BUCKETS (0, 1, 7, 30) days", "bucket_from bucket_to pairs entities")
def intervals_first_buckets(world):
    pairs = intervals(world, DELI, FLORAL, "90 days", first_time=True, during=days("2017-03-01", "2017-12-31"), now=NOW_TIME)
    bounds = [0, 1, 7, 30, None]
    out = []
    for a, b in zip(bounds, bounds[1:]):
        hit = [p for p in pairs if a <= (p[2].time - p[1].time) / DAY and (b is None or (p[2].time - p[1].time) / DAY < b)]
        out.append([a, b, len(hit), len({h for h, _, _ in hit})])
    return out


@question("INTERVALS STARTING campaign_receive AS r ENDING [purchase WHERE product.department = 'FLORAL'] AS f OF household WITHIN 45 days DURING all time MEASURE median(interval) AS half, percentile(interval, 0.9) AS p90, sum(f.sales_value) AS dollars, count(DISTINCT r.campaign_id) AS campaigns EVERY quarter", "period pairs entities half p90 dollars campaigns")
def intervals_measure(world):
    groups = defaultdict(list)
    for p in intervals(world, RECEIVED, FLORAL, "45 days", now=NOW_TIME):
        groups[day_of(p[1].time, "quarter")].append(p)
    out = []
    for g, pairs in groups.items():
        s = [(e.time - a.time) / 1e6 for _, a, e in pairs]
        out.append([g, len(pairs), len({h for h, _, _ in pairs}), percentile(s, 0.5), percentile(s, 0.9), sum(e["sales_value"] for *_, e in pairs) / 100, len({a["campaign_id"] for _, a, _ in pairs})])
    return out


GOALS, MAIL = on("purchase", lambda r: department(r) == "FLORAL"), on("campaign_receive")
TOUCHES = [("campaign_receive", RECEIVED), ("coupon_redeem", REDEEMED)]


def credited(found, group=None):
    """[touch, group, touches, credit, dollars]"""
    cells = defaultdict(lambda: [set(), 0, 0])
    for goal, name, touch, credit in found:
        c = cells[(name or "(direct)", group(touch) if group and touch else None)]
        if touch:
            c[0].add(touch.id)
        c[1] += credit
        c[2] += credit * goal["sales_value"] / 100
    return [[k[0], k[1], len(c[0]), c[1], c[2]] for k, c in cells.items()]


ASK = "ATTRIBUTION GOAL [purchase WHERE product.department = 'FLORAL'] MEASURE sum(sales_value) AS dollars TOUCHES campaign_receive, coupon_redeem"
CREDIT = "touch campaign_id touches credit dollars"
campaign = lambda r: r["campaign_id"]


def attributes(name, text, model, **more):
    eql = f"{ASK} MODEL {text} LOOKBACK 45 days OF household BREAKDOWN BY touch.campaign_id DURING all time"

    @question(eql, CREDIT, called=f"attribution_{name}")
    def ask(world):
        return credited(attribution(world, GOALS, TOUCHES, model, 45 * DAY, now=NOW_TIME, **more), campaign)


attributes("first", "first", "first")
attributes("last", "last", "last")
attributes("linear", "linear", "linear")
attributes("participation", "participation", "participation")
attributes("position", "position(0.4, 0.2, 0.4)", "position", weights=(0.4, 0.2, 0.4))
attributes("position_uneven", "position(0.5, 0.2, 0.3)", "position", weights=(0.5, 0.2, 0.3))
attributes("time_decay", "time_decay(half_life => 7 days)", "time_decay", half_life=7 * DAY)


@question("ATTRIBUTION GOAL coupon_redeem TOUCHES campaign_receive, [purchase WHERE product.department = 'DELI'] AS deli MODEL linear LOOKBACK 14 days OF household DURING '2017-03-01' TO '2017-12-31' EVERY quarter", "period touch touches credit")
def attribution_periods(world):
    cells = defaultdict(lambda: [set(), 0])
    for goal, name, touch, credit in attribution(world, REDEEMED, [("campaign_receive", RECEIVED), ("deli", DELI)], "linear", 14 * DAY, days("2017-03-01", "2017-12-31"), now=NOW_TIME):
        c = cells[(day_of(goal.time, "quarter"), name or "(direct)")]
        if touch:
            c[0].add(touch.id)
        c[1] += credit
    return [[p, n, len(c[0]), c[1]] for (p, n), c in cells.items()]


@question("ATTRIBUTION GOAL coupon_redeem TOUCHES campaign_receive MODEL last LOOKBACK 60 days HOLDING campaign_id OF household DURING all time BREAKDOWN BY goal.campaign.campaign_type", "touch campaign_type touches credit")
def attribution_holding(world):
    cells = defaultdict(lambda: [set(), 0])
    for goal, name, touch, credit in attribution(world, REDEEMED, TOUCHES[:1], "last", 60 * DAY, holding=campaign, now=NOW_TIME):
        c = cells[(name or "(direct)", goal.to("campaign").get("campaign_type"))]
        if touch:
            c[0].add(touch.id)
        c[1] += credit
    return [[*k, len(c[0]), c[1]] for k, c in cells.items()]


@question("LIFECYCLE purchase OF household EVERY week DURING '2017-01-02' TO '2017-12-31'", "period new returning resurrecting dormant", ordered=True)
def lifecycle_weeks(world):
    return [[r[0]] + r[2:] for r in lifecycle(world, PURCHASE.takes, "week", days("2017-01-02", "2017-12-31"), now=NOW_TIME)]


@question("LIFECYCLE purchase OF household EVERY month DURING '2017-02-01' TO '2017-06-30' IN TIME ZONE 'Asia/Kathmandu' BREAKDOWN BY household.income", "period income new returning resurrecting dormant")
def lifecycle_groups(world):
    during = days("2017-02-01", "2017-06-30", "Asia/Kathmandu")
    return lifecycle(world, PURCHASE.takes, "month", during, zone="Asia/Kathmandu", now=NOW_TIME, group=lambda r: r.to("household").get("income"))


@question("LIFECYCLE coupon_redeem OF household EVERY week DURING '2017-05-07' TO '2017-12-30' WEEK STARTS SUNDAY IN TIME ZONE 'America/New_York'", "period new returning resurrecting dormant", ordered=True)
def lifecycle_sunday(world):
    return [[r[0]] + r[2:] for r in lifecycle(world, REDEEMED.takes, "week", days("2017-05-07", "2017-12-30", NEW_YORK), zone=NEW_YORK, week_start=6, now=NOW_TIME)]


@question("STICKINESS purchase OF household EVERY day OVER week DURING '2017-03-06' TO '2017-04-02'", "period active_periods entities")
def stickiness_over(world):
    low, high = days("2017-03-06", "2017-04-02")
    per = defaultdict(set)
    for r in world.rows:
        if r.event == "purchase" and low <= r.time < high:
            per[(day_of(r.time, "week"), r["household_id"])].add(day_of(r.time, "day"))
    cells = Counter((w, len(d)) for (w, _), d in per.items())
    return [[w, n, c] for (w, n), c in cells.items()]


@question("STICKINESS purchase OF household EVERY week DURING '2017-01-02' TO '2017-12-31' WHERE product.department = 'MEAT'", "active_periods entities")
def stickiness_year(world):
    low, high = days("2017-01-02", "2017-12-31")
    per = defaultdict(set)
    for r in world.rows:
        if r.event == "purchase" and department(r) == "MEAT" and low <= r.time < high:
            per[r["household_id"]].add(day_of(r.time, "week"))
    return list(map(list, Counter(len(d) for d in per.values()).items()))


@question("STICKINESS purchase OF household EVERY month OVER quarter DURING '2017-01-01' TO '2017-12-31' BREAKDOWN BY household.age", "period age active_periods entities")
def stickiness_groups(world):
    per = defaultdict(set)
    for r in world.rows:
        if r.event == "purchase" and YEAR[0] <= r.time < YEAR[1]:
            per[(day_of(r.time, "quarter"), r.to("household").get("age"), r["household_id"])].add(day_of(r.time, "month"))
    return [[*k, n] for k, n in Counter((q, a, len(d)) for (q, a, _), d in per.items()).items()]


def rfm(world, bins, recency=lambda rows: max(r.time for r in rows), during=YEAR):
    rows = defaultdict(list)
    for r in world.rows:
        if r.event == "purchase" and during[0] <= r.time < during[1]:
            rows[r["household_id"]].append(r)
    m = {h: (max(r.time for r in v), len({r["basket_id"] for r in v}), sum(r["sales_value"] for r in v)) for h, v in rows.items()}
    axes = [ntile([(v[i], h) for h, v in m.items()], bins) for i in range(3)]
    return {h: (*m[h], *(a[h] for a in axes)) for h in m}


RFM = "RFM purchase OF household MEASURE last(purchase.time) AS recency, count(DISTINCT purchase.basket_id) AS frequency, sum(purchase.sales_value) AS monetary"


@question(f"{RFM} BUCKETS 4 DURING '2017-01-01' TO '2017-12-31' SHOW ENTITIES", "household_id recency frequency monetary r f m")
def rfm_entities(world):
    return [[h, when(v[0]), v[1], v[2] / 100, *v[3:]] for h, v in rfm(world, 4).items()]


@question(f"{RFM} BUCKETS 3 DURING '2017-01-01' TO '2017-12-31' |> SELECT r, f, m, entities, frequency, monetary", "r f m entities frequency monetary")
def rfm_cells(world):
    cells = defaultdict(list)
    for v in rfm(world, 3).values():
        cells[v[3:]].append(v)
    return [[*k, len(c), sum(v[1] for v in c) / len(c), sum(v[2] for v in c) / 100 / len(c)] for k, c in cells.items()]


@question("RFM coupon_redeem OF household MEASURE days_since(last(coupon_redeem.time)) AS recency, count(coupon_redeem) AS frequency, count(DISTINCT coupon_redeem.campaign_id) AS monetary BUCKETS 3 DURING all time SHOW ENTITIES", "household_id recency frequency monetary r f m")
def rfm_days(world):
    rows = {h: [r for r in t if r.event == "coupon_redeem"] for h, t in world.timeline("household_id").items()}
    m = {h: ((NOW_TIME - max(r.time for r in v)) / DAY, len(v), len({r["campaign_id"] for r in v})) for h, v in rows.items() if v}
    axes = [ntile([((-1 if i == 0 else 1) * v[i], h) for h, v in m.items()], 3) for i in range(3)]
    return [[h, *v, *(a[h] for a in axes)] for h, v in m.items()]


def spend(world, low, high, keep=lambda r: True):
    d = {h: 0 for h in world.entities["household"]}
    for r in world.rows:
        if r.event == "purchase" and low <= r.time < high and keep(r):
            d[r["household_id"]] = d.get(r["household_id"], 0) + r["sales_value"]
    return d


@question("DISTRIBUTION count(coupon_redeem) OF household BUCKETS (0, 1, 2, 5, 10) DURING all time", "bucket_from bucket_to entities", ordered=True)
def distribution_zero(world):
    n = Counter(r["household_id"] for r in world.rows if r.event == "coupon_redeem")
    values = [n.get(h, 0) for h in world.entities["household"]]
    bounds = [0, 1, 2, 5, 10, None]
    return [[a, b, sum(a <= v and (b is None or v < b) for v in values)] for a, b in zip(bounds, bounds[1:])]


@question("DISTRIBUTION count(coupon_redeem) OF household DURING all time", "bucket_from entities", ordered=True)
def distribution_values(world):
    n = Counter(r["household_id"] for r in world.rows if r.event == "coupon_redeem")
    values = Counter(n.values())
    return [[k, v] for k, v in sorted(values.items())]


@question("DISTRIBUTION sum(purchase.sales_value) OF household BUCKETS (0, 100, 500, 1000) EVERY quarter DURING '2017-01-01' TO '2017-12-31'", "period bucket_from bucket_to entities")
def distribution_sums(world):
    out, bounds = [], [0, 100, 500, 1000, None]
    for q in periods(*YEAR, "quarter"):
        d = spend(world, first_moment(q, "UTC"), first_moment(step(q, "quarter", 1), "UTC"))
        out += [[q, a, b, sum(a * 100 <= v and (b is None or v < b * 100) for v in d.values())] for a, b in zip(bounds, bounds[1:])]
    return out


@question("DISTRIBUTION count(DISTINCT purchase.product_id WHERE product.department = 'DELI') OF household BUCKETS 5 DURING all time", "bucket_from bucket_to entities", ordered=True)
def distribution_bins(world):
    d = defaultdict(set)
    for r in world.rows:
        if r.event == "purchase" and department(r) == "DELI":
            d[r["household_id"]].add(r["product_id"])
    values = [len(v) for v in d.values()]
    low, high = min(values), max(values)
    w = (high - low) / 5
    number = [0] * 5
    for v in values:
        number[min(int((v - low) / w), 4)] += 1
    return [[low + i * w, low + (i + 1) * w, number[i]] for i in range(5)]


@question("DISTRIBUTION count(DISTINCT purchase.basket_id) OF household BUCKETS (1, 10, 50) DURING '2017-01-01' TO '2017-06-30' BREAKDOWN BY household.age", "age bucket_from bucket_to entities")
def distribution_groups(world):
    low, high = days("2017-01-01", "2017-06-30")
    d = defaultdict(set)
    for r in world.rows:
        if r.event == "purchase" and low <= r.time < high:
            d[r["household_id"]].add(r["basket_id"])
    out, bounds = [], [1, 10, 50, None]
    ages = {world.entities["household"][h]["age"] for h in d}
    for age in ages:
        v = [len(b) for h, b in d.items() if world.entities["household"][h]["age"] == age]
        out += [[age, a, b, sum(a <= x and (b is None or x < b) for x in v)] for a, b in zip(bounds, bounds[1:])]
    return out


def trend(world, unit, during, zone="UTC", week_start=0, group=None, keep=lambda r: True):
    cells = defaultdict(list)
    for r in world.rows:
        if r.event == "purchase" and during[0] <= r.time < min(during[1], NOW_TIME) and keep(r):
            cells[(bucket(r.time, unit, zone, week_start), group(r) if group else None)].append(r)
    return cells


def per_zone(name, zone):
    @question(f"TREND count(purchase) AS lines, users(purchase) AS households OF household EVERY day DURING '2017-03-01' TO '2017-04-15' IN TIME ZONE '{zone}'", "period lines households", ordered=True, called=f"trend_days_{name}")
    def ask(world):
        during = days("2017-03-01", "2017-04-15", zone)
        cells = trend(world, "day", during, zone)
        return [[p, len(cells[(p, None)]), len({r["household_id"] for r in cells[(p, None)]})] for p in periods(*during, "day", zone)]


for name, zone in (("shanghai", "Asia/Shanghai"), ("new_york", NEW_YORK), ("kathmandu", "Asia/Kathmandu"), ("apia", "Pacific/Apia"), ("sao_paulo", "America/Sao_Paulo")):
    per_zone(name, zone)


@question("TREND count(purchase) AS lines EVERY hour DURING '2017-11-05' TO '2017-11-05' IN TIME ZONE 'America/New_York'", "period lines")
def trend_long_day(world):
    low, high = days("2017-11-05", "2017-11-05", NEW_YORK)
    cells = trend(world, "hour", (low, high), NEW_YORK)
    return [[local(t, NEW_YORK), len(cells.get((t, None), []))] for t in range(low, high, HOUR)]


@question("TREND sum(purchase.sales_value) AS dollars, count(DISTINCT purchase.basket_id) AS baskets, sum(purchase.sales_value) / count(DISTINCT purchase.basket_id) AS each, avg(purchase.sales_value) AS line OF household EVERY week DURING '2017-01-01' TO '2017-12-30' WEEK STARTS SUNDAY", "period dollars baskets each line", ordered=True)
def trend_formula(world):
    during = days("2017-01-01", "2017-12-30")
    out = []
    cells = trend(world, "week", during, week_start=6)
    for p in periods(*during, "week", week_start=6):
        rows = cells[(p, None)]
        total, baskets = sum(r["sales_value"] for r in rows) / 100, len({r["basket_id"] for r in rows})
        out.append([p, total, baskets, total / baskets, total / len(rows)])
    return out


@question("TREND count(purchase) AS lines OF household EVERY month DURING '2017-01-01' TO '2017-12-31' BREAKDOWN BY product.department TOP 4", "period department lines")
def trend_top(world):
    sizes = Counter(department(r) for r in world.rows if r.event == "purchase" and YEAR[0] <= r.time < YEAR[1])
    top = sorted(sizes, key=lambda k: (-sizes[k], str(k)))[:4]
    cells = trend(world, "month", YEAR, group=lambda r: department(r) if department(r) in top else "(other)")
    return [[p, g, len(cells.get((p, g), []))] for p in periods(*YEAR, "month") for g in top + ["(other)"]]


@question("TREND users(purchase DURING last 28 days) AS monthly, users(purchase) AS daily OF household EVERY day DURING '2017-04-01' TO '2017-04-20'", "period monthly daily", ordered=True)
def trend_rolling(world):
    out = []
    for p in periods(*days("2017-04-01", "2017-04-20"), "day"):
        end = first_moment(step(p, "day", 1), "UTC")
        who = lambda n: len({r["household_id"] for r in world.rows if r.event == "purchase" and end - n * DAY <= r.time < end})
        out.append([p, who(28), who(1)])
    return out


@question("TREND count(coupon_redeem) AS n, sum(purchase.sales_value) AS dollars OF household EVERY month DURING '2017-04-01' TO '2017-06-30' COMPARE TO previous period", "period n dollars n_previous dollars_previous", ordered=True)
def trend_compare(world):
    n, d = Counter(), Counter()
    for r in world.rows:
        m = day_of(r.time, "month")
        if r.event == "coupon_redeem":
            n[m] += 1
        if r.event == "purchase":
            d[m] += r["sales_value"]
    out = []
    for m in periods(*days("2017-04-01", "2017-06-30"), "month"):
        b = step(m, "month", -3)
        out.append([m, n[m], d[m] / 100, n[b], d[b] / 100])
    return out


@question("TREND median(purchase.sales_value) AS half, min(purchase.sales_value) AS least, max(purchase.time) AS latest OF household EVERY month DURING '2017-01-01' TO '2018-01-31' WHERE product.department = 'FLORAL'", "period half least latest", ordered=True)
def trend_empty(world):
    cells = trend(world, "month", days("2017-01-01", "2018-01-31"), keep=lambda r: department(r) == "FLORAL")
    out = []
    for p in periods(instant("2017-01-01"), NOW_TIME, "month"):
        v = [r["sales_value"] / 100 for r in cells.get((p, None), [])]
        out.append([p, percentile(v, 0.5), min(v) if v else None, when(max(r.time for r in cells[(p, None)])) if v else None])
    return out


@question("PROFILE OF household AMONG (FIND household WHERE DID coupon_redeem) BREAKDOWN BY income, age MEASURE count(*) AS households", "income age households")
def profile_groups(world):
    did = {r["household_id"] for r in world.rows if r.event == "coupon_redeem"}
    return [[*k, n] for k, n in Counter((v["income"], v["age"]) for h, v in world.entities["household"].items() if h in did).items()]


@question("PROFILE OF product BREAKDOWN BY department TOP 3 MEASURE count(*) AS products, count(DISTINCT manufacturer_id) AS makers", "department products makers")
def profile_top(world):
    seen = {r["product_id"] for r in world.rows if r["product_id"] is not None}
    products = {p: world.entities["product"].get(p, {}) for p in seen | set(world.entities["product"])}
    groups = defaultdict(list)
    for v in products.values():
        groups[v.get("department")].append(v.get("manufacturer_id"))
    top = sorted(groups, key=lambda k: (-len(groups[k]), str(k)))[:3]
    joined = defaultdict(list)
    for k, v in groups.items():
        joined[k if k in top else "(other)"] += v
    return [[k, len(v), len({m for m in v if m is not None})] for k, v in joined.items()]


@question("JOURNEY OF household 25 WHERE event != 'purchase' ORDER BY time DESC, event LIMIT 10", "time event", ordered=True)
def journey(world):
    rows = [r for r in world.timeline("household_id")[25] if r.event != "purchase"]
    return [[when(r.time), r.event] for r in sorted(rows, key=lambda r: (-r.time, r.event))[:10]]
