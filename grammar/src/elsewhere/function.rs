//! Functions of ClickHouse, PostgreSQL, MySQL, BigQuery, Snowflake and of products' languages, and what is written here instead. Names that mean the
//! same here are aliases in the compiler's table of functions and do not stand here.

/// Names in lower case without `_`, and the advice.
pub(super) const FUNCTIONS: &[(&[&str], &str)] = &[
    (
        &["windowfunnel", "funnel", "conversion", "conversionrate", "matchrecognize"],
        "how far entities get is `FUNNEL view -> purchase WITHIN 1 day DURING last 30 days`",
    ),
    (
        &["sequencematch", "sequencecount", "sequencenextnode"],
        "events in order are `SEQUENCE view -> purchase WITHIN 1 day DURING last 30 days`, as a condition `DID view -> purchase`",
    ),
    (&["retention"], "who comes back is `RETENTION STARTING register RETURNING login EVERY week FOR 8 weeks DURING last 90 days`"),
    (&["tostartofminute"], "write minute(time)"),
    (&["tostartofhour"], "write hour(time)"),
    (&["tostartofday", "todate32"], "write day(time)"),
    (&["tostartofweek", "tomonday", "weekstart"], "write week(time), or bucket(time, 'week')"),
    (&["tostartofmonth"], "write month(time), or bucket(time, 'month')"),
    (&["tostartofquarter"], "write quarter(time)"),
    (&["tostartofyear"], "write year(time)"),
    (
        &["tostartofinterval", "timetrunc", "timestamptrunc", "datetimetrunc", "datebin", "timefloor", "startofday"],
        "write bucket(time, 'hour')",
    ),
    (&["tohour", "hourofday"], "write date_part('hour', time)"),
    (&["tominute", "minuteofhour"], "write date_part('minute', time)"),
    (&["tosecond", "second"], "write date_part('second', time)"),
    (&["todayofmonth", "dayofmonth", "dayofyear", "todayofyear"], "write date_part('day', time), or 'doy' for the day of the year"),
    (
        &["todayofweek", "dayofweek", "weekday", "dow"],
        "write date_part('dow', time): 0 is Sunday; 'isodow': 1 is Monday; or day_name(time)",
    ),
    (&["toweek", "toisoweek", "weekofyear", "isoweek"], "write date_part('week', time)"),
    (&["tomonth", "monthofyear"], "write date_part('month', time)"),
    (&["toquarter"], "write date_part('quarter', time)"),
    (&["toyear", "toisoyear"], "write date_part('year', time)"),
    (&["toyyyymm"], "write format_time(time, '%Y%m')"),
    (&["toyyyymmdd"], "write format_time(time, '%Y%m%d')"),
    (
        &["tochar", "dateformat", "formatdatetime", "formattimestamp", "formatdate", "tocharacter"],
        "write format_time(time, '%Y-%m-%d %H:%M')",
    ),
    (
        &[
            "totime",
            "todatetime",
            "todatetime64",
            "parsedatetime",
            "parsedatetimebesteffort",
            "parsetimestamp",
            "strtodate",
            "strtotime",
            "strptime",
            "parsedate",
        ],
        "write to_timestamp(text, '%Y-%m-%d %H:%M:%S'), or to_date(text, '%Y-%m-%d')",
    ),
    (
        &["timestampseconds", "fromunixtimestamp", "timestampmillis", "timestampmicros", "fromunixtimestamp64milli"],
        "write to_timestamp(seconds)",
    ),
    (&["tounixtimestamp", "unixseconds", "tounixtimestamp64milli"], "write epoch(time), or epoch_ms(time)"),
    (
        &[
            "adddate",
            "adddays",
            "addhours",
            "addminutes",
            "addweeks",
            "addmonths",
            "addyears",
            "datesub",
            "subtractdays",
            "subtracthours",
            "subtractmonths",
            "subdate",
            "timestampsub",
            "intervaladd",
        ],
        "write time + 7 days, time - 1 month, or date_add('day', n, time)",
    ),
    (
        &["age", "monthsbetween", "daysbetween", "yearsbetween"],
        "write date_diff('month', from, to), age_in_years(day), or from - to in seconds",
    ),
    (&["getdate", "sysdate", "localtimestamp", "clocktimestamp", "currenttime", "localtime"], "write now(), or today()"),
    (&["yesterday"], "write today() - 1 day, or DURING yesterday"),
    (
        &["totimezone", "converttimezone", "timezone", "attimezone", "fromutctimestamp"],
        "write IN TIME ZONE 'Europe/Berlin' for the statement",
    ),
    (&["uniqexact", "uniqcombined", "uniqhll12", "hll", "countdistinctexact", "approxcountdistinct", "dcount"], "write count(DISTINCT x)"),
    (&["uniqif", "countdistinctif"], "write count(DISTINCT x WHERE condition)"),
    (
        &["quantileexact", "quantiletiming", "quantiletdigest", "quantileif", "approxquantiles", "percentiledisc", "percentilerank"],
        "write percentile(x, 0.9)",
    ),
    (&["quantiles", "percentiles"], "write percentile(x, 0.5), percentile(x, 0.9)"),
    (&["grouparray", "collectlist", "arrayaggdistinct", "makelist"], "write collect(x)"),
    (&["groupuniqarray", "collectset", "arrayuniqueagg", "makeset"], "write collect(DISTINCT x)"),
    (&["topk", "approxtopk"], "write GROUP BY x ORDER BY count(*) DESC LIMIT n, or mode(x)"),
    (&["stddevpopulation", "stdev", "std", "stddevsampstable"], "write stddev(x), or stddev_pop(x)"),
    (&["var", "varp", "varsampstable"], "write variance(x), or var_pop(x)"),
    (&["corrstable", "covarsampstable"], "write corr(y, x), covar(y, x)"),
    (&["anylast", "takeany", "takeanyif"], "write last(x ORDER BY time), or any(x)"),
    (
        &["arrayjoin", "unnest", "explode", "flatten", "unnestarray"],
        "write a relation to many rows: lists are tested with HAS, joined with list_join, summed with list_sum",
    ),
    (&["has", "arrayexists", "listany"], "write x HAS value, or list_contains(x, value)"),
    (&["hasany"], "write x HAS ANY (a, b)"),
    (&["hasall"], "write x HAS ALL (a, b)"),
    (
        &["indexof", "charindex", "locate", "positioncaseinsensitive", "positionutf8", "find"],
        "write position(text, part), or list_position(list, value)",
    ),
    (&["splitbychar", "splitbystring", "regexpsplittoarray", "stringtolist"], "write split(text, ',')"),
    (&["arraystringconcat", "listjoinstrings", "stringjoin", "strcat"], "write list_join(list, ','), or concat(a, b)"),
    (&["extractall", "regexpextractall"], "write regexp_extract(text, pattern), or regexp_count(text, pattern)"),
    (&["match", "rlike", "regexp", "regexplikei", "similarto"], "write text MATCHES pattern"),
    (&["like", "ilike", "notlike"], "write text LIKE 'a%', text ILIKE 'a%'"),
    (&["multisearchany", "anyof", "hastoken"], "write text MATCHES 'a|b', or text CONTAINS 'a'"),
    (
        &["replaceall", "replaceone", "replaceregexpall", "replaceregexpone", "regexreplace"],
        "write replace(text, part, by), or regexp_replace(text, pattern, by, 'g')",
    ),
    (&["lowerutf8", "lcasestr", "tolower", "casefold"], "write lower(text)"),
    (&["upperutf8", "toupper"], "write upper(text)"),
    (&["lengthutf8", "strlen", "size", "arraysize"], "write length(x)"),
    (&["domain", "nethost", "parseurlhost", "host"], "write url_host(url)"),
    (&["domainwithoutwww", "cuttofirstsignificantsubdomain", "netregdomain", "topleveldomain"], "write url_domain(url)"),
    (&["protocol"], "write url_protocol(url)"),
    (&["path", "pathfull"], "write url_path(url)"),
    (&["querystring"], "write url_query(url)"),
    (&["fragment"], "write url_fragment(url)"),
    (&["extracturlparameter", "parseurl", "urlextractparameter", "geturlparameter"], "write url_param(url, 'utm_source')"),
    (&["extracturlparameters", "extracturlparameternames"], "write url_params(url)"),
    (&["decodeurlcomponent", "urldecodecomponent"], "write url_decode(text)"),
    (&["encodeurlcomponent", "urlencodecomponent"], "write url_encode(text)"),
    (&["cutquerystring", "cutquerystringandfragment", "cuturlparameter"], "write clean_url(url)"),
    (&["jsonextractraw", "getpath", "visitparamextractraw", "jsonbextractpath", "jsonextractpath"], "write json_get(json, 'a.b')"),
    (&["visitparamextractstring", "getjsonobject", "jsonunquote", "jsonstringvalue"], "write json_text(json, 'a.b')"),
    (&["visitparamextractint", "jsonextractuint"], "write json_int(json, 'a.b')"),
    (&["jsonhas", "jsoncontains", "jsonexists", "jsoncontainspath"], "write json_get(json, 'a.b') IS NOT NULL"),
    (&["parsejson", "tojson", "tojsonstring", "jsonparse"], "write CAST(text AS JSON)"),
    (
        &["toint64", "toint32", "toint", "tointeger", "tobigint", "touint64", "touint32", "int", "bigint"],
        "write CAST(x AS BIGINT), or try_cast(x AS BIGINT)",
    ),
    (
        &[
            "tofloat64",
            "tofloat32",
            "tofloat",
            "todouble",
            "tonumber",
            "tonumeric",
            "tointegerordefault",
            "toint64ornull",
            "toint64orzero",
            "tofloat64ornull",
            "tofloat64orzero",
            "trytonumber",
            "trytodouble",
        ],
        "write CAST(x AS DOUBLE), or try_cast(x AS DOUBLE)",
    ),
    (&["todecimal", "todecimal64", "todecimal128"], "write CAST(x AS DECIMAL(18, 2))"),
    (&["tostring", "totext", "tovarchar", "str"], "write CAST(x AS STRING)"),
    (&["tobool", "toboolean"], "write CAST(x AS BOOLEAN)"),
    (&["safecast", "trycastornull"], "write try_cast(x AS BIGINT)"),
    (&["iff", "case", "choose", "decode"], "write if(condition, a, b), or CASE WHEN … THEN … ELSE … END"),
    (&["isnull", "isempty", "notempty", "isnotnull", "empty", "assumenotnull"], "write x IS NULL, x IS NOT NULL, or x IS SET"),
    (&["zeroifnull", "ifnan"], "write coalesce(x, 0)"),
    (&["isnan", "isfinite", "isinfinite"], "write x IS NULL: what has no result as a number is NULL"),
    (&["safedivide", "divide", "dividebyzero", "intdivorzero"], "write a / b: a division by zero is NULL"),
    (
        &["random", "rand", "rand32", "randcanonical", "uuid", "generateuuidv4", "newid", "genrandomuuid"],
        "write SAMPLE 10 %, or hash(key) % 10 for a sample that stays the same",
    ),
    (&["siphash64", "cityhash64", "xxh3", "farmfingerprint", "murmurhash364", "crc32", "fnv1a", "hashtext"], "write hash(x)"),
    (&["sha1", "sha512"], "write sha256(text)"),
    (&["cohort"], "write RETENTION STARTING a RETURNING b FOR 7 days DURING last 30 days"),
    (&["runningdifference", "neighbor", "laginframe", "leadinframe", "runningaccumulate"], "write lag(x) OVER (ORDER BY time)"),
    (&["countequal", "arraycount"], "write count_if(condition)"),
    (
        &["arraysumif", "arrayreduce", "arraymap", "arrayfilter", "transform", "filter"],
        "write SELECT over the rows: list_sum, list_min, list_max and list_avg reduce a list",
    ),
    (&["generateseries", "range", "sequence", "numbers"], "write TREND … EVERY day: empty periods are filled"),
    (
        &["currentuser", "version", "database", "currentschema", "currentdatabase"],
        "write SHOW ENTITIES, SHOW EVENTS, or the tables of `system`",
    ),
    (
        &["countdistinct", "unique", "uniques", "distinctcount", "uniqueusers", "dau", "wau", "mau", "activeusers"],
        "different subjects are `users(purchase)`, different values `count(DISTINCT purchase.channel)`",
    ),
    (&["approxdistinct"], "write `approx_users(purchase)`, or `count(DISTINCT purchase.channel)`"),
    (&["total", "totals"], "events are counted with `count(purchase)`"),
    (&["averageif"], "write `avg(amount WHERE channel = 'app')`"),
    (&["approxpercentile", "approxquantile"], "write `percentile(amount, 0.9)`"),
    (&["maxby"], "write `last(channel ORDER BY amount)`"),
    (&["minby"], "write `first(channel ORDER BY amount)`"),
    (&["isnullor"], "write `coalesce(city, 'unknown')`"),
    (&["isblank"], "write `city IS NULL`"),
    (&["notnull"], "write `city IS NOT NULL`"),
    (&["isnotempty"], "neither missing nor empty is `city IS SET`"),
    (&["iffchain", "casewhen", "switch"], "write `CASE WHEN vip_level > 3 THEN 'high' ELSE 'low' END`"),
    (&["ifelse"], "write `if(amount > 10, 'big', 'small')`"),
    (&["arraycontains", "listcontains", "containsany"], "write `interests HAS 'music'`"),
    (&["strposition"], "write `name CONTAINS 'ann'`, or `position(name, 'ann')` for the place"),
    (&["regexplike", "regexpmatches", "regexmatch"], "write `name MATCHES 'a.*'`"),
    (&["concatenate", "textjoin"], "write `concat(name, city)`"),
    (&["sysdatetime", "utcnow", "getutcdate", "now64", "unixtimestamp"], "write `now()`"),
    (&["curdate"], "write `today()`, and `today() - 1 day` for the day before"),
    (&["ago"], "write `now() - 7 days`; a range is `DURING last 7 days`"),
    (&["plus"], "write `time - 7 days` or `time + 1 month`"),
    (&["datetimediff"], "write `(t2 - t1) / 86400`, or `days_since(t)` up to now"),
    (
        &["bin", "tumble", "hop", "window", "floortime", "datetrunc", "truncdate", "startofweek", "startofmonth"],
        "write `bucket(time, 'day')`",
    ),
    (&["todate", "castdate"], "write `date(time)`"),
    (&["totimestamp", "fromunixtime"], "write `CAST('2026-01-31' AS DATE)`, or `TIMESTAMP '2026-01-31 12:00:00'`"),
    (&["tolong", "parseint"], "write `CAST(x AS INT)`"),
    (&["toreal"], "write `CAST(x AS DOUBLE)`"),
    (&["tostr"], "write `CAST(x AS STRING)`"),
    (&["jsonextract", "jsonextractstring", "jsonvalue", "jsonextractpathtext"], "undeclared properties are read as `extra.name`"),
    (&["rollup", "cube"], "one list of groups a query: join several with `UNION ALL`"),
    (&["rownum", "rownumber"], "write `row_number() OVER (ORDER BY time)`"),
    (&["incohort"], "write `user_id IN SEGMENT vip`"),
    (&["on"], "the first row of each group: `row_number() OVER (PARTITION BY channel ORDER BY time)`"),
    (&["daterange"], "a range is written `DURING last 7 days`"),
];

#[cfg(test)]
mod tests {
    use super::super::function;
    use super::*;

    #[test]
    fn names_of_others_are_found_whatever_their_case() {
        assert_eq!(function("toStartOfWeek"), Some("write week(time), or bucket(time, 'week')"));
        assert_eq!(function("uniqExact"), function("UNIQ_EXACT"));
        assert_eq!(function("frobnicate"), None);
        assert!(function("arrayJoin").is_some_and(|advice| advice.contains("HAS")));
    }

    #[test]
    fn no_name_has_two_meanings_and_each_is_written_as_it_is_looked_up() {
        let mut names: Vec<&str> = FUNCTIONS.iter().flat_map(|(n, _)| n.iter().copied()).collect();
        assert!(names.iter().all(|n| n.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())), "{names:?}");
        names.sort_unstable();
        let twice: Vec<&str> = names.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}
