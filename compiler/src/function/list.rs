//! Functions of lists. Places count from 1, from the end when negative.

use super::*;

functions! { List:
    Scalar "list" ["array" "make_array"] ("value" Any) 0..MANY, ListOfCommon, "a list of the values", "list(1, 2, 3)";
    Scalar "element" ["list_element" "array_element" "list_extract" "element_at"] ("list" List, "n" Int) 2..2, Element, "the n-th member; NULL when there is none", "element(list(7, 8), -1)";
    Scalar "list_contains" ["array_contains" "list_has" "array_has"] ("list" List, "value" Any) 2..2, Bool, "whether the value is a member: HAS", "list_contains(list(1, 2), 2)";
    Scalar "list_has_any" ["array_has_any" "arrays_overlap" "array_overlap"] ("list" List, "other" List) 2..2, Bool, "whether the lists share a member: HAS ANY", "list_has_any(list(1, 2), list(2, 3))";
    Scalar "list_has_all" ["array_has_all"] ("list" List, "other" List) 2..2, Bool, "whether all members of the other are in the list: HAS ALL", "list_has_all(list(1, 2), list(2))";
    Scalar "list_position" ["array_position"] ("list" List, "value" Any) 2..2, Int, "the place of a value, NULL when it is no member", "list_position(list('a', 'b'), 'b')";
    Scalar "list_slice" ["array_slice"] ("list" List, "from" Int, "to" Int) 3..3, First, "the members from a place to another, both included", "list_slice(list(1, 2, 3), 2, 3)";
    Scalar "list_distinct" ["array_distinct" "list_unique"] ("list" List) 1..1, First, "every member once, the first of each kept", "list_distinct(list(1, 2, 1))";
    Scalar "list_sort" ["array_sort"] ("list" List) 1..1, First, "the members from least to greatest, missing ones last", "list_sort(list(3, 1, 2))";
    Scalar "list_reverse" ["array_reverse"] ("list" List) 1..1, First, "the members backwards", "list_reverse(list(1, 2))";
    Scalar "list_join" ["array_to_string" "array_join" "list_to_string"] ("list" List, "separator" Text) 2..2, String, "the members as one text; missing ones are left out", "list_join(list('a', 'b'), '-')";
    Scalar "list_concat" ["array_concat" "array_cat" "list_cat"] ("list" List, "other" List) 2..2, Common, "the members of one list, then those of the other", "list_concat(list(1), list(2))";
    Scalar "list_append" ["array_append"] ("list" List, "value" Any) 2..2, First, "the list with a value behind it", "list_append(list(1), 2)";
    Scalar "list_prepend" ["array_prepend"] ("list" List, "value" Any) 2..2, First, "the list with a value before it", "list_prepend(list(1), 2)";
    Scalar "list_remove" ["array_remove"] ("list" List, "value" Any) 2..2, First, "the list without any member equal to the value", "list_remove(list(1, 2, 1), 1)";
    Scalar "list_union" ["array_union"] ("list" List, "other" List) 2..2, Common, "the different members of both", "list_union(list(1, 2), list(2, 3))";
    Scalar "list_intersect" ["array_intersect"] ("list" List, "other" List) 2..2, Common, "the different members that are in both", "list_intersect(list(1, 2), list(2, 3))";
    Scalar "list_except" ["array_except"] ("list" List, "other" List) 2..2, Common, "the different members that are in the first only", "list_except(list(1, 2), list(2, 3))";
    Scalar "list_sum" ["array_sum"] ("list" List) 1..1, Sum, "the sum of the members; missing ones are left out, NULL over none", "list_sum(list(1, 2, 3))";
    Scalar "list_avg" ["array_avg"] ("list" List) 1..1, Double, "the mean of the members", "list_avg(list(1, 2))";
    Scalar "list_min" ["array_min"] ("list" List) 1..1, Element, "the least member", "list_min(list(3, 1, 2))";
    Scalar "list_max" ["array_max"] ("list" List) 1..1, Element, "the greatest member", "list_max(list(3, 1, 2))";
}
