//! Functions of JSON. A path is `a.b[0]` or `$.a.b[0]`; a key that has dots itself is found first, or written `['a.b']`.

use super::*;

functions! { Json:
    Scalar "json_get" ["json_extract" "json_query"] ("json" Json, "path" Text) 2..2, Json, "the JSON at a path; NULL when there is none", "json_get('{\"a\":{\"b\":[1,2]}}', 'a.b')";
    Scalar "json_text" ["json_value" "json_extract_string" "json_extract_text" "json_extract_scalar" "json_extract_path_text"] ("json" Json, "path" Text) 1..2, String, "the value at a path as text, without quotes", "json_text('{\"a\":\"x\"}', 'a')";
    Scalar "json_int" ["json_extract_int"] ("json" Json, "path" Text) 1..2, Int, "the whole number at a path; NULL when it is none", "json_int('{\"a\":5}', 'a')";
    Scalar "json_double" ["json_extract_float" "json_extract_double"] ("json" Json, "path" Text) 1..2, Double, "the number at a path; NULL when it is none", "json_double('{\"a\":1.5}', '$.a')";
    Scalar "json_bool" ["json_extract_bool"] ("json" Json, "path" Text) 1..2, Bool, "true or false at a path; NULL when it is neither", "json_bool('{\"a\":true}', 'a')";
    Scalar "json_list" ["json_extract_array"] ("json" Json, "path" Text) 1..2, StringList, "the members of the array at a path, each as text", "json_list('{\"a\":[1,\"x\"]}', 'a')";
    Scalar "json_length" ["json_array_length"] ("json" Json, "path" Text) 1..2, Int, "members of the array or object at a path", "json_length('[1,2,3]')";
    Scalar "json_keys" ["json_object_keys"] ("json" Json, "path" Text) 1..2, StringList, "the keys of the object at a path, in their order", "json_keys('{\"b\":1,\"a\":2}')";
    Scalar "json_type" ["json_typeof"] ("json" Json, "path" Text) 1..2, String, "object, array, string, number, boolean or null", "json_type('{\"a\":[]}', 'a')";
    Scalar "json_valid" ["is_json" "is_valid_json"] ("text" Text) 1..1, Bool, "whether the text is JSON", "json_valid('{\"a\":1}')";
}
