"""RETENTION and LTV."""

from ..matching import on
from ..moments import day_of, days, instant
from ..question import NOW, question
from ..retention import brackets, counted, retention, up_to
from .funnel import DELI, FLORAL, PURCHASE, RECEIVED, REDEEMED, bought

NOW_TIME = instant(NOW)
NEW_YORK = "America/New_York"
CELLS = "size n returned rate"


def cells(found, cohort=False, group=False, measure=False):
    out = []
    for c, g, size, n, returned, value in found:
        rate = None if returned is None else returned / size
        out.append(([c] if cohort else []) + ([g] if group else []) + [size, n, returned, rate] + ([value] if measure else []))
    return out


@question("RETENTION STARTING campaign_receive RETURNING coupon_redeem OF household EVERY month FOR 3 months DURING '2017-02-01' TO '2017-12-31' |> WHERE size > 0", "cohort " + CELLS)
def retention_months(world):
    return cells(retention(world, RECEIVED, REDEEMED, counted(3), "month", during=days("2017-02-01", "2017-12-31"), every="month", now=NOW_TIME), True)


@question("RETENTION STARTING campaign_receive RETURNING coupon_redeem OF household FIRST TIME EVERY week FOR 8 weeks DURING '2017-02-06' TO '2017-12-31' WEEK STARTS SUNDAY IN TIME ZONE 'America/New_York' |> WHERE size > 0", "cohort " + CELLS)
def retention_first_weeks_sunday(world):
    return cells(retention(world, RECEIVED, REDEEMED, counted(8), "week", during=days("2017-02-06", "2017-12-31", NEW_YORK), every="week", first_time=True,
                           zone=NEW_YORK, week_start=6, now=NOW_TIME), True)


@question("RETENTION STARTING purchase RETURNING purchase OF household EVERY month FOR 30 days DURING '2017-03-01' TO '2017-05-31'", "cohort " + CELLS)
def retention_days_of_months(world):
    return cells(retention(world, PURCHASE, PURCHASE, counted(30), "day", same=True, during=days("2017-03-01", "2017-05-31"), every="month", now=NOW_TIME), True)


@question("RETENTION STARTING [purchase WHERE product.department = 'DELI'] RETURNING [purchase WHERE product.department = 'DELI'] OF household EVERY month FOR 4 weeks ROLLING DURING '2017-03-01' TO '2017-05-31'", "cohort " + CELLS)
def retention_rolling(world):
    return cells(retention(world, DELI, DELI, counted(4), "week", same=True, rolling=True, during=days("2017-03-01", "2017-05-31"), every="month", now=NOW_TIME), True)


@question("RETENTION STARTING [purchase WHERE product.department = 'DELI'] RETURNING purchase OF household FOR 2 days TIES FORBIDDEN DURING '2017-03-01' TO '2017-05-31'", CELLS)
def retention_ties_forbidden(world):
    return cells(retention(world, DELI, PURCHASE, counted(2), "day", ties=False, during=days("2017-03-01", "2017-05-31"), now=NOW_TIME))


@question("RETENTION STARTING [purchase WHERE product.department = 'FLORAL'] RETURNING [purchase WHERE product.department = 'FLORAL'] OF household UNBOUNDED EVERY quarter FOR 3 quarters DURING '2017-01-01' TO '2017-12-31'", "cohort " + CELLS)
def retention_unbounded(world):
    return cells(retention(world, FLORAL, FLORAL, counted(3, True), "quarter", same=True, during=days("2017-01-01", "2017-12-31"), every="quarter", now=NOW_TIME), True)


@question("RETENTION STARTING campaign_receive RETURNING purchase OF household BUCKETS (0, 1, 3, 7, 14) days UNBOUNDED EVERY quarter DURING '2017-01-01' TO '2017-09-30'", "cohort " + CELLS)
def retention_brackets_open(world):
    return cells(retention(world, RECEIVED, PURCHASE, brackets([0, 1, 3, 7, 14], True), "day", during=days("2017-01-01", "2017-09-30"), every="quarter", now=NOW_TIME), True)


@question("RETENTION STARTING campaign_receive RETURNING purchase OF household BUCKETS (0, 1, 2, 4) EVERY month DURING '2017-05-01' TO '2017-12-31'", "cohort " + CELLS)
def retention_brackets_of_months(world):
    return cells(retention(world, RECEIVED, PURCHASE, brackets([0, 1, 2, 4]), "month", during=days("2017-05-01", "2017-12-31"), every="month", now=NOW_TIME), True)


@question("RETENTION STARTING campaign_receive RETURNING coupon_redeem OF household HOLDING campaign_id FOR 6 weeks DURING '2017-01-01' TO '2017-10-31' BREAKDOWN BY campaign.campaign_type", "campaign_type " + CELLS)
def retention_holding_groups(world):
    return cells(retention(world, RECEIVED, REDEEMED, counted(6), "week", holding=lambda r: r["campaign_id"], during=days("2017-01-01", "2017-10-31"),
                           group=lambda r: r.to("campaign").get("campaign_type"), now=NOW_TIME), group=True)


@question("RETENTION STARTING campaign_receive RETURNING purchase OF household FOR 3 days DURING '2017-01-01' TO '2017-10-31' BREAKDOWN BY household.income WHERE household.age IS NOT NULL", "income " + CELLS)
def retention_subject_groups(world):
    return cells(retention(world, RECEIVED, PURCHASE, counted(3), "day", during=days("2017-01-01", "2017-10-31"), now=NOW_TIME,
                           group=lambda r: r.to("household").get("income"), where=lambda r: r.to("household").get("age") is not None), group=True)


@question("RETENTION STARTING campaign_receive RETURNING [purchase WHERE product.department = 'MEAT'] OF household EVERY quarter FOR 2 weeks MEASURE sum(purchase.sales_value) AS dollars DURING '2017-04-01' TO '2017-12-31'", "cohort " + CELLS + " dollars")
def retention_measure(world):
    return cells(retention(world, RECEIVED, bought("MEAT"), counted(2), "week", during=days("2017-04-01", "2017-12-31"), every="quarter", now=NOW_TIME,
                           measure=lambda rows: sum(r["sales_value"] for r in rows) / 100), True, measure=True)


@question("RETENTION STARTING [purchase WHERE product.department = 'MEAT'] RETURNING [purchase WHERE product.department = 'MEAT'] OF household FIRST TIME EVERY month FOR 11 months MEASURE count(*) AS lines, sum(sales_value) AS dollars DURING '2017-01-01' TO '2017-12-31' |> SELECT cohort, size, n, returned, rate, lines + dollars * 1000 AS both", "cohort " + CELLS + " both")
def retention_measure_same(world):
    meat = bought("MEAT")
    return cells(retention(world, meat, meat, counted(11), "month", same=True, first_time=True, during=days("2017-01-01", "2017-12-31"), every="month", now=NOW_TIME,
                           measure=lambda rows: len(rows) + 10 * sum(r["sales_value"] for r in rows)), True, measure=True)


LATE = "2017-07-12T15:00:00Z"


@question("RETENTION STARTING purchase RETURNING purchase OF household EVERY week FOR 3 weeks DURING '2017-06-05' TO '2017-07-12'", "cohort " + CELLS, now=LATE)
def retention_immature(world):
    return cells(retention(world, PURCHASE, PURCHASE, counted(3), "week", same=True, during=days("2017-06-05", "2017-07-12"), every="week", now=instant(LATE)), True)


@question("RETENTION STARTING purchase RETURNING purchase OF household ROLLING EVERY week FOR 9 days DURING '2017-06-19' TO '2017-07-09'", "cohort " + CELLS, now=LATE)
def retention_immature_rolling(world):
    return cells(retention(world, PURCHASE, PURCHASE, counted(9), "day", same=True, rolling=True, during=days("2017-06-19", "2017-07-09"), every="week", now=instant(LATE)), True)


@question("RETENTION STARTING purchase RETURNING purchase OF household EVERY day FOR 3 days DURING '2017-03-10' TO '2017-03-14' IN TIME ZONE 'America/New_York'", "cohort " + CELLS)
def retention_clock_change(world):
    return cells(retention(world, PURCHASE, PURCHASE, counted(3), "day", same=True, during=days("2017-03-10", "2017-03-14", NEW_YORK), every="day", zone=NEW_YORK, now=NOW_TIME), True)


@question("RETENTION STARTING purchase RETURNING purchase OF store EVERY month FOR 2 months DURING '2017-01-01' TO '2017-10-31' WHERE product.department = 'FLORAL'", "cohort " + CELLS)
def retention_stores(world):
    return cells(retention(world, FLORAL, FLORAL, counted(2), "month", same=True, during=days("2017-01-01", "2017-10-31"), every="month", of="store", now=NOW_TIME), True)


@question("RETENTION STARTING purchase RETURNING purchase OF household FIRST TIME EVERY month FOR 2 months DURING '2017-01-01' TO '2017-06-30' BREAKDOWN BY product.brand TOP 1", "cohort brand " + CELLS)
def retention_top(world):
    brand = lambda r: r.to("product").get("brand")
    during = days("2017-01-01", "2017-06-30")
    by_size = {}
    for c, g, size, n, returned, _ in retention(world, PURCHASE, PURCHASE, counted(0), "month", same=True, first_time=True, during=during, group=brand, now=NOW_TIME):
        by_size[g] = size
    top = min(by_size, key=lambda g: (-by_size[g], str(g)))
    return cells(retention(world, PURCHASE, PURCHASE, counted(2), "month", same=True, first_time=True, during=during, every="month", now=NOW_TIME,
                           group=lambda r: top if brand(r) == top else "(other)"), True, True)


def worth(found, cohort=False, group=False):
    return [([c] if cohort else []) + ([g] if group else []) + [size, n, v, None if v is None else v / size] for c, g, size, n, _, v in found]


def dollars(rows):
    return sum(r["sales_value"] for r in rows) / 100


@question("LTV STARTING campaign_receive MEASURE sum(purchase.sales_value) AS dollars OF household EVERY quarter FOR 4 weeks CUMULATIVE DURING '2017-01-01' TO '2017-09-30'", "cohort size n dollars dollars_per_entity")
def ltv_cumulative(world):
    return worth(retention(world, RECEIVED, PURCHASE, up_to(4), "week", during=days("2017-01-01", "2017-09-30"), every="quarter", now=NOW_TIME, measure=dollars), True)


@question("LTV STARTING campaign_receive MEASURE sum(purchase.sales_value) AS dollars OF household FIRST TIME EVERY month FOR 3 months DURING '2017-01-01' TO '2017-12-31' |> WHERE size > 0", "cohort size n dollars dollars_per_entity")
def ltv_alone(world):
    return worth(retention(world, RECEIVED, PURCHASE, counted(3), "month", first_time=True, during=days("2017-01-01", "2017-12-31"), every="month", now=NOW_TIME, measure=dollars), True)


@question("LTV STARTING purchase MEASURE sum(purchase.sales_value) AS dollars OF household FIRST TIME FOR 10 days ROLLING CUMULATIVE DURING '2017-01-01' TO '2017-03-31' BREAKDOWN BY household.age", "age size n dollars dollars_per_entity")
def ltv_groups(world):
    return worth(retention(world, PURCHASE, PURCHASE, up_to(10), "day", same=True, rolling=True, first_time=True, during=days("2017-01-01", "2017-03-31"),
                           group=lambda r: r.to("household").get("age"), now=NOW_TIME, measure=dollars), group=True)


@question("LTV STARTING coupon_redeem MEASURE count(purchase) AS lines OF household EVERY month BUCKETS (0, 7, 30) days UNBOUNDED DURING '2017-03-01' TO '2017-11-30' |> WHERE size > 0", "cohort size n lines lines_per_entity")
def ltv_brackets(world):
    return worth(retention(world, REDEEMED, PURCHASE, brackets([0, 7, 30], True), "day", during=days("2017-03-01", "2017-11-30"), every="month", now=NOW_TIME, measure=len), True)


@question("RETENTION STARTING campaign_receive RETURNING coupon_redeem OF household FOR 2 months DURING '2017-05-01' TO '2017-08-31' SHOW ENTITIES DROPPED |> SELECT household_id", "household_id")
def retention_dropped(world):
    from ..retention import cohorts, period_index
    out = []
    for starts in cohorts(world, RECEIVED, days("2017-05-01", "2017-08-31"), now=NOW_TIME).values():
        for (h, _), first in starts.items():
            back = {period_index(first, r, "month", False, "UTC", 0) for r in world.timeline("household_id")[h] if r.event == "coupon_redeem" and r.time >= first.time}
            if not any(0 <= n <= 2 for n in back):
                out.append([h])
    return out
