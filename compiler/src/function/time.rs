//! Functions of time, in the statement's zone and week.

use super::*;

functions! { Time:
    Clocked "now" ["current_timestamp"] () 0..0, Timestamp, "the statement's instant", "now()";
    Clocked "today" ["current_date"] () 0..0, Date, "the statement's local day", "today()";
    Clocked "bucket" ["date_trunc" "time_bucket"] ("time" Any, "unit" Any) 2..2, Bucket, "the start of the period that holds a time", "bucket(TIMESTAMP '2026-11-20 10:30:00Z', 'week')";
    Clocked "minute" [] ("time" Time) 1..1, Timestamp, "the start of the minute", "minute(TIMESTAMP '2026-11-20 10:30:15Z')";
    Clocked "hour" [] ("time" Time) 1..1, Timestamp, "the start of the hour", "hour(TIMESTAMP '2026-11-20 10:30:15Z')";
    Clocked "day" [] ("time" Time) 1..1, Date, "the local day", "day(TIMESTAMP '2026-11-20 10:30:15Z')";
    Clocked "week" [] ("time" Time) 1..1, Date, "the first day of the week", "week(TIMESTAMP '2026-11-20 10:30:15Z')";
    Clocked "month" [] ("time" Time) 1..1, Date, "the first day of the month", "month(TIMESTAMP '2026-11-20 10:30:15Z')";
    Clocked "quarter" [] ("time" Time) 1..1, Date, "the first day of the quarter", "quarter(TIMESTAMP '2026-11-20 10:30:15Z')";
    Clocked "year" [] ("time" Time) 1..1, Date, "the first day of the year", "year(TIMESTAMP '2026-11-20 10:30:15Z')";
    Clocked "last_day" ["end_of_month" "eomonth"] ("time" Time) 1..1, Date, "the last day of the month", "last_day(DATE '2024-02-10')";
    Clocked "date_part" ["extract" "datepart"] ("part" Any, "time" Any) 2..2, Int, "a number of the local time: year quarter month week day dow isodow doy hour minute second …", "date_part('hour', TIMESTAMP '2026-11-20 10:30:00Z')";
    Clocked "day_name" ["dayname"] ("time" Time) 1..1, String, "Monday to Sunday", "day_name(DATE '2026-11-20')";
    Clocked "month_name" ["monthname"] ("time" Time) 1..1, String, "January to December", "month_name(DATE '2026-11-20')";
    Clocked "date_add" ["dateadd" "timestampadd"] ("unit" Unit, "count" Int, "time" Any) 3..3, Moved, "a time moved by calendar units", "date_add('month', 1, DATE '2026-01-31')";
    Clocked "date_diff" ["datediff" "timestampdiff"] ("unit" Unit, "from" Time, "to" Time) 3..3, Int, "how many starts of periods lie between two times", "date_diff('day', DATE '2026-11-01', DATE '2026-11-20')";
    Clocked "days_since" [] ("time" Time) 1..1, Double, "days of 24 hours from a time to now", "days_since(now())";
    Clocked "age_in_years" [] ("day" Day, "at" Day) 1..2, Int, "full years from a day to another, or to today", "age_in_years(DATE '1990-05-01', DATE '2026-04-30')";
    Clocked "date" ["to_date"] ("value" Any, "format" Text) 1..2, Date, "the local day of a time, or of a text; NULL when the text is no day", "date('2026-11-20')";
    Clocked "to_timestamp" ["from_unixtime" "parse_time"] ("value" Any, "format" Text) 1..2, Timestamp, "seconds since 1970, or a text, as a time; NULL when the text is none", "to_timestamp('20/11/2026 10:30', '%d/%m/%Y %H:%M')";
    Clocked "format_time" ["strftime"] ("time" Time, "format" Text) 2..2, String, "the local time as text: %Y %m %d %H %M %S %A %B %j %V …", "format_time(TIMESTAMP '2026-11-20 10:30:00Z', '%Y/%m')";
    Clocked "epoch" ["to_unixtime" "unix_timestamp"] ("time" Time) 1..1, Int, "whole seconds since 1970", "epoch(TIMESTAMP '1970-01-02 00:00:00Z')";
    Clocked "epoch_ms" ["unix_millis"] ("time" Time) 1..1, Int, "whole milliseconds since 1970", "epoch_ms(TIMESTAMP '1970-01-01 00:00:01Z')";
    Clocked "make_date" ["date_from_parts"] ("year" Int, "month" Int, "day" Int) 3..3, Date, "a day of its numbers; NULL when there is no such day", "make_date(2026, 11, 20)";
    Clocked "make_timestamp" ["timestamp_from_parts"] ("year" Int, "month" Int, "day" Int, "hour" Int, "minute" Int, "second" Double) 6..6, Timestamp, "a local time of its numbers; NULL when there is no such time", "make_timestamp(2026, 11, 20, 10, 30, 0)";
    Scalar "at_event" [] ("property" Any) 1..1, First, "a property of a participant as it was when the event happened", "at_event(user.vip_level)";
}
