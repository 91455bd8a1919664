//! Functions of text. Places count characters from 1.

use super::*;

functions! { Text:
    Scalar "lower" ["lcase"] ("text" Text) 1..1, String, "the text in lower case", "lower('Ab')";
    Scalar "upper" ["ucase"] ("text" Text) 1..1, String, "the text in upper case", "upper('Ab')";
    Scalar "initcap" [] ("text" Text) 1..1, String, "every word with a capital first letter", "initcap('new york')";
    Scalar "length" ["char_length" "character_length" "len" "list_length" "array_length" "cardinality"] ("value" Any) 1..1, Int, "characters of a text, members of a list", "length('abc')";
    Scalar "octet_length" ["byte_length"] ("text" Text) 1..1, Int, "bytes of a text in UTF-8", "octet_length('é')";
    Scalar "trim" ["btrim"] ("text" Text, "characters" Text) 1..2, String, "the text without blanks, or without these characters, at both ends", "trim('  a ')";
    Scalar "ltrim" [] ("text" Text, "characters" Text) 1..2, String, "the same at its start only", "ltrim('00a0', '0')";
    Scalar "rtrim" [] ("text" Text, "characters" Text) 1..2, String, "the same at its end only", "rtrim('00a0', '0')";
    Scalar "substring" ["substr" "mid"] ("text" Text, "from" Int, "length" Int) 2..3, String, "a part of the text from a place, to its end or of a length", "substring('abcde', 2, 3)";
    Scalar "left" [] ("text" Text, "count" Int) 2..2, String, "the first characters; a negative count leaves out so many at the end", "left('abcde', 2)";
    Scalar "right" [] ("text" Text, "count" Int) 2..2, String, "the last characters; a negative count leaves out so many at the start", "right('abcde', 2)";
    Scalar "lpad" [] ("text" Text, "length" Int, "fill" Text) 2..3, String, "the text filled up at its start to a length, or cut to it", "lpad('7', 3, '0')";
    Scalar "rpad" [] ("text" Text, "length" Int, "fill" Text) 2..3, String, "the same at its end", "rpad('7', 3, '.')";
    Scalar "repeat" [] ("text" Text, "times" Int) 2..2, String, "the text several times", "repeat('ab', 3)";
    Scalar "reverse" [] ("text" Text) 1..1, String, "the text backwards", "reverse('abc')";
    Scalar "replace" [] ("text" Text, "part" Text, "by" Text) 3..3, String, "the text with one part replaced by another everywhere", "replace('a-b-c', '-', '+')";
    Scalar "translate" [] ("text" Text, "characters" Text, "by" Text) 3..3, String, "each of these characters replaced by the one at its place, or taken out", "translate('1.234,5', '.,', ',.')";
    Scalar "concat" [] ("value" Any) 1..MANY, String, "the values joined as text; missing ones count as ''", "concat('a', 1, NULL)";
    Scalar "concat_ws" [] ("separator" Text, "value" Any) 2..MANY, String, "the values joined by a separator; missing ones are left out", "concat_ws('-', 'a', NULL, 'b')";
    Scalar "split_part" [] ("text" Text, "separator" Text, "n" Int) 3..3, String, "the n-th part (from 1, from the end when negative), '' when there is none", "split_part('a/b/c', '/', 2)";
    Scalar "split" ["string_to_array" "string_split" "str_split"] ("text" Text, "separator" Text) 2..2, StringList, "the parts of the text as a list", "split('a,b', ',')";
    Scalar "position" ["strpos" "instr"] ("text" Text, "part" Text) 2..2, Int, "where the part begins in the text, 0 when nowhere", "position('abc', 'c')";
    Scalar "starts_with" ["startswith"] ("text" Text, "part" Text) 2..2, Bool, "whether the text begins with the part: STARTS WITH", "starts_with('abc', 'ab')";
    Scalar "ends_with" ["endswith"] ("text" Text, "part" Text) 2..2, Bool, "whether the text ends with the part: ENDS WITH", "ends_with('abc', 'bc')";
    Scalar "contains" [] ("text" Any, "part" Any) 2..2, Bool, "whether the part stands in the text, or the value in the list: CONTAINS", "contains('abc', 'b')";
    Scalar "ascii" [] ("text" Text) 1..1, Int, "the code point of the first character", "ascii('A')";
    Scalar "chr" ["char"] ("code" Int) 1..1, String, "the character of a code point; NULL when there is none", "chr(65)";
    Scalar "regexp_like" ["regexp_matches"] ("text" Text, "pattern" Text) 2..2, Bool, "whether a part of the text matches: MATCHES", "regexp_like('a17', '[0-9]+')";
    Scalar "regexp_extract" ["regexp_substr"] ("text" Text, "pattern" Text, "group" Int) 2..3, String, "the first match: its first group when there is one, else all of it; or group n, 0 is all", "regexp_extract('item-17', 'item-([0-9]+)')";
    Scalar "regexp_replace" [] ("text" Text, "pattern" Text, "by" Text, "flags" Text) 3..4, String, "the first match replaced, all with the flag 'g'; $1 or \\1 is a group", "regexp_replace('/u/17/o/9', '[0-9]+', 'N', 'g')";
    Scalar "regexp_count" [] ("text" Text, "pattern" Text) 2..2, Int, "how often the pattern matches", "regexp_count('a1b22', '[0-9]+')";
    Scalar "regexp_position" ["regexp_instr"] ("text" Text, "pattern" Text) 2..2, Int, "where the first match begins, 0 when there is none", "regexp_position('ab12', '[0-9]')";
    Scalar "levenshtein" ["edit_distance"] ("a" Text, "b" Text) 2..2, Int, "how many characters must be changed to come from one text to the other", "levenshtein('kitten', 'sitting')";
    Scalar "similarity" [] ("a" Text, "b" Text) 2..2, Double, "how alike two texts are, from 0 to 1: shared groups of three letters, case ignored", "similarity('word', 'two words')";
    Scalar "to_hex" [] ("number" Int) 1..1, String, "the number in base 16", "to_hex(255)";
    Scalar "md5" [] ("text" Text) 1..1, String, "the MD5 digest in base 16; for matching, not for secrets", "md5('abc')";
    Scalar "sha256" ["sha2"] ("text" Text) 1..1, String, "the SHA-256 digest in base 16", "sha256('abc')";
    Scalar "hash" ["xxhash64"] ("value" Any) 1..1, Int, "a number from 0 to 2^63 - 1 that depends on the value alone, for stable samples", "hash('u1') % 10 BETWEEN 0 AND 9";
}
