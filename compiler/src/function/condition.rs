//! Functions that choose, and conversions that give NULL.

use super::*;

functions! { Condition:
    Scalar "coalesce" ["ifnull" "nvl"] ("value" Any) 1..MANY, Common, "the first value that is not missing", "coalesce(NULL, 'x')";
    Scalar "nullif" [] ("value" Any, "other" Any) 2..2, First, "NULL when both are equal, else the first", "nullif('', '')";
    Scalar "nvl2" [] ("value" Any, "then" Any, "else" Any) 3..3, Common, "the second when the first is not missing, else the third", "nvl2(NULL, 'set', 'unset')";
    Scalar "if" ["iif"] ("condition" Bool, "then" Any, "else" Any) 3..3, Common, "the second when the condition holds, else the third", "if(3 > 2, 'yes', 'no')";
    Scalar "multi_if" ["multiif"] ("condition" Any, "then" Any, "else" Any) 3..MANY, Common, "the value after the first condition that holds, else the last value", "multi_if(1 > 2, 'a', 2 > 1, 'b', 'c')";
    Scalar "greatest" [] ("value" Any) 1..MANY, Common, "the greatest of the values; missing ones are left out", "greatest(1, NULL, 3)";
    Scalar "least" [] ("value" Any) 1..MANY, Common, "the least of the values; missing ones are left out", "least(1, NULL, 3)";
    Scalar "try_cast" [] ("value" Any, "type" Text) 2..2, Named, "the value as another type, NULL where it cannot be; CAST fails there", "try_cast('12a' AS BIGINT)";
}
