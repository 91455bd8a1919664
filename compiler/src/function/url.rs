//! Functions of web addresses. A text without `scheme://` is a host when its first part has a dot, else a path.

use super::*;

functions! { Url:
    Scalar "clean_url" [] ("url" Text) 1..1, String, "the URL without query, fragment and a slash at its end", "clean_url('https://shop.example/a/?x=1#top')";
    Scalar "url_protocol" ["url_scheme"] ("url" Text) 1..1, String, "the scheme in lower case", "url_protocol('https://shop.example/a')";
    Scalar "url_host" [] ("url" Text) 1..1, String, "the host in lower case, without user and port", "url_host('https://www.shop.example:8080/a')";
    Scalar "url_domain" [] ("url" Text) 1..1, String, "the host without a leading `www.`", "url_domain('https://www.shop.example/a')";
    Scalar "url_port" [] ("url" Text) 1..1, Int, "the port when one is written", "url_port('https://shop.example:8080/a')";
    Scalar "url_path" [] ("url" Text) 1..1, String, "the path, `/` when there is none after a host", "url_path('https://shop.example/a/b?x=1')";
    Scalar "url_query" [] ("url" Text) 1..1, String, "what stands between `?` and `#`", "url_query('https://shop.example/a?x=1&y=2#top')";
    Scalar "url_fragment" [] ("url" Text) 1..1, String, "what stands after `#`", "url_fragment('https://shop.example/a#top')";
    Scalar "url_param" ["url_parameter"] ("url" Text, "name" Text) 2..2, String, "the first value of a query parameter, decoded; NULL when it is not there", "url_param('https://shop.example/?utm_source=news+letter', 'utm_source')";
    Scalar "url_params" ["url_parameter_names"] ("url" Text) 1..1, StringList, "the names of the query parameters, in their order", "url_params('https://shop.example/?a=1&b=2')";
    Scalar "url_decode" [] ("text" Text) 1..1, String, "`%20` and the like turned into characters", "url_decode('a%20b')";
    Scalar "url_encode" [] ("text" Text) 1..1, String, "everything but letters, digits and - _ . ~ written as `%20` and the like", "url_encode('a b')";
}
