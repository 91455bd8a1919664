"""The same questions for Polars, over Parquet files sorted by user and time."""
from datetime import datetime

from questions import DAY, FUNNEL_3, FUNNEL_5, HALF_HOUR, SINCE, UNTIL, WEEK


def questions(pl, folder):
    scan = lambda name: pl.scan_parquet(f"{folder}/{name}.parquet")
    text = lambda c: pl.col(c).cast(pl.String)
    events = scan("events").with_columns(t=pl.col("ts").cast(pl.Int64))
    users, products = scan("users"), scan("products")
    moment = lambda d: pl.lit(datetime.fromisoformat(d)).cast(pl.Datetime("ms"))
    march = (pl.col("ts") >= moment(SINCE)) & (pl.col("ts") < moment(UNTIL))
    is_ = lambda *names: text("event").is_in(list(names)) if len(names) > 1 else text("event") == names[0]
    day = (pl.col("t") - 1_735_689_600_000) // DAY

    def levels(names):
        frame = events.filter(is_(*names)).select("user_id", "t", event=text("event"))
        frame = frame.with_columns(s1=pl.when(pl.col("event") == names[0]).then("t"))
        for k, name in enumerate(names[1:], 2):
            best = pl.col(f"s{k - 1}").forward_fill().over("user_id")
            frame = frame.with_columns(pl.when((pl.col("event") == name) & (pl.col("t") - best <= WEEK)).then(best).alias(f"s{k}"))
        reached = pl.max_horizontal(*[pl.when(pl.col(f"s{k}").is_not_null().any()).then(k).otherwise(0) for k in range(1, len(names) + 1)])
        return frame.group_by("user_id").agg(level=reached).filter(pl.col("level") > 0)

    def funnel(names, by_city):
        found = levels(names)
        if by_city:
            found = found.join(users.select("user_id", city=text("city")), on="user_id")
        by = ["city", "level"] if by_city else ["level"]
        return found.group_by(by).agg(n=pl.len())

    def retention():
        first = events.filter(is_("view_item")).group_by("user_id").agg(first=day.min()).filter(pl.col("first") <= 75)
        bought = events.filter(is_("purchase")).select("user_id", day=day).unique()
        n = pl.col("day") - pl.col("first")
        back = first.join(bought, on="user_id").with_columns(n=n).filter(pl.col("n").is_between(1, 14)).group_by("first", "n").agg(users=pl.len())
        return pl.concat([back, first.group_by("first").agg(users=pl.len()).select("first", pl.lit(0, pl.Int64).alias("n"), "users")])

    def segment():
        here = users.filter(text("city") == "Shanghai").select("user_id")
        rows = events.filter(is_("purchase", "refund") & march).join(here, on="user_id", how="semi")
        of = lambda name: is_(name)
        found = rows.group_by("user_id").agg(n=of("purchase").sum(), amount=pl.col("amount").filter(of("purchase")).sum(), refunds=of("refund").sum())
        return found.filter((pl.col("n") >= 3) & (pl.col("amount") > 500) & (pl.col("refunds") == 0)).select("user_id")

    def trend():
        rows = events.filter(is_("purchase") & march).join(products.select("product_id", category=text("category")), on="product_id")
        return rows.group_by(day.alias("day"), "category").agg(n=pl.len(), users=pl.col("user_id").n_unique())

    def transitions():
        same = pl.col("user_id") == pl.col("user_id").shift(1)
        rows = events.select("user_id", "t", event=text("event")).with_columns(before=pl.col("event").shift(1), near=same & (pl.col("t") - pl.col("t").shift(1) <= HALF_HOUR))
        counts = rows.filter("near").group_by("before", "event").agg(n=pl.len())
        return counts.sort(["n", "before", "event"], descending=[True, False, False]).head(50)

    def sessions():
        same = pl.col("user_id") == pl.col("user_id").shift(1)
        near = (same & (pl.col("t") - pl.col("t").shift(1) <= HALF_HOUR)).fill_null(False)
        rows = events.select("user_id", "t", platform=text("platform")).with_columns(session=(~near).cum_sum())
        found = rows.group_by("session").agg(platform=pl.col("platform").first(), length=pl.col("t").last() - pl.col("t").first())
        return found.group_by("platform").agg(n=pl.len(), length=pl.col("length").sum())

    def attribution():
        rows = events.filter(is_("purchase") | (text("utm_source") != "")).select("user_id", "t", "amount", event=text("event"), source=text("utm_source"))
        touched = pl.col("source") != ""
        rows = rows.with_columns(at=pl.when(touched).then("t").forward_fill().shift(1).over("user_id"), last=pl.when(touched).then("source").forward_fill().shift(1).over("user_id"))
        found = rows.filter(pl.col("event") == "purchase").with_columns(source=pl.when(pl.col("t") - pl.col("at") <= WEEK).then("last").otherwise(pl.lit("(direct)")))
        return found.group_by("source").agg(n=pl.len(), amount=pl.col("amount").sum())

    def rfm():
        found = events.filter(is_("purchase")).group_by("user_id").agg(at=pl.col("ts").max(), n=pl.len(), amount=pl.col("amount").sum())
        return found.sort(["amount", "n", "user_id"], descending=[True, True, False]).head(100)

    def overlap():
        kind = products.filter(text("category") == "cat_03").select("product_id")
        important = users.filter(pl.col("vip") >= 2).select("user_id")
        a = events.filter(is_("purchase") & march).join(kind, on="product_id", how="semi").select("user_id").unique()
        b = events.filter(is_("coupon_claim") & march).join(important, on="user_id", how="semi").select("user_id").unique()
        return pl.concat([a.select(pl.len().alias("a")), b.select(pl.len().alias("b")), a.join(b, on="user_id", how="semi").select(pl.len().alias("both"))], how="horizontal")

    def sequence():
        rows = events.filter(is_(*FUNNEL_3)).select("user_id", "t", event=text("event"))
        seen = pl.when(pl.col("event") == "view_item").then("t").forward_fill().over("user_id")
        bought = pl.when(pl.col("event") == "purchase").then("t").backward_fill().over("user_id")
        rows = rows.with_columns(seen=seen, bought=bought).filter(pl.col("event") == "add_to_cart")
        late = pl.col("bought").is_null() | (pl.col("bought") - pl.col("t") > DAY)
        return rows.filter((pl.col("t") - pl.col("seen") <= DAY) & late).select(pl.col("user_id").n_unique())

    made = {
        "funnel_3": lambda: funnel(FUNNEL_3, False), "funnel_5": lambda: funnel(FUNNEL_5, False),
        "funnel_3_city": lambda: funnel(FUNNEL_3, True), "funnel_5_city": lambda: funnel(FUNNEL_5, True),
        "retention": retention, "segment": segment, "trend": trend, "transitions": transitions, "sessions": sessions,
        "attribution": attribution, "rfm": rfm, "overlap": overlap, "sequence": sequence,
    }
    return {name: [("lazy", lambda make=make: make().collect().to_arrow())] for name, make in made.items()}
