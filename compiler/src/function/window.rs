//! Window functions. Beside these, count, sum, avg, min, max, first, last, stddev, variance, median, bool_and and bool_or stand with OVER.

use super::*;

functions! { Window:
    Window "row_number" [] () 0..0, Int, "the number of the row in its partition", "row_number() OVER (ORDER BY time)";
    Window "rank" [] () 0..0, Int, "the rank, with gaps after equal rows", "rank() OVER (ORDER BY amount DESC)";
    Window "dense_rank" [] () 0..0, Int, "the rank without gaps", "dense_rank() OVER (ORDER BY amount DESC)";
    Window "percent_rank" [] () 0..0, Double, "the rank from 0 to 1: (rank - 1) / (rows - 1)", "percent_rank() OVER (ORDER BY amount)";
    Window "cume_dist" [] () 0..0, Double, "the share of rows up to this one and its equals", "cume_dist() OVER (ORDER BY amount)";
    Window "ntile" [] ("bins" Int) 1..1, Int, "the number of the bin of equal counts", "ntile(4) OVER (ORDER BY amount)";
    Window "lag" [] ("value" Any, "rows" Int, "default" Any) 1..3, First, "the value of an earlier row, NULL or the default when there is none", "lag(amount) OVER (ORDER BY time)";
    Window "lead" [] ("value" Any, "rows" Int, "default" Any) 1..3, First, "the value of a later row, NULL or the default when there is none", "lead(amount) OVER (ORDER BY time)";
    Window "nth_value" [] ("value" Any, "n" Int) 2..2, First, "the value of the n-th row of the frame, NULL before it", "nth_value(amount, 2) OVER (ORDER BY time)";
}
