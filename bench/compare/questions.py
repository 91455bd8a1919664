"""The questions of the comparison, in the words of each engine. Where an engine knows several ways, all stand here and the fastest counts.

Times are milliseconds, ranges are March 2025 from the 2nd on, windows are of 7 days unless a question says otherwise. Every question's
answer is brought to the same rows (`answers.py`), and a way whose answer differs is not printed.
"""

WEEK, DAY, HALF_HOUR = 604_800_000, 86_400_000, 1_800_000
FUNNEL_3 = ["view_item", "add_to_cart", "purchase"]
FUNNEL_5 = ["app_open", "search", "view_item", "add_to_cart", "purchase"]
SINCE, UNTIL = "2025-03-02", "2025-04-01"

TITLES = {
    "funnel_3": "funnel, 3 steps in 7 days",
    "funnel_5": "funnel, 5 steps in 7 days",
    "funnel_3_city": "… 3 steps, by city",
    "funnel_5_city": "… 5 steps, by city",
    "retention": "retention, 14 days, by day of first view",
    "segment": "who: city, 3 purchases, sum, no refund",
    "trend": "daily purchases and buyers by category",
    "transitions": "50 most frequent transitions in sessions",
    "sessions": "sessions and their length by platform",
    "attribution": "purchases by last touch in 7 days",
    "rfm": "100 best customers",
    "overlap": "two segments and their overlap",
    "sequence": "sequence with absence",
}


def eql():
    """Entity Query Language."""
    steps = lambda names: " -> ".join(names)
    funnel = lambda names, by="": f"FUNNEL {steps(names)} WITHIN 7 days DURING '2025-01-01' TO '2025-03-31'{by}"
    march = f"DURING '{SINCE}' TO '2025-03-31'"
    return {
        "funnel_3": [("eql", funnel(FUNNEL_3))],
        "funnel_5": [("eql", funnel(FUNNEL_5))],
        "funnel_3_city": [("eql", funnel(FUNNEL_3, " BREAKDOWN BY user.city"))],
        "funnel_5_city": [("eql", funnel(FUNNEL_5, " BREAKDOWN BY user.city"))],
        "retention": [("eql", "RETENTION FIRST TIME STARTING view_item RETURNING purchase FOR 14 days EVERY day DURING '2025-01-01' TO '2025-03-17'")],
        "segment": [("eql", f"FIND user WHERE city = 'Shanghai' AND DID purchase AT LEAST 3 TIMES {march} AND sum(purchase.amount {march}) > 500 "
                            f"AND NEVER DID refund {march} SHOW user_id")],
        "trend": [("eql", f"TREND count(purchase), users(purchase) EVERY day {march} BREAKDOWN BY product.category NO FILL")],
        "transitions": [("eql", "PATHS OVER ANY EVENT BY SESSION browsing KEEP REPEATS DEPTH 100000 SHOW EDGES DURING '2025-01-01' TO '2025-03-31' "
                                "|> WHERE target != '(exit)' |> AGGREGATE sum(events) AS n GROUP BY source, target |> ORDER BY n DESC, source, target |> LIMIT 50")],
        "sessions": [("eql", "SESSIONS browsing MEASURE count(*) AS n, sum(duration) AS seconds BREAKDOWN BY entry.platform DURING '2025-01-01' TO '2025-03-31'")],
        "attribution": [("eql", "ATTRIBUTION GOAL purchase TOUCHES [ANY EVENT WHERE utm_source IS SET] MODEL last LOOKBACK 7 days "
                                "BREAKDOWN BY touch.utm_source MEASURE count(*) AS n, sum(purchase.amount) AS amount DURING '2025-01-01' TO '2025-03-31'")],
        "rfm": [("eql", "FIND user WHERE DID purchase SHOW user_id, last(purchase.time) AS at, count(purchase) AS n, sum(purchase.amount) AS amount "
                        "ORDER BY amount DESC, n DESC, user_id LIMIT 100")],
        "overlap": [("eql", f"FIND user SHOW (DID [purchase WHERE product.category = 'cat_03'] {march}) AS a, (DID coupon_claim {march}) AND vip >= 2 AS b "
                            "|> AGGREGATE count(* WHERE a) AS a, count(* WHERE b) AS b, count(* WHERE a AND b) AS both")],
        "sequence": [("eql", "FIND user WHERE DID view_item -> WITHIN 1 day add_to_cart -> NOT WITHIN 1 day purchase DURING '2025-01-01' TO '2025-03-31' "
                             "|> AGGREGATE count(*) AS n")],
    }


def listed(names):
    return "(" + ", ".join(f"'{n}'" for n in names) + ")"


def clickhouse():
    """ClickHouse: tables `events` (MergeTree ordered by user and time), `users`, `products`."""
    t = "toUInt64(toUnixTimestamp64Milli(ts))"
    day = "(toUInt32(toDate(ts)) - 20089)"  # days since 2025-01-01
    march = f"ts >= '{SINCE} 00:00:00' AND ts < '{UNTIL} 00:00:00'"
    ordered = " SETTINGS optimize_aggregation_in_order = 1"

    def funnel(names, by_city):
        levels = (f"SELECT user_id, windowFunnel({WEEK})({t}, {', '.join(f'event = {n!r}' for n in names)}) AS level "
                  f"FROM events WHERE event IN {listed(names)} GROUP BY user_id")
        if by_city:
            one = f"SELECT city, level, count() AS n FROM ({levels}) AS f INNER JOIN users USING user_id WHERE level > 0 GROUP BY city, level"
        else:
            one = f"SELECT level, count() AS n FROM ({levels}) WHERE level > 0 GROUP BY level"
        return [("windowFunnel", one), ("windowFunnel in order", one + ordered)]

    def retention(bits):
        seen = (f"groupBitOrIf(bitShiftLeft(toUInt128(1), {day}), event = 'purchase')" if bits
                else f"groupUniqArrayIf({day}, event = 'purchase')")
        lit = ("arrayFilter(k -> bitAnd(bitShiftRight(seen, first + k), toUInt128(1)) = 1, range(1, 15))" if bits
               else "arrayFilter(k -> has(seen, first + k), range(1, 15))")
        return (f"SELECT first, n, count() AS users FROM (SELECT minIf({day}, event = 'view_item') AS first, {seen} AS seen FROM events "
                "WHERE event IN ('view_item', 'purchase') GROUP BY user_id HAVING countIf(event = 'view_item') > 0 AND first <= 75) "
                f"ARRAY JOIN arrayConcat([0], {lit}) AS n GROUP BY first, n" + ordered)

    whole = "OVER (PARTITION BY user_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    before = "OVER (PARTITION BY user_id ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"
    up = "OVER (PARTITION BY user_id ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    down = "OVER (PARTITION BY user_id ORDER BY t DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    segment = (f"SELECT user_id FROM events WHERE event IN ('purchase', 'refund') AND {march} AND user_id IN (SELECT user_id FROM users WHERE city = 'Shanghai') "
               "GROUP BY user_id HAVING countIf(event = 'purchase') >= 3 AND sumIf(amount, event = 'purchase') > 500 AND countIf(event = 'refund') = 0")
    a = f"event = 'purchase' AND {march} AND product_id IN (SELECT product_id FROM products WHERE category = 'cat_03')"
    b = f"event = 'coupon_claim' AND {march} AND user_id IN (SELECT user_id FROM users WHERE vip >= 2)"
    return {
        "funnel_3": funnel(FUNNEL_3, False), "funnel_5": funnel(FUNNEL_5, False),
        "funnel_3_city": funnel(FUNNEL_3, True), "funnel_5_city": funnel(FUNNEL_5, True),
        "retention": [("bits", retention(True)), ("arrays", retention(False))],
        "segment": [("having", segment), ("having in order", segment + ordered)],
        "trend": [("join", f"SELECT {day} AS day, category, count() AS n, uniqExact(user_id) AS users FROM events INNER JOIN products USING product_id "
                           f"WHERE event = 'purchase' AND {march} GROUP BY day, category")],
        "transitions": [
            ("lag", f"SELECT before, event, count() AS n FROM (SELECT event, ts, lagInFrame(event) {before} AS before, lagInFrame(ts) {before} AS then FROM events) "
                    f"WHERE before != '' AND dateDiff('millisecond', then, ts) <= {HALF_HOUR} GROUP BY before, event ORDER BY n DESC, before, event LIMIT 50"),
            ("arrays", f"SELECT p.1 AS before, p.2 AS event, count() AS n FROM (SELECT arraySort(x -> x.1, groupArray((toUnixTimestamp64Milli(ts), event))) AS s FROM events GROUP BY user_id) "
                       f"ARRAY JOIN arrayMap((x, y) -> (x.2, y.2), arrayFilter((x, y) -> y.1 - x.1 <= {HALF_HOUR}, arrayPopBack(s), arrayPopFront(s)), "
                       f"arrayFilter((y, x) -> y.1 - x.1 <= {HALF_HOUR}, arrayPopFront(s), arrayPopBack(s))) AS p GROUP BY before, event ORDER BY n DESC, before, event LIMIT 50"),
        ],
        "sessions": [
            ("arrays", "SELECT s[1].2 AS platform, count() AS n, sum(s[-1].1 - s[1].1) AS length FROM (SELECT arraySort(x -> x.1, groupArray((toUnixTimestamp64Milli(ts), platform))) AS all FROM events GROUP BY user_id) "
                       f"ARRAY JOIN arraySplit((x, gap) -> gap > {HALF_HOUR}, all, arrayDifference(arrayMap(x -> x.1, all))) AS s GROUP BY platform"),
            ("windows", f"SELECT platform, count() AS n, sum(length) AS length FROM (SELECT user_id, session, argMin(platform, t) AS platform, max(t) - min(t) AS length FROM "
                        f"(SELECT user_id, t, platform, sum(new) {up} AS session FROM (SELECT user_id, toUnixTimestamp64Milli(ts) AS t, platform, t - lagInFrame(t, 1, toInt64(0)) "
                        f"OVER (PARTITION BY user_id ORDER BY t ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) > {HALF_HOUR} AS new FROM events)) GROUP BY user_id, session) GROUP BY platform"),
        ],
        "attribution": [
            ("asof", f"SELECT if(touch.source = '' OR dateDiff('millisecond', touch.ts, goal.ts) > {WEEK}, '(direct)', touch.source) AS source, count() AS n, sum(amount) AS amount FROM "
                     "(SELECT user_id, ts, amount FROM events WHERE event = 'purchase') AS goal ASOF LEFT JOIN (SELECT user_id, ts, CAST(utm_source, 'String') AS source FROM events WHERE utm_source != '') AS touch "
                     "ON goal.user_id = touch.user_id AND goal.ts > touch.ts GROUP BY source"),
            ("windows", f"SELECT if(last = '' OR dateDiff('millisecond', at, ts) > {WEEK}, '(direct)', last) AS source, count() AS n, sum(amount) AS amount FROM "
                        f"(SELECT event, amount, ts, maxIf(ts, utm_source != '') {whole} AS at, argMaxIf(utm_source, ts, utm_source != '') {whole} AS last FROM events WHERE event = 'purchase' OR utm_source != '') "
                        "WHERE event = 'purchase' GROUP BY source"),
        ],
        "rfm": [("group", "SELECT user_id, max(ts) AS at, count() AS n, sum(amount) AS amount FROM events WHERE event = 'purchase' GROUP BY user_id ORDER BY amount DESC, n DESC, user_id LIMIT 100"),
                ("group in order", "SELECT user_id, max(ts) AS at, count() AS n, sum(amount) AS amount FROM events WHERE event = 'purchase' GROUP BY user_id ORDER BY amount DESC, n DESC, user_id LIMIT 100" + ordered)],
        "overlap": [
            ("bitmaps", f"WITH (SELECT groupBitmapState(user_id) FROM events WHERE {a}) AS a, (SELECT groupBitmapState(user_id) FROM events WHERE {b}) AS b "
                        "SELECT bitmapCardinality(a), bitmapCardinality(b), bitmapAndCardinality(a, b)"),
            ("flags", f"SELECT countIf(x), countIf(y), countIf(x AND y) FROM (SELECT max({a}) AS x, max({b}) AS y FROM events WHERE event IN ('purchase', 'coupon_claim') AND {march} GROUP BY user_id)"),
        ],
        "sequence": [
            ("windows", f"SELECT uniqExact(user_id) FROM (SELECT user_id, event, t, seen, minIf(t, event = 'purchase') {down} AS bought FROM (SELECT user_id, event, toUnixTimestamp64Milli(ts) AS t, "
                        f"maxIf(t, event = 'view_item') {up} AS seen FROM events WHERE event IN {listed(FUNNEL_3)})) WHERE event = 'add_to_cart' AND seen > 0 AND t - seen <= {DAY} AND (bought = 0 OR bought - t > {DAY})"),
        ],
    }


def sql(duck):
    """DuckDB and DataFusion: tables `events`, `users`, `products`."""
    t = "epoch_ms(ts)" if duck else "CAST(ts AS BIGINT)"
    divide = "//" if duck else "/"
    day = f"(({t} - 1735689600000) {divide} {DAY})"
    march = f"ts >= TIMESTAMP '{SINCE} 00:00:00' AND ts < TIMESTAMP '{UNTIL} 00:00:00'"
    up = "OVER (PARTITION BY user_id ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    down = "OVER (PARTITION BY user_id ORDER BY t ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"
    lag = "OVER (PARTITION BY user_id ORDER BY ts)"

    def levels(names, asof):
        """user_id and level, one row a user: for each step the latest start from which it is reached in time."""
        if asof:
            steps = [f"s1 AS (SELECT user_id, {t} AS t, {t} AS start FROM events WHERE event = '{names[0]}')"]
            for k, name in enumerate(names[1:], 2):
                steps.append(f"s{k} AS (SELECT e.user_id, e.t, p.start FROM (SELECT user_id, {t} AS t FROM events WHERE event = '{name}') AS e "
                             f"ASOF JOIN s{k - 1} AS p ON e.user_id = p.user_id AND e.t > p.t WHERE e.t - p.start <= {WEEK})")
            union = " UNION ALL ".join(f"SELECT user_id, {k} AS level FROM s{k}" for k in range(1, len(names) + 1))
            return f"WITH {', '.join(steps)}, f AS (SELECT user_id, max(level) AS level FROM ({union}) AS u GROUP BY user_id)"
        steps = [f"w1 AS (SELECT user_id, {t} AS t, event, CASE WHEN event = '{names[0]}' THEN {t} END AS s1 FROM events WHERE event IN {listed(names)})"]
        for k in range(2, len(names) + 1):
            kept = "".join(f", s{j}" for j in range(1, k))
            best = f"max(s{k - 1}) {up}"
            steps.append(f"w{k} AS (SELECT user_id, t, event{kept}, CASE WHEN event = '{names[k - 1]}' AND t - {best} <= {WEEK} THEN {best} END AS s{k} FROM w{k - 1})")
        arms = " ".join(f"WHEN count(s{k}) > 0 THEN {k}" for k in range(len(names), 0, -1))
        return f"WITH {', '.join(steps)}, f AS (SELECT user_id, CASE {arms} ELSE 0 END AS level FROM w{len(names)} GROUP BY user_id)"

    def funnel(names, by_city):
        tail = ("SELECT city, level, count(*) AS n FROM f JOIN users ON f.user_id = users.user_id WHERE level > 0 GROUP BY city, level" if by_city
                else "SELECT level, count(*) AS n FROM f WHERE level > 0 GROUP BY level")
        ways = [("windows", f"{levels(names, False)} {tail}")]
        return ways + ([("asof", f"{levels(names, True)} {tail}")] if duck else [])

    retention = [("distinct", f"WITH c AS (SELECT user_id, min({day}) AS first FROM events WHERE event = 'view_item' GROUP BY user_id), "
                              f"r AS (SELECT DISTINCT user_id, {day} AS day FROM events WHERE event = 'purchase') "
                              "SELECT first, day - first AS n, count(*) AS users FROM c JOIN r ON c.user_id = r.user_id WHERE first <= 75 AND day - first BETWEEN 1 AND 14 GROUP BY 1, 2 "
                              "UNION ALL SELECT first, 0, count(*) FROM c WHERE first <= 75 GROUP BY first")]
    if duck:
        retention.append(("bits", f"WITH c AS (SELECT min(CASE WHEN event = 'view_item' THEN {day} END) AS first, bit_or(CASE WHEN event = 'purchase' THEN 1::HUGEINT << ({day})::INT ELSE 0::HUGEINT END) AS seen "
                                  "FROM events WHERE event IN ('view_item', 'purchase') GROUP BY user_id) "
                                  "SELECT first, n, count(*) AS users FROM c, range(1, 15) AS r(n) WHERE first <= 75 AND (seen >> (first + n)::INT) & 1 = 1 GROUP BY 1, 2 "
                                  "UNION ALL SELECT first, 0, count(*) FROM c WHERE first <= 75 GROUP BY first"))
    sessions = [
        ("windows", f"SELECT platform, count(*) AS n, CAST(sum(length) AS BIGINT) AS length FROM (SELECT {'arg_min(platform, t)' if duck else 'first_value(platform ORDER BY t)'} AS platform, max(t) - min(t) AS length "
                    f"FROM (SELECT user_id, t, platform, sum(new) {up} AS session FROM (SELECT user_id, {t} AS t, platform, CASE WHEN {t} - lag({t}) {lag} <= {HALF_HOUR} THEN 0 ELSE 1 END AS new FROM events) AS a) AS b "
                    "GROUP BY user_id, session) AS c GROUP BY platform"),
        ("borders", f"WITH x AS (SELECT user_id, {t} AS t, platform, lag({t}) {lag} AS prior FROM events), b AS (SELECT user_id, t, platform, prior FROM x WHERE prior IS NULL OR t - prior > {HALF_HOUR}), "
                    f"z AS (SELECT user_id, max({t}) AS final FROM events GROUP BY user_id), n AS (SELECT user_id, t, platform, lead(prior) OVER (PARTITION BY user_id ORDER BY t) AS until FROM b) "
                    "SELECT platform, count(*) AS n, CAST(sum(coalesce(until, final) - t) AS BIGINT) AS length FROM n JOIN z ON n.user_id = z.user_id GROUP BY platform"),
    ]
    whole = "OVER (PARTITION BY user_id ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    last = f"last_value(source IGNORE NULLS) {whole}" if duck else f"last_value(source) IGNORE NULLS {whole}"
    attribution = [("windows", f"SELECT CASE WHEN touched IS NULL OR t - touched > {WEEK} THEN '(direct)' ELSE latest END AS source, count(*) AS n, sum(amount) AS amount FROM (SELECT event, amount, t, "
                               f"max(CASE WHEN source IS NOT NULL THEN t END) {whole} AS touched, {last} AS latest FROM (SELECT user_id, ts, {t} AS t, event, amount, "
                               f"nullif(CAST(utm_source AS VARCHAR), '') AS source FROM events WHERE event = 'purchase' OR utm_source != '') AS a) AS b WHERE event = 'purchase' GROUP BY 1")]
    if duck:
        attribution.append(("asof", f"SELECT CASE WHEN touch.t IS NULL OR goal.t - touch.t > {WEEK} THEN '(direct)' ELSE CAST(touch.utm_source AS VARCHAR) END AS source, count(*) AS n, sum(amount) AS amount FROM "
                                    f"(SELECT user_id, {t} AS t, amount FROM events WHERE event = 'purchase') AS goal ASOF LEFT JOIN (SELECT user_id, {t} AS t, utm_source FROM events WHERE utm_source != '') AS touch "
                                    "ON goal.user_id = touch.user_id AND goal.t > touch.t GROUP BY 1"))
    a = f"SELECT DISTINCT user_id FROM events JOIN products ON events.product_id = products.product_id WHERE event = 'purchase' AND {march} AND category = 'cat_03'"
    b = f"SELECT DISTINCT events.user_id FROM events JOIN users ON events.user_id = users.user_id WHERE event = 'coupon_claim' AND {march} AND vip >= 2"
    names = "CAST(before AS VARCHAR), CAST(event AS VARCHAR)" if duck else "before, event"
    sequence = [("windows", f"SELECT count(DISTINCT user_id) FROM (SELECT user_id, event, t, max(CASE WHEN event = 'view_item' THEN t END) {up} AS seen, min(CASE WHEN event = 'purchase' THEN t END) {down} AS bought "
                            f"FROM (SELECT user_id, event, {t} AS t FROM events WHERE event IN {listed(FUNNEL_3)}) AS a) AS b WHERE event = 'add_to_cart' AND t - seen <= {DAY} AND (bought IS NULL OR bought - t > {DAY})")]
    if duck:
        sequence.append(("asof", f"WITH e AS (SELECT user_id, event, {t} AS t FROM events WHERE event IN {listed(FUNNEL_3)}), c AS (SELECT x.user_id, x.t FROM (SELECT * FROM e WHERE event = 'add_to_cart') AS x "
                                 f"ASOF JOIN (SELECT * FROM e WHERE event = 'view_item') AS v ON x.user_id = v.user_id AND x.t >= v.t WHERE x.t - v.t <= {DAY}) SELECT count(DISTINCT c.user_id) FROM c "
                                 f"ASOF LEFT JOIN (SELECT * FROM e WHERE event = 'purchase') AS p ON c.user_id = p.user_id AND c.t <= p.t WHERE p.t IS NULL OR p.t - c.t > {DAY}"))
    return {
        "funnel_3": funnel(FUNNEL_3, False), "funnel_5": funnel(FUNNEL_5, False),
        "funnel_3_city": funnel(FUNNEL_3, True), "funnel_5_city": funnel(FUNNEL_5, True),
        "retention": retention,
        "segment": [("join", f"SELECT events.user_id FROM events JOIN users ON events.user_id = users.user_id WHERE city = 'Shanghai' AND event IN ('purchase', 'refund') AND {march} GROUP BY events.user_id "
                             "HAVING count(*) FILTER (WHERE event = 'purchase') >= 3 AND sum(amount) FILTER (WHERE event = 'purchase') > 500 AND count(*) FILTER (WHERE event = 'refund') = 0")],
        "trend": [("join", f"SELECT {day} AS day, category, count(*) AS n, count(DISTINCT user_id) AS users FROM events JOIN products ON events.product_id = products.product_id "
                           f"WHERE event = 'purchase' AND {march} GROUP BY 1, 2")],
        "transitions": [("lag", f"SELECT before, event, count(*) AS n FROM (SELECT event, {t} AS t, lag(event) {lag} AS before, lag({t}) {lag} AS prior FROM events) AS a "
                                f"WHERE t - prior <= {HALF_HOUR} GROUP BY before, event ORDER BY n DESC, {names} LIMIT 50")],
        "sessions": sessions,
        "attribution": attribution,
        "rfm": [("group", "SELECT user_id, max(ts) AS at, count(*) AS n, sum(amount) AS amount FROM events WHERE event = 'purchase' GROUP BY user_id ORDER BY amount DESC, n DESC, user_id LIMIT 100")],
        "overlap": [("sets", f"WITH a AS ({a}), b AS ({b}) SELECT (SELECT count(*) FROM a) AS x, (SELECT count(*) FROM b) AS y, (SELECT count(*) FROM a JOIN b ON a.user_id = b.user_id) AS z")],
        "sequence": sequence,
    }
