//! The one table of functions: name, kind, arguments, result, words and an example. The compiler, the manual and completion read it from here.

use eql_catalog::DataType;

/// What a function makes its value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// One row.
    Scalar,
    /// One row, and the statement's clock.
    Clocked,
    /// Many rows.
    Aggregate,
    /// A partition with an order.
    Window,
}

/// How the result's type follows from the arguments'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// STRING.
    String,
    /// BIGINT.
    Int,
    /// DOUBLE.
    Double,
    /// BOOLEAN.
    Bool,
    /// DATE.
    Date,
    /// TIMESTAMP.
    Timestamp,
    /// That of the first argument.
    First,
    /// The common type of all arguments.
    Common,
    /// SUM's: wider by rule 46.
    Sum,
    /// DATE from day up, TIMESTAMP below (`bucket`).
    Bucket,
    /// A list of the first argument's type.
    ListOfFirst,
    /// LIST<STRING>.
    StringList,
    /// Element type of the first argument.
    Element,
}

/// A function.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Canonical name, lower case.
    pub name: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// Kind.
    pub kind: FunctionKind,
    /// Fewest arguments.
    pub min: usize,
    /// Most arguments.
    pub max: usize,
    /// Type of the result.
    pub result: ResultType,
    /// What it does.
    pub summary: &'static str,
    /// How it is called.
    pub example: &'static str,
}

const MANY: usize = 64;

macro_rules! functions {
    ($($kind:ident $name:literal [$($alias:literal)*] $min:literal..$max:expr, $result:ident, $summary:literal, $example:literal;)*) => {
        /// All functions, by kind.
        pub const FUNCTIONS: &[Function] = &[$(Function {
            name: $name, aliases: &[$($alias),*], kind: FunctionKind::$kind, min: $min, max: $max, result: ResultType::$result, summary: $summary, example: $example,
        }),*];
    };
}

functions! {
    Scalar "lower" ["lcase"] 1..1, String, "text in lower case", "lower(name)";
    Scalar "upper" ["ucase"] 1..1, String, "text in upper case", "upper(name)";
    Scalar "length" ["char_length" "character_length" "len"] 1..1, Int, "characters of a text, members of a list", "length(name)";
    Scalar "trim" ["btrim"] 1..2, String, "text without blanks, or without these characters, at both ends", "trim(name)";
    Scalar "ltrim" [] 1..2, String, "text without blanks at its start", "ltrim(name)";
    Scalar "rtrim" [] 1..2, String, "text without blanks at its end", "rtrim(name)";
    Scalar "substring" ["substr" "mid"] 2..3, String, "part of a text from a position (from 1), of a length", "substring(name, 1, 3)";
    Scalar "left" [] 2..2, String, "first characters", "left(name, 3)";
    Scalar "right" [] 2..2, String, "last characters", "right(name, 3)";
    Scalar "replace" [] 3..3, String, "text with one part replaced by another everywhere", "replace(name, ' ', '_')";
    Scalar "concat" [] 1..MANY, String, "texts joined; missing ones count as ''", "concat(name, '-', city)";
    Scalar "concat_ws" [] 2..MANY, String, "texts joined by the first", "concat_ws('-', name, city)";
    Scalar "split_part" [] 3..3, String, "the n-th part (from 1) of a text cut at a separator", "split_part(url, '/', 3)";
    Scalar "reverse" [] 1..1, String, "text backwards", "reverse(name)";
    Scalar "lpad" [] 2..3, String, "text filled up at its start", "lpad(code, 5, '0')";
    Scalar "rpad" [] 2..3, String, "text filled up at its end", "rpad(code, 5)";
    Scalar "repeat" [] 2..2, String, "text several times", "repeat('ab', 3)";
    Scalar "position" ["strpos" "instr"] 2..2, Int, "where (from 1) the second text stands in the first, 0 when nowhere", "position(name, 'a')";
    Scalar "regexp_replace" [] 3..4, String, "text with matches of a regular expression replaced", "regexp_replace(url, '[0-9]+', 'N', 'g')";
    Scalar "clean_url" [] 1..1, String, "a URL without query, fragment and a trailing slash", "clean_url($url)";
    Scalar "coalesce" ["ifnull"] 1..MANY, Common, "the first value that is not missing", "coalesce(city, 'unknown')";
    Scalar "nullif" [] 2..2, First, "NULL when both are equal, else the first", "nullif(name, '')";
    Scalar "greatest" [] 1..MANY, Common, "the greatest of the values", "greatest(a, b)";
    Scalar "least" [] 1..MANY, Common, "the least of the values", "least(a, b)";
    Scalar "if" ["iif"] 3..3, Common, "the second when the first holds, else the third", "if(amount > 10, 'big', 'small')";
    Scalar "abs" [] 1..1, First, "absolute value", "abs(x)";
    Scalar "round" [] 1..2, First, "rounded half away from zero, to so many places", "round(x, 2)";
    Scalar "floor" [] 1..1, First, "greatest whole number not above", "floor(x)";
    Scalar "ceil" ["ceiling"] 1..1, First, "least whole number not below", "ceil(x)";
    Scalar "trunc" [] 1..2, First, "digits cut off", "trunc(x)";
    Scalar "sqrt" [] 1..1, Double, "square root", "sqrt(x)";
    Scalar "power" ["pow"] 2..2, Double, "the first to the power of the second", "power(x, 2)";
    Scalar "exp" [] 1..1, Double, "e to the power", "exp(x)";
    Scalar "ln" [] 1..1, Double, "natural logarithm", "ln(x)";
    Scalar "log10" [] 1..1, Double, "decimal logarithm", "log10(x)";
    Scalar "log2" [] 1..1, Double, "binary logarithm", "log2(x)";
    Scalar "sign" ["signum"] 1..1, Double, "-1, 0 or 1", "sign(x)";
    Scalar "mod" [] 2..2, First, "rest of a division", "mod(x, 2)";
    Scalar "list" ["array" "make_array"] 0..MANY, ListOfFirst, "a list of the values", "list(1, 2)";
    Scalar "element" ["list_element"] 2..2, Element, "the n-th member (from 1) of a list", "element(path, 1)";
    Scalar "at_event" [] 1..1, First, "a property of a participant as it was when the event happened", "at_event(user.vip_level)";
    Clocked "bucket" ["date_trunc" "time_bucket"] 2..2, Bucket, "start of the period that holds a time", "bucket(time, 'week')";
    Clocked "minute" [] 1..1, Timestamp, "start of the minute", "minute(time)";
    Clocked "hour" [] 1..1, Timestamp, "start of the hour", "hour(time)";
    Clocked "day" [] 1..1, Date, "the local day", "day(time)";
    Clocked "week" [] 1..1, Date, "first day of the week", "week(time)";
    Clocked "month" [] 1..1, Date, "first day of the month", "month(time)";
    Clocked "quarter" [] 1..1, Date, "first day of the quarter", "quarter(time)";
    Clocked "year" [] 1..1, Date, "first day of the year", "year(time)";
    Clocked "date_part" ["extract" "datepart"] 2..2, Int, "a number of the local time: year quarter month week day dow doy hour minute second epoch", "date_part('hour', time)";
    Clocked "date" ["to_date"] 1..1, Date, "the local day of a time, or a text as a day", "date(time)";
    Clocked "days_since" [] 1..1, Double, "days of 24 hours from a time to now", "days_since(last(purchase.time))";
    Clocked "age_in_years" [] 1..2, Int, "full years from a day to another, or to today", "age_in_years(birthday)";
    Clocked "now" ["current_timestamp"] 0..0, Timestamp, "the statement's instant", "now()";
    Clocked "today" ["current_date"] 0..0, Date, "the statement's local day", "today()";
    Aggregate "count" [] 0..1, Int, "rows, or values that are not missing", "count(*)";
    Aggregate "sum" [] 1..1, Sum, "sum", "sum(amount)";
    Aggregate "avg" ["mean" "average"] 1..1, Double, "mean", "avg(amount)";
    Aggregate "min" [] 1..1, First, "least value", "min(amount)";
    Aggregate "max" [] 1..1, First, "greatest value", "max(amount)";
    Aggregate "median" [] 1..1, Double, "middle value, interpolated", "median(amount)";
    Aggregate "percentile" ["percentile_cont" "quantile"] 2..2, Double, "value at a fraction, interpolated", "percentile(amount, 0.9)";
    Aggregate "stddev" ["stddev_samp"] 1..1, Double, "sample standard deviation", "stddev(amount)";
    Aggregate "variance" ["var_samp"] 1..1, Double, "sample variance", "variance(amount)";
    Aggregate "first" ["first_value"] 1..1, First, "value of the earliest row", "first(channel ORDER BY time)";
    Aggregate "last" ["last_value"] 1..1, First, "value of the latest row", "last(channel ORDER BY time)";
    Aggregate "any" ["any_value"] 1..1, First, "any value", "any(name)";
    Aggregate "bool_and" ["every_true"] 1..1, Bool, "true when all are", "bool_and(paid)";
    Aggregate "bool_or" [] 1..1, Bool, "true when one is", "bool_or(paid)";
    Aggregate "collect" ["array_agg" "list_agg"] 1..1, ListOfFirst, "all values as a list", "collect(name)";
    Aggregate "string_agg" ["group_concat" "listagg"] 2..2, String, "all texts joined by another", "string_agg(name, ', ')";
    Aggregate "entities" ["users" "uniq"] 0..1, Int, "different subjects", "users(purchase)";
    Aggregate "approx_users" ["approx_entities"] 0..1, Int, "different subjects", "approx_users(purchase)";
    Aggregate "bounce_rate" [] 0..0, Double, "share of sessions of one event", "bounce_rate()";
    Aggregate "streak" [] 1..1, Int, "longest run of periods", "streak(purchase BY day)";
    Aggregate "top" [] 2..2, First, "the most frequent value", "top(product.category, 1 BY count(purchase))";
    Aggregate "kmeans" [] 1..MANY, Int, "number of the cluster", "kmeans(a, b, k => 5)";
    Window "row_number" [] 0..0, Int, "number of the row in its partition", "row_number() OVER (ORDER BY time)";
    Window "rank" [] 0..0, Int, "rank with gaps", "rank() OVER (ORDER BY n)";
    Window "dense_rank" [] 0..0, Int, "rank without gaps", "dense_rank() OVER (ORDER BY n)";
    Window "ntile" [] 1..1, Int, "number of the bin of equal counts", "ntile(4) OVER (ORDER BY n)";
    Window "lag" [] 1..3, First, "value of an earlier row", "lag(n) OVER (ORDER BY period)";
    Window "lead" [] 1..3, First, "value of a later row", "lead(n) OVER (ORDER BY period)";
}

/// The function of a name, aliases included, whatever its case.
pub fn function(name: &str) -> Option<&'static Function> {
    let n = name.to_ascii_lowercase();
    FUNCTIONS.iter().find(|f| f.name == n || f.aliases.contains(&n.as_str()))
}

/// The type that can hold values of both, by rule 46; None when there is none.
pub fn common_type(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType::*;
    Some(match (a, b) {
        (x, y) if x == y => x.clone(),
        (Double, x) | (x, Double) if x.is_numeric() => Double,
        (Int, Decimal(p, s)) | (Decimal(p, s), Int) => Decimal((*p).max(u8::try_from(*s).unwrap_or(0).saturating_add(19)).min(38), *s),
        (Decimal(p, s), Decimal(q, t)) => {
            let scale = (*s).max(*t);
            let whole = (i16::from(*p) - i16::from(*s)).max(i16::from(*q) - i16::from(*t));
            Decimal(u8::try_from((whole + i16::from(scale)).clamp(1, 38)).unwrap_or(38), scale)
        }
        (Date, Timestamp) | (Timestamp, Date) => Timestamp,
        (String, Json) | (Json, String) => String,
        (List(x), List(y)) => List(Box::new(common_type(x, y)?)),
        _ => return None,
    })
}
