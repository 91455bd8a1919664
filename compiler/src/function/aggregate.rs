//! Aggregates. Missing values are left out; over nothing counts are 0 and the rest is NULL, but see rule 17 for behaviour.

use super::*;

functions! { Aggregate:
    Aggregate "count" [] ("value" Any) 0..1, Int, "rows, or values that are not missing; with DISTINCT different values", "count(*)";
    Aggregate "count_if" ["countif" "count_where"] ("condition" Bool) 1..1, Int, "rows for which the condition holds", "count_if(amount > 10)";
    Aggregate "count_distinct" ["uniq_exact" "approx_distinct" "approx_count_distinct" "ndv"] ("value" Any) 1..1, Int, "different values, exact", "count_distinct(channel)";
    Aggregate "sum" [] ("value" Number) 1..1, Sum, "the sum", "sum(amount)";
    Aggregate "sum_if" ["sumif"] ("value" Number, "condition" Bool) 2..2, Sum, "the sum where the condition holds", "sum_if(amount, channel = 'web')";
    Aggregate "avg" ["mean" "average"] ("value" Number) 1..1, Double, "the mean", "avg(amount)";
    Aggregate "avg_if" ["avgif"] ("value" Number, "condition" Bool) 2..2, Double, "the mean where the condition holds", "avg_if(amount, channel = 'web')";
    Aggregate "min" [] ("value" Any) 1..1, First, "the least value", "min(amount)";
    Aggregate "max" [] ("value" Any) 1..1, First, "the greatest value", "max(amount)";
    Aggregate "min_if" ["minif"] ("value" Any, "condition" Bool) 2..2, First, "the least value where the condition holds", "min_if(amount, channel = 'web')";
    Aggregate "max_if" ["maxif"] ("value" Any, "condition" Bool) 2..2, First, "the greatest value where the condition holds", "max_if(amount, channel = 'web')";
    Aggregate "median" ["approx_median"] ("value" Number) 1..1, Double, "the middle value, interpolated, exact", "median(amount)";
    Aggregate "percentile" ["percentile_cont" "quantile" "approx_percentile" "approx_percentile_cont"] ("value" Number, "fraction" Double) 2..2, Double, "the value at a fraction from 0 to 1, interpolated, exact", "percentile(amount, 0.9)";
    Aggregate "stddev" ["stddev_samp"] ("value" Number) 1..1, Double, "the standard deviation of a sample; NULL of one value", "stddev(amount)";
    Aggregate "stddev_pop" ["stddev_population"] ("value" Number) 1..1, Double, "the standard deviation of a population", "stddev_pop(amount)";
    Aggregate "variance" ["var_samp" "var_sample"] ("value" Number) 1..1, Double, "the variance of a sample; NULL of one value", "variance(amount)";
    Aggregate "var_pop" ["variance_pop" "var_population"] ("value" Number) 1..1, Double, "the variance of a population", "var_pop(amount)";
    Aggregate "corr" [] ("y" Number, "x" Number) 2..2, Double, "the correlation of two values, from -1 to 1", "corr(amount, quantity)";
    Aggregate "covar" ["covar_samp"] ("y" Number, "x" Number) 2..2, Double, "the covariance of a sample", "covar(amount, quantity)";
    Aggregate "covar_pop" [] ("y" Number, "x" Number) 2..2, Double, "the covariance of a population", "covar_pop(amount, quantity)";
    Aggregate "first" ["first_value"] ("value" Any) 1..1, First, "the value of the earliest row, or of the first by ORDER BY", "first(channel ORDER BY time)";
    Aggregate "last" ["last_value"] ("value" Any) 1..1, First, "the value of the latest row, or of the last by ORDER BY", "last(channel ORDER BY time)";
    Aggregate "arg_min" ["min_by" "argmin"] ("value" Any, "by" Any) 2..2, First, "the value where another is least; the least of several", "arg_min(channel, amount)";
    Aggregate "arg_max" ["max_by" "argmax"] ("value" Any, "by" Any) 2..2, First, "the value where another is greatest; the greatest of several", "arg_max(channel, amount)";
    Aggregate "any" ["any_value"] ("value" Any) 1..1, First, "any value", "any(channel) = 'web'";
    Aggregate "mode" [] ("value" Any) 1..1, First, "the most frequent value; the least of several", "mode(channel)";
    Aggregate "bool_and" ["every_true" "logical_and"] ("condition" Bool) 1..1, Bool, "true when all are", "bool_and(amount > 0)";
    Aggregate "bool_or" ["logical_or"] ("condition" Bool) 1..1, Bool, "true when one is", "bool_or(amount > 10)";
    Aggregate "collect" ["array_agg" "list_agg"] ("value" Any) 1..1, ListOfFirst, "all values as a list, in the order of ORDER BY", "collect(channel ORDER BY time)";
    Aggregate "string_agg" ["group_concat" "listagg"] ("text" Text, "separator" Text) 1..2, String, "all texts joined by a separator (', '), in the order of ORDER BY", "string_agg(channel, ', ' ORDER BY time)";
    Aggregate "entities" ["users" "uniq"] ("event" Any) 0..1, Int, "different subjects", "entities()";
    Aggregate "approx_users" ["approx_entities"] ("event" Any) 0..1, Int, "different subjects", "approx_users()";
    Aggregate "bounce_rate" [] () 0..0, Double, "the share of sessions of one event", "bounce_rate()";
    Aggregate "streak" [] ("event" Any) 1..1, Int, "the longest run of periods", "streak(purchase BY day)";
    Aggregate "top" [] ("value" Any, "n" Int) 1..2, First, "the most frequent value", "top(product.category, 1 BY count(purchase))";
    Aggregate "kmeans" [] ("value" Number) 1..MANY, Int, "the number of the cluster", "kmeans(a, b, k => 5)";
}
