//! Names that other systems use for what is said otherwise here. Names that mean the same are aliases in the table of functions.

/// What is written here instead of a function of ClickHouse, PostgreSQL, MySQL, BigQuery, Snowflake or a product's language; None for a stranger.
pub fn habit(name: &str) -> Option<&'static str> {
    let plain: String = name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
    HABITS.iter().find(|(names, _)| names.contains(&plain.as_str())).map(|(_, instead)| *instead)
}

/// Names in lower case without `_`, and what is said here.
const HABITS: &[(&[&str], &str)] = &[
    (&["tostartofminute"], "minute(time)"),
    (&["tostartofhour"], "hour(time)"),
    (&["tostartofday", "todate32"], "day(time)"),
    (&["tostartofweek", "tomonday", "weekstart"], "week(time), or bucket(time, 'week')"),
    (&["tostartofmonth"], "month(time), or bucket(time, 'month')"),
    (&["tostartofquarter"], "quarter(time)"),
    (&["tostartofyear"], "year(time)"),
    (&["tostartofinterval", "timetrunc", "timestamptrunc", "datetimetrunc", "datebin", "timefloor", "startofday"], "bucket(time, 'hour')"),
    (&["tohour", "hourofday"], "date_part('hour', time)"),
    (&["tominute", "minuteofhour"], "date_part('minute', time)"),
    (&["tosecond", "second"], "date_part('second', time)"),
    (&["todayofmonth", "dayofmonth", "dayofyear", "todayofyear"], "date_part('day', time), or 'doy' for the day of the year"),
    (&["todayofweek", "dayofweek", "weekday", "dow"], "date_part('dow', time): 0 is Sunday; 'isodow': 1 is Monday; or day_name(time)"),
    (&["toweek", "toisoweek", "weekofyear", "isoweek"], "date_part('week', time)"),
    (&["tomonth", "monthofyear"], "date_part('month', time)"),
    (&["toquarter"], "date_part('quarter', time)"),
    (&["toyear", "toisoyear"], "date_part('year', time)"),
    (&["toyyyymm"], "format_time(time, '%Y%m')"),
    (&["toyyyymmdd"], "format_time(time, '%Y%m%d')"),
    (&["tochar", "dateformat", "formatdatetime", "formattimestamp", "formatdate", "tocharacter"], "format_time(time, '%Y-%m-%d %H:%M')"),
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
        "to_timestamp(text, '%Y-%m-%d %H:%M:%S'), or to_date(text, '%Y-%m-%d')",
    ),
    (&["timestampseconds", "fromunixtimestamp", "timestampmillis", "timestampmicros", "fromunixtimestamp64milli"], "to_timestamp(seconds)"),
    (&["tounixtimestamp", "unixseconds", "tounixtimestamp64milli"], "epoch(time), or epoch_ms(time)"),
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
        "time + 7 days, time - 1 month, or date_add('day', n, time)",
    ),
    (&["age", "monthsbetween", "daysbetween", "yearsbetween"], "date_diff('month', from, to), age_in_years(day), or from - to in seconds"),
    (&["getdate", "sysdate", "localtimestamp", "clocktimestamp", "currenttime", "localtime"], "now(), or today()"),
    (&["yesterday"], "today() - 1 day, or DURING yesterday"),
    (&["totimezone", "converttimezone", "timezone", "attimezone", "fromutctimestamp"], "IN TIME ZONE 'Europe/Berlin' for the statement"),
    (&["uniqexact", "uniqcombined", "uniqhll12", "hll", "countdistinctexact", "approxcountdistinct", "dcount"], "count(DISTINCT x)"),
    (&["uniqif", "countdistinctif"], "count(DISTINCT x WHERE condition)"),
    (
        &["quantileexact", "quantiletiming", "quantiletdigest", "quantileif", "approxquantiles", "percentiledisc", "percentilerank"],
        "percentile(x, 0.9)",
    ),
    (&["quantiles", "percentiles"], "percentile(x, 0.5), percentile(x, 0.9)"),
    (&["grouparray", "collectlist", "arrayaggdistinct", "makelist"], "collect(x)"),
    (&["groupuniqarray", "collectset", "arrayuniqueagg", "makeset"], "collect(DISTINCT x)"),
    (&["topk", "approxtopk"], "GROUP BY x ORDER BY count(*) DESC LIMIT n, or mode(x)"),
    (&["stddevpopulation", "stdev", "std", "stddevsampstable"], "stddev(x), or stddev_pop(x)"),
    (&["var", "varp", "varsampstable"], "variance(x), or var_pop(x)"),
    (&["corrstable", "covarsampstable"], "corr(y, x), covar(y, x)"),
    (&["anylast", "takeany", "takeanyif"], "last(x ORDER BY time), or any(x)"),
    (
        &["arrayjoin", "unnest", "explode", "flatten", "unnestarray"],
        "a relation to many rows: lists are tested with HAS, joined with list_join, summed with list_sum",
    ),
    (&["has", "arrayexists", "listany"], "x HAS value, or list_contains(x, value)"),
    (&["hasany"], "x HAS ANY (a, b)"),
    (&["hasall"], "x HAS ALL (a, b)"),
    (
        &["indexof", "charindex", "locate", "positioncaseinsensitive", "positionutf8", "find"],
        "position(text, part), or list_position(list, value)",
    ),
    (&["splitbychar", "splitbystring", "regexpsplittoarray", "stringtolist"], "split(text, ',')"),
    (&["arraystringconcat", "listjoinstrings", "stringjoin", "strcat"], "list_join(list, ','), or concat(a, b)"),
    (&["extractall", "regexpextractall"], "regexp_extract(text, pattern), or regexp_count(text, pattern)"),
    (&["match", "rlike", "regexp", "regexplikei", "similarto"], "text MATCHES pattern"),
    (&["like", "ilike", "notlike"], "text LIKE 'a%', text ILIKE 'a%'"),
    (&["multisearchany", "anyof", "hastoken"], "text MATCHES 'a|b', or text CONTAINS 'a'"),
    (
        &["replaceall", "replaceone", "replaceregexpall", "replaceregexpone", "regexreplace"],
        "replace(text, part, by), or regexp_replace(text, pattern, by, 'g')",
    ),
    (&["lowerutf8", "lcasestr", "tolower", "casefold"], "lower(text)"),
    (&["upperutf8", "toupper"], "upper(text)"),
    (&["lengthutf8", "strlen", "size", "arraysize"], "length(x)"),
    (&["domain", "nethost", "parseurlhost", "host"], "url_host(url)"),
    (&["domainwithoutwww", "cuttofirstsignificantsubdomain", "netregdomain", "topleveldomain"], "url_domain(url)"),
    (&["protocol"], "url_protocol(url)"),
    (&["path", "pathfull"], "url_path(url)"),
    (&["querystring"], "url_query(url)"),
    (&["fragment"], "url_fragment(url)"),
    (&["extracturlparameter", "parseurl", "urlextractparameter", "geturlparameter"], "url_param(url, 'utm_source')"),
    (&["extracturlparameters", "extracturlparameternames"], "url_params(url)"),
    (&["decodeurlcomponent", "urldecodecomponent"], "url_decode(text)"),
    (&["encodeurlcomponent", "urlencodecomponent"], "url_encode(text)"),
    (&["cutquerystring", "cutquerystringandfragment", "cuturlparameter"], "clean_url(url)"),
    (&["jsonextractraw", "getpath", "visitparamextractraw", "jsonbextractpath", "jsonextractpath"], "json_get(json, 'a.b')"),
    (&["visitparamextractstring", "getjsonobject", "jsonunquote", "jsonstringvalue"], "json_text(json, 'a.b')"),
    (&["visitparamextractint", "jsonextractuint"], "json_int(json, 'a.b')"),
    (&["jsonhas", "jsoncontains", "jsonexists", "jsoncontainspath"], "json_get(json, 'a.b') IS NOT NULL"),
    (&["parsejson", "tojson", "tojsonstring", "jsonparse"], "CAST(text AS JSON)"),
    (
        &["toint64", "toint32", "toint", "tointeger", "tobigint", "touint64", "touint32", "int", "bigint"],
        "CAST(x AS BIGINT), or try_cast(x AS BIGINT)",
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
        "CAST(x AS DOUBLE), or try_cast(x AS DOUBLE)",
    ),
    (&["todecimal", "todecimal64", "todecimal128"], "CAST(x AS DECIMAL(18, 2))"),
    (&["tostring", "totext", "tovarchar", "str"], "CAST(x AS STRING)"),
    (&["tobool", "toboolean"], "CAST(x AS BOOLEAN)"),
    (&["safecast", "trycastornull"], "try_cast(x AS BIGINT)"),
    (&["iff", "case", "choose", "decode"], "if(condition, a, b), or CASE WHEN … THEN … ELSE … END"),
    (&["isnull", "isempty", "notempty", "isnotnull", "empty", "assumenotnull"], "x IS NULL, x IS NOT NULL, or x IS SET"),
    (&["zeroifnull", "ifnan"], "coalesce(x, 0)"),
    (&["isnan", "isfinite", "isinfinite"], "x IS NULL: what has no result as a number is NULL"),
    (&["safedivide", "divide", "dividebyzero", "intdivorzero"], "a / b: a division by zero is NULL"),
    (
        &["random", "rand", "rand32", "randcanonical", "uuid", "generateuuidv4", "newid", "genrandomuuid"],
        "SAMPLE 10 %, or hash(key) % 10 for a sample that stays the same",
    ),
    (&["siphash64", "cityhash64", "xxh3", "farmfingerprint", "murmurhash364", "crc32", "fnv1a", "hashtext"], "hash(x)"),
    (&["sha1", "sha512"], "sha256(text)"),
    (&["windowfunnel", "funnel", "sequencematch", "sequencecount", "matchrecognize"], "FUNNEL a -> b WITHIN 7 days DURING last 30 days"),
    (&["retention", "cohort"], "RETENTION STARTING a RETURNING b FOR 7 days DURING last 30 days"),
    (&["runningdifference", "neighbor", "laginframe", "leadinframe", "runningaccumulate"], "lag(x) OVER (ORDER BY time)"),
    (&["countequal", "arraycount"], "count_if(condition)"),
    (
        &["arraysumif", "arrayreduce", "arraymap", "arrayfilter", "transform", "filter"],
        "SELECT over the rows: list_sum, list_min, list_max and list_avg reduce a list",
    ),
    (&["generateseries", "range", "sequence", "numbers"], "TREND … EVERY day: empty periods are filled"),
    (&["currentuser", "version", "database", "currentschema", "currentdatabase"], "SHOW ENTITIES, SHOW EVENTS, or the tables of `system`"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_found_whatever_their_case() {
        assert_eq!(habit("toStartOfWeek"), Some("week(time), or bucket(time, 'week')"));
        assert_eq!(habit("uniqExact"), habit("UNIQ_EXACT"));
        assert_eq!(habit("frobnicate"), None);
        assert!(habit("arrayJoin").is_some_and(|h| h.contains("HAS")));
    }

    #[test]
    fn no_name_has_two_meanings() {
        let mut names: Vec<&str> = HABITS.iter().flat_map(|(n, _)| n.iter().copied()).collect();
        names.sort_unstable();
        let twice: Vec<&str> = names.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}
